//! Emptying the outbox: what is confirmed is forgotten, what is due is released, what all have
//! passed is trimmed, and there is an end to its room.

use std::time::Duration;

use kit::time::Timestamp;
use store::{
    Envelope, OUTBOX_EVENTS_KEPT, OutboxDepth, Position, Statement, Store, StoreError,
    TRIM_BATCH_ROWS, TRIM_BATCHES_MAX, Trimmed, Work,
};
use testkit::for_each_database;
use uuid::Uuid;

use crate::fixture::{ADD, NOTES, NOW, OTHER, TOPIC, ids, settled};

const ASKED: &str = "other.commands";

const FILL_EVENTS: Statement = Statement {
    name: "fill_events",
    sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
          INSERT INTO notes_outbox (id, topic, key, version, payload, created) \
          SELECT @ID, 'notes.note_added', 'a', i, '{}', 0 FROM n",
};
const FILL_WORK: Statement = Statement {
    name: "fill_work",
    sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
          INSERT INTO notes_outbox_work (id, topic, key, document, created, due) \
          SELECT ?2, 'other.commands', 'a', '{}', 0, i FROM n",
};

type Write = fn(&mut store::Tx<'_>) -> Result<(), StoreError>;

fn after(seconds: u64) -> Timestamp {
    NOW.checked_add(Duration::from_secs(seconds)).unwrap()
}

fn event(number: u128) -> Envelope {
    Envelope {
        id: Uuid::from_u128(number),
        topic: TOPIC.into(),
        key: "note_1".into(),
        version: 1,
        document: "{}".into(),
        created: NOW,
    }
}

fn work(number: u128, due: Timestamp) -> Work {
    Work {
        id: Uuid::from_u128(number),
        topic: ASKED.into(),
        key: "tidy_up".into(),
        document: "{\"a\":1}".into(),
        created: NOW,
        due,
    }
}

async fn events(store: &Store) -> Vec<(Position, u128)> {
    settled(store).await;
    let rows = store.outbox_events(None, Position::default(), 1_000).await;
    let numbered = |(position, event): (Position, Envelope)| (position, event.id.as_u128());
    rows.unwrap().into_iter().map(numbered).collect()
}

async fn sent(store: &Store) -> Vec<(Position, u128)> {
    settled(store).await;
    let rows = store.outbox_work(None, Position::default(), 1_000).await;
    let numbered = |(position, work): (Position, Work)| (position, work.id.as_u128());
    rows.unwrap().into_iter().map(numbered).collect()
}

async fn delayed(store: &Store) -> Vec<(Position, u128)> {
    let rows = store
        .outbox_delayed(Position::default(), 1_000)
        .await
        .unwrap();
    let numbered = |(position, work): (Position, Work)| (position, work.id.as_u128());
    rows.into_iter().map(numbered).collect()
}

fn numbers(rows: &[(Position, u128)]) -> Vec<u128> {
    rows.iter().map(|(_, number)| *number).collect()
}

fn places(rows: &[(Position, u128)], wanted: &[u128]) -> Vec<Position> {
    let rows = rows.iter().filter(|(_, number)| wanted.contains(number));
    rows.map(|(position, _)| *position).collect()
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_nothing_else() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        store
            .write(|tx| {
                tx.publish_many(&[event(1), event(2), event(3)])?;
                tx.send_many(&[
                    work(1, NOW),
                    work(2, NOW),
                    work(3, after(9)),
                    work(4, after(9)),
                ])
            })
            .await
            .unwrap();
        let places_of_events = places(&events(&store).await, &[1, 3]);
        store.forget_events(&places_of_events).await.unwrap();
        store.forget_events(&places_of_events).await.unwrap();
        let places_of_work = places(&sent(&store).await, &[2]);
        store.forget_work(&places_of_work).await.unwrap();
        let places_of_delayed = places(&delayed(&store).await, &[3]);
        store.forget_delayed(&places_of_delayed).await.unwrap();
        store.forget_work(&[]).await.unwrap();
        assert_eq!(numbers(&events(&store).await), [2]);
        assert_eq!(numbers(&sent(&store).await), [1]);
        assert_eq!(numbers(&delayed(&store).await), [4]);
    })
    .await;
}

#[tokio::test]
async fn delayed_work_is_released_when_it_is_due_and_not_before() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        store
            .write(|tx| {
                tx.send_many(&[work(1, after(30)), work(2, after(10)), work(3, after(20))])?;
                tx.send_many(&[work(4, NOW), work(5, Timestamp::MIN)])
            })
            .await
            .unwrap();
        assert_eq!(numbers(&sent(&store).await), [4, 5]);
        assert_eq!(store.release_due(after(9), 10).await, Ok(0));
        let [changes, others] = [ASKED, TOPIC].map(|topic| store.outbox_changes_of(topic));
        assert_eq!(store.release_due(after(20), 1).await, Ok(1));
        assert!(
            changes.has_changed().unwrap(),
            "readers hear of what is released"
        );
        assert!(!others.has_changed().unwrap(), "those of its topic only");
        assert_eq!(numbers(&sent(&store).await), [4, 5, 2]);
        assert_eq!(store.release_due(after(20), 10).await, Ok(1));
        assert_eq!(store.release_due(after(20), 10).await, Ok(0));
        assert_eq!(numbers(&sent(&store).await), [4, 5, 2, 3]);
        assert_eq!(numbers(&delayed(&store).await), [1]);
        let read = store.outbox_work(None, Position::default(), 9).await;
        assert_eq!(
            read.unwrap()[2].1,
            work(2, after(10)),
            "it is released as it was sent"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_release_at_once_release_each_row_once() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[ASKED]).await;
        let many: Vec<Work> = (0..40).map(|number| work(number, after(1))).collect();
        store.write(move |tx| tx.send_many(&many)).await.unwrap();
        let release = || store.release_due(after(1), 40);
        let (one, two, three) = tokio::join!(release(), release(), release());
        assert_eq!(one.unwrap() + two.unwrap() + three.unwrap(), 40);
        let mut released = numbers(&sent(&store).await);
        released.sort_unstable();
        assert_eq!(released, (0..40).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn the_same_work_may_be_sent_again() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[ASKED]).await;
        for _ in 0..2 {
            let again = store.write(|tx| tx.send_many(&[work(1, NOW), work(1, after(1))]));
            again.await.unwrap();
        }
        assert_eq!(store.release_due(after(1), 10).await, Ok(2));
        assert_eq!(numbers(&sent(&store).await), [1, 1, 1, 1]);
    })
    .await;
}

#[tokio::test]
async fn work_to_an_undeclared_topic_or_too_large_is_refused_with_its_transaction() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[ASKED]).await;
        let refused = async |work: Work| {
            let outcome: Result<(), StoreError> = store
                .write(move |tx| {
                    tx.execute(&ADD, &[1.into(), "a".into()])?;
                    let _ = tx.send(&work);
                    Ok(())
                })
                .await;
            assert!(ids(&store).await.is_empty());
            outcome.unwrap_err()
        };
        for due in [NOW, after(5)] {
            let topic = String::from(TOPIC);
            let error = refused(Work {
                topic: topic.clone(),
                ..work(1, due)
            })
            .await;
            assert_eq!(error, StoreError::UndeclaredTopic { topic });
            let document = "x".repeat(kit::limits::BODY_BYTES_MAX + 1);
            let error = refused(Work {
                document,
                ..work(1, due)
            })
            .await;
            assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
            let key = "x".repeat(store::EVENT_KEY_BYTES_MAX + 1);
            let error = refused(Work {
                key,
                ..work(1, due)
            })
            .await;
            assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
        }
        assert_eq!(sent(&store).await, []);
        assert_eq!(delayed(&store).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_full_outbox_refuses_with_the_change_until_there_is_room() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        store.write(|tx| tx.send(&work(9, after(1)))).await.unwrap();
        store.clone().set_outbox_full(true);
        let writes: [Write; 3] = [
            |tx| tx.publish(&event(1)),
            |tx| tx.send(&work(1, NOW)),
            |tx| tx.send(&work(1, after(1))),
        ];
        for write in writes {
            let outcome: Result<(), StoreError> = store
                .write(move |tx| {
                    tx.execute(&ADD, &[1.into(), "a".into()])?;
                    write(tx)
                })
                .await;
            assert_eq!(outcome, Err(StoreError::OutboxMustHaveRoom));
            assert_eq!(outcome.unwrap_err().code().name, "outbox_must_have_room");
        }
        assert!(ids(&store).await.is_empty());
        assert_eq!(
            store.release_due(after(1), 9).await,
            Ok(1),
            "releasing takes no room"
        );
        store.set_outbox_full(false);
        store.write(|tx| tx.publish(&event(1))).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn depth_is_counted_and_the_oldest_is_named() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        assert_eq!(store.outbox_depth().await, Ok(OutboxDepth::default()));
        let old = Timestamp::from_micros(NOW.micros() - 5);
        store
            .write(move |tx| {
                tx.publish_many(&[event(1), event(2)])?;
                tx.send_many(&[work(1, NOW), work(2, after(1)), work(3, after(1))])?;
                tx.send(&Work {
                    created: old,
                    ..work(4, NOW)
                })
            })
            .await
            .unwrap();
        let depth = OutboxDepth {
            events: 2,
            work: 1,
            delayed: 3,
            oldest: Some(old),
        };
        assert_eq!(store.outbox_depth().await, Ok(depth));
    })
    .await;
}

#[tokio::test]
async fn trimming_stops_at_what_someone_has_yet_to_read() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        let sent_all = store.write(|tx| {
            tx.publish_many(&[event(1), event(2)])?;
            tx.send_many(&[work(1, NOW), work(2, NOW), work(3, NOW), work(4, after(1))])
        });
        sent_all.await.unwrap();
        let below = places(&sent(&store).await, &[3])[0];
        let trimmed = store.trim_outbox(Position::default(), below).await.unwrap();
        assert_eq!(
            trimmed,
            Trimmed {
                rows: 2,
                complete: true
            }
        );
        assert_eq!(numbers(&sent(&store).await), [3]);
        let end = Position {
            transaction: u64::MAX >> 1,
            sequence: i64::MAX,
        };
        let trimmed = store.trim_outbox(end, end).await.unwrap();
        assert_eq!(
            trimmed,
            Trimmed {
                rows: 1,
                complete: true
            }
        );
        assert_eq!(
            numbers(&events(&store).await),
            [1, 2],
            "the newest events stay"
        );
        assert_eq!(numbers(&delayed(&store).await), [4]);
    })
    .await;
}

#[tokio::test]
async fn trimming_is_bounded_and_keeps_the_newest_events_for_replay() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC, ASKED]).await;
        let id = match database.sqlite() {
            Some(_) => "randomblob(16)",
            None => "gen_random_uuid()",
        };
        let fill = Statement {
            sql: Box::leak(FILL_EVENTS.sql.replace("@ID", id).into_boxed_str()),
            ..FILL_EVENTS
        };
        let most = i64::from(TRIM_BATCH_ROWS) * i64::from(TRIM_BATCHES_MAX);
        let extra = i64::from(TRIM_BATCH_ROWS) + 7;
        store
            .write(move |tx| {
                let rows = i64::from(OUTBOX_EVENTS_KEPT) + extra;
                tx.execute(&fill, &[rows.into()])?;
                tx.execute(&FILL_WORK, &[(most + 1).into(), Uuid::nil().into()])
            })
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        let end = Position {
            transaction: u64::MAX >> 1,
            sequence: i64::MAX,
        };
        let trimmed = store.trim_outbox(end, end).await.unwrap();
        let rows = (most + extra).unsigned_abs();
        assert_eq!(
            trimmed,
            Trimmed {
                rows,
                complete: false
            }
        );
        let trimmed = store.trim_outbox(end, end).await.unwrap();
        assert_eq!(
            trimmed,
            Trimmed {
                rows: 1,
                complete: true
            }
        );
        let depth = store.outbox_depth().await.unwrap();
        assert_eq!((depth.events, depth.work), (OUTBOX_EVENTS_KEPT.into(), 0));
    })
    .await;
}

#[tokio::test]
async fn the_tables_of_messages_are_the_services_own() {
    for_each_database(async |database| {
        let notes = database.open(&NOTES, &[TOPIC, ASKED]).await;
        let other = database.open(&OTHER, &[TOPIC, ASKED]).await;
        let of_notes = notes.write(|tx| {
            tx.publish(&event(1))?;
            tx.send_many(&[work(1, NOW), work(2, after(1))])?;
            tx.set_cursor(
                "other",
                TOPIC,
                Position {
                    transaction: 1,
                    sequence: 1,
                },
            )?;
            tx.step_done(Uuid::nil(), "a", "{}", NOW)
        });
        of_notes.await.unwrap();
        assert!(
            notes
                .lease("relay", Uuid::nil(), NOW, Duration::MAX)
                .await
                .unwrap()
        );
        assert_eq!(other.outbox_depth().await, Ok(OutboxDepth::default()));
        assert_eq!(events(&other).await, []);
        assert_eq!(other.release_due(after(9), 9).await, Ok(0));
        assert!(
            other
                .lease("relay", Uuid::from_u128(1), NOW, Duration::MAX)
                .await
                .unwrap()
        );
        let own = other.read(|tx| {
            let step = tx.step_begin(Uuid::nil(), "a")?;
            Ok::<_, StoreError>((tx.cursor("other", TOPIC)?, step))
        });
        assert_eq!(own.await, Ok((Position::default(), store::StepState::New)));
    })
    .await;
}
