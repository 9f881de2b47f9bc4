//! Closures that meet: none is lost, the tries are bounded, the unknown is named.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};

use store::{Migration, Schema, Statement, Store, StoreError, Tx};
use testkit::for_each_database;
use testkit::postgres::private_database;
use tokio::task::JoinSet;

use crate::fixture::{ADD, COUNTER_LOAD, COUNTER_STORE, NOTES, add, counter, ids, make_counter};

fn increment(tx: &mut Tx<'_>, between: impl Fn()) -> Result<(), StoreError> {
    let row = tx
        .query_one_opt(&COUNTER_LOAD, &["a".into()])?
        .expect("the counter was made");
    between();
    tx.execute(&COUNTER_STORE, &["a".into(), (row.int(0)? + 1).into()])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_increments_are_all_counted() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let store = store.clone();
            tasks.spawn(async move {
                for _ in 0..5 {
                    store.write(|tx| increment(tx, || {})).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(counter(&store, "a").await, 40);
    })
    .await;
}

/// On PostgreSQL only: on SQLite two closures never run at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_read_the_same_one_runs_again() {
    let database = private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let store = Store::open(&database.database("notes").await, &NOTES, &[])
        .await
        .unwrap();
    make_counter(&store, "a").await;
    let (both_read, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let (store, both_read, runs) = (store.clone(), both_read.clone(), runs.clone());
        let first_run = AtomicBool::new(true);
        tasks.spawn(async move {
            store
                .write(move |tx| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    increment(tx, || {
                        if first_run.swap(false, Ordering::SeqCst) {
                            both_read.wait();
                        }
                    })
                })
                .await
                .unwrap();
        });
    }
    tasks.join_all().await;
    assert_eq!(counter(&store, "a").await, 2);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
}

/// PostgreSQL only: functions that go wrong on purpose.
pub const FAULTS: Schema = Schema {
    service: "faults",
    sqlite: &[],
    postgres: &[Migration {
        name: "V1__faults",
        sql: "CREATE TABLE faults (id bigint PRIMARY KEY);
              CREATE FUNCTION faults_conflict() RETURNS bigint LANGUAGE plpgsql AS $$
              BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$;
              CREATE FUNCTION faults_hang_up() RETURNS trigger LANGUAGE plpgsql AS $$
              BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
              CREATE CONSTRAINT TRIGGER faults_at_commit AFTER INSERT ON faults
              DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION faults_hang_up();
              CREATE FUNCTION faults_warn() RETURNS trigger LANGUAGE plpgsql AS $$
              BEGIN RAISE WARNING 'not replicated'; RETURN NULL; END $$;
              CREATE CONSTRAINT TRIGGER faults_warn_at_commit AFTER DELETE ON faults
              DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION faults_warn();",
    }],
    statements: &[],
};
const CONFLICT: Statement = Statement {
    name: "conflict",
    sql: "SELECT faults_conflict()",
};
pub const HANG_UP_AT_COMMIT: Statement = Statement {
    name: "hang_up_at_commit",
    sql: "INSERT INTO faults (id) VALUES (?1)",
};
pub const WARN_AT_COMMIT: Statement = Statement {
    name: "warn_at_commit",
    sql: "DELETE FROM faults WHERE id = ?1",
};
pub const HANG_UP: Statement = Statement {
    name: "hang_up",
    sql: "SELECT pg_terminate_backend(pg_backend_pid())",
};

/// Runs a statement on a store of `FAULTS`; its outcome and how often it ran.
async fn provoke(store: &Store, statement: &'static Statement) -> (Result<(), StoreError>, u32) {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let outcome = store
        .write(move |tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            if statement.sql.contains("?1") {
                tx.execute(statement, &[1.into()]).map(drop)
            } else {
                tx.query(statement, &[]).map(drop)
            }
        })
        .await;
    (outcome, runs.load(Ordering::SeqCst))
}

#[tokio::test]
async fn postgres_conflicts_are_retried_a_bounded_number_of_times() {
    let database = private_database().await;
    database.migrate(&FAULTS).await.unwrap();
    let store = Store::open(&database.database("faults").await, &FAULTS, &[])
        .await
        .unwrap();
    let tries = kit::limits::TRANSACTION_RETRIES_MAX + 1;
    let (outcome, runs) = provoke(&store, &CONFLICT).await;
    assert_eq!(outcome, Err(StoreError::Contended { attempts: tries }));
    assert_eq!(runs, tries);
}

#[tokio::test]
async fn a_connection_lost_during_commit_is_unknown_and_not_repeated() {
    let database = private_database().await;
    database.migrate(&FAULTS).await.unwrap();
    let store = Store::open(&database.database("faults").await, &FAULTS, &[])
        .await
        .unwrap();

    let (outcome, runs) = provoke(&store, &HANG_UP_AT_COMMIT).await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(error, StoreError::CommitOutcomeUnknown { .. }),
        "{error:?}"
    );
    assert_eq!(error.code().name, "commit_outcome_unknown");
    assert_eq!(runs, 1);

    let (outcome, runs) = provoke(&store, &HANG_UP).await;
    assert!(
        matches!(outcome, Err(StoreError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert_eq!(runs, 1);

    store
        .check()
        .await
        .expect("a broken connection is replaced");
}

#[tokio::test]
async fn a_commit_with_a_warning_is_unknown() {
    let database = private_database().await;
    database.migrate(&FAULTS).await.unwrap();
    let store = Store::open(&database.database("faults").await, &FAULTS, &[])
        .await
        .unwrap();
    database
        .run_as_migrator(
            "SET search_path = faults; \
             ALTER TABLE faults DISABLE TRIGGER faults_at_commit; INSERT INTO faults VALUES (1)",
        )
        .await;
    let (outcome, _) = provoke(&store, &WARN_AT_COMMIT).await;
    assert!(
        matches!(outcome, Err(StoreError::CommitOutcomeUnknown { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_whole_write_or_none() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let write = store.write(|tx| {
            tx.execute(&ADD, &[1.into(), "a".into()])?;
            tx.execute(&ADD, &[2.into(), "b".into()]).map(drop)
        });
        let mut write: std::pin::Pin<Box<dyn Future<Output = Result<(), StoreError>>>> =
            Box::pin(write);
        tokio::select! {
            biased;
            _ = &mut write => {}
            () = tokio::task::yield_now() => {}
        }
        drop(write);
        // The same queue, or as many connections as there are: what was begun has ended.
        while add(&store, 3).await.is_err() {}
        let ids = ids(&store).await;
        assert!(ids == [3] || ids == [1, 2, 3], "{ids:?}");
    })
    .await;
}
