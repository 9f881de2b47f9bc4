//! The step function: what a saga does when something comes.
//!
//! Promises: pure and total. The same definition, instance, input and time give the same step;
//! no input is an error. One input sends one command at most. A saga that is over never changes
//! and sends nothing, with one exception: a participant that says it acted although it has said
//! that it never will is told to undo once more. What is undone is undone in reverse order, one
//! step after the other, each asked for until it is answered.
//!
//! Does not write, send or look at a clock; `engine` does.

mod run;

use kit::name::Subject;
use kit::time::Timestamp;

use crate::context::Fields;
use crate::definition::Definition;
use crate::instance::{Instance, SagaId};
use crate::line::{Fit, Line};

use run::Run;

/// Something that comes to a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// It is started, perhaps again.
    Started,
    /// A participant answers.
    Answered(Answered),
    /// Time has passed.
    Tick,
    /// An operator, or the starter, asks that it stops.
    CancelAsked {
        /// Who.
        by: Subject,
        /// Why; the caller bounds it.
        reason: String,
    },
    /// An operator asks that it tries at once.
    RetryAsked {
        /// Who.
        by: Subject,
    },
}

/// What a participant answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The event.
    pub event: String,
    /// The step it is about.
    pub step: String,
    /// Who says so: the component that the message comes from.
    pub participant: String,
    /// In the answer to a compensation: whether the step had acted before.
    pub acted: bool,
    /// What it says.
    pub fields: Fields,
}

/// A command to a participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The saga.
    pub saga: SagaId,
    /// The step; a repeat and the compensation carry the same.
    pub step: String,
    /// The command.
    pub command: String,
    /// Who executes it.
    pub receiver: String,
    /// Whether it undoes the step.
    pub undo: bool,
}

/// What a saga does when something comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The saga as it stands then; commands carry its context.
    pub instance: Instance,
    /// What is sent: one command at most.
    pub sends: Vec<Command>,
    /// The new lines of its history.
    pub history: Vec<Line>,
    /// How the input fitted.
    pub fit: Fit,
}

/// What the saga does when `input` comes at `now`.
///
/// The definition must be the version the instance began with.
///
/// # Panics
///
/// If it is not: the caller has mixed up what it loaded.
#[must_use]
pub fn step(definition: &Definition, instance: &Instance, input: Input, now: Timestamp) -> Step {
    assert!(
        definition.name == instance.definition && definition.version == instance.version,
        "an instance finishes on the version of the definition it began with"
    );
    let mut run = Run {
        definition,
        now,
        it: instance.clone(),
        sends: Vec::new(),
        history: Vec::new(),
    };
    let fit = match input {
        Input::Started => run.started(),
        Input::Answered(answered) => run.answered(answered),
        Input::Tick => run.tick(),
        Input::CancelAsked { by, reason } => run.cancel_asked(&by, reason),
        Input::RetryAsked { by } => run.retry_asked(&by),
    };
    Step {
        instance: run.it,
        sends: run.sends,
        history: run.history,
        fit,
    }
}
