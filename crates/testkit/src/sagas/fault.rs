//! What can go wrong while a saga runs.

use saga::Definition;
use saga::definition::Outcome;

/// One thing that goes wrong. Numbers count messages from 1, in the order they are delivered or,
/// where that is said, published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every message comes three times: twice as the same, once as if it were sent again.
    Repeat,
    /// What was sent last comes first.
    Reverse,
    /// A message is published and lost.
    Lose(u32),
    /// The process is killed with a message in its hands.
    KillBefore(u32),
    /// The process is killed after it has handled a message, before it can say so.
    KillAfter(u32),
    /// The process is killed after it has published a message, before it knows.
    KillPublished(u32),
    /// The carrier takes a message back that was handled, and brings it again.
    Break(u32),
    /// Nothing is delivered any more after so many messages until the saga is stuck; then all.
    Standstill(u32),
    /// After so many messages the saga is cancelled.
    Cancel(u32),
    /// The participant refuses this command.
    Refuse(String),
    /// This command arrives only when the saga is over, or stuck.
    LateCommand(String),
    /// Its answer arrives only when the saga is over, or stuck.
    LateAnswer(String),
}

impl Fault {
    /// Whether the saga must end as if nothing had happened.
    pub(super) fn is_hidden(&self) -> bool {
        match self {
            Self::None
            | Self::Repeat
            | Self::Reverse
            | Self::Lose(_)
            | Self::KillBefore(_)
            | Self::KillAfter(_)
            | Self::KillPublished(_)
            | Self::Break(_) => true,
            Self::Standstill(_)
            | Self::Cancel(_)
            | Self::Refuse(_)
            | Self::LateCommand(_)
            | Self::LateAnswer(_) => false,
        }
    }

    /// After how many messages delivery pauses.
    pub(super) fn pause(&self) -> Option<u32> {
        match self {
            Self::Standstill(number) | Self::Cancel(number) => Some(*number),
            _ => None,
        }
    }
}

/// Every fault of a saga that takes so many messages undisturbed.
pub(super) fn all(definition: &Definition, messages: u32) -> Vec<Fault> {
    let mut faults = vec![Fault::Repeat, Fault::Reverse];
    let at_each = [
        Fault::KillBefore,
        Fault::KillAfter,
        Fault::KillPublished,
        Fault::Break,
        Fault::Standstill,
        Fault::Cancel,
    ];
    for number in 1..=messages {
        faults.extend(at_each.map(|fault| fault(number)));
    }
    // The first message starts the saga: whoever lost it would not have one.
    faults.extend((2..=messages).map(Fault::Lose));
    for row in &definition.transitions {
        let Some(plan) = &row.plan else { continue };
        faults.push(Fault::LateCommand(plan.command.clone()));
        faults.push(Fault::LateAnswer(plan.command.clone()));
        let mut next = definition.transitions.iter();
        if next.any(|other| other.from == row.to && other.outcome == Outcome::Failed) {
            faults.push(Fault::Refuse(plan.command.clone()));
        }
    }
    let mut seen = Vec::new();
    faults.retain(|fault| {
        let new = !seen.contains(fault);
        seen.push(fault.clone());
        new
    });
    faults
}
