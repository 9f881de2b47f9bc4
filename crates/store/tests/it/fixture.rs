//! The services the tests play: `notes`, and `other`, whose tables are none of its business.

use kit::time::Timestamp;
use store::{Migration, Schema, Statement, Store, StoreError, Tx};
use testkit::in_time;

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

const SQLITE: Statement = Statement {
    name: "sqlite",
    sql: "SELECT sqlite_version()",
};
pub const NUMBER: Statement = Statement {
    name: "number",
    sql: "SELECT pg_current_xact_id()::text",
};
const OLDEST: Statement = Statement {
    name: "oldest",
    sql: "SELECT pg_snapshot_xmin(pg_current_snapshot())::text",
};

/// Waits until what is committed can be read from an outbox. On PostgreSQL that is when older
/// transactions have ended, those of other tests on the same server included.
pub async fn settled(store: &Store) {
    let number = async |statement: &'static Statement, writes: bool| {
        let ask = |tx: &mut Tx<'_>, statement| tx.query(statement, &[])?[0].parsed::<u64>(0);
        if writes {
            store.write(move |tx| ask(tx, statement)).await
        } else {
            store.read(move |tx| ask(tx, statement)).await
        }
    };
    let on_sqlite = store.read(|tx| tx.query(&SQLITE, &[]));
    if on_sqlite.await.is_ok() {
        return;
    }
    let last = number(&NUMBER, true).await.unwrap();
    let ended = async {
        while number(&OLDEST, false).await.unwrap() <= last {
            tokio::task::yield_now().await;
        }
    };
    in_time("every older transaction has ended", ended).await;
}

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
