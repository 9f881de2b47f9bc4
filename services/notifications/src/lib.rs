//! Messages to customers: templates with declared parameters, idempotent sending, a mailbox.
//!
//! Promises: a message is rendered once, when it is accepted, and never changes; it is sent once,
//! at once or at its time; a repeat of a request changes nothing; only its recipient reads it,
//! staff by duty with a line in the audit log. It does not know addresses: e-mail, SMS and push
//! are channels to come, beside the mailbox.

mod api;
mod domain;
mod error;
mod store;
mod work;

use std::sync::Arc;

use kit::id::IdSource;
use kit::time::Clock;

pub use self::store::SCHEMA;

/// What the service does beyond itself.
pub const EDGES: host::Edges = host::Edges {
    publishes: &[
        contracts::notifications::MESSAGES,
        contracts::notifications::TEMPLATES,
    ],
    consumes: &[],
    calls: &[],
    outside: &[],
};

/// What the service works with.
#[derive(Clone)]
pub struct Deps {
    /// Its tables, opened with [`SCHEMA`] and the topics of [`EDGES`].
    pub store: ::store::Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: IdSource,
    /// How long things are kept.
    pub retention: Retention,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days after which a message that was sent or cancelled is deleted.
    pub message_days: u32,
}

impl Default for Retention {
    /// Seven years, the longest that a supervisor of our editions asks for.
    fn default() -> Self {
        Self {
            message_days: 7 * 366,
        }
    }
}

/// The service: its routes, its timers, its store.
#[must_use]
pub fn service(deps: Deps) -> host::Service {
    let service = host::Service::new(SCHEMA.service, api::router(deps.clone()));
    let service = service.edges(EDGES).stored(&deps.store, &deps.clock);
    work::timers(deps)
        .into_iter()
        .fold(service, host::Service::timer)
}
