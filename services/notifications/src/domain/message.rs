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
use kit::outcome::Outcome;
use kit::time::Timestamp;

use super::Reject;
use super::names::{Reference, TemplateKey};
use super::parameters::Parameters;
use super::template::Template;
use super::wording::{self, Text};

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
    /// What was asked for.
    pub request: Request,
    /// The version of the template it was rendered from.
    pub template_version: u32,
    /// What it says.
    pub text: Text,
}

/// What a sender asks for. Two equal requests with one reference are one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub sender: Subject,
    /// Whose mailbox it is for.
    pub recipient: Subject,
    /// The sender's own name for it.
    pub reference: Option<Reference>,
    /// The template's key.
    pub template_key: TemplateKey,
    /// What goes into the template.
    pub parameters: Parameters,
    /// When to send it; none is at once.
    pub send_at: Option<Timestamp>,
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
    /// Render and accept it, and send it if it has no time of its own.
    Send {
        /// The id of the message if it becomes one.
        id: MessageId,
        /// What is asked for.
        request: Request,
        /// The template of the request's key, if there is one.
        template: Option<Box<Template>>,
    },
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

impl Message {
    /// Since when it is in the mailbox, if it is.
    pub fn sent_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Sent { sent_at } | State::Read { sent_at, .. } => Some(sent_at),
            State::Scheduled { .. } | State::Cancelled { .. } => None,
        }
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
        (
            _,
            Command::Send {
                id,
                request,
                template,
            },
        ) => match message {
            Some(first) if first.content.request == request => Ok(Outcome::AlreadyApplied),
            Some(_) => Err(Reject::ReferenceMustBeUnused),
            None => send(compose(id, request, template)?, now),
        },
        (None, _) => Err(Reject::MessageMustExist),

        (Some(State::Scheduled { due_at }), Command::SendDue) if due_at <= now => {
            happens(Event::Sent { sent_at: now })
        }
        (Some(_), Command::SendDue) => Ok(Outcome::AlreadyApplied),

        (Some(State::Sent { sent_at }), Command::MarkRead) => happens(Event::Read {
            sent_at,
            read_at: now,
        }),
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

/// Renders what is asked for.
fn compose(
    id: MessageId,
    request: Request,
    template: Option<Box<Template>>,
) -> Result<Content, Reject> {
    let template = template.ok_or(Reject::TemplateMustExist)?;
    let version = template.in_use()?;
    let text = wording::render(&version.wording, &version.parameters, &request.parameters)?;
    Ok(Content {
        id,
        request,
        template_version: version.number,
        text,
    })
}

fn send(content: Content, now: Timestamp) -> Result<Outcome<Event>, Reject> {
    let Some(due_at) = content.request.send_at else {
        let scheduled = Event::Scheduled {
            content: Box::new(content),
            due_at: now,
        };
        return Ok(Outcome::Apply(vec![
            scheduled,
            Event::Sent { sent_at: now },
        ]));
    };
    let ahead = due_at.since(now).filter(|ahead| !ahead.is_zero());
    let ahead = ahead.ok_or(Reject::SendAtMustBeAhead)?;
    if ahead > Duration::from_secs(u64::from(DAYS_AHEAD_MAX) * 24 * 60 * 60) {
        return Err(Reject::SendAtMustBeNear {
            days: DAYS_AHEAD_MAX,
        });
    }
    Ok(Outcome::Apply(vec![Event::Scheduled {
        content: Box::new(content),
        due_at,
    }]))
}

/// Decides and applies: the message after the command, and what happened, which is nothing if it
/// was applied before.
pub fn handle(
    before: Option<Message>,
    command: Command,
    now: Timestamp,
) -> Result<(Message, Vec<Event>), Reject> {
    let (after, events) = decide(before.as_ref(), command, now)?.applied(before, apply);
    Ok((after.ok_or(Reject::MessageMustExist)?, events))
}

/// The message after an event that [`decide`] gave for it.
pub fn apply(message: Option<Message>, event: &Event) -> Option<Message> {
    let state = match *event {
        Event::Scheduled {
            ref content,
            due_at,
        } => {
            return Some(Message {
                content: (**content).clone(),
                revision: 1,
                state: State::Scheduled { due_at },
            });
        }
        Event::Sent { sent_at } => State::Sent { sent_at },
        Event::Read { sent_at, read_at } => State::Read { sent_at, read_at },
        Event::Cancelled { cancelled_at } => State::Cancelled { cancelled_at },
    };
    message.map(|message| Message {
        revision: message.revision + 1,
        state,
        ..message
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::template::{self, Version};
    use super::super::wording::Wording;
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);
    const LATER: Timestamp = Timestamp::from_micros(2_000_000);

    fn name(text: &str) -> Subject {
        Subject::parse(text).expect("a test's subject")
    }

    fn id(last: char) -> MessageId {
        MessageId::parse(&format!("msg_01j0000000000000000000000{last}")).expect("a test's id")
    }

    fn request() -> Request {
        Request {
            sender: name("deals"),
            recipient: name("cus_1"),
            reference: Some(Reference::parse("deal_1").expect("a test's reference")),
            template_key: TemplateKey::parse("deal-executed").expect("a test's key"),
            parameters: Parameters::new(),
            send_at: None,
        }
    }

    fn template(body: &str) -> Box<Template> {
        Box::new(Template {
            key: request().template_key,
            revision: 3,
            newest: Version {
                number: 3,
                wording: Wording {
                    subject: "s".to_owned(),
                    body: body.to_owned(),
                },
                parameters: Vec::new(),
                created_at: NOW,
            },
            state: template::State::InUse,
        })
    }

    fn content() -> Content {
        let text = Text {
            subject: "s".to_owned(),
            body: "b".to_owned(),
        };
        Content {
            id: id('0'),
            request: request(),
            template_version: 3,
            text,
        }
    }

    fn send(change: impl Fn(&mut Request)) -> Command {
        let mut request = request();
        change(&mut request);
        Command::Send {
            id: id('0'),
            request,
            template: Some(template("b")),
        }
    }

    /// What a command did: nothing, or the state and revision it led to.
    type Came = Result<Option<(State, u32)>, Reject>;

    fn come(before: Option<State>, command: Command) -> Came {
        let before = before.map(|state| Message {
            content: content(),
            revision: 7,
            state,
        });
        let (after, events) = handle(before, command, NOW)?;
        assert_eq!(after.content, content(), "what was accepted never changes");
        Ok((!events.is_empty()).then_some((after.state, after.revision)))
    }

    #[test]
    fn a_message_lives_as_its_states_say() {
        let check = |before: Option<State>, command: Command, expected: Came| {
            assert_eq!(
                come(before, command.clone()),
                expected,
                "{before:?} {command:?}"
            );
        };
        let waiting = State::Scheduled { due_at: LATER };
        let due = State::Scheduled { due_at: NOW };
        let past = Timestamp::from_micros(5);
        let sent = State::Sent { sent_at: past };
        let read = State::Read {
            sent_at: past,
            read_at: past,
        };
        let cancelled = State::Cancelled { cancelled_at: past };

        check(None, Command::SendDue, Err(Reject::MessageMustExist));
        check(Some(waiting), Command::SendDue, Ok(None));
        check(
            Some(due),
            Command::SendDue,
            Ok(Some((State::Sent { sent_at: NOW }, 8))),
        );
        check(Some(sent), Command::SendDue, Ok(None));
        check(Some(read), Command::SendDue, Ok(None));
        check(Some(cancelled), Command::SendDue, Ok(None));

        let now_read = State::Read {
            sent_at: past,
            read_at: NOW,
        };
        check(None, Command::MarkRead, Err(Reject::MessageMustExist));
        check(Some(due), Command::MarkRead, Err(Reject::MessageMustExist));
        check(Some(sent), Command::MarkRead, Ok(Some((now_read, 8))));
        check(Some(read), Command::MarkRead, Ok(None));
        check(
            Some(cancelled),
            Command::MarkRead,
            Err(Reject::MessageMustExist),
        );

        let now_cancelled = State::Cancelled { cancelled_at: NOW };
        check(None, Command::Cancel, Err(Reject::MessageMustExist));
        check(Some(waiting), Command::Cancel, Ok(Some((now_cancelled, 8))));
        check(Some(due), Command::Cancel, Ok(Some((now_cancelled, 8))));
        check(
            Some(sent),
            Command::Cancel,
            Err(Reject::MessageMustBeScheduled),
        );
        check(
            Some(read),
            Command::Cancel,
            Err(Reject::MessageMustBeScheduled),
        );
        check(Some(cancelled), Command::Cancel, Ok(None));
    }

    #[test]
    fn a_message_is_sent_at_once_or_at_its_time() {
        let check = |send_at: Option<i64>, expected: Came| {
            let send_at = send_at.map(Timestamp::from_micros);
            let command = send(|request| request.send_at = send_at);
            let came = handle(None, command, NOW).map(|(after, _)| (after.state, after.revision));
            assert_eq!(came.map(Some), expected, "{send_at:?}");
        };
        let days = |days: i64| days * 24 * 60 * 60 * 1_000_000;
        let scheduled = |micros| {
            Ok(Some((
                State::Scheduled {
                    due_at: Timestamp::from_micros(micros),
                },
                1,
            )))
        };
        check(None, Ok(Some((State::Sent { sent_at: NOW }, 2))));
        check(Some(NOW.micros() - 1), Err(Reject::SendAtMustBeAhead));
        check(Some(NOW.micros()), Err(Reject::SendAtMustBeAhead));
        check(Some(NOW.micros() + 1), scheduled(NOW.micros() + 1));
        let furthest = NOW.micros() + days(366);
        check(Some(furthest), scheduled(furthest));
        check(
            Some(furthest + 1),
            Err(Reject::SendAtMustBeNear { days: 366 }),
        );
    }

    #[test]
    fn a_message_is_rendered_from_a_template_in_use() {
        let check = |template: Option<Box<Template>>, expected: Result<(&str, u32), Reject>| {
            let command = Command::Send {
                id: id('0'),
                request: request(),
                template,
            };
            let sent = handle(None, command, NOW).map(|(message, _)| message.content);
            let sent = sent.map(|content| (content.text.body, content.template_version));
            let expected = expected.map(|(body, version)| (body.to_owned(), version));
            assert_eq!(sent, expected);
        };
        check(Some(template("b")), Ok(("b", 3)));
        let mut retired = template("b");
        retired.state = template::State::Retired { retired_at: NOW };
        check(Some(retired), Err(Reject::TemplateMustBeInUse));
        check(None, Err(Reject::TemplateMustExist));
    }

    #[test]
    fn one_reference_is_one_message() {
        let check = |change: fn(&mut Request), expected: Came| {
            let before = Some(State::Sent { sent_at: NOW });
            assert_eq!(come(before, send(change)), expected);
        };
        let other = || Err(Reject::ReferenceMustBeUnused);
        check(|_| (), Ok(None));
        check(|request| request.send_at = Some(LATER), other());
        check(|request| request.recipient = name("cus_2"), other());
        check(
            |request| drop(request.parameters.insert("a".to_owned(), json!(1))),
            other(),
        );
        let repeat = |template| Command::Send {
            id: id('1'),
            request: request(),
            template,
        };
        let before = Some(State::Sent { sent_at: NOW });
        assert_eq!(come(before, repeat(Some(template("other")))), Ok(None));
        assert_eq!(come(before, repeat(None)), Ok(None));
    }
}
