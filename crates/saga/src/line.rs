//! The history of a saga, line by line, and how an input fitted.
//!
//! Promises: lines are written once and read for as long as the saga is kept; a new kind of line
//! may be added, none changes its meaning.

use serde::{Deserialize, Serialize};

/// Most lines about what fits nowhere and what operators asked for: beyond it they are counted by
/// the metric alone, so that nobody can fill the database through one saga.
pub const NOTES_MAX: u32 = 100;

/// Something that happened to a saga.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// It went from one state to the next.
    Moved {
        /// The event.
        event: String,
        /// The state before; empty at the start.
        from: String,
        /// The state after.
        to: String,
    },
    /// A command was sent.
    Sent {
        /// The step.
        step: String,
        /// The command.
        command: String,
        /// Who is to execute it.
        receiver: String,
        /// How often it had been sent before.
        retry: u32,
    },
    /// It began to undo.
    Compensating {
        /// Because of this event.
        event: String,
        /// In this state.
        from: String,
    },
    /// A step is undone.
    Undone {
        /// The step.
        step: String,
        /// Whether there was anything to undo.
        acted: bool,
    },
    /// Everything that had to be is undone.
    Compensated,
    /// It has asked as often as its table says, and goes on.
    Stuck {
        /// The step it waits for.
        step: String,
    },
    /// It is over.
    Ended {
        /// In this state.
        state: String,
    },
    /// An operator asked for something.
    Asked {
        /// `cancel` or `retry`.
        what: String,
        /// Who.
        by: String,
        /// Why, in their words.
        reason: String,
    },
    /// What a participant said is not kept, for the context has no room.
    NotKept {
        /// The participant.
        participant: String,
        /// How large the context would have become.
        bytes: u64,
    },
    /// Something came that changes nothing.
    Noted {
        /// Why it changes nothing.
        note: Note,
        /// The event.
        event: String,
        /// The step it says it is about.
        step: String,
        /// Who says so.
        participant: String,
    },
}

/// Why something that came is only noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// It fits nowhere: no such step, not its participant, not an event of its table.
    Stray,
    /// It is the outcome of a step that is given up meanwhile.
    Late,
    /// It contradicts what the same participant has said: it acted after its cancel or after it
    /// had refused, or it knows nothing of what it did. Somebody should look; what may have
    /// acted is undone again.
    Contradiction,
    /// It was asked for when it could not be done any more.
    TooLate,
}

impl Note {
    /// Its name, for metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stray => "stray",
            Self::Late => "late",
            Self::Contradiction => "contradiction",
            Self::TooLate => "too_late",
        }
    }
}

/// How an input fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It led on.
    Taken,
    /// It was there before, or is nothing new; nothing changes.
    Repeated,
    /// It does not lead on, and is kept in the history.
    Noted(Note),
}
