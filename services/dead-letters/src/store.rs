//! What dead letters keeps: its schema, and every SQL statement, by what it is about.
//!
//! Promises: a change of a letter is its row, its history, the count of open letters and what is
//! sent, or nothing; it is saved only over the revision it was decided on. `SELECT *` gives the
//! columns in the order of the table, which only grows at its end. Nothing here decides.

mod event_configs;
mod letters;

use store::{Migration, Schema, Statement};

pub use self::event_configs::{
    count_event_configs, delete_event_config, find_event_config, list_event_configs,
    save_event_config,
};
pub use self::letters::{
    Filter, HistoryEntry, Summary, count_open, find_letter, find_letter_of_message, list_history,
    list_letters, list_open, list_open_counts, purge_letters, save_letter,
};

/// What dead letters keeps in a database.
pub const SCHEMA: Schema = Schema {
    service: "dead-letters",
    sqlite: &[Migration {
        name: "V1__letters",
        sql: include_str!("../migrations/sqlite/V1__letters.sql"),
    }],
    postgres: &[Migration {
        name: "V1__letters",
        sql: include_str!("../migrations/postgres/V1__letters.sql"),
    }],
    statements: STATEMENTS,
};

/// Every statement; a test executes each on both databases.
const STATEMENTS: &[&Statement] = &[
    &letters::FIND_LETTER,
    &letters::FIND_LETTER_OF_MESSAGE,
    &letters::LIST_LETTERS,
    &letters::LIST_OPEN,
    &letters::ADD_LETTER,
    &letters::UPDATE_LETTER,
    &letters::PURGE_LETTERS,
    &letters::ADD_HISTORY,
    &letters::LIST_HISTORY,
    &letters::RAISE_OPEN,
    &letters::LOWER_OPEN,
    &letters::COUNT_OPEN,
    &letters::LIST_OPEN_COUNTS,
    &letters::NEXT_DECISION,
    &event_configs::FIND_EVENT_CONFIG,
    &event_configs::LIST_EVENT_CONFIGS,
    &event_configs::COUNT_EVENT_CONFIGS,
    &event_configs::SAVE_EVENT_CONFIG,
    &event_configs::DELETE_EVENT_CONFIG,
];
