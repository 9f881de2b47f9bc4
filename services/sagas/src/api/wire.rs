//! What goes over the wire, and how it maps to the engine's words.
//!
//! Promises: unknown fields are refused; what a participant said is shown as it was written; every
//! schema that is sent has an example that a test sends.

use kit::time::Timestamp;
use saga::engine::{Entry, Filter, Summary};
use saga::{Context, Definition, Fields, Instance, Line, SagaId, Status, StepRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A saga that is to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "definition": "manual_create_order",
    "saga_id": "saga_01jwqt8vr0e5zb4s9gc0dqf3xa",
    "context": { "deal": "deal_01jwqt8vr0e5zb4s9gc0dqf3xa", "total": "110.00" }
}))]
pub struct RegisterSaga {
    /// The definition it follows, in its newest version.
    pub definition: String,
    /// Its id, if the caller chooses it: the same id is the same saga.
    #[schema(value_type = Option<String>)]
    pub saga_id: Option<SagaId>,
    /// What the starter says to the participants; at most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub context: Fields,
}

/// Why a saga is cancelled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the client withdrew the order" }))]
pub struct CancelSaga {
    /// 1 to 500 bytes; it stays in the saga's timeline and in the audit log.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}

/// Which sagas are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SagasQuery {
    /// Items on the page: 1 to 200, 50 if not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Those of this definition.
    definition: Option<String>,
    /// Those in this state.
    state: Option<String>,
    /// Only those that somebody should look at.
    #[serde(default)]
    stuck: bool,
    /// Those that started at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

impl SagasQuery {
    /// Which sagas are meant.
    pub fn filter(&self) -> Filter {
        Filter {
            definition: self.definition.clone(),
            state: self.state.clone(),
            phase: None,
            stuck: self.stuck,
            since: self.since,
        }
    }
}

/// A saga in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "saga_01jwqt8vr0e5zb4s9gc0dqf3xa",
    "definition": "manual_create_order",
    "version": 1,
    "state": "DRAFT",
    "phase": "forward",
    "stuck": false,
    "started_at": "2025-06-02T09:00:00.000000Z",
    "ended_at": null
}))]
pub struct SagaSummary {
    #[schema(value_type = String)]
    id: SagaId,
    definition: String,
    /// The version it began with, and finishes on.
    version: u32,
    /// The state of its table; while it undoes, the one it undoes from.
    state: String,
    /// Which way it goes: `forward`, `compensating` or `ended`.
    phase: String,
    /// Whether it has asked as often as its definition says and goes on only because it must.
    stuck: bool,
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

impl From<Summary> for SagaSummary {
    fn from(it: Summary) -> Self {
        Self {
            id: it.id,
            definition: it.definition,
            version: it.version,
            state: it.state,
            phase: it.phase,
            stuck: it.stuck,
            started_at: it.started,
            ended_at: it.ended,
        }
    }
}

impl From<&Instance> for SagaSummary {
    fn from(it: &Instance) -> Self {
        Self {
            id: it.id,
            definition: it.definition.clone(),
            version: it.version,
            state: it.state.clone(),
            phase: it.phase.name().to_owned(),
            stuck: it.stuck,
            started_at: it.started,
            ended_at: it.ended,
        }
    }
}

/// A saga with its steps, its context and its timeline.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Saga)]
pub struct SagaView {
    #[serde(flatten)]
    summary: SagaSummary,
    /// When the wait for the present step is over.
    #[schema(value_type = Option<String>, format = DateTime)]
    deadline_at: Option<Timestamp>,
    /// When its command is sent again.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// Every step so far, in order.
    steps: Vec<SagaStep>,
    /// What the starter and the participants have said, by their names.
    #[schema(value_type = Object)]
    context: Context,
    /// What happened, oldest first, at most 200 changes.
    timeline: Vec<Change>,
}

impl SagaView {
    /// A saga; without its definition the participants of its steps are not known.
    pub fn new(definition: Option<&Definition>, it: Instance, timeline: Vec<Entry>) -> Self {
        let steps = it.steps.iter();
        Self {
            summary: SagaSummary::from(&it),
            deadline_at: it.deadline,
            next_at: it.next,
            steps: steps.map(|step| SagaStep::new(definition, step)).collect(),
            context: it.context,
            timeline: timeline.into_iter().map(Change::from).collect(),
        }
    }
}

/// One step of a saga.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "step": "1.APPROVE_ORDER",
    "participant": "portfolios",
    "status": "waiting",
    "acted": false,
    "retries": 0
}))]
struct SagaStep {
    /// Its name, unique in the saga.
    step: String,
    /// Who executes it; null if this process does not have the definition.
    participant: Option<String>,
    /// `waiting`, `succeeded`, `failed`, `left`, `owed`, `undoing` or `undone`.
    status: &'static str,
    /// Whether the participant has ever said that it acted.
    acted: bool,
    /// How often its present command was sent again.
    retries: u32,
}

impl SagaStep {
    fn new(definition: Option<&Definition>, step: &StepRecord) -> Self {
        let plan = definition.map(|definition| definition.plan(step.via));
        Self {
            step: step.name.clone(),
            participant: plan.map(|plan| plan.receiver.clone()),
            status: match step.status {
                Status::Waiting => "waiting",
                Status::Succeeded => "succeeded",
                Status::Failed => "failed",
                Status::Left => "left",
                Status::Owed => "owed",
                Status::Undoing => "undoing",
                Status::Undone { .. } => "undone",
            },
            acted: step.acted,
            retries: step.retries,
        }
    }
}

/// What one message, one hour or one operator did to a saga.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SagaChange, example = json!({
    "revision": 1,
    "at": "2025-06-02T09:00:00.000000Z",
    "lines": [{ "line": "moved", "event": "REGISTER", "from": "", "to": "DRAFT" }]
}))]
pub struct Change {
    /// The revision it led to.
    revision: i64,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What happened, in order; `line` says what each is.
    #[schema(value_type = Vec<Object>)]
    lines: Vec<Line>,
}

impl From<Entry> for Change {
    fn from(entry: Entry) -> Self {
        Self {
            revision: entry.revision,
            at: entry.at,
            lines: entry.lines,
        }
    }
}
