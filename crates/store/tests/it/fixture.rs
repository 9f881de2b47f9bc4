//! The services the tests play: `notes`, and `other`, whose tables are none of its business.

use kit::time::Timestamp;
use store::{Migration, Schema, Statement, Store, StoreError};

/// When tests take place.
pub const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

pub const ADD: Statement = Statement {
    name: "add",
    sql: "INSERT INTO notes (id, body) VALUES (?1, ?2)",
};
pub const COUNT: Statement = Statement {
    name: "count",
    sql: "SELECT count(*) FROM notes",
};
pub const LIST: Statement = Statement {
    name: "list",
    sql: "SELECT id FROM notes ORDER BY id",
};
pub const TAG: Statement = Statement {
    name: "tag",
    sql: "INSERT INTO notes_tag (note, tag) VALUES (?1, ?2)",
};
pub const COUNTER_INSERT: Statement = Statement {
    name: "counter_insert",
    sql: "INSERT INTO notes_counter (name, count) VALUES (?1, ?2)",
};
pub const COUNTER_LOAD: Statement = Statement {
    name: "counter_load",
    sql: "SELECT count FROM notes_counter WHERE name = ?1",
};
pub const COUNTER_STORE: Statement = Statement {
    name: "counter_store",
    sql: "UPDATE notes_counter SET count = ?2 WHERE name = ?1",
};

pub const STATEMENTS: &[&Statement] = &[
    &ADD,
    &COUNT,
    &LIST,
    &TAG,
    &COUNTER_INSERT,
    &COUNTER_LOAD,
    &COUNTER_STORE,
];

pub const TOPIC: &str = "notes.note_added";

pub const NOTES: Schema = Schema {
    service: "notes",
    sqlite: &[Migration {
        name: "V1__notes",
        sql: include_str!("migrations/sqlite/V1__notes.sql"),
    }],
    postgres: &[Migration {
        name: "V1__notes",
        sql: include_str!("migrations/postgres/V1__notes.sql"),
    }],
    statements: STATEMENTS,
};

pub const OTHER: Schema = Schema {
    service: "other",
    sqlite: &[Migration {
        name: "V1__other",
        sql: "CREATE TABLE other_item (id INTEGER PRIMARY KEY, body TEXT) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__other",
        sql: "CREATE TABLE other_item (id bigint PRIMARY KEY, body text)",
    }],
    statements: &[],
};

/// Adds a note.
pub async fn add(store: &Store, id: i64) -> Result<(), StoreError> {
    store
        .write(move |tx| tx.execute(&ADD, &[id.into(), "a note".into()]).map(drop))
        .await
}

/// The ids of all notes.
pub async fn ids(store: &Store) -> Vec<i64> {
    store
        .read(|tx| tx.query(&LIST, &[])?.iter().map(|row| row.int(0)).collect())
        .await
        .map_err(|error: StoreError| error)
        .unwrap()
}

/// The value of a counter.
pub async fn counter(store: &Store, name: &'static str) -> i64 {
    store
        .read(move |tx| {
            let row = tx.query_one_opt(&COUNTER_LOAD, &[name.into()])?;
            row.expect("the counter was made").int(0)
        })
        .await
        .map_err(|error: StoreError| error)
        .unwrap()
}

/// Makes a counter that stands at 0.
pub async fn make_counter(store: &Store, name: &'static str) {
    store
        .write(move |tx| {
            tx.execute(&COUNTER_INSERT, &[name.into(), 0.into()])
                .map(drop)
        })
        .await
        .map_err(|error: StoreError| error)
        .unwrap();
}
