//! Writes that go out together, and writes nobody waits for: what fails among them fails all, by
//! its own name, and leaves the connection as it should be.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use kit::random::SystemRandom;
use store::{
    Constraint, Database, Envelope, PostgresLogin, Statement, Store, StoreError, Tx, Value,
};
use testkit::for_each_database;
use testkit::postgres::{PrivateDatabase, private_database};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::contention::{FAULTS, HANG_UP, HANG_UP_AT_COMMIT, WARN_AT_COMMIT};
use crate::fixture::{
    ADD, COUNT, COUNTER_LOAD, COUNTER_STORE, NOTES, NOW, TOPIC, add, counter, ids, make_counter,
    settled,
};

/// Rows enough to go out in several portions.
const MANY: i64 = 700;

const CONFLICT_LATER: Statement = Statement {
    name: "conflict_later",
    sql: "INSERT INTO faults (id) SELECT faults_conflict()",
};
const HANG_UP_LATER: Statement = Statement {
    name: "hang_up_later",
    sql: "INSERT INTO faults (id) SELECT 7 WHERE pg_terminate_backend(pg_backend_pid())",
};
const SLEEP_LATER: Statement = Statement {
    name: "sleep_later",
    sql: "INSERT INTO notes (id, body) SELECT 9, 'late' FROM pg_sleep(30)",
};

fn note(id: i64) -> [Value; 2] {
    [id.into(), "a note".into()]
}

fn refused(outcome: Result<(), StoreError>, statement: &str) {
    match outcome {
        Err(StoreError::ConstraintViolated {
            statement: name,
            kind: Constraint::Unique,
            ..
        }) => assert_eq!(name, statement),
        other => panic!("{other:?}"),
    }
}

async fn faults() -> (PrivateDatabase, Store) {
    let database = private_database().await;
    database.migrate(&FAULTS).await.unwrap();
    let login = database.database("faults").await;
    let store = Store::open(&login, &FAULTS, &[]).await.unwrap();
    (database, store)
}

#[tokio::test]
async fn of_rows_of_which_one_is_refused_none_is_kept_and_the_store_goes_on() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        for twice in [0, 1, 255, 256, 300, MANY - 1] {
            let outcome = store
                .write(move |tx| {
                    let mut rows: Vec<_> = (0..MANY).map(note).collect();
                    rows.insert(usize::try_from(twice).unwrap() + 1, note(twice));
                    tx.execute_many(&ADD, &rows).map(drop)
                })
                .await;
            refused(outcome, "add");
            assert!(ids(&store).await.is_empty(), "{twice}");
        }
        let rows: Vec<_> = (0..MANY).map(note).collect();
        let added = store.write(move |tx| tx.execute_many(&ADD, &rows)).await;
        assert_eq!(added, Ok(MANY.unsigned_abs()));
        assert_eq!(ids(&store).await, (0..MANY).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_write_nobody_waits_for_is_kept_seen_and_counted_among_those_that_ran() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let undone: Result<(), StoreError> = store
            .write(|tx| {
                tx.execute_later(&ADD, &note(5))?;
                Err(StoreError::WorkMustBeRecent)
            })
            .await;
        assert_eq!(undone, Err(StoreError::WorkMustBeRecent));
        assert!(ids(&store).await.is_empty());
        let seen = store.write(|tx| {
            tx.execute_later(&ADD, &note(1))?;
            let rows: Vec<_> = (2..MANY).map(note).collect();
            tx.execute_many_later(&ADD, &rows)?;
            let seen = tx.query_one_opt(&COUNT, &[])?.unwrap().int(0)?;
            tx.execute_later(&ADD, &note(MANY))?;
            Ok::<_, StoreError>(seen)
        });
        assert_eq!(seen.await, Ok(MANY - 1), "what is read later sees it");
        assert_eq!(ids(&store).await, (1..=MANY).collect::<Vec<_>>());
        assert!(store.executed().contains("add"));
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_was_undone_has_not_run() {
    let database = private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let login = database.database("notes").await;
    let store = Store::open(&login, &NOTES, &[]).await.unwrap();
    let undone: Result<(), StoreError> = store
        .write(|tx| {
            tx.execute_later(&ADD, &note(5))?;
            Err(StoreError::WorkMustBeRecent)
        })
        .await;
    undone.unwrap_err();
    assert!(!store.executed().contains("add"));
}

#[tokio::test]
async fn a_write_nobody_waits_for_that_fails_ends_the_transaction_by_its_own_name() {
    type Write = fn(&mut Tx<'_>) -> Result<(), StoreError>;
    let writes: [Write; 5] = [
        // At the commit, or at once.
        |tx| tx.execute_later(&ADD, &note(1)),
        // With what reads next, swallowed or not.
        |tx| {
            tx.execute_later(&ADD, &note(1))?;
            tx.query(&COUNT, &[]).map(drop)
        },
        |tx| {
            let _ = tx.execute_later(&ADD, &note(1));
            let _ = tx.query(&COUNT, &[]);
            Ok(())
        },
        // In the middle of others.
        |tx| {
            let _ = tx.execute_many_later(&ADD, &[note(3), note(1), note(4)]);
            let _ = tx.execute(&COUNTER_STORE, &["a".into(), 5.into()]);
            Ok(())
        },
        // With a write that is waited for.
        |tx| {
            tx.execute_later(&ADD, &note(1))?;
            tx.execute(&COUNTER_STORE, &["a".into(), 5.into()])
                .map(drop)
        },
    ];
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        add(&store, 1).await.unwrap();
        for write in writes {
            let outcome = store
                .write(move |tx| {
                    tx.execute_later(&ADD, &note(2))?;
                    write(tx)
                })
                .await;
            refused(outcome, "add");
            assert_eq!(ids(&store).await, [1]);
            assert_eq!(counter(&store, "a").await, 0);
        }
        add(&store, 2).await.expect("the connection goes on");
    })
    .await;
}

#[tokio::test]
async fn a_write_that_cannot_be_sent_keeps_what_is_before_it_from_being_kept() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let outcome: Result<(), StoreError> = store
            .write(|tx| {
                tx.execute_later(&ADD, &note(1))?;
                tx.execute_later(&ADD, &["a text".into(), "where a number belongs".into()])?;
                tx.execute_later(&ADD, &note(2))
            })
            .await;
        let error = outcome.unwrap_err();
        let named = match &error {
            StoreError::StatementFailed { statement, .. }
            | StoreError::ConstraintViolated { statement, .. } => statement == "add",
            _ => false,
        };
        assert!(named, "{error:?}");
        assert!(ids(&store).await.is_empty());
        add(&store, 1).await.expect("the connection goes on");
    })
    .await;
}

#[tokio::test]
async fn a_read_refuses_a_write_nobody_waits_for_and_a_publish() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        let wrote: Result<(), StoreError> = store.read(|tx| tx.execute_later(&ADD, &note(1))).await;
        let not_allowed = |outcome: &Result<(), StoreError>| {
            matches!(outcome, Err(StoreError::StatementNotAllowed { .. }))
        };
        assert!(not_allowed(&wrote), "{wrote:?}");
        let published: Result<(), StoreError> = store.read(|tx| tx.publish(&event(1, "a"))).await;
        assert!(not_allowed(&published), "{published:?}");
    })
    .await;
}

fn event(number: u128, key: &str) -> Envelope {
    Envelope {
        id: Uuid::from_u128(number),
        topic: TOPIC.into(),
        key: key.into(),
        version: 1,
        document: format!("{{\"number\":{number}}}"),
        created: NOW,
    }
}

#[tokio::test]
async fn what_one_transaction_publishes_bit_by_bit_keeps_its_order() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        let published = store.write(|tx| {
            for number in 0..2_300 {
                tx.publish(&event(number, "a"))?;
                if number % 700 == 0 {
                    tx.query(&COUNT, &[])?;
                }
            }
            Ok::<_, StoreError>(())
        });
        published.await.unwrap();
        settled(&store).await;
        let rows = store.outbox_events(None, Default::default(), 9_999).await;
        let rows: Vec<Envelope> = rows.unwrap().into_iter().map(|(_, event)| event).collect();
        let wanted: Vec<Envelope> = (0..2_300).map(|number| event(number, "a")).collect();
        assert!(rows == wanted, "{} rows, or another order", rows.len());
    })
    .await;
}

#[tokio::test]
async fn an_event_whose_id_was_used_ends_the_transaction() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        store.write(|tx| tx.publish(&event(1, "a"))).await.unwrap();
        let again: Result<(), StoreError> = store
            .write(|tx| {
                tx.execute(&ADD, &note(1))?;
                let _ = tx.publish(&event(1, "b"));
                Ok(())
            })
            .await;
        assert!(again.unwrap_err().is_duplicate());
        assert!(ids(&store).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_read_the_same_and_write_later_one_runs_again() {
    let database = private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let login = database.database("notes").await;
    let store = Store::open(&login, &NOTES, &[TOPIC]).await.unwrap();
    make_counter(&store, "a").await;
    let (both_read, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
    let mut tasks = JoinSet::new();
    for number in 0..2 {
        let (store, both_read, runs) = (store.clone(), both_read.clone(), runs.clone());
        let first_run = AtomicBool::new(true);
        tasks.spawn(async move {
            let wrote = store.write(move |tx| {
                runs.fetch_add(1, Ordering::SeqCst);
                let row = tx.query_one_opt(&COUNTER_LOAD, &["a".into()])?.unwrap();
                if first_run.swap(false, Ordering::SeqCst) {
                    both_read.wait();
                }
                tx.execute_later(&COUNTER_STORE, &["a".into(), (row.int(0)? + 1).into()])?;
                tx.publish(&event(number, "a"))
            });
            wrote.await.unwrap();
        });
    }
    tasks.join_all().await;
    assert_eq!(counter(&store, "a").await, 2);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert_eq!(store.list_outbox().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_conflict_of_a_write_nobody_waits_for_is_tried_again_a_bounded_number_of_times() {
    let (_database, store) = faults().await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = runs.clone();
    let outcome: Result<(), StoreError> = store
        .write(move |tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            tx.execute_later(&CONFLICT_LATER, &[])
        })
        .await;
    let tries = kit::limits::TRANSACTION_RETRIES_MAX + 1;
    assert_eq!(outcome, Err(StoreError::Contended { attempts: tries }));
    assert_eq!(runs.load(Ordering::SeqCst), tries);
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_a_pipeline_keeps_nothing_and_says_so() {
    let (database, store) = faults().await;
    database
        .run_as_migrator("SET search_path = faults; ALTER TABLE faults DISABLE TRIGGER ALL")
        .await;
    let lost = |outcome: Result<(), StoreError>| {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable { .. })),
            "{outcome:?}"
        );
    };
    lost(
        store
            .write(|tx| {
                tx.execute_later(&HANG_UP_AT_COMMIT, &[1.into()])?;
                tx.query(&HANG_UP, &[]).map(drop)
            })
            .await,
    );
    // The server refuses the write before it has come to the commit behind it: no doubt.
    lost(
        store
            .write(|tx| {
                tx.execute_later(&HANG_UP_AT_COMMIT, &[1.into()])?;
                tx.execute_later(&HANG_UP_LATER, &[])?;
                tx.execute_later(&HANG_UP_AT_COMMIT, &[2.into()])
            })
            .await,
    );
    store
        .check()
        .await
        .expect("a broken connection is replaced");
    let kept = store.read(|tx| {
        const ROWS: Statement = Statement {
            name: "rows",
            sql: "SELECT count(*) FROM faults",
        };
        tx.query_one_opt(&ROWS, &[])?.unwrap().int(0)
    });
    assert_eq!(kept.await, Ok::<_, StoreError>(0));
}

#[tokio::test]
async fn a_commit_that_goes_out_with_its_writes_is_unknown_when_it_is_lost_or_warned_of() {
    let (database, store) = faults().await;
    let unknown = |outcome: Result<(), StoreError>| {
        assert!(
            matches!(outcome, Err(StoreError::CommitOutcomeUnknown { .. })),
            "{outcome:?}"
        );
    };
    let later = async |statement: &'static Statement| {
        store
            .write(move |tx| tx.execute_later(statement, &[1.into()]))
            .await
    };
    unknown(later(&HANG_UP_AT_COMMIT).await);
    database
        .run_as_migrator(
            "SET search_path = faults; \
             ALTER TABLE faults DISABLE TRIGGER faults_at_commit; INSERT INTO faults VALUES (1)",
        )
        .await;
    unknown(later(&WARN_AT_COMMIT).await);
    database
        .run_as_migrator(
            "SET search_path = faults; \
             ALTER TABLE faults DISABLE TRIGGER faults_warn_at_commit; \
             CREATE TRIGGER faults_warn_at_once AFTER INSERT ON faults \
             FOR EACH ROW EXECUTE FUNCTION faults_warn()",
        )
        .await;
    let warned = later(&HANG_UP_AT_COMMIT).await;
    assert_eq!(
        warned,
        Ok(()),
        "a warning of a write is not one of the commit"
    );
}

#[tokio::test]
async fn a_write_nobody_waits_for_may_not_take_longer_than_another() {
    let database = private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let url = database.login_url("notes").await;
    let login = PostgresLogin::new(&url, Arc::new(SystemRandom));
    let login = login.with_statement_timeout(Duration::from_millis(50));
    let store = Store::open(&Database::Postgres(login), &NOTES, &[])
        .await
        .unwrap();
    let slow: Result<(), StoreError> = store
        .write(|tx| {
            tx.execute_later(&ADD, &note(1))?;
            tx.execute_later(&SLEEP_LATER, &[])?;
            tx.execute_later(&ADD, &note(2))
        })
        .await;
    let statement = "sleep_later".into();
    assert_eq!(slow, Err(StoreError::StatementTooSlow { statement }));
    assert!(ids(&store).await.is_empty());
    add(&store, 1).await.expect("the connection goes on");
}
