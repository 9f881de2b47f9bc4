//! The routes of notifications under `/notifications/v1`.
//!
//! Promises: every write handler reads parse → begin with the idempotency key → load → decide →
//! save rows and outbox → commit → reply; what is not the caller's is answered as what does not
//! exist. Who may call which route is in the access table.

mod messages;
mod templates;
mod wire;

use host::Change;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::Principal;

use crate::Deps;

/// The routes, with what they work on.
pub fn router(deps: Deps) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(
            templates::create_template,
            templates::list_templates
        ))
        .routes(routes!(templates::load_template))
        .routes(routes!(templates::retire_template))
        .routes(routes!(templates::preview_template))
        .routes(routes!(messages::send_message, messages::list_mailbox))
        .routes(routes!(messages::load_message))
        .routes(routes!(messages::mark_message_read))
        .routes(routes!(messages::cancel_message))
        .routes(routes!(messages::list_messages_of_recipient))
        .with_state(deps)
}

/// A change by the caller, now.
fn change_by(principal: &Principal, deps: &Deps) -> Change {
    Change::now(principal.subject.clone(), deps.clock.as_ref(), &deps.ids)
}
