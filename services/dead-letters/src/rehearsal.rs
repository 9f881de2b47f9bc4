//! Rehearsals, for development: messages that pass, that fail, or that fail and then pass, so that
//! people see the ladder climbed and letters decided before a component of theirs fails.
//!
//! Promises: what is sent is work like any other, and goes the whole way: outbox, carrier,
//! consumer, report, ladder, letter. All of it is in this file; where [`crate::Settings`] say no
//! rehearsals, there is no route, no topic and no reaction. It has no effect but messages.

use axum::extract::State;
use broker::{Message, MessageId, Reaction, ReactionError};
use host::{Call, Change, Reply, write_once};
use kit::codes;
use serde::{Deserialize, Serialize};
use store::Tx;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{Body, IdempotencyKey, Principal, Problem};

use crate::{Deps, SCHEMA};

/// The topic of work that rehearsals are sent to.
pub const TOPIC: &str = "dead-letters.rehearsals";

/// How often one that fails and then passes fails, unless it is said: on the ladder it is seen
/// twice.
const FAILURES: u8 = 2;

/// What is rehearsed.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(tag = "queue", rename_all = "snake_case", deny_unknown_fields)]
#[schema(example = json!({ "queue": "fail_then_pass", "failures": 2 }))]
enum Rehearse {
    /// Handled at once.
    Pass {},
    /// Never handled, until it is edited.
    Fail {},
    /// Handled after so many failures.
    FailThenPass {
        /// 0 to 255, 2 if not given.
        #[serde(default = "two")]
        failures: u8,
    },
}

fn two() -> u8 {
    FAILURES
}

impl Rehearse {
    /// The type of the message, by which an event configuration knows it.
    fn kind(self) -> &'static str {
        match self {
            Self::Pass {} => "dead-letters.pass",
            Self::Fail {} => "dead-letters.fail",
            Self::FailThenPass { .. } => "dead-letters.fail_then_pass",
        }
    }

    fn script(self) -> Script {
        let failures = match self {
            Self::Pass {} => Some(0),
            Self::Fail {} => None,
            Self::FailThenPass { failures } => Some(failures),
        };
        Script { failures }
    }
}

/// What the message says.
#[derive(Debug, Serialize, Deserialize)]
struct Script {
    /// How often handling it fails; null is always.
    failures: Option<u8>,
}

/// The message that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "message_id": "evt_01jd0000000000000000000000", "type": "dead-letters.fail_then_pass"
}))]
struct Rehearsed {
    /// Its id.
    #[schema(value_type = String)]
    message_id: MessageId,
    /// Its type: the name of its event configuration.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The routes of rehearsals; none where there are none.
pub fn router(deps: Deps) -> OpenApiRouter {
    if !deps.settings.rehearsals {
        return OpenApiRouter::new();
    }
    OpenApiRouter::new()
        .routes(routes!(rehearse))
        .with_state(deps)
}

/// Send a message that passes, fails, or fails and then passes
///
/// Development only. It is work of dead-letters itself, on the topic `dead-letters.rehearsals`.
#[utoipa::path(
    post,
    path = "/dead-letters/v1/rehearsals",
    tag = "rehearsals",
    params(IdempotencyKey),
    request_body = Rehearse,
    responses((status = 201, description = "The message is on its way", body = Rehearsed))
)]
async fn rehearse(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Body { value, bytes }: Body<Rehearse>,
) -> Result<Reply, Problem> {
    let change = Change::now(principal.subject.clone(), deps.clock.as_ref(), &deps.ids);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let id: MessageId = deps.ids.next();
    let trace = telemetry::current_traceparent();
    let written = write_once(&deps.store, call, move |tx| {
        let about = id.to_string();
        let (from, kind) = ((SCHEMA.service, about.as_str()), (value.kind(), 1));
        let message = Message::work(id, from, kind, change.at, &value.script());
        let mut message = message.expect("a number or null is JSON");
        message.traceparent.clone_from(&trace);
        let work = message.sending(TOPIC, change.at, change.at);
        tx.send(&work.expect("a number or null is small"))?;
        Ok::<_, crate::error::Error>(Reply::created(&Rehearsed {
            message_id: id,
            kind: value.kind(),
        }))
    });
    written.await
}

/// What is done with a rehearsal: what it says.
pub fn reaction() -> Reaction {
    Reaction::new(TOPIC, play)
}

fn play(_: &mut Tx<'_>, message: &Message) -> Result<(), ReactionError> {
    let Script { failures } = message.data()?;
    let attempt = message.attempt.saturating_add(1);
    let kind = message.kind.as_str();
    if failures.is_none_or(|failures| attempt <= u32::from(failures)) {
        tracing::info!(kind, attempt, "rehearsal failed, as it was asked to");
        let reason = format!("a rehearsal that fails, attempt {attempt}");
        return Err(ReactionError::refused(&codes::INTERNAL_ERROR, reason));
    }
    tracing::info!(kind, attempt, "rehearsal passed");
    Ok(())
}
