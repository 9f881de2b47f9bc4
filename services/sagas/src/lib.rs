//! Sagas: steps at several services that together happen or are undone, and their timeline.
//!
//! Promises: an answer, its change of the saga, its line of history and the command that follows
//! are one transaction; what is due is moved within a second, however many processes run; a saga
//! ends as its table says or with everything undone that acted, or it is shown as stuck and goes
//! on trying. A process that lacks a definition that sagas are still on does not start. It does
//! not know what a command means; `crates/saga` decides, this crate receives, wakes and shows.

mod api;
mod definitions;
mod error;
mod work;

use std::sync::Arc;

use kit::id::IdSource;
use kit::time::Clock;
use saga::engine::Error;
use saga::{Definitions, Engine};
use store::StoreError;

pub use self::definitions::shipped;
pub use saga::SCHEMA;

/// What the service does beyond itself. With the first definition that ships come the topics of
/// its receivers' commands.
pub const EDGES: host::Edges = host::Edges {
    publishes: &[contracts::dead_letters::FAILURES],
    consumes: &[contracts::sagas::EVENTS],
    calls: &[],
    outside: &[],
};

/// What the service works with.
#[derive(Clone)]
pub struct Deps {
    /// Its tables, opened with [`SCHEMA`] and `topics`.
    pub store: store::Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: IdSource,
    /// The definitions: [`shipped`], or a test's own.
    pub definitions: Arc<Definitions>,
    /// The topics the store was opened with: those of commands are among them.
    pub topics: &'static [&'static str],
    /// Days a saga is kept after its end; [`Deps::KEPT_DAYS_MIN`] at least.
    pub kept_days: u32,
}

impl Deps {
    /// Days a saga is kept if nobody says otherwise: three months, so that a quarter's review sees
    /// it, and no longer, as its context can hold what people said.
    pub const KEPT_DAYS: u32 = 92;
    /// Fewest days a saga can be kept: [`saga::engine::KEPT_DAYS_MIN`].
    pub const KEPT_DAYS_MIN: u32 = saga::engine::KEPT_DAYS_MIN;
}

/// What handlers and timers share.
#[derive(Clone)]
struct Shared {
    engine: Engine,
    store: store::Store,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    kept_days: u32,
}

/// The service: its routes, its timers, its reaction, its store.
///
/// # Errors
///
/// [`Error::VersionMustNotChange`] if a version says something else than it did in an earlier
/// process, [`Error::DefinitionMustBeKnown`] if sagas are on a version that is not here, and
/// [`StoreError::UndeclaredTopic`] if a definition's receiver has no topic of commands.
pub async fn service(deps: Deps) -> Result<host::Service, Error> {
    for receiver in deps.definitions.iter().flat_map(|it| it.receivers()) {
        let topic = saga::wire::commands(receiver);
        if !deps.topics.contains(&topic.as_str()) {
            return Err(StoreError::UndeclaredTopic { topic }.into());
        }
    }
    let shared = Shared {
        engine: Engine::new(deps.definitions, deps.ids.clone()),
        store: deps.store,
        clock: deps.clock,
        ids: deps.ids,
        kept_days: deps.kept_days,
    };
    let (engine, now) = (shared.engine.clone(), shared.clock.now());
    let pin = move |tx: &mut store::Tx<'_>| engine.pin(tx, now);
    shared.store.write(pin).await?;
    let service = host::Service::new(SCHEMA.service, api::router(shared.clone()))
        .edges(EDGES)
        .stored(&shared.store, &shared.clock)
        .reacts(work::events(shared.clone()));
    Ok(work::timers(shared)
        .into_iter()
        .fold(service, host::Service::timer))
}
