//! What the engine is told, and what it answers.

use kit::time::Timestamp;

use super::recent::Saved;
use crate::context::Fields;
use crate::instance::{Instance, SagaId};
use crate::line::{Fit, Line, Note};

/// A saga that is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id, chosen by the starter: the same id is the same saga.
    pub id: SagaId,
    /// The definition it follows, in its newest version.
    pub definition: String,
    /// The component that starts it.
    pub by: String,
    /// What the starter says to the participants.
    pub fields: Fields,
    /// The trace that the saga belongs to, as W3C Trace Context writes it.
    pub traceparent: Option<String>,
}

/// A saga as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How often it has changed.
    pub revision: i64,
    /// The saga.
    pub instance: Instance,
}

/// A saga in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: SagaId,
    /// Its definition.
    pub definition: String,
    /// The version it is on.
    pub version: u32,
    /// Its state.
    pub state: String,
    /// Which way it goes: `forward`, `compensating`, `ended`.
    pub phase: String,
    /// Whether somebody should look at it.
    pub stuck: bool,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Which sagas a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this definition.
    pub definition: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// In this phase.
    pub phase: Option<String>,
    /// Only stuck ones.
    pub stuck: bool,
    /// Started at this time or later.
    pub since: Option<Timestamp>,
}

/// What one input did to a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The revision it led to.
    pub revision: i64,
    /// When.
    pub at: Timestamp,
    /// What happened, in order.
    pub lines: Vec<Line>,
}

/// How many sagas that have not ended are where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Of this definition.
    pub definition: String,
    /// In this state.
    pub state: String,
    /// In this phase.
    pub phase: String,
    /// Stuck or not.
    pub stuck: bool,
    /// So many.
    pub sagas: u64,
}

/// What became of an input: for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The saga as it stands.
    pub instance: Instance,
    /// How the input fitted.
    pub fit: Fit,
}

/// A message that fits nowhere: for metrics and for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The saga.
    pub saga: SagaId,
    /// The definition it follows.
    pub definition: String,
    /// The state it is in.
    pub state: String,
    /// The event that came.
    pub event: String,
    /// Why it changes nothing.
    pub note: Note,
}

/// What became of messages that were handled together.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Those that fit nowhere.
    pub misfits: Vec<Misfit>,
    pub(super) saved: Vec<Saved>,
}

/// What a run of [`Engine::tick`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Sagas that were due and moved. As many as asked for: there may be more.
    pub handled: u32,
    /// Sagas that became stuck.
    pub stuck: u32,
    /// Sagas whose definition the process does not have; they are looked at again in a minute.
    pub unknown: u32,
}
