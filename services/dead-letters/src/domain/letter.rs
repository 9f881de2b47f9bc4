//! A letter: one message that one consumer could not handle.
//!
//! ```text
//! – → Retrying ⇄ (the ladder) → Open → Redriven
//! └──────────────────────────────┘ └──→ Discarded
//! ```
//!
//! Promises: work that is configured is sent again as often as that says, everything else is open
//! at once; one message at one consumer is one letter, whatever becomes of it, so its history is
//! in one place. A letter that was redriven and fails again climbs what is left of the ladder and
//! is open again; a success is not heard of. Repeating what was done changes nothing and is no
//! error. Nothing is sent but what was decided here.

use std::time::Duration;

use contracts::dead_letters::{DECISIONS, Failure, FailureKind, MessageId};
use kit::outcome::Outcome;
use kit::time::Timestamp;
use store::INBOX_RETENTION_HOURS;

use super::ladder::Ladder;
use super::names::{LetterId, Reason, RetriesMax};
use super::{Reject, document};

/// A letter as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its id.
    pub id: LetterId,
    /// Which message, and whose: it never changes.
    pub about: About,
    /// How many times it has changed, its making included.
    pub revision: u32,
    /// The last failure.
    pub failed: Failed,
    /// What came and what is sent; none before it was open for the first time.
    pub documents: Option<Documents>,
    /// Where it is in its life.
    pub state: State,
}

/// Which message failed, and at whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Work, an event, or what could not be read.
    pub kind: FailureKind,
    /// The component that could not handle it.
    pub consumer: String,
    /// The topic it came from.
    pub topic: String,
    /// The message; of what could not be read, the report of it.
    pub message: MessageId,
    /// Its type, if it could be read.
    pub message_type: Option<String>,
    /// What it is about.
    pub subject: String,
    /// When it was sent for the first time, if it could be read.
    pub message_time: Option<Timestamp>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// How often handling the message has failed, this time included.
    pub attempt: u32,
    /// The stable code of the error.
    pub code: String,
    /// What the consumer said.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// The documents of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// As it came when the letter was open for the first time.
    pub original: String,
    /// As it failed last, or as it was edited since.
    pub current: String,
}

/// Where a letter is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// On the ladder: sent again, and not known to have failed since.
    Retrying {
        /// When it comes to its consumer again.
        due_at: Timestamp,
    },
    /// A dead letter: it waits for somebody to decide.
    Open {
        /// Since when.
        opened_at: Timestamp,
    },
    /// Sent again by somebody's decision, and not known to have failed since.
    Redriven {
        /// When.
        redriven_at: Timestamp,
    },
    /// Never to be handled.
    Discarded {
        /// Since when.
        discarded_at: Timestamp,
    },
}

impl State {
    /// The word for it, on the wire and in rows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Retrying { .. } => "retrying",
            Self::Open { .. } => "open",
            Self::Redriven { .. } => "redriven",
            Self::Discarded { .. } => "discarded",
        }
    }
}

/// What the platform lets a message do.
#[derive(Debug, Clone)]
pub struct Ways {
    /// The waits before work is sent again.
    pub ladder: Ladder,
    /// The topics of work that dead letters may send to.
    pub topics: &'static [&'static str],
}

/// What can be asked of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A consumer could not handle the message.
    Report(Box<Report>),
    /// Send it again.
    Redrive {
        /// Why.
        reason: Reason,
    },
    /// Send it again with another document.
    Edit {
        /// The document.
        document: String,
        /// Why.
        reason: Reason,
    },
    /// Never handle it.
    Discard {
        /// Why.
        reason: Reason,
    },
}

/// A report of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The id of the letter if it becomes one.
    pub id: LetterId,
    /// Which message, and whose.
    pub about: About,
    /// The failure.
    pub failed: Failed,
    /// The message as it came.
    pub document: String,
    /// How often messages of its type are tried again; none is not configured.
    pub retries_max: Option<RetriesMax>,
}

impl Report {
    /// A report as it came: `report_id` names what has no id of its own.
    pub fn new(
        id: LetterId,
        report_id: MessageId,
        failure: Failure,
        retries_max: Option<RetriesMax>,
    ) -> Self {
        let message = document::again(&failure.document, 0).filter(|message| {
            // A report that says one message and holds another is not acted on.
            let is = (Some(message.id), Some(&message.kind));
            is == (failure.message_id, failure.message_type.as_ref())
        });
        Self {
            id,
            about: About {
                kind: failure.kind,
                consumer: failure.consumer,
                topic: failure.topic,
                message: failure.message_id.unwrap_or(report_id),
                message_type: failure.message_type,
                subject: failure.subject,
                message_time: message.map(|message| message.time),
            },
            failed: Failed {
                attempt: failure.attempt,
                code: failure.code,
                reason: failure.reason,
                at: failure.failed_at,
            },
            document: failure.document,
            retries_max,
        }
    }
}

/// What can happen to a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The message failed and is sent again by the ladder.
    SentAgain {
        /// What was reported.
        report: Box<Report>,
        /// When it comes to its consumer.
        due_at: Timestamp,
    },
    /// The message failed and waits for somebody to decide.
    Opened {
        /// What was reported.
        report: Box<Report>,
        /// Since when.
        opened_at: Timestamp,
    },
    /// Somebody sent it again.
    Redriven {
        /// The document in place of the one it had.
        edited: Option<String>,
        /// Why.
        reason: Reason,
        /// When.
        redriven_at: Timestamp,
    },
    /// Somebody put an end to it.
    Discarded {
        /// Why.
        reason: Reason,
        /// When.
        discarded_at: Timestamp,
    },
}

/// What a command comes to. `None` is no such letter.
pub fn decide(
    letter: Option<&Letter>,
    command: Command,
    ways: &Ways,
    now: Timestamp,
) -> Result<Outcome<Event>, Reject> {
    let happens = |event| Ok(Outcome::Apply(vec![event]));
    let (letter, reason, edited) = match (letter, command) {
        (letter, Command::Report(report)) => return Ok(failed(letter, report, ways, now)),
        (None, _) => return Err(Reject::LetterMustExist),
        (Some(letter), Command::Discard { reason }) => {
            return match letter.state {
                State::Discarded { .. } => Ok(Outcome::AlreadyApplied),
                State::Open { .. } => happens(Event::Discarded {
                    reason,
                    discarded_at: now,
                }),
                state => Err(must_be_open(state)),
            };
        }
        (Some(letter), Command::Redrive { reason }) => match letter.state {
            State::Redriven { .. } => return Ok(Outcome::AlreadyApplied),
            _ => (letter, reason, None),
        },
        (Some(letter), Command::Edit { document, reason }) => (letter, reason, Some(document)),
    };
    let State::Open { .. } = letter.state else {
        return Err(must_be_open(letter.state));
    };
    check_redrive(letter, ways, now)?;
    if let Some(edited) = &edited {
        document::check_edit(&letter.documents().current, edited)?;
    }
    happens(Event::Redriven {
        edited,
        reason,
        redriven_at: now,
    })
}

fn must_be_open(state: State) -> Reject {
    Reject::LetterMustBeOpen {
        state: state.word(),
    }
}

/// A failure leads up the ladder, or to an open letter.
fn failed(
    letter: Option<&Letter>,
    report: Box<Report>,
    ways: &Ways,
    now: Timestamp,
) -> Outcome<Event> {
    if letter.is_some_and(|letter| is_known(letter, &report)) {
        return Outcome::AlreadyApplied;
    }
    // An open letter waits for a person, whatever else is heard of its message.
    let waits = letter.is_some_and(|letter| matches!(letter.state, State::Open { .. }));
    Outcome::Apply(vec![match again_at(&report, ways, now) {
        Some(due_at) if !waits => Event::SentAgain { report, due_at },
        _ => Event::Opened {
            report,
            opened_at: now,
        },
    }])
}

/// Whether the letter says this already. The attempts of work only rise, whoever sends it again;
/// those of an event begin anew when it is redriven.
fn is_known(letter: &Letter, report: &Report) -> bool {
    match report.about.kind {
        FailureKind::Work => report.failed.attempt <= letter.failed.attempt,
        FailureKind::Event | FailureKind::Unreadable => {
            let known = (letter.failed.attempt, letter.failed.at);
            known == (report.failed.attempt, report.failed.at)
        }
    }
}

/// When the ladder brings the message to its consumer again, if it does.
fn again_at(report: &Report, ways: &Ways, now: Timestamp) -> Option<Timestamp> {
    let (about, attempt) = (&report.about, report.failed.attempt);
    let configured = attempt <= u32::from(report.retries_max?);
    let due_at = now.checked_add(ways.ladder.wait_after(attempt))?;
    let can_be = about.kind == FailureKind::Work
        && takes_work(about, ways)
        && about
            .message_time
            .is_some_and(|time| is_recent(time, due_at))
        && fits_again(&report.document, attempt, &about.topic, now);
    (configured && can_be).then_some(due_at)
}

/// Whether work may be sent to the topic again. It is named after its consumer, and a component
/// that reports the failures of another would have us send what it may not send itself.
fn takes_work(about: &About, ways: &Ways) -> bool {
    let owner = about.topic.split_once('.').map(|(owner, _)| owner);
    let sent_to = ways.topics.contains(&about.topic.as_str()) && about.topic != DECISIONS;
    sent_to && owner == Some(&about.consumer)
}

/// Whether the consumer still knows at this time what it did with a message of that one.
fn is_recent(time: Timestamp, at: Timestamp) -> bool {
    let age = at.since(time).unwrap_or_default();
    age < Duration::from_secs(INBOX_RETENTION_HOURS * 60 * 60)
}

/// Whether the message can be sent with that many attempts written in it.
fn fits_again(document: &str, attempts: u32, topic: &str, now: Timestamp) -> bool {
    let message = document::again(document, attempts);
    message.is_some_and(|message| message.sending(topic, now, now).is_ok())
}

fn check_redrive(letter: &Letter, ways: &Ways, now: Timestamp) -> Result<(), Reject> {
    let about = &letter.about;
    match about.kind {
        FailureKind::Unreadable => Err(Reject::LetterMustHoldAMessage),
        // It is parked at its consumer, which knows its place by its key.
        FailureKind::Event => Ok(()),
        FailureKind::Work => {
            let time = about.message_time.ok_or(Reject::LetterMustHoldAMessage)?;
            if !takes_work(about, ways) {
                let topic = about.topic.clone();
                return Err(Reject::TopicMustTakeWork { topic });
            }
            if !is_recent(time, now) {
                return Err(Reject::WorkMustBeRecent {
                    days: INBOX_RETENTION_HOURS / 24,
                });
            }
            Ok(())
        }
    }
}

/// Decides and applies: the letter after the command, and what happened, which is nothing if it
/// was applied before.
pub fn handle(
    before: Option<Letter>,
    command: Command,
    ways: &Ways,
    now: Timestamp,
) -> Result<(Letter, Vec<Event>), Reject> {
    let (after, events) = decide(before.as_ref(), command, ways, now)?.applied(before, apply);
    Ok((after.ok_or(Reject::LetterMustExist)?, events))
}

/// The letter after an event that [`decide`] gave for it.
pub fn apply(letter: Option<Letter>, event: &Event) -> Option<Letter> {
    match event {
        Event::SentAgain { report, due_at } => {
            let state = State::Retrying { due_at: *due_at };
            Some(reported(letter, report, state, None))
        }
        Event::Opened { report, opened_at } => {
            let opened_at = match letter.as_ref().map(|letter| letter.state) {
                Some(State::Open { opened_at }) => opened_at,
                _ => *opened_at,
            };
            let state = State::Open { opened_at };
            Some(reported(letter, report, state, Some(&report.document)))
        }
        Event::Redriven {
            edited,
            redriven_at,
            ..
        } => letter.map(|mut letter| {
            if let (Some(documents), Some(edited)) = (&mut letter.documents, edited) {
                documents.current.clone_from(edited);
            }
            let redriven_at = *redriven_at;
            letter.next(State::Redriven { redriven_at })
        }),
        Event::Discarded { discarded_at, .. } => {
            let discarded_at = *discarded_at;
            letter.map(|letter| letter.next(State::Discarded { discarded_at }))
        }
    }
}

/// The letter after a report. A letter that was never open keeps no document: most messages on
/// the ladder are handled, and nobody has to see what they say.
fn reported(
    letter: Option<Letter>,
    report: &Report,
    state: State,
    current: Option<&String>,
) -> Letter {
    let before = letter.as_ref().and_then(|letter| letter.documents.clone());
    let documents = match (before, current) {
        (before, None) => before,
        (None, Some(current)) => Some(Documents {
            original: current.clone(),
            current: current.clone(),
        }),
        (Some(before), Some(current)) => Some(Documents {
            original: before.original,
            current: current.clone(),
        }),
    };
    Letter {
        id: letter.as_ref().map_or(report.id, |letter| letter.id),
        about: letter
            .as_ref()
            .map_or(&report.about, |letter| &letter.about)
            .clone(),
        revision: letter.as_ref().map_or(0, |letter| letter.revision) + 1,
        failed: report.failed.clone(),
        documents,
        state,
    }
}

impl Letter {
    /// The documents of a letter that is, or was, open.
    pub fn documents(&self) -> &Documents {
        let documents = self.documents.as_ref();
        documents.expect("a letter has its documents from when it is open")
    }

    fn next(self, state: State) -> Self {
        Self {
            revision: self.revision + 1,
            state,
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
