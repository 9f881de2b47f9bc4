//! The saga kit: one saga, played once for every way in which things can go wrong.
//!
//! Promises: given a definition and the service that runs it, its participants are played by toys,
//! each a service with a store of its own. The saga is played undisturbed, and then again with
//! every [`Fault`]: each message repeated, lost, late or out of order; every process killed before,
//! while and after each message; every step refused, timed out, cancelled. Each time it must end,
//! with each participant's effects there once or undone, as the saga itself says of each step;
//! with empty outboxes; with nothing reported as failed. Where a fault may not matter, it must end
//! as undisturbed.
//!
//! Does not: wait for time to pass; the clock is moved to what the saga waits for.

mod crowd;
mod fault;
mod play;
mod post;
mod store;
mod toys;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ::store::Store;
use host::{Edges, Service, Topology};
use kit::id::IdSource;
use kit::time::Clock;
use saga::{Definition, Definitions};

pub use crowd::{Crowd, Databases, Part, Totals, databases};
pub use fault::Fault;

use crate::TestDatabase;

/// What the service that runs sagas is built with.
pub struct Engine {
    /// Its tables.
    pub store: Store,
    /// The time of the test.
    pub clock: Arc<dyn Clock>,
    /// The ids of the test.
    pub ids: IdSource,
    /// The definition under test.
    pub definitions: Arc<Definitions>,
    /// What the service does beyond itself in the test; the store was opened with its topics.
    pub edges: Edges,
}

/// Where sagas of a definition can run.
#[derive(Clone)]
pub struct Stage {
    /// The engine, every participant, and where failures would go.
    pub topology: Arc<Topology>,
    /// What the service that runs sagas does beyond itself there.
    pub edges: Edges,
}

/// Where sagas of this definition can run, for tests without participants.
#[must_use]
pub fn stage(definition: &Definition) -> Stage {
    toys::stage(&toys::cast(definition))
}

/// Builds the service that runs sagas, as a process that starts does.
pub type Build = fn(Engine) -> Pin<Box<dyn Future<Output = Service> + Send>>;

/// Plays a saga once for every fault; see the module.
///
/// # Panics
///
/// At the first fault after which the saga does not end clean, naming it.
pub async fn play_with_every_fault(database: &TestDatabase, definition: Definition, build: Build) {
    let mut play = play::Play::open(database, definition, build).await;
    let undisturbed = play.run(&Fault::None).await;
    for fault in fault::all(play.definition(), undisturbed.messages) {
        play.run_expecting(&fault, &undisturbed.path).await;
    }
    play.stop().await;
}
