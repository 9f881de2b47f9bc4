//! The shape of a service, and the runner that starts services.
//!
//! A service is a value ([`Service`]): its routes, timers, readiness, edges and what to do before
//! it stops. [`Host::start`] compares that value with the topology and the access table, refuses
//! what is not declared by name, binds, and serves until [`Running::stop`].
//!
//! Promises: every request passes one pipeline (request id, span, metrics, shedding, time limit,
//! panic barrier, token, access table); every error answer is a problem document; stopping lets
//! running requests end. Tasks are spawned here and nowhere else. It does not know any business
//! word, and it opens no database.

mod app;
mod changes;
mod events;
mod messages;
mod observe;
pub mod outbound;
mod probes;
mod server;
mod service;
mod start;
mod stored;
mod timers;
mod writes;

pub use changes::{Change, HistoryLine};
pub use events::publish;
pub use messages::{Carrying, Messages};
pub use outbound::{CallError, Network, Outbound};
pub use server::Drained;
pub use service::{Readiness, Service, Stop, Work, WorkError};
pub use start::{Host, Running, Settings, StartError, StopSignals};
pub use timers::{FireError, Timer};
pub use topology::{
    Component, Edge, EdgeKind, Edges, Edition, Pattern, Topic, Topology, TopologyError,
};
pub use writes::{Call, Reply, read_audited, write_once};
