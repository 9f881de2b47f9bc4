//! Messages that could not be handled: the retry ladder of work, dead letters, and what operators
//! decide about them.
//!
//! Promises: every failure that is reported is either sent again by the ladder or a letter that
//! waits for a person, and nothing is lost in between; what is sent again is the same message, and
//! is sent if and only if the decision is kept; a decision about a parked event reaches its
//! consumer once. It does not handle messages, repair them, or know what they mean.

mod api;
mod domain;
mod error;
mod rehearsal;
mod store;
mod work;

use std::sync::Arc;
use std::time::Duration;

use kit::id::IdSource;
use kit::time::Clock;

pub use self::store::SCHEMA;

/// What the service does beyond itself. It sends work again to every topic of work there is.
const EDGES: host::Edges = host::Edges {
    publishes: &[
        contracts::dead_letters::DECISIONS,
        contracts::dead_letters::FAILURES,
        contracts::sagas::EVENTS,
    ],
    consumes: &[contracts::dead_letters::FAILURES],
    calls: &[],
    outside: &[],
};

/// [`EDGES`], and those of rehearsals.
const EDGES_REHEARSING: host::Edges = host::Edges {
    publishes: &[
        contracts::dead_letters::DECISIONS,
        contracts::dead_letters::FAILURES,
        contracts::sagas::EVENTS,
        rehearsal::TOPIC,
    ],
    consumes: &[contracts::dead_letters::FAILURES, rehearsal::TOPIC],
    ..EDGES
};

/// What the service works with.
#[derive(Clone)]
pub struct Deps {
    /// Its tables, opened with [`SCHEMA`] and the topics that [`Settings::edges`] publish to.
    pub store: ::store::Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: IdSource,
    /// The topics the store was opened with: those of work among them may be sent to again.
    pub topics: &'static [&'static str],
    /// How long, how many.
    pub settings: Settings,
}

/// How long things are kept and how long work waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The waits before work is sent again; after the last, the last repeats.
    pub ladder: Vec<Duration>,
    /// Days after which a letter that was redriven or discarded is deleted.
    pub letter_days: u32,
    /// Most letters that are open.
    pub letters_open_max: u32,
    /// Whether people may send messages that fail, to see what becomes of them: for development.
    pub rehearsals: bool,
}

impl Settings {
    /// What the service does beyond itself.
    #[must_use]
    pub fn edges(&self) -> host::Edges {
        if self.rehearsals {
            EDGES_REHEARSING
        } else {
            EDGES
        }
    }
}

/// Most open letters: as many as events may be parked of one topic, and a thousand times what a
/// person can read. Beyond it failures wait in their topic, so nothing is lost and the ladder
/// stands still until letters are closed.
const LETTERS_OPEN_MAX: u32 = 100_000;

/// Days a closed letter is kept: three months, so that a quarter's review sees what was decided,
/// and no longer, as documents hold what people wrote.
const LETTER_DAYS: u32 = 92;

impl Default for Settings {
    fn default() -> Self {
        Self {
            ladder: broker::LADDER_MS.map(Duration::from_millis).to_vec(),
            letter_days: LETTER_DAYS,
            letters_open_max: LETTERS_OPEN_MAX,
            rehearsals: false,
        }
    }
}

/// The service: its routes, its timers, its reaction, its store.
#[must_use]
pub fn service(deps: Deps) -> host::Service {
    let router = api::router(deps.clone()).merge(rehearsal::router(deps.clone()));
    let service = host::Service::new(SCHEMA.service, router)
        .edges(deps.settings.edges())
        .stored(&deps.store, &deps.clock)
        .reacts(work::failures(deps.clone()));
    let service = if deps.settings.rehearsals {
        service.reacts(rehearsal::reaction())
    } else {
        service
    };
    work::timers(deps)
        .into_iter()
        .fold(service, host::Service::timer)
}
