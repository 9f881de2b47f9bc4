//! An instance: one saga as it stands.
//!
//! Promises: it holds all that the step function needs but the definition, and reads back as it
//! was written. Does not change by itself.

use kit::id::{Id, Kind};
use kit::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::context::{Context, ContextMustFit, Fields};
use crate::definition::{Definition, Undo};

/// The kind of id a saga has: `saga_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SagaKind {}

impl Kind for SagaKind {
    const PREFIX: &'static str = "saga";
}

/// The id of a saga, chosen by whoever starts it: the same id is the same saga.
pub type SagaId = Id<SagaKind>;

/// One saga as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: SagaId,
    /// The definition it follows.
    pub definition: String,
    /// The version it began with, and finishes on.
    pub version: u32,
    /// The state of the table it is in; empty before it starts. While it undoes, the state it
    /// undoes from.
    pub state: String,
    /// Which way it goes.
    pub phase: Phase,
    /// Every step so far, in order.
    pub steps: Vec<StepRecord>,
    /// What the participants have said.
    pub context: Context,
    /// When the wait for the current step is over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deadline: Option<Timestamp>,
    /// When the current command is sent again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<Timestamp>,
    /// Whether it has asked as often as its table says and goes on only because it must.
    #[serde(skip_serializing_if = "is_false", default)]
    pub stuck: bool,
    /// Why it undoes, or undid, the last time.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<Cause>,
    /// How many lines about what fits nowhere its history has.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub notes: u32,
    /// The trace it belongs to, as W3C Trace Context writes it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traceparent: Option<String>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Timestamp>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Which way a saga goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has not started.
    New,
    /// It waits for the answer of its last step.
    Forward,
    /// It undoes, last step first; then it takes the transition of the event.
    Compensating {
        /// The event.
        event: String,
    },
    /// It is over, and never changes.
    Ended,
}

impl Phase {
    /// Its name, for rows and metrics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Forward => "forward",
            Self::Compensating { .. } => "compensating",
            Self::Ended => "ended",
        }
    }
}

/// Why a saga undoes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The event: of a participant, `DEADLINE`, `CANCELLED`.
    pub event: String,
    /// The state it was in.
    pub state: String,
}

/// A step that a command was sent for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its name, unique in the saga: `1.APPROVE_ORDER`. Repeats and the undoing carry the same.
    pub name: String,
    /// The transition that caused it, by its place in the definition.
    pub via: usize,
    /// Where it is.
    pub status: Status,
    /// How often its present command was sent again; it stops counting once the saga is stuck.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub retries: u32,
    /// Whether the participant has ever said that it acted.
    #[serde(skip_serializing_if = "is_false", default)]
    pub acted: bool,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its command is sent, the answer is not there.
    Waiting,
    /// It acted.
    Succeeded,
    /// It did not act.
    Failed,
    /// Nobody knows whether it acted, and nothing has to be undone if it did.
    Left,
    /// It acted, or nobody knows; it must be undone before the saga ends.
    Owed,
    /// Its compensation is sent, the answer is not there.
    Undoing,
    /// It is undone: as if it had never acted.
    Undone {
        /// Whether it had acted before it was told to undo; if not, the participant keeps a
        /// tombstone and will refuse to act.
        acted: bool,
    },
}

impl Instance {
    /// A saga that is about to start, on this version of its definition.
    ///
    /// # Errors
    ///
    /// [`ContextMustFit`] if what the starter says is too large.
    pub fn new(
        id: SagaId,
        definition: &Definition,
        fields: Fields,
        now: Timestamp,
    ) -> Result<Self, ContextMustFit> {
        let mut context = Context::default();
        context.add(definition.starter(), fields)?;
        Ok(Self {
            id,
            definition: definition.name.clone(),
            version: definition.version,
            state: String::new(),
            phase: Phase::New,
            steps: Vec::new(),
            context,
            deadline: None,
            next: None,
            stuck: false,
            cause: None,
            notes: 0,
            traceparent: None,
            started: now,
            ended: None,
        })
    }

    /// When it must be looked at again if nothing else happens.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        [self.deadline, self.next].into_iter().flatten().min()
    }

    /// The step that it waits for: to be done, or to be undone.
    #[must_use]
    pub fn current(&self) -> Option<usize> {
        let waits = |step: &StepRecord| matches!(step.status, Status::Waiting | Status::Undoing);
        self.steps.iter().position(waits)
    }

    /// The step of this name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.name == name)
    }

    /// Whether the step has a command that undoes it.
    pub(crate) fn can_undo(&self, definition: &Definition, step: usize) -> bool {
        let plan = definition.plan(self.steps[step].via);
        matches!(plan.undo, Undo::Compensation { .. })
    }
}
