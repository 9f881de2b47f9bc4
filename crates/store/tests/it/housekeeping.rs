//! What has expired goes, a bounded amount per call; what has not stays.

use std::time::Duration;

use kit::time::Timestamp;
use store::{
    Envelope, Idempotency, IdempotentRequest, Statement, StoreError, StoredReply, TRIM_BATCH_ROWS,
    TRIM_BATCHES_MAX, Trimmed, Work,
};
use testkit::for_each_database;
use uuid::Uuid;

use crate::fixture::{NOTES, NOW, TOPIC};

const FILL: Statement = Statement {
    name: "fill",
    sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
          INSERT INTO notes_inbox (producer, key, version, seen) \
          SELECT 'deals', CAST(i AS TEXT), 1, 0 FROM n",
};
const LEFT: Statement = Statement {
    name: "left",
    sql: "SELECT (SELECT count(*) FROM notes_outbox), (SELECT count(*) FROM notes_inbox), \
          (SELECT count(*) FROM notes_inbox_work), (SELECT count(*) FROM notes_idempotency)",
};

fn days_before(days: u64) -> Timestamp {
    NOW.checked_sub(Duration::from_secs(days * 86_400)).unwrap()
}

#[tokio::test]
async fn each_kind_has_its_retention() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        for (number, days) in [6, 8, 29, 31].into_iter().enumerate() {
            let then = days_before(days);
            store
                .write(move |tx| {
                    tx.publish(&Envelope {
                        id: Uuid::from_u128(number as u128),
                        topic: TOPIC.into(),
                        key: "note_1".into(),
                        version: 1,
                        document: "{}".into(),
                        created: then,
                    })?;
                    let _ = tx.note_event("deals", &format!("deal_{number}"), 1, then)?;
                    let _ = tx.note_work(Uuid::from_u128(number as u128), then, then)?;
                    let key = format!("key_{number}");
                    let request = IdempotentRequest::new("user_1", "POST /notes", &key, b"");
                    assert_eq!(tx.idempotency_begin(&request, then)?, Idempotency::New);
                    let reply = StoredReply {
                        status: 204,
                        body: vec![],
                    };
                    tx.idempotency_finish(&request, &reply)
                })
                .await
                .unwrap();
        }
        let trimmed = store.trim(NOW).await.unwrap();
        assert_eq!(
            trimmed,
            Trimmed {
                rows: 3 + 1 + 1 + 3,
                complete: true
            }
        );
        let left: Result<_, StoreError> = store
            .read(|tx| {
                let row = tx.query_one_opt(&LEFT, &[])?.expect("counts are one row");
                Ok([row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?])
            })
            .await;
        assert_eq!(left, Ok([1, 3, 3, 1]));
    })
    .await;
}

#[tokio::test]
async fn work_expires_as_events_do_but_not_while_a_relay_carries_it_nor_while_it_is_delayed() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[TOPIC]).await;
        for (number, days) in [6, 8].into_iter().enumerate() {
            let created = days_before(days);
            store
                .write(move |tx| {
                    let work = Work {
                        id: Uuid::from_u128(number as u128),
                        topic: TOPIC.into(),
                        key: "tidy_up".into(),
                        document: "{}".into(),
                        created,
                        due: created,
                    };
                    let due = Timestamp::MAX;
                    tx.send_many(&[work.clone(), Work { due, ..work }])
                })
                .await
                .unwrap();
        }
        let left = async || {
            let depth = store.outbox_depth().await.unwrap();
            (depth.work, depth.delayed)
        };
        store.set_outbox_relayed(true);
        assert_eq!(store.trim(NOW).await.unwrap().rows, 0);
        assert_eq!(left().await, (2, 2));
        store.set_outbox_relayed(false);
        assert_eq!(store.trim(NOW).await.unwrap().rows, 1);
        assert_eq!(left().await, (1, 2));
    })
    .await;
}

#[tokio::test]
async fn a_call_is_bounded() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let most = i64::from(TRIM_BATCH_ROWS) * i64::from(TRIM_BATCHES_MAX);
        store
            .write(move |tx| tx.execute(&FILL, &[(most + 600).into()]).map(drop))
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        let rows = most.unsigned_abs();
        assert_eq!(
            store.trim(NOW).await,
            Ok(Trimmed {
                rows,
                complete: false
            })
        );
        assert_eq!(
            store.trim(NOW).await,
            Ok(Trimmed {
                rows: 600,
                complete: true
            })
        );
        assert_eq!(
            store.trim(NOW).await,
            Ok(Trimmed {
                rows: 0,
                complete: true
            })
        );
    })
    .await;
}
