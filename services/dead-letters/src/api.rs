//! The routes of dead letters under `/dead-letters/v1`.
//!
//! Promises: every write handler reads parse → begin with the idempotency key → load → decide →
//! save rows and outbox → commit → reply; a decision about a letter has a line of its own in the
//! audit log. Who may call which route is in the access table.

mod event_configs;
mod letters;
mod wire;

use host::Change;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::Principal;

use crate::Deps;

/// The routes, with what they work on.
pub fn router(deps: Deps) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(letters::list_letters))
        .routes(routes!(letters::load_letter))
        .routes(routes!(letters::redrive_letter))
        .routes(routes!(letters::edit_letter))
        .routes(routes!(letters::discard_letter))
        .routes(routes!(letters::redrive_letters))
        .routes(routes!(event_configs::list_event_configs))
        .routes(routes!(
            event_configs::load_event_config,
            event_configs::put_event_config,
            event_configs::delete_event_config
        ))
        .with_state(deps)
}

/// A change by the caller, now.
fn change_by(principal: &Principal, deps: &Deps) -> Change {
    Change::now(principal.subject.clone(), deps.clock.as_ref(), &deps.ids)
}
