//! What consumers, relays and participants of sagas remember: cursors, parked events, leases,
//! answers to steps.

use std::time::Duration;

use kit::time::Timestamp;
use store::{
    Constraint, PARKED_ERROR_BYTES_MAX, PARKED_ROWS_MAX, Parked, Position, STEPS_RETENTION_HOURS,
    Statement, StepState, Store, StoreError, Trimmed, Tx,
};
use testkit::for_each_database;
use uuid::Uuid;

use crate::fixture::{ADD, NOTES, NOW, TOPIC, ids};

const FULL: Statement = Statement {
    name: "full",
    sql: "INSERT INTO notes_parked_topics (topic, parked) VALUES (?1, ?2)",
};

type Write = fn(&mut Tx<'_>) -> Result<(), StoreError>;

fn after(seconds: u64) -> Timestamp {
    NOW.checked_add(Duration::from_secs(seconds)).unwrap()
}

fn parked(number: u128, key: &str) -> Parked {
    Parked {
        id: Uuid::from_u128(number),
        topic: TOPIC.into(),
        key: key.into(),
        version: u64::try_from(number).unwrap(),
        document: format!("{{\"number\":{number}}}"),
        created: NOW,
        parked_at: after(1),
        attempts: 0,
        due: after(10),
        dead: false,
        error: "balance must be known".into(),
    }
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Runs a closure whose failure would be the test's.
async fn run<T: Send + 'static>(
    store: &Store,
    closure: impl Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> T {
    store.write(closure).await.unwrap()
}

async fn due(store: &Store, seconds: u64) -> Vec<u128> {
    let heads = run(store, move |tx| tx.parked_due(TOPIC, after(seconds), 10)).await;
    heads.iter().map(|parked| parked.id.as_u128()).collect()
}

#[tokio::test]
async fn a_cursor_moves_with_the_effect_or_not_at_all() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let there = Position {
            transaction: 7,
            sequence: 40,
        };
        let read = async |producer: &'static str, topic: &'static str| {
            run(&store, move |tx| tx.cursor(producer, topic)).await
        };
        assert_eq!(read("deals", TOPIC).await, Position::default());
        let failed: Result<(), StoreError> = store
            .write(move |tx| {
                tx.execute(&ADD, &[1.into(), "a".into()])?;
                tx.set_cursor("deals", TOPIC, there)?;
                assert_eq!(tx.cursor("deals", TOPIC)?, there);
                Err(StoreError::WorkMustBeRecent)
            })
            .await;
        failed.unwrap_err();
        assert_eq!(read("deals", TOPIC).await, Position::default());
        assert!(ids(&store).await.is_empty());
        run(&store, move |tx| tx.set_cursor("deals", TOPIC, there)).await;
        assert_eq!(read("deals", TOPIC).await, there);
        assert_eq!(read("wallets", TOPIC).await, Position::default());
        assert_eq!(read("deals", "deals.other").await, Position::default());
        let back = Position {
            transaction: 0,
            sequence: 3,
        };
        run(&store, move |tx| tx.set_cursor("deals", TOPIC, back)).await;
        assert_eq!(read("deals", TOPIC).await, back, "a replay sets it back");
    })
    .await;
}

#[tokio::test]
async fn only_the_head_of_a_key_is_tried_and_the_next_follows_it() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        run(&store, |tx| {
            assert_eq!(tx.parked_topic_count(TOPIC)?, 0);
            assert!(!tx.is_parked(TOPIC, "a")?);
            for (number, key) in [(1, "a"), (2, "b"), (3, "a"), (4, "a")] {
                tx.park(&parked(number, key))?;
            }
            tx.park(&parked(3, "a"))
        })
        .await;
        run(&store, |tx| {
            assert_eq!(tx.parked_topic_count(TOPIC)?, 4, "a repeat is not counted");
            assert_eq!(tx.parked_topic_count("deals.other")?, 0);
            assert!(tx.is_parked(TOPIC, "a")?);
            assert!(!tx.is_parked(TOPIC, "c")?);
            assert!(!tx.is_parked("deals.other", "a")?);
            assert_eq!(tx.parked_next(TOPIC, "a")?, Some(parked(1, "a")));
            assert_eq!(tx.parked_next(TOPIC, "c")?, None);
            assert_eq!(tx.parked_find(id(4))?, Some(parked(4, "a")));
            assert_eq!(tx.parked_next_due(TOPIC)?, Some(after(10)));
            assert_eq!(tx.parked_due(TOPIC, after(10), 1)?.len(), 1);
            Ok(())
        })
        .await;
        assert_eq!(due(&store, 9).await, [] as [u128; 0]);
        assert_eq!(due(&store, 10).await, [1, 2]);
        let retried = run(&store, |tx| tx.parked_retry(id(1), 1, after(25), "again")).await;
        assert!(retried);
        assert_eq!(
            due(&store, 24).await,
            [2],
            "what is behind the head waits with it"
        );
        assert_eq!(due(&store, 25).await, [2, 1]);
        for (handled, next) in [(1, [2, 3]), (3, [2, 4])] {
            assert!(run(&store, move |tx| tx.unpark(id(handled))).await);
            assert!(!run(&store, move |tx| tx.unpark(id(handled))).await);
            let mut heads = due(&store, 25).await;
            heads.sort_unstable();
            assert_eq!(heads, next);
        }
        assert!(run(&store, |tx| tx.unpark(id(4))).await);
        run(&store, |tx| {
            assert!(!tx.is_parked(TOPIC, "a")?, "the key is free");
            assert_eq!(tx.parked_topic_count(TOPIC)?, 1);
            tx.park(&parked(5, "a"))
        })
        .await;
        assert_eq!(due(&store, 10).await, [2, 5], "a key can be parked again");
    })
    .await;
}

#[tokio::test]
async fn a_dead_head_blocks_its_key_until_a_decision() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        run(&store, |tx| {
            for (number, key) in [(1, "a"), (2, "a"), (3, "b")] {
                tx.park(&parked(number, key))?;
            }
            assert!(tx.parked_dead(id(1), "no more tries")?);
            assert!(!tx.parked_dead(id(9), "nobody")?);
            assert!(
                !tx.parked_retry(id(1), 5, NOW, "late")?,
                "the dead are not retried"
            );
            Ok(())
        })
        .await;
        assert_eq!(due(&store, 1_000_000).await, [3]);
        run(&store, |tx| {
            let head = tx.parked_next(TOPIC, "a")?.expect("it is still parked");
            assert_eq!((head.dead, head.error.as_str()), (true, "no more tries"));
            assert!(
                !tx.parked_revive(id(3), None, NOW)?,
                "only the dead are revived"
            );
            assert!(tx.parked_revive(id(1), Some("{\"edited\":1}"), after(50))?);
            assert!(
                !tx.parked_revive(id(1), Some("{\"edited\":2}"), NOW)?,
                "only once"
            );
            Ok(())
        })
        .await;
        assert_eq!(due(&store, 49).await, [3]);
        assert_eq!(due(&store, 50).await, [3, 1]);
        run(&store, |tx| {
            let head = tx.parked_next(TOPIC, "a")?.expect("it is still parked");
            assert_eq!(
                (head.attempts, head.document.as_str()),
                (0, "{\"edited\":1}")
            );
            assert!(tx.parked_dead(id(1), "again")?);
            assert!(tx.parked_revive(id(1), None, after(60))?);
            let head = tx.parked_next(TOPIC, "a")?.expect("it is still parked");
            assert_eq!(head.document, "{\"edited\":1}");
            assert!(tx.parked_dead(id(1), "again")?);
            assert!(tx.unpark(id(1))?, "or it is discarded");
            Ok(())
        })
        .await;
        assert_eq!(due(&store, 10).await, [2, 3]);
    })
    .await;
}

#[tokio::test]
async fn what_is_parked_has_limits() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let long = Parked {
            error: "é".repeat(PARKED_ERROR_BYTES_MAX),
            ..parked(1, "a")
        };
        run(&store, move |tx| tx.park(&long)).await;
        let kept = run(&store, |tx| tx.parked_find(id(1))).await.unwrap();
        assert_eq!(kept.error, "é".repeat(PARKED_ERROR_BYTES_MAX / 2));
        let large = Parked {
            document: "x".repeat(kit::limits::BODY_BYTES_MAX + 1),
            ..parked(2, "a")
        };
        let error = store.write(move |tx| tx.park(&large)).await.unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
        let full = "deals.full";
        let one_less = PARKED_ROWS_MAX - 1;
        run(&store, move |tx| {
            tx.execute(&FULL, &[full.into(), one_less.into()])
        })
        .await;
        let park = async |number| {
            let more = Parked {
                topic: full.into(),
                ..parked(number, "a")
            };
            store.write(move |tx| tx.park(&more)).await
        };
        assert_eq!(park(3).await, Ok(()));
        let refused = park(4).await.unwrap_err();
        assert_eq!(
            refused,
            StoreError::ParkedMustHaveRoom { topic: full.into() }
        );
        assert_eq!(refused.code().name, "parked_must_have_room");
        assert_eq!(run(&store, |tx| tx.parked_find(id(4))).await, None);
        assert!(run(&store, |tx| tx.unpark(id(3))).await);
        assert_eq!(park(4).await, Ok(()), "there is room again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_parked_at_once_have_one_head() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let park = |number| store.write(move |tx| tx.park(&parked(number, "a")));
        let all = tokio::join!(park(1), park(2), park(3), park(4));
        for outcome in [all.0, all.1, all.2, all.3] {
            outcome.unwrap();
        }
        assert_eq!(due(&store, 10).await.len(), 1);
        assert_eq!(run(&store, |tx| tx.parked_topic_count(TOPIC)).await, 4);
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_taken_over_after_it_expired_and_not_before() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let ttl = Duration::from_secs(10);
        let ask = async |holder, seconds| {
            let asked = store.lease("relay", id(holder), after(seconds), ttl);
            asked.await.unwrap()
        };
        assert!(ask(1, 0).await);
        assert!(!ask(2, 0).await);
        assert!(!ask(2, 9).await);
        assert!(ask(1, 9).await, "the holder renews it");
        assert!(!ask(2, 18).await, "until nineteen now");
        assert!(ask(2, 19).await);
        assert!(!ask(1, 19).await, "the one who was late has lost it");
        store.end_lease("relay", id(1)).await.unwrap();
        assert!(!ask(1, 20).await, "nobody gives back what is another's");
        store.end_lease("relay", id(2)).await.unwrap();
        assert!(ask(1, 20).await);
        let other = store.lease("other", id(2), after(20), ttl).await;
        assert!(other.unwrap(), "each name is a lease of its own");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_ask_at_once_one_has_the_lease() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let ask = |holder| store.lease("relay", id(holder), NOW, Duration::from_secs(1));
        let asked = tokio::join!(ask(1), ask(2), ask(3), ask(4));
        let held = [asked.0, asked.1, asked.2, asked.3];
        let held = held.into_iter().filter(|held| *held == Ok(true));
        assert_eq!(held.count(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_step_is_answered_alike_each_time_and_never_done_once_cancelled() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let begin = async |saga, step: &'static str| {
            run(&store, move |tx| tx.step_begin(id(saga), step)).await
        };
        assert_eq!(begin(1, "reserve").await, StepState::New);
        assert_eq!(
            begin(1, "reserve").await,
            StepState::New,
            "asking does nothing"
        );
        let failed: Result<(), StoreError> = store
            .write(|tx| {
                tx.step_done(id(1), "reserve", "{\"held\":1}", NOW)?;
                Err(StoreError::WorkMustBeRecent)
            })
            .await;
        failed.unwrap_err();
        assert_eq!(begin(1, "reserve").await, StepState::New);
        run(&store, |tx| {
            tx.step_done(id(1), "reserve", "{\"held\":1}", NOW)
        })
        .await;
        let document = String::from("{\"held\":1}");
        for _ in 0..2 {
            let done = StepState::Done {
                document: document.clone(),
            };
            assert_eq!(begin(1, "reserve").await, done);
        }
        assert_eq!(begin(1, "pay").await, StepState::New);
        assert_eq!(begin(2, "reserve").await, StepState::New);
        run(&store, |tx| tx.step_cancelled(id(2), "reserve", NOW)).await;
        assert_eq!(begin(2, "reserve").await, StepState::Cancelled);
        let overwrites: [Write; 4] = [
            |tx| tx.step_done(id(1), "reserve", "{}", NOW),
            |tx| tx.step_cancelled(id(1), "reserve", NOW),
            |tx| tx.step_done(id(2), "reserve", "{}", NOW),
            |tx| tx.step_cancelled(id(2), "reserve", NOW),
        ];
        for overwrite in overwrites {
            let error = store.write(overwrite).await.unwrap_err();
            let unique = matches!(
                error,
                StoreError::ConstraintViolated {
                    kind: Constraint::Unique,
                    ..
                }
            );
            assert!(unique, "{error:?}");
        }
        assert_eq!(begin(2, "reserve").await, StepState::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn steps_are_forgotten_by_age_and_parked_events_never() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let retention = Duration::from_secs(STEPS_RETENTION_HOURS * 3_600);
        let oldest = NOW.checked_sub(retention).unwrap();
        let too_old = Timestamp::from_micros(oldest.micros() - 1);
        run(&store, move |tx| {
            tx.step_done(id(1), "reserve", "{}", too_old)?;
            tx.step_cancelled(id(2), "reserve", too_old)?;
            tx.step_done(id(3), "reserve", "{}", oldest)?;
            tx.park(&Parked {
                created: Timestamp::MIN,
                parked_at: Timestamp::MIN,
                due: Timestamp::MIN,
                ..parked(1, "a")
            })
        })
        .await;
        let trimmed = store.trim(NOW).await.unwrap();
        assert_eq!(
            trimmed,
            Trimmed {
                rows: 2,
                complete: true
            }
        );
        run(&store, |tx| {
            assert_eq!(tx.step_begin(id(1), "reserve")?, StepState::New);
            assert_ne!(tx.step_begin(id(3), "reserve")?, StepState::New);
            assert!(tx.is_parked(TOPIC, "a")?);
            Ok(())
        })
        .await;
    })
    .await;
}
