//! The one way out over HTTP: a component's calls of other components and of outside hosts.
//!
//! A service is given an [`Outbound`], made for it by the [`Network`] of the process. Components
//! and hosts are named as in the topology, never by an address: a component of the same process
//! is called in memory, through the same gate as from outside; every other name has an address in
//! the configuration.
//!
//! Promises: what is not declared is refused at once, by name; what has no address is refused
//! before the process starts. A call carries the caller's service token, or the host's own secret,
//! and the trace; it is bounded in time, size and number; a read is repeated a few times, a write
//! only if it has an idempotency key; a callee that keeps failing is left alone for a while. The
//! error says whether nothing happened or nobody knows ([`CallError`]). Redirects are not followed,
//! proxies and compressed answers not used, certificates always verified; HTTP/1.1. Bodies, query
//! strings, filled paths and tokens are in no log, metric or span.

mod address;
mod answer;
mod attempts;
mod circuit;
mod error;
mod judge;
mod limits;
mod network;
mod request;
mod target;
mod transport;

pub use address::{Address, AddressError};
pub use answer::Answer;
pub use error::{CallError, Refusal, Trouble};
pub use limits::Limits;
pub use network::{
    Network, Outbound, OutboundError, OutsideHost, Place, Reach, Secret, SecretError, Tokens,
};
pub use request::{Request, RequestError};

pub(crate) use network::{check, mount};
