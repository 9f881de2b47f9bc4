//! What notifications keeps: its schema, and every SQL statement, by what it is about.
//!
//! Promises: a change of a message or template is its row, its history and its events, or nothing;
//! it is saved only over the revision it was decided on. Whose a row is, is part of the statement.
//! `SELECT *` gives the columns in the order of the table, which only grows at its end. Nothing
//! here decides.

mod messages;
mod templates;

use store::{Migration, Schema, Statement};

pub use self::messages::{
    Place, find_message, find_message_by_reference, find_message_of_recipient,
    find_message_of_sender, list_due, list_mailbox, list_message_history, list_of_recipient,
    list_unread, purge_messages, save_message,
};
pub use self::templates::{find_template, list_template_history, list_templates, save_template};

/// What notifications keeps in a database.
pub const SCHEMA: Schema = Schema {
    service: "notifications",
    sqlite: &[Migration {
        name: "V1__templates_and_messages",
        sql: include_str!("../migrations/sqlite/V1__templates_and_messages.sql"),
    }],
    postgres: &[Migration {
        name: "V1__templates_and_messages",
        sql: include_str!("../migrations/postgres/V1__templates_and_messages.sql"),
    }],
    statements: STATEMENTS,
};

/// Every statement; a test executes each on both databases.
const STATEMENTS: &[&Statement] = &[
    &messages::FIND_MESSAGE,
    &messages::FIND_MESSAGE_OF_SENDER,
    &messages::FIND_MESSAGE_OF_RECIPIENT,
    &messages::FIND_MESSAGE_BY_REFERENCE,
    &messages::LIST_MAILBOX,
    &messages::LIST_UNREAD,
    &messages::LIST_OF_RECIPIENT,
    &messages::LIST_DUE,
    &messages::ADD_MESSAGE,
    &messages::UPDATE_MESSAGE,
    &messages::PURGE_MESSAGES,
    &messages::ADD_MESSAGE_HISTORY,
    &messages::LIST_MESSAGE_HISTORY,
    &templates::FIND_TEMPLATE,
    &templates::LIST_TEMPLATES,
    &templates::SAVE_TEMPLATE,
    &templates::ADD_TEMPLATE_VERSION,
    &templates::ADD_TEMPLATE_HISTORY,
    &templates::LIST_TEMPLATE_HISTORY,
];

/// The revision that events led away from: each raised it by one.
fn revision_before<E>(revision: u32, events: &[E]) -> u32 {
    let changes = u32::try_from(events.len()).expect("a command causes a handful of events");
    revision
        .checked_sub(changes)
        .expect("a revision counts every event")
}
