//! The outbox and the inbox, each in the transaction of the change.

use std::time::Duration;

use kit::time::Timestamp;
use store::{Delivery, Envelope, INBOX_RETENTION_HOURS, Statement, Store, StoreError};
use testkit::for_each_database;
use uuid::Uuid;

use crate::fixture::{ADD, NOTES, NOW, TOPIC, ids};

const OUTBOX: Statement = Statement {
    name: "outbox",
    sql: "SELECT id, topic, key, version, payload, created FROM notes_outbox ORDER BY position",
};

fn envelope(number: u128) -> Envelope {
    Envelope {
        id: Uuid::from_u128(number),
        topic: TOPIC.into(),
        key: "note_1".into(),
        version: 1,
        document: r#"{"note":"note_1","amount":"12.50"}"#.into(),
        created: NOW,
    }
}

async fn outbox(store: &Store) -> Vec<Envelope> {
    store
        .read(|tx| {
            tx.query(&OUTBOX, &[])?
                .iter()
                .map(|row| {
                    Ok(Envelope {
                        id: row.uuid(0)?,
                        topic: row.text(1)?,
                        key: row.text(2)?,
                        version: u64::try_from(row.int(3)?).unwrap(),
                        document: row.text(4)?,
                        created: row.timestamp(5)?,
                    })
                })
                .collect()
        })
        .await
        .map_err(|error: StoreError| error)
        .unwrap()
}

#[tokio::test]
async fn an_event_is_kept_with_its_change_or_not_at_all() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        let write = async |number: u128, fails: bool| {
            let outcome: Result<(), StoreError> = store
                .write(move |tx| {
                    tx.execute(&ADD, &[i64::try_from(number).unwrap().into(), "a".into()])?;
                    tx.publish(&envelope(number))?;
                    if fails {
                        Err(StoreError::WorkMustBeRecent)
                    } else {
                        Ok(())
                    }
                })
                .await;
            assert_eq!(outcome.is_err(), fails);
        };
        write(1, false).await;
        write(2, true).await;
        write(3, false).await;
        assert_eq!(outbox(&store).await, [envelope(1), envelope(3)]);
        assert_eq!(ids(&store).await, [1, 3]);
    })
    .await;
}

#[tokio::test]
async fn an_undeclared_topic_is_refused_even_if_the_error_is_swallowed() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        let outcome = store
            .write(|tx| {
                tx.execute(&ADD, &[1.into(), "a".into()])?;
                let _ = tx.publish(&Envelope {
                    topic: "notes.unknown".into(),
                    ..envelope(1)
                });
                Ok::<_, StoreError>(())
            })
            .await;
        assert_eq!(
            outcome,
            Err(StoreError::UndeclaredTopic {
                topic: "notes.unknown".into()
            })
        );
        assert!(ids(&store).await.is_empty());
        assert_eq!(outbox(&store).await, []);
    })
    .await;
}

#[tokio::test]
async fn an_event_has_limits() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        let publish = async |envelope: Envelope| {
            store
                .write(move |tx| tx.publish(&envelope))
                .await
                .unwrap_err()
        };
        let long = "x".repeat(kit::limits::BODY_BYTES_MAX);
        let error = publish(Envelope {
            document: format!("{long}x"),
            ..envelope(1)
        })
        .await;
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
        let error = publish(Envelope {
            key: long,
            ..envelope(1)
        })
        .await;
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
        let error = publish(Envelope {
            version: u64::MAX,
            ..envelope(1)
        })
        .await;
        assert!(matches!(error, StoreError::TooLarge { .. }), "{error:?}");
        let error = publish(Envelope {
            version: 0,
            ..envelope(1)
        })
        .await;
        assert!(
            matches!(error, StoreError::ConstraintViolated { .. }),
            "{error:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn postgres_rows_carry_the_transaction_a_relay_reads_below() {
    const NUMBER: Statement = Statement {
        name: "number",
        sql: "SELECT pg_current_xact_id()::text",
    };
    const NUMBERS: Statement = Statement {
        name: "numbers",
        sql: "SELECT transaction::text FROM notes_outbox ORDER BY position",
    };
    let database = testkit::postgres::private_database().await;
    database.migrate(&NOTES).await.unwrap();
    let store = Store::open(&database.database("notes").await, &NOTES, &[TOPIC])
        .await
        .unwrap();
    let mut wanted = Vec::new();
    for number in 1..=2 {
        let own: Result<String, StoreError> = store
            .write(move |tx| {
                tx.publish(&envelope(number))?;
                tx.query_one_opt(&NUMBER, &[])?
                    .expect("a number is one row")
                    .text(0)
            })
            .await;
        wanted.push(own.unwrap());
    }
    let carried: Result<Vec<String>, StoreError> = store
        .read(|tx| {
            let rows = tx.query(&NUMBERS, &[])?;
            rows.iter().map(|row| row.text(0)).collect()
        })
        .await;
    assert_eq!(carried, Ok(wanted), "each row is of its own transaction");
}

#[tokio::test]
async fn events_up_to_the_watermark_are_repeats() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let note = async |producer: &'static str, key: &'static str, version| {
            store
                .write(move |tx| tx.note_event(producer, key, version, NOW))
                .await
                .unwrap()
        };
        assert_eq!(note("deals", "deal_1", 2).await, Delivery::First);
        assert_eq!(note("deals", "deal_1", 2).await, Delivery::Repeated);
        assert_eq!(note("deals", "deal_1", 1).await, Delivery::Repeated);
        assert_eq!(note("deals", "deal_1", 5).await, Delivery::First);
        assert_eq!(note("deals", "deal_1", 4).await, Delivery::Repeated);
        assert_eq!(note("deals", "deal_2", 1).await, Delivery::First);
        assert_eq!(note("wallets", "deal_1", 1).await, Delivery::First);
    })
    .await;
}

#[tokio::test]
async fn an_effect_that_failed_is_not_noted() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let failed: Result<(), StoreError> = store
            .write(|tx| {
                assert_eq!(tx.note_event("deals", "deal_1", 1, NOW)?, Delivery::First);
                assert_eq!(tx.note_work(Uuid::nil(), NOW, NOW)?, Delivery::First);
                Err(StoreError::WorkMustBeRecent)
            })
            .await;
        failed.unwrap_err();
        let again: Result<_, StoreError> = store
            .write(|tx| {
                let event = tx.note_event("deals", "deal_1", 1, NOW)?;
                Ok([event, tx.note_work(Uuid::nil(), NOW, NOW)?])
            })
            .await;
        assert_eq!(again, Ok([Delivery::First, Delivery::First]));
    })
    .await;
}

#[tokio::test]
async fn work_is_done_once_and_refused_when_it_may_be_forgotten() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let note = async |created: Timestamp| {
            store
                .write(move |tx| tx.note_work(Uuid::from_u128(7), created, NOW))
                .await
        };
        assert_eq!(note(NOW).await, Ok(Delivery::First));
        assert_eq!(note(NOW).await, Ok(Delivery::Repeated));
        let oldest = NOW
            .checked_sub(Duration::from_secs(INBOX_RETENTION_HOURS * 3_600))
            .unwrap();
        assert_eq!(note(oldest).await, Ok(Delivery::Repeated));
        let too_old = Timestamp::from_micros(oldest.micros() - 1);
        assert_eq!(note(too_old).await, Err(StoreError::WorkMustBeRecent));
    })
    .await;
}
