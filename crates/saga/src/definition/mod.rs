//! A definition: the transition table of a saga, read from TOML and checked.
//!
//! Promises: a [`Definition`] that exists is whole. Every state can be reached and left; nothing
//! is ambiguous; every step has a deadline that its retries fit before, and says how it is undone
//! or why it need not or cannot be; no step is repeated, so a saga has at most as many as states.
//! What breaks a rule is refused by its name ([`Rule`]). Does not run anything.

mod build;
mod catalogue;
mod check;
mod error;
mod set;
mod text;

use std::collections::{BTreeMap, BTreeSet};

pub use catalogue::Catalogue;
pub use error::{DefinitionError, Rule};
pub use set::Definitions;

/// The pseudo-event of a waiting state whose deadline is over: what was done is undone first.
pub const DEADLINE: &str = "DEADLINE";
/// The pseudo-event of a waiting state that was told to stop: what was done is undone first.
pub const CANCELLED: &str = "CANCELLED";
/// What a participant answers to a command that comes after its own cancel.
pub const REFUSED: &str = "REFUSED";
/// Names that tables cannot use for events of their own.
pub const RESERVED: [&str; 3] = [DEADLINE, CANCELLED, REFUSED];
/// The name under which commands carry what the saga itself says: why it is undoing.
pub const SAGAS: &str = "sagas";

/// Longest name of a definition, state, event, command or component: read by people, in logs.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest reason: a sentence or two.
pub const WHY_BYTES_MAX: usize = 500;
/// Largest definition as text: ten times the largest that fits a page.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// Most states of a definition, and so most steps of a saga: more is a program, not a table.
pub const STATES_MAX: usize = 64;
/// Most transitions: four out of each state.
pub const TRANSITIONS_MAX: usize = 256;
/// Longest deadline of one step, 7 days: a step that waits for people, over a long weekend.
pub const DEADLINE_MS_MAX: u64 = 7 * 24 * 60 * 60 * 1_000;
/// Longest first interval between two sendings: retries are quick.
pub const RETRY_FIRST_MS_MAX: u64 = 60_000;
/// Longest interval between two sendings: a stuck saga that can go on does so within the hour.
pub const RETRY_CAP_MS_MAX: u64 = 60 * 60 * 1_000;
/// Largest growth of the interval.
pub const RETRY_FACTOR_MAX: u32 = 10;
/// Most retries before a deadline, or before an undoing is called stuck.
pub const RETRIES_MAX: u32 = 20;
/// Most versions of one definition side by side: as old ones end, they are taken out.
pub const VERSIONS_MAX: usize = 100;

/// A checked transition table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Its version, from 1; what a version says never changes.
    pub version: u32,
    /// What the saga is for.
    pub why: String,
    /// BLAKE3 of what it says, in hexadecimal: comments and layout do not count.
    pub hash: String,
    /// Every transition, in the order of the document, one per state and event.
    pub transitions: Vec<Transition>,
    finals: BTreeSet<String>,
    /// The place of each transition, by the state it leads on from and its event.
    index: BTreeMap<String, BTreeMap<String, usize>>,
}

/// One row of the table, for one event in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The event that leads on, or [`DEADLINE`] or [`CANCELLED`].
    pub event: String,
    /// The state it leads on from; empty for the start.
    pub from: String,
    /// The state it leads to.
    pub to: String,
    /// What the event says of the step that was waiting.
    pub outcome: Outcome,
    /// Whether everything that acted is undone before `to` is entered.
    pub undoes: bool,
    /// For the start: the component that may start the saga.
    pub by: Option<String>,
    /// What `to` waits for; none if it is final.
    pub plan: Option<Plan>,
}

/// What an event says of the step that was waiting for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It acted.
    Succeeded,
    /// It did not act, and never will.
    Failed,
    /// Nobody knows: the deadline is over, or the saga was told to stop.
    Unknown,
}

/// A step: a command, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The command.
    pub command: String,
    /// The component that executes it.
    pub receiver: String,
    /// How long the saga waits for the answer, from the first sending.
    pub deadline_ms: u64,
    /// When it is sent again.
    pub retry: Retry,
    /// Why the saga goes on asking after the deadline, if it does.
    pub persist: Option<String>,
    /// How it is undone.
    pub undo: Undo,
}

/// How a step is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// By another command to the same participant.
    Compensation {
        /// The command.
        command: String,
        /// The event it is answered with.
        done: String,
        /// When it is sent again; after `max` the saga is stuck, and goes on at the cap.
        retry: Retry,
    },
    /// Not at all: it leaves nothing that would have to be undone.
    Nothing {
        /// Why not.
        why: String,
    },
    /// It cannot be: from its sending on, the saga only goes forward unless the step fails.
    Impossible {
        /// Why not.
        why: String,
    },
}

/// Growing intervals between sendings of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The first interval.
    pub first_ms: u64,
    /// What each interval is multiplied by for the next.
    pub factor: u32,
    /// How many retries.
    pub max: u32,
    /// The longest interval, and the interval of what is stuck.
    pub cap_ms: u64,
}

impl Retry {
    /// The interval before the retry with this number, from 0.
    #[must_use]
    pub fn interval_ms(&self, retry: u32) -> u64 {
        u64::from(self.factor)
            .saturating_pow(retry)
            .saturating_mul(self.first_ms)
            .min(self.cap_ms)
    }

    /// How long after the first sending the last retry is sent.
    #[must_use]
    pub fn total_ms(&self) -> u64 {
        (0..self.max).fold(0, |sum, retry| sum.saturating_add(self.interval_ms(retry)))
    }
}

impl Definition {
    /// The transition by which every instance begins.
    #[must_use]
    pub fn start(&self) -> usize {
        let start = self
            .transitions
            .iter()
            .position(|transition| transition.from.is_empty());
        start.expect("a checked definition has a start")
    }

    /// The component that may start it.
    #[must_use]
    pub fn starter(&self) -> &str {
        let by = self.transitions[self.start()].by.as_deref();
        by.expect("the start of a checked definition says who may start")
    }

    /// The place of the transition for an event in a state.
    #[must_use]
    pub fn find(&self, from: &str, event: &str) -> Option<usize> {
        self.index.get(from)?.get(event).copied()
    }

    /// Whether an instance ends in this state.
    #[must_use]
    pub fn is_final(&self, state: &str) -> bool {
        self.finals.contains(state)
    }

    /// Every state, waiting or final.
    #[must_use]
    pub fn states(&self) -> BTreeSet<&str> {
        self.transitions
            .iter()
            .map(|transition| transition.to.as_str())
            .collect()
    }

    /// The step of a transition into a waiting state.
    ///
    /// # Panics
    ///
    /// If the transition leads to a final state, which has none.
    #[must_use]
    pub fn plan(&self, transition: usize) -> &Plan {
        let plan = self.transitions[transition].plan.as_ref();
        plan.expect("a checked transition into a waiting state has a step")
    }

    /// Every component that takes commands of it.
    #[must_use]
    pub fn receivers(&self) -> BTreeSet<&str> {
        self.transitions
            .iter()
            .filter_map(|transition| transition.plan.as_ref())
            .map(|plan| plan.receiver.as_str())
            .collect()
    }
}
