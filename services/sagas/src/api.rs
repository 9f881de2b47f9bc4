//! The routes of sagas under `/sagas/v1`.
//!
//! Promises: every write handler reads parse → begin with the idempotency key → the engine's
//! transaction → reply; what staff do to a saga has a line of its own in the audit log, and so has
//! every look into its context. Who may call which route is in the access table.

mod sagas;
mod wire;

use host::Change;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::Principal;

use crate::Shared;

/// The routes, with what they work on.
pub fn router(shared: Shared) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(sagas::register_saga))
        .routes(routes!(sagas::list_sagas))
        .routes(routes!(sagas::load_saga))
        .routes(routes!(sagas::list_timeline))
        .routes(routes!(sagas::retry_saga))
        .routes(routes!(sagas::cancel_saga))
        .with_state(shared)
}

/// A change by the caller, now.
fn change_by(principal: &Principal, shared: &Shared) -> Change {
    Change::now(
        principal.subject.clone(),
        shared.clock.as_ref(),
        &shared.ids,
    )
}
