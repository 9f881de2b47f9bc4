//! Statements and rows of messages.

use std::fmt;
use std::str::FromStr;

use contracts::notifications::{MessageCancelled, MessageId, MessageRead, MessageSent};
use host::{Change, HistoryLine};
use kit::name::Subject;
use kit::time::Timestamp;
use serde_json::Value as Json;
use store::{Row, Statement, StoreError, Tx, Value};

use super::revision_before;
use crate::domain::message::{Content, Event, Message, Request, State};
use crate::domain::names::Reference;
use crate::domain::parameters::Parameters;
use crate::domain::wording::Text;

pub(super) const FIND_MESSAGE: Statement = Statement {
    name: "find_message",
    sql: "SELECT * FROM notifications_messages WHERE id = ?1",
};

pub(super) const FIND_MESSAGE_OF_SENDER: Statement = Statement {
    name: "find_message_of_sender",
    sql: "SELECT * FROM notifications_messages WHERE id = ?1 AND sender = ?2",
};

pub(super) const FIND_MESSAGE_OF_RECIPIENT: Statement = Statement {
    name: "find_message_of_recipient",
    sql: "SELECT * FROM notifications_messages \
          WHERE id = ?1 AND recipient = ?2 AND sent_at IS NOT NULL",
};

pub(super) const FIND_MESSAGE_BY_REFERENCE: Statement = Statement {
    name: "find_message_by_reference",
    sql: "SELECT * FROM notifications_messages WHERE sender = ?1 AND reference = ?2",
};

pub(super) const LIST_MAILBOX: Statement = Statement {
    name: "list_mailbox",
    sql: "SELECT * FROM notifications_messages \
          WHERE recipient = ?1 AND sent_at IS NOT NULL AND (sent_at, id) < (?2, ?3) \
          ORDER BY sent_at DESC, id DESC LIMIT ?4",
};

pub(super) const LIST_UNREAD: Statement = Statement {
    name: "list_unread",
    sql: "SELECT * FROM notifications_messages \
          WHERE recipient = ?1 AND state = 'sent' AND (sent_at, id) < (?2, ?3) \
          ORDER BY sent_at DESC, id DESC LIMIT ?4",
};

pub(super) const LIST_OF_RECIPIENT: Statement = Statement {
    name: "list_of_recipient",
    sql: "SELECT * FROM notifications_messages \
          WHERE recipient = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
};

pub(super) const LIST_DUE: Statement = Statement {
    name: "list_due",
    sql: "SELECT * FROM notifications_messages \
          WHERE state = 'scheduled' AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
};

pub(super) const ADD_MESSAGE: Statement = Statement {
    name: "add_message",
    sql: "INSERT INTO notifications_messages \
          (id, revision, state, due_at, sent_at, read_at, cancelled_at, \
          sender, recipient, reference, template_key, template_version, \
          parameters, subject, body, send_at) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
};

pub(super) const UPDATE_MESSAGE: Statement = Statement {
    name: "update_message",
    sql: "UPDATE notifications_messages SET revision = ?2, state = ?3, \
          due_at = ?4, sent_at = ?5, read_at = ?6, cancelled_at = ?7 \
          WHERE id = ?1 AND revision = ?8",
};

/// The history goes with its message (ON DELETE CASCADE).
pub(super) const PURGE_MESSAGES: Statement = Statement {
    name: "purge_messages",
    sql: "DELETE FROM notifications_messages WHERE id IN \
          (SELECT id FROM notifications_messages \
          WHERE sent_at < ?1 OR cancelled_at < ?1 LIMIT ?2)",
};

pub(super) const ADD_MESSAGE_HISTORY: Statement = Statement {
    name: "add_message_history",
    sql: "INSERT INTO notifications_message_history \
          (message_id, revision, change, changed_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
};

pub(super) const LIST_MESSAGE_HISTORY: Statement = Statement {
    name: "list_message_history",
    sql: "SELECT h.revision, h.change, h.changed_by, h.changed_at, h.message_id \
          FROM notifications_message_history h \
          JOIN notifications_messages m ON m.id = h.message_id \
          WHERE m.recipient = ?1 AND m.id BETWEEN ?2 AND ?3 \
          ORDER BY h.message_id, h.revision",
};

/// A place in a mailbox, which is ordered by when messages were sent; as text, the key of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// When the message there was sent.
    pub sent_at: Timestamp,
    /// The message there.
    pub id: MessageId,
}

impl Place {
    /// Before the newest message.
    pub const FIRST: Self = Self {
        sent_at: Timestamp::MAX,
        id: MessageId::MAX,
    };

    /// The place of a message, if it is in a mailbox.
    pub fn of(message: &Message) -> Option<Self> {
        Some(Self {
            sent_at: message.sent_at()?,
            id: message.content.id,
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.sent_at, self.id)
    }
}

/// A text that is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("place must be a time and a message id")]
pub struct PlaceError;

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (sent_at, id) = text.split_once(' ').ok_or(PlaceError)?;
        Ok(Self {
            sent_at: sent_at.parse().map_err(|_| PlaceError)?,
            id: id.parse().map_err(|_| PlaceError)?,
        })
    }
}

/// The message, whoever it belongs to.
pub fn find_message(tx: &mut Tx<'_>, id: MessageId) -> Result<Option<Message>, StoreError> {
    find(tx, &FIND_MESSAGE, &[id.into()])
}

/// The message, if `sender` asked for it.
pub fn find_message_of_sender(
    tx: &mut Tx<'_>,
    id: MessageId,
    sender: &Subject,
) -> Result<Option<Message>, StoreError> {
    find(tx, &FIND_MESSAGE_OF_SENDER, &[id.into(), sender.into()])
}

/// The message, if it is in the mailbox of `recipient`.
pub fn find_message_of_recipient(
    tx: &mut Tx<'_>,
    id: MessageId,
    recipient: &Subject,
) -> Result<Option<Message>, StoreError> {
    find(
        tx,
        &FIND_MESSAGE_OF_RECIPIENT,
        &[id.into(), recipient.into()],
    )
}

/// The message to which `sender` gave this reference.
pub fn find_message_by_reference(
    tx: &mut Tx<'_>,
    sender: &Subject,
    reference: &Reference,
) -> Result<Option<Message>, StoreError> {
    find(
        tx,
        &FIND_MESSAGE_BY_REFERENCE,
        &[sender.into(), reference.into()],
    )
}

/// The mailbox of `recipient` after a place, newest first.
pub fn list_mailbox(
    tx: &mut Tx<'_>,
    recipient: &Subject,
    after: Place,
    rows: u32,
) -> Result<Vec<Message>, StoreError> {
    let values = [
        recipient.into(),
        after.sent_at.into(),
        after.id.into(),
        rows.into(),
    ];
    list(tx, &LIST_MAILBOX, &values)
}

/// What is unread in the mailbox of `recipient` after a place, newest first.
pub fn list_unread(
    tx: &mut Tx<'_>,
    recipient: &Subject,
    after: Place,
    rows: u32,
) -> Result<Vec<Message>, StoreError> {
    let values = [
        recipient.into(),
        after.sent_at.into(),
        after.id.into(),
        rows.into(),
    ];
    list(tx, &LIST_UNREAD, &values)
}

/// All messages for `recipient`, also those not sent, that were accepted before `before`; newest
/// first.
pub fn list_of_recipient(
    tx: &mut Tx<'_>,
    recipient: &Subject,
    before: MessageId,
    rows: u32,
) -> Result<Vec<Message>, StoreError> {
    list(
        tx,
        &LIST_OF_RECIPIENT,
        &[recipient.into(), before.into(), rows.into()],
    )
}

/// The histories of the messages for `recipient` from one id to another, oldest change first.
pub fn list_message_history(
    tx: &mut Tx<'_>,
    recipient: &Subject,
    from: MessageId,
    to: MessageId,
) -> Result<Vec<(MessageId, HistoryLine)>, StoreError> {
    tx.query(
        &LIST_MESSAGE_HISTORY,
        &[recipient.into(), from.into(), to.into()],
    )?
    .iter()
    .map(|row| Ok((row.id(4)?, HistoryLine::of(row)?)))
    .collect()
}

/// Scheduled messages whose time has come, the longest due first.
pub fn list_due(tx: &mut Tx<'_>, now: Timestamp, rows: u32) -> Result<Vec<Message>, StoreError> {
    list(tx, &LIST_DUE, &[now.into(), rows.into()])
}

/// Deletes messages sent or cancelled before `before`, with their histories; says how many.
pub fn purge_messages(tx: &mut Tx<'_>, before: Timestamp, rows: u32) -> Result<u64, StoreError> {
    tx.execute(&PURGE_MESSAGES, &[before.into(), rows.into()])
}

/// Saves a message after `events`, with its history and its public events; without events nothing
/// is saved.
pub fn save_message(
    tx: &mut Tx<'_>,
    change: &Change,
    message: &Message,
    events: &[Event],
) -> Result<(), StoreError> {
    let mut revision = revision_before(message.revision, events);
    if events.is_empty() {
        return Ok(());
    }
    let saved = if revision == 0 {
        tx.execute(
            &ADD_MESSAGE,
            &[state_values(message), content_values(&message.content)].concat(),
        )?
    } else {
        tx.execute(
            &UPDATE_MESSAGE,
            &[state_values(message), vec![revision.into()]].concat(),
        )?
    };
    assert_eq!(saved, 1, "a transaction sees the revision it read");
    for event in events {
        revision += 1;
        let word = announce(tx, change, &message.content, revision, event)?;
        let (id, by) = (message.content.id.into(), (&change.by).into());
        let line = [id, revision.into(), word.into(), by, change.at.into()];
        tx.execute(&ADD_MESSAGE_HISTORY, &line)?;
    }
    Ok(())
}

/// Publishes what others may know of an event; says its word in the history.
fn announce(
    tx: &mut Tx<'_>,
    change: &Change,
    content: &Content,
    revision: u32,
    event: &Event,
) -> Result<&'static str, StoreError> {
    let message_id = content.id;
    let recipient = content.request.recipient.to_string();
    let reference = content.request.reference.as_ref().map(Reference::to_string);
    match *event {
        Event::Scheduled { .. } => Ok("scheduled"),
        Event::Sent { sent_at } => {
            let sent = MessageSent {
                message_id,
                revision,
                recipient,
                sender: content.request.sender.to_string(),
                reference,
                template_key: content.request.template_key.to_string(),
                template_version: content.template_version,
                sent_at,
            };
            change.publish(tx, &sent).map(|()| "sent")
        }
        Event::Read { read_at, .. } => {
            let read = MessageRead {
                message_id,
                revision,
                recipient,
                read_at,
            };
            change.publish(tx, &read).map(|()| "read")
        }
        Event::Cancelled { cancelled_at } => {
            let cancelled = MessageCancelled {
                message_id,
                revision,
                recipient,
                reference,
                cancelled_at,
            };
            change.publish(tx, &cancelled).map(|()| "cancelled")
        }
    }
}

fn find(
    tx: &mut Tx<'_>,
    statement: &Statement,
    values: &[Value],
) -> Result<Option<Message>, StoreError> {
    tx.query_one_opt(statement, values)?
        .as_ref()
        .map(message)
        .transpose()
}

fn list(
    tx: &mut Tx<'_>,
    statement: &Statement,
    values: &[Value],
) -> Result<Vec<Message>, StoreError> {
    tx.query(statement, values)?.iter().map(message).collect()
}

/// The id, the revision and the columns of the state, each present only in its states.
fn state_values(message: &Message) -> Vec<Value> {
    let none = None::<Timestamp>;
    let (word, due_at, sent_at, read_at, cancelled_at) = match message.state {
        State::Scheduled { due_at } => ("scheduled", Some(due_at), none, none, none),
        State::Sent { sent_at } => ("sent", none, Some(sent_at), none, none),
        State::Read { sent_at, read_at } => ("read", none, Some(sent_at), Some(read_at), none),
        State::Cancelled { cancelled_at } => ("cancelled", none, none, none, Some(cancelled_at)),
    };
    vec![
        message.content.id.into(),
        message.revision.into(),
        word.into(),
        due_at.into(),
        sent_at.into(),
        read_at.into(),
        cancelled_at.into(),
    ]
}

fn content_values(content: &Content) -> Vec<Value> {
    let request = &content.request;
    vec![
        (&request.sender).into(),
        (&request.recipient).into(),
        request.reference.as_ref().into(),
        (&request.template_key).into(),
        content.template_version.into(),
        (&Json::Object(request.parameters.clone())).into(),
        content.text.subject.as_str().into(),
        content.text.body.as_str().into(),
        request.send_at.into(),
    ]
}

fn message(row: &Row) -> Result<Message, StoreError> {
    Ok(Message {
        content: Content {
            id: row.id(0)?,
            request: Request {
                sender: row.parsed(2)?,
                recipient: row.parsed(3)?,
                reference: row.opt_parsed(4)?,
                template_key: row.parsed(5)?,
                parameters: parameters(row, 7)?,
                send_at: row.opt_timestamp(10)?,
            },
            template_version: row.count(6)?,
            text: Text {
                subject: row.text(8)?,
                body: row.text(9)?,
            },
        },
        revision: row.count(1)?,
        state: state(row)?,
    })
}

fn parameters(row: &Row, column: usize) -> Result<Parameters, StoreError> {
    match row.json(column)? {
        Json::Object(parameters) => Ok(parameters),
        _ => Err(row.misfit(column, "parameters by name")),
    }
}

fn state(row: &Row) -> Result<State, StoreError> {
    match row.text(11)?.as_str() {
        "scheduled" => Ok(State::Scheduled {
            due_at: row.timestamp(12)?,
        }),
        "sent" => Ok(State::Sent {
            sent_at: row.timestamp(13)?,
        }),
        "read" => Ok(State::Read {
            sent_at: row.timestamp(13)?,
            read_at: row.timestamp(14)?,
        }),
        "cancelled" => Ok(State::Cancelled {
            cancelled_at: row.timestamp(15)?,
        }),
        _ => Err(row.misfit(11, "the state of a message")),
    }
}
