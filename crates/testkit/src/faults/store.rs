//! The tables of the service `faults`, and closures that meet what a store can meet.
//!
//! Promises: every error that comes out of here was made by the store or its database.

use std::sync::Arc;

use kit::time::Timestamp;
use store::{
    Envelope, Migration, PARKED_ROWS_MAX, Parked, Row, Schema, Statement, Store, StoreError, Tx,
};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use uuid::Uuid;

const THING_INSERT: Statement = Statement {
    name: "thing_insert",
    sql: "INSERT INTO faults_thing (id, body, version) VALUES (?1, ?2, 1)",
};
const THING_VERSION: Statement = Statement {
    name: "thing_version",
    sql: "SELECT version FROM faults_thing WHERE id = ?1",
};
const THING_LIST: Statement = Statement {
    name: "thing_list",
    sql: "SELECT body FROM faults_thing ORDER BY id LIMIT 1000",
};
const COUNT_LOAD: Statement = Statement {
    name: "count_load",
    sql: "SELECT count FROM faults_count WHERE id = 1",
};
const COUNT_STORE: Statement = Statement {
    name: "count_store",
    sql: "UPDATE faults_count SET count = ?1 WHERE id = 1",
};
/// Never ends by itself.
const ENDLESS: Statement = Statement {
    name: "endless",
    sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
          SELECT count(i) FROM n",
};
/// PostgreSQL: the connection ends while the server checks, at the commit.
const HANG_UP: Statement = Statement {
    name: "hang_up",
    sql: "INSERT INTO faults_hang_up (id) VALUES (1)",
};

/// As many events are parked as may be.
const PARK_ALL: Statement = Statement {
    name: "park_all",
    sql: "INSERT INTO faults_parked_topics (topic, parked) VALUES (?1, ?2)",
};

/// A topic it could publish on, if there were room.
pub(super) const TOPIC: &str = "faults.things";

/// The tables.
pub(super) const SCHEMA: Schema = Schema {
    service: "faults",
    sqlite: &[Migration {
        name: "V1__faults",
        sql: "CREATE TABLE faults_thing (id INTEGER PRIMARY KEY, body TEXT NOT NULL, \
              version INTEGER NOT NULL) STRICT;
              CREATE TABLE faults_count (id INTEGER PRIMARY KEY, count INTEGER NOT NULL) STRICT;
              INSERT INTO faults_count (id, count) VALUES (1, 0);",
    }],
    postgres: &[Migration {
        name: "V1__faults",
        sql: "CREATE TABLE faults_thing (id bigint PRIMARY KEY, body text NOT NULL, \
              version bigint NOT NULL);
              CREATE TABLE faults_count (id bigint PRIMARY KEY, count bigint NOT NULL);
              INSERT INTO faults_count (id, count) VALUES (1, 0);
              CREATE TABLE faults_hang_up (id bigint PRIMARY KEY);
              CREATE FUNCTION faults_end_session() RETURNS trigger LANGUAGE plpgsql AS $$
              BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
              CREATE CONSTRAINT TRIGGER faults_at_commit AFTER INSERT ON faults_hang_up
              DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION faults_end_session();",
    }],
    statements: &[&THING_INSERT, &THING_VERSION, &THING_LIST],
};

/// Adds a thing; one of this id must not be there.
pub(super) fn insert(tx: &mut Tx<'_>, id: i64, body: &str) -> Result<(), StoreError> {
    tx.execute(&THING_INSERT, &[id.into(), body.into()])
        .map(drop)
}

/// The version of a thing, if there is one.
pub(super) fn find_version(tx: &mut Tx<'_>, id: i64) -> Result<Option<i64>, StoreError> {
    let row = tx.query_one_opt(&THING_VERSION, &[id.into()])?;
    row.map(|row| row.int(0)).transpose()
}

/// Every thing's body.
pub(super) fn list(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(&THING_LIST, &[])?;
    rows.iter().map(|row: &Row| row.text(0)).collect()
}

/// A statement that only the limit on statements ends.
pub(super) async fn endless(store: &Store) -> Result<(), StoreError> {
    store.read(|tx| tx.query(&ENDLESS, &[]).map(drop)).await
}

/// Work of the beginning of time.
pub(super) async fn old_work(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let noted = store.write(move |tx| tx.note_work(Uuid::nil(), Timestamp::MIN, now));
    noted.await.map(drop)
}

/// An event for an outbox that nobody empties.
pub(super) async fn outbox_full(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let event = Envelope {
        id: Uuid::nil(),
        topic: TOPIC.to_owned(),
        key: "thing".to_owned(),
        version: 1,
        document: "{}".to_owned(),
        created: now,
    };
    store.set_outbox_full(true);
    let published = store.write(move |tx| tx.publish(&event)).await;
    store.set_outbox_full(false);
    published
}

/// An event that is to wait behind as many as may wait.
pub(super) async fn parked_full(store: &Store, now: Timestamp) -> Result<(), StoreError> {
    let parked = Parked {
        id: Uuid::nil(),
        topic: TOPIC.to_owned(),
        key: "thing".to_owned(),
        version: 1,
        document: "{}".to_owned(),
        created: now,
        parked_at: now,
        attempts: 1,
        due: now,
        dead: false,
        error: String::new(),
    };
    let written = store.write(move |tx| {
        tx.execute(&PARK_ALL, &[TOPIC.into(), PARKED_ROWS_MAX.into()])?;
        tx.park(&parked)
    });
    written.await
}

/// A change of a row that another transaction changes each time between its read and its write.
pub(super) async fn overtaken(store: &Store) -> Result<(), StoreError> {
    let other = store.clone();
    let written = store.write(move |tx| {
        let seen = count(tx)?;
        let overtaking = other.write(|tx| {
            let seen = count(tx)?;
            tx.execute(&COUNT_STORE, &[(seen + 1).into()])
        });
        // The closure runs on a thread where it may block.
        Handle::current().block_on(overtaking)?;
        tx.execute(&COUNT_STORE, &[(seen + 10).into()])
    });
    written.await.map(drop)
}

/// A write whose connection ends during its commit; PostgreSQL only.
pub(super) async fn hang_up(store: &Store) -> Result<(), StoreError> {
    store.write(|tx| tx.execute(&HANG_UP, &[]).map(drop)).await
}

/// A read that keeps its connection until the test lets go.
pub(super) async fn hold(
    store: &Store,
    entered: Arc<Notify>,
    release: Arc<Notify>,
) -> Result<(), StoreError> {
    let held = store.read(move |tx| {
        count(tx)?;
        entered.notify_one();
        Handle::current().block_on(release.notified());
        Ok(())
    });
    held.await
}

fn count(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    let row = tx.query_one_opt(&COUNT_LOAD, &[])?;
    row.expect("the migration made the row").int(0)
}
