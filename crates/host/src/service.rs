//! A service as a value.
//!
//! Promises: everything the host does for a service is in this value, so it can be inspected
//! before anything runs. Building one has no effect: no task, no connection, no file.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use broker::Reaction;
use store::Store;
use topology::Edges;
use utoipa_axum::router::OpenApiRouter;
use web::DenialSink;

use crate::outbound::Outbound;
use crate::timers::Timer;

/// What a piece of a service's own work can fail with; it is logged, never answered.
pub type WorkError = Box<dyn Error + Send + Sync>;

/// A piece of a service's own work, to be called any number of times.
pub type Work =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), WorkError>> + Send>> + Send + Sync>;

/// Makes a [`Work`] of an async closure.
pub(crate) fn work<F, R>(run: F) -> Work
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), WorkError>> + Send + 'static,
{
    Arc::new(move || Box::pin(run()))
}

/// Something without which a service cannot answer; `/readyz` asks it.
#[derive(Clone)]
pub struct Readiness {
    /// What it is, such as `store`; shown on `/readyz` after the service's name.
    pub name: &'static str,
    pub(crate) check: Work,
}

impl Readiness {
    /// A check that is quick (the host gives it two seconds) and changes nothing.
    pub fn new<F, R>(name: &'static str, check: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), WorkError>> + Send + 'static,
    {
        Self {
            name,
            check: work(check),
        }
    }
}

/// What a service does once, after its last request and timer, before the process ends.
#[derive(Clone)]
pub struct Stop {
    /// What it is, for the log.
    pub name: &'static str,
    pub(crate) run: Work,
}

impl Stop {
    /// Work that ends what the service holds open, such as a writer and its file.
    pub fn new<F, R>(name: &'static str, run: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), WorkError>> + Send + 'static,
    {
        Self {
            name,
            run: work(run),
        }
    }
}

/// One bounded context, ready to be run.
///
/// `Service::new("notifications", router).edges(EDGES).timer(…).ready(…)`.
#[derive(Clone)]
pub struct Service {
    /// The component's name in the topology; its routes begin with `/{name}/v`.
    pub name: &'static str,
    /// Its routes; each must have a row in the access table.
    pub router: OpenApiRouter,
    /// What it does beyond itself.
    pub edges: Edges,
    /// What it does by the clock.
    pub timers: Vec<Timer>,
    /// What `/readyz` asks.
    pub readiness: Vec<Readiness>,
    /// What it does before the process ends.
    pub stops: Vec<Stop>,
    /// Where refusals on its routes are recorded; without one they are in the log only.
    pub denials: Option<DenialSink>,
    /// Its tables, in whose outbox and inbox its messages are.
    pub store: Option<Store>,
    /// What it does with the messages it consumes.
    pub reactions: Vec<Reaction>,
    /// What it calls others with; there if its edges say that it does.
    pub outbound: Option<Outbound>,
}

impl Service {
    /// A service with routes and nothing else yet.
    #[must_use]
    pub fn new(name: &'static str, router: OpenApiRouter) -> Self {
        Self {
            name,
            router,
            edges: Edges::default(),
            timers: Vec::new(),
            readiness: Vec::new(),
            stops: Vec::new(),
            denials: None,
            store: None,
            reactions: Vec::new(),
            outbound: None,
        }
    }

    /// Says what the service does beyond itself.
    #[must_use]
    pub fn edges(mut self, edges: Edges) -> Self {
        self.edges = edges;
        self
    }

    /// Adds a timer.
    #[must_use]
    pub fn timer(mut self, timer: Timer) -> Self {
        self.timers.push(timer);
        self
    }

    /// Adds a readiness check.
    #[must_use]
    pub fn ready(mut self, readiness: Readiness) -> Self {
        self.readiness.push(readiness);
        self
    }

    /// Adds work to be done before the process ends.
    #[must_use]
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stops.push(stop);
        self
    }

    /// Says where refusals on the service's routes are recorded.
    #[must_use]
    pub fn denials(mut self, sink: DenialSink) -> Self {
        self.denials = Some(sink);
        self
    }
}
