//! The limits of a login on PostgreSQL: what ends, by which name, and what is left of it.
//!
//! They are set in milliseconds here; one test says what they are when nobody sets them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use kit::random::SystemRandom;
use store::{Database, PostgresLogin, Statement, Store, StoreError};
use testkit::postgres::{PrivateDatabase, private_database};
use tokio::sync::Notify;

use crate::fixture::{ADD, COUNTER_STORE, NOTES, add, counter, ids, make_counter};

/// Much longer than any limit here, and than the ten seconds of a login without one.
const SLEEP: Statement = Statement {
    name: "sleep",
    sql: "SELECT pg_sleep(60)",
};
const WHO: Statement = Statement {
    name: "who",
    sql: "SELECT pg_backend_pid()",
};
const SETTINGS: Statement = Statement {
    name: "settings",
    sql: "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), \
          current_setting('idle_in_transaction_session_timeout')",
};

/// Long enough for the statements of a start, short enough for a test to wait for.
const SHORT: Duration = Duration::from_millis(300);

/// Less than any limit of a login that was not told another.
const SOON: Duration = Duration::from_secs(4);

/// What comes long before the limits of a login without any of its own.
async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    let awaited = tokio::time::timeout(SOON, awaited).await;
    awaited.expect("the limit that was set holds")
}

async fn migrated() -> PrivateDatabase {
    let database = private_database().await;
    database.migrate(&NOTES).await.unwrap();
    database
}

async fn login(database: &PrivateDatabase) -> PostgresLogin {
    let url = database.login_url("notes").await;
    PostgresLogin::new(&url, Arc::new(SystemRandom))
}

async fn open(login: PostgresLogin) -> Store {
    Store::open(&Database::Postgres(login), &NOTES, &[])
        .await
        .unwrap()
}

/// The server's process behind the store's only connection.
async fn connection(store: &Store) -> i64 {
    let found = store.read(|tx| tx.query(&WHO, &[])?[0].int(0)).await;
    found.map_err(|error: StoreError| error).unwrap()
}

async fn settings(store: &Store) -> [String; 3] {
    let found = store.read(|tx| {
        let row = &tx.query(&SETTINGS, &[])?[0];
        Ok([row.text(0)?, row.text(1)?, row.text(2)?])
    });
    found.await.map_err(|error: StoreError| error).unwrap()
}

/// A write that has changed the counter `a` to 7 and holds its row, and its connection, until the
/// answered sender says so or is gone.
fn holding(store: &Store, held: &Arc<Notify>) -> (Sender<()>, impl Future<Output = ()>) {
    let (release, released) = channel();
    let (store, held) = (store.clone(), held.clone());
    let write = async move {
        let written = store.write(move |tx| {
            tx.execute(&COUNTER_STORE, &["a".into(), 7.into()])?;
            held.notify_one();
            let _ = released.recv();
            Ok::<_, StoreError>(())
        });
        written.await.unwrap();
    };
    (release, write)
}

#[tokio::test]
async fn a_statement_that_runs_too_long_ends_by_name_and_takes_its_transaction_along() {
    let database = migrated().await;
    let short = login(&database).await.with_connections_max(1);
    let store = open(short.with_statement_timeout(SHORT)).await;
    let before = connection(&store).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let outcome = store.write(move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        tx.execute(&ADD, &[1.into(), "half done".into()])?;
        tx.query(&SLEEP, &[]).map(drop)
    });
    let error: StoreError = soon(outcome).await.unwrap_err();
    let statement = "sleep".to_owned();
    assert_eq!(error, StoreError::StatementTooSlow { statement });
    assert_eq!(error.code().name, "statement_must_end_in_time");
    assert_eq!(runs.load(Ordering::SeqCst), 1, "it is not repeated");
    assert!(ids(&store).await.is_empty(), "nothing of it is kept");
    add(&store, 2).await.unwrap();
    assert_eq!(ids(&store).await, [2]);
    assert_eq!(connection(&store).await, before, "the same connection");
}

#[tokio::test]
async fn a_read_that_runs_too_long_ends_too() {
    let database = migrated().await;
    let store = open(login(&database).await.with_statement_timeout(SHORT)).await;
    let outcome = soon(store.read(|tx| tx.query(&SLEEP, &[]).map(drop))).await;
    let statement = "sleep".to_owned();
    assert_eq!(outcome, Err(StoreError::StatementTooSlow { statement }));
}

#[tokio::test]
async fn a_wait_for_a_lock_ends_by_name_and_takes_its_transaction_along() {
    let database = migrated().await;
    let holder = open(login(&database).await).await;
    make_counter(&holder, "a").await;
    let short = login(&database).await.with_connections_max(1);
    let waiter = open(short.with_lock_timeout(SHORT)).await;
    let before = connection(&waiter).await;
    let held = Arc::new(Notify::new());
    let (release, hold) = holding(&holder, &held);
    let wait = async {
        held.notified().await;
        let outcome = waiter.write(|tx| {
            tx.execute(&ADD, &[1.into(), "half done".into()])?;
            tx.execute(&COUNTER_STORE, &["a".into(), 9.into()])
        });
        let error: StoreError = soon(outcome).await.unwrap_err();
        let statement = "counter_store".to_owned();
        assert_eq!(error, StoreError::StatementTooSlow { statement });
        assert_eq!(error.code().name, "statement_must_end_in_time");
        assert!(ids(&waiter).await.is_empty(), "nothing of it is kept");
        // What needs no lock of the other's goes on meanwhile.
        add(&waiter, 2).await.unwrap();
        drop(release);
    };
    tokio::join!(hold, wait);
    assert_eq!(
        counter(&waiter, "a").await,
        7,
        "whoever held it was not hurt"
    );
    let again = waiter.write(|tx| tx.execute(&COUNTER_STORE, &["a".into(), 9.into()]));
    again.await.map_err(|error: StoreError| error).unwrap();
    assert_eq!(counter(&holder, "a").await, 9);
    assert_eq!(connection(&waiter).await, before, "the same connection");
}

#[tokio::test]
async fn a_wait_for_a_connection_ends_by_name() {
    let database = migrated().await;
    let one = login(&database).await.with_connections_max(1);
    let store = open(one.with_connection_wait(SHORT)).await;
    make_counter(&store, "a").await;
    let held = Arc::new(Notify::new());
    let (release, hold) = holding(&store, &held);
    let wait = async {
        held.notified().await;
        assert_eq!(soon(add(&store, 1)).await, Err(StoreError::Busy));
        drop(release);
    };
    tokio::join!(hold, wait);
    assert_eq!(StoreError::Busy.code().name, "store_must_have_room");
    assert!(ids(&store).await.is_empty());
    add(&store, 2).await.unwrap();
}

/// `docs/operations/store.md` says so.
#[tokio::test]
async fn a_login_has_limits_without_being_told() {
    let database = migrated().await;
    let store = open(login(&database).await).await;
    assert_eq!(settings(&store).await, ["10s", "5s", "15s"]);
}

/// The server understands 0 as "for ever" and refuses what does not fit 32 bits.
#[tokio::test]
async fn no_time_at_all_and_for_ever_are_the_shortest_and_the_longest_there_are() {
    let database = migrated().await;
    let store = open(login(&database).await.with_lock_timeout(Duration::ZERO)).await;
    assert_eq!(settings(&store).await[1], "1ms");
    let long = login(&database).await.with_lock_timeout(Duration::MAX);
    let store = open(long.with_statement_timeout(Duration::MAX)).await;
    let longest = "2147483647ms";
    assert_eq!(settings(&store).await[..2], [longest, longest]);
}
