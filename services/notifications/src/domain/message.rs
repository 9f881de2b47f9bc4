//! A message: one text to one recipient.
//!
//! ```text
//! – → Scheduled → Sent → Read
//!         └──────→ Cancelled
//! ```
//!
//! Promises: what a message says and to whom is decided once and never changes; only its state
//! does. A message without a time of its own is scheduled and sent in the same breath. Repeating
//! what was done changes nothing and is no error. To its recipient a message exists from the
//! moment it is sent.

use std::time::Duration;

use contracts::notifications::MessageId;
use kit::name::Subject;
use kit::time::Timestamp;

use super::names::{Reference, TemplateKey};
use super::wording::{Parameters, Text};
use super::{Outcome, Reject};

/// How far ahead a message may be scheduled: nobody plans a text further than a year, and a
/// mistyped century should be refused today.
const DAYS_AHEAD_MAX: u32 = 366;

/// A message as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What never changes.
    pub content: Content,
    /// How many times it has changed, its making included.
    pub revision: u32,
    /// Where it is in its life.
    pub state: State,
}

/// What was accepted; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its id.
    pub id: MessageId,
    /// Who asked for it.
    pub sender: Subject,
    /// Whose mailbox it is for.
    pub recipient: Subject,
    /// The sender's own name for it.
    pub reference: Option<Reference>,
    /// The template's key.
    pub template_key: TemplateKey,
    /// The version it was rendered from.
    pub template_version: u32,
    /// The parameters as given.
    pub parameters: Parameters,
    /// When it was asked to be sent; none is at once.
    pub send_at: Option<Timestamp>,
    /// What it says.
    pub text: Text,
}

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Waits for its time.
    Scheduled {
        /// From when on it may be sent.
        due_at: Timestamp,
    },
    /// Is in the mailbox, unread.
    Sent {
        /// Since when.
        sent_at: Timestamp,
    },
    /// Is in the mailbox, read.
    Read {
        /// Since when it is there.
        sent_at: Timestamp,
        /// When it was first read.
        read_at: Timestamp,
    },
    /// Was taken back before it was due.
    Cancelled {
        /// When.
        cancelled_at: Timestamp,
    },
}

/// What can be asked of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Accept it, and send it if it has no time of its own.
    Send(Box<Content>),
    /// Send it if its time has come.
    SendDue,
    /// The recipient read it.
    MarkRead,
    /// The sender takes it back.
    Cancel,
}

/// What can happen to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It was accepted.
    Scheduled {
        /// What it is.
        content: Box<Content>,
        /// From when on it may be sent.
        due_at: Timestamp,
    },
    /// It reached the mailbox.
    Sent {
        /// When.
        sent_at: Timestamp,
    },
    /// It was read for the first time.
    Read {
        /// Since when it is in the mailbox.
        sent_at: Timestamp,
        /// When it was read.
        read_at: Timestamp,
    },
    /// It was taken back.
    Cancelled {
        /// When.
        cancelled_at: Timestamp,
    },
}

impl Content {
    /// Whether two requests ask for the same: all but what is made on acceptance, which is the
    /// id, the template's version and the text.
    fn asks_the_same_as(&self, other: &Self) -> bool {
        self.sender == other.sender
            && self.recipient == other.recipient
            && self.reference == other.reference
            && self.template_key == other.template_key
            && self.parameters == other.parameters
            && self.send_at == other.send_at
    }
}

/// What a command comes to. `None` is no message: for [`Command::Send`] none with the same
/// reference, for the others none the caller can know of.
pub fn decide(
    message: Option<&Message>,
    command: Command,
    now: Timestamp,
) -> Result<Outcome<Event>, Reject> {
    let happens = |event| Ok(Outcome::Apply(vec![event]));
    match (message.map(|message| message.state), command) {
        (_, Command::Send(content)) => match message {
            Some(first) if first.content.asks_the_same_as(&content) => Ok(Outcome::AlreadyApplied),
            Some(_) => Err(Reject::ReferenceMustBeUnused),
            None => send(content, now),
        },
        (None, _) => Err(Reject::MessageMustExist),

        (Some(State::Scheduled { due_at }), Command::SendDue) if due_at <= now => {
            happens(Event::Sent { sent_at: now })
        }
        (Some(_), Command::SendDue) => Ok(Outcome::AlreadyApplied),

        (Some(State::Sent { sent_at }), Command::MarkRead) => {
            happens(Event::Read { sent_at, read_at: now })
        }
        (Some(State::Read { .. }), Command::MarkRead) => Ok(Outcome::AlreadyApplied),
        (Some(State::Scheduled { .. } | State::Cancelled { .. }), Command::MarkRead) => {
            Err(Reject::MessageMustExist)
        }

        (Some(State::Scheduled { .. }), Command::Cancel) => {
            happens(Event::Cancelled { cancelled_at: now })
        }
        (Some(State::Cancelled { .. }), Command::Cancel) => Ok(Outcome::AlreadyApplied),
        (Some(State::Sent { .. } | State::Read { .. }), Command::Cancel) => {
            Err(Reject::MessageMustBeScheduled)
        }
    }
}

fn send(content: Box<Content>, now: Timestamp) -> Result<Outcome<Event>, Reject> {
    let Some(due_at) = content.send_at else {
        let scheduled = Event::Scheduled { content, due_at: now };
        return Ok(Outcome::Apply(vec![scheduled, Event::Sent { sent_at: now }]));
    };
    let ahead = due_at.since(now).filter(|ahead| !ahead.is_zero());
    let ahead = ahead.ok_or(Reject::SendAtMustBeAhead)?;
    if ahead > Duration::from_secs(u64::from(DAYS_AHEAD_MAX) * 24 * 60 * 60) {
        return Err(Reject::SendAtMustBeNear { days: DAYS_AHEAD_MAX });
    }
    Ok(Outcome::Apply(vec![Event::Scheduled { content, due_at }]))
}

/// The message after an event that [`decide`] gave for it.
pub fn apply(message: Option<Message>, event: &Event) -> Option<Message> {
    let state = match *event {
        Event::Scheduled { ref content, due_at } => {
            let content = (**content).clone();
            return Some(Message { content, revision: 1, state: State::Scheduled { due_at } });
        }
        Event::Sent { sent_at } => State::Sent { sent_at },
        Event::Read { sent_at, read_at } => State::Read { sent_at, read_at },
        Event::Cancelled { cancelled_at } => State::Cancelled { cancelled_at },
    };
    message.map(|message| Message { revision: message.revision + 1, state, ..message })
}

#[cfg(test)]
mod tests {
    use kit::id::Id;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn content() -> Content {
        Content {
            id: Id::parse("msg_01j00000000000000000000000").expect("a test's id"),
            sender: Subject::parse("deals").expect("a test's subject"),
            recipient: Subject::parse("cus_1").expect("a test's subject"),
            reference: Some(Reference::parse("deal_1").expect("a test's reference")),
            template_key: TemplateKey::parse("deal-executed").expect("a test's key"),
            template_version: 1,
            parameters: Parameters::new(),
            send_at: None,
            text: Text { subject: "s".to_owned(), body: "b".to_owned() },
        }
    }

    fn send(change: impl Fn(&mut Content)) -> Command {
        let mut content = content();
        change(&mut content);
        Command::Send(Box::new(content))
    }

    /// What a command did: nothing, or the state and revision it led to.
    type Came = Result<Option<(State, u32)>, Reject>;

    fn come(before: Option<State>, command: Command) -> Came {
        let before = before.map(|state| Message { content: content(), revision: 7, state });
        match decide(before.as_ref(), command, NOW)? {
            Outcome::AlreadyApplied => Ok(None),
            Outcome::Apply(events) => {
                let after = events.iter().fold(before, apply).expect("an event leaves a message");
                Ok(Some((after.state, after.revision)))
            }
        }
    }

    #[test]
    fn a_message_lives_as_its_states_say() {
        let check = |before: Option<State>, command: Command, expected: Came| {
            assert_eq!(come(before, command.clone()), expected, "{before:?} {command:?}");
        };
        let waiting = State::Scheduled { due_at: LATER };
        let due = State::Scheduled { due_at: NOW };
        let past = Timestamp::from_micros(5);
        let sent = State::Sent { sent_at: past };
        let read = State::Read { sent_at: past, read_at: past };
        let cancelled = State::Cancelled { cancelled_at: past };

        check(None, Command::SendDue, Err(Reject::MessageMustExist));
        check(Some(waiting), Command::SendDue, Ok(None));
        check(Some(due), Command::SendDue, Ok(Some((State::Sent { sent_at: NOW }, 8))));
        check(Some(sent), Command::SendDue, Ok(None));
        check(Some(read), Command::SendDue, Ok(None));
        check(Some(cancelled), Command::SendDue, Ok(None));

        let now_read = State::Read { sent_at: past, read_at: NOW };
        check(None, Command::MarkRead, Err(Reject::MessageMustExist));
        check(Some(due), Command::MarkRead, Err(Reject::MessageMustExist));
        check(Some(sent), Command::MarkRead, Ok(Some((now_read, 8))));
        check(Some(read), Command::MarkRead, Ok(None));
        check(Some(cancelled), Command::MarkRead, Err(Reject::MessageMustExist));

        let now_cancelled = State::Cancelled { cancelled_at: NOW };
        check(None, Command::Cancel, Err(Reject::MessageMustExist));
        check(Some(waiting), Command::Cancel, Ok(Some((now_cancelled, 8))));
        check(Some(due), Command::Cancel, Ok(Some((now_cancelled, 8))));
        check(Some(sent), Command::Cancel, Err(Reject::MessageMustBeScheduled));
        check(Some(read), Command::Cancel, Err(Reject::MessageMustBeScheduled));
        check(Some(cancelled), Command::Cancel, Ok(None));
    }

    #[test]
    fn a_message_is_sent_at_once_or_at_its_time() {
        let check = |send_at: Option<i64>, expected: Came| {
            let send_at = send_at.map(Timestamp::from_micros);
            let command = send(|content| content.send_at = send_at);
            assert_eq!(come(None, command), expected, "{send_at:?}");
        };
        let days = |days: i64| days * 24 * 60 * 60 * 1_000_000;
        let scheduled = |micros| {
            Ok(Some((State::Scheduled { due_at: Timestamp::from_micros(micros) }, 1)))
        };
        check(None, Ok(Some((State::Sent { sent_at: NOW }, 2))));
        check(Some(NOW.micros() - 1), Err(Reject::SendAtMustBeAhead));
        check(Some(NOW.micros()), Err(Reject::SendAtMustBeAhead));
        check(Some(NOW.micros() + 1), scheduled(NOW.micros() + 1));
        let furthest = NOW.micros() + days(366);
        check(Some(furthest), scheduled(furthest));
        check(Some(furthest + 1), Err(Reject::SendAtMustBeNear { days: 366 }));
    }

    #[test]
    fn one_reference_is_one_message() {
        let check = |change: fn(&mut Content), expected: Came| {
            let before = Some(State::Sent { sent_at: NOW });
            assert_eq!(come(before, send(change)), expected);
        };
        let other = || Err(Reject::ReferenceMustBeUnused);
        check(|_| (), Ok(None));
        check(|content| content.id = Id::parse("msg_00000000000000000000000000").expect("an id"), Ok(None));
        check(|content| content.template_version = 2, Ok(None));
        check(|content| content.text.body.push('x'), Ok(None));
        check(|content| content.send_at = Some(LATER), other());
        check(|content| content.template_key = TemplateKey::parse("other").expect("a key"), other());
        check(|content| drop(content.parameters.insert("a".to_owned(), json!(1))), other());
        check(|content| content.recipient = Subject::parse("cus_2").expect("a name"), other());
        check(|content| content.sender = Subject::parse("wallets").expect("a name"), other());
        check(|content| content.reference = None, other());
    }
}
