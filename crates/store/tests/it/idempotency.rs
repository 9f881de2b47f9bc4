//! The same request with the same key has one effect and one reply.

use std::time::Duration;

use kit::time::Timestamp;
use store::{Idempotency, IdempotentRequest, Store, StoreError, StoredReply, Tx};
use testkit::for_each_database;
use tokio::task::JoinSet;

use crate::fixture::{ADD, COUNTER_LOAD, COUNTER_STORE, NOTES, NOW, counter, ids, make_counter};

fn request(key: &str, content: &str) -> IdempotentRequest {
    IdempotentRequest::new("user_1", "POST /notes/v1/notes", key, content.as_bytes())
}

/// A handler that counts, and replies with the count.
fn handle(
    tx: &mut Tx<'_>,
    request: &IdempotentRequest,
    now: Timestamp,
) -> Result<StoredReply, StoreError> {
    if let Idempotency::Done(reply) = tx.idempotency_begin(request, now)? {
        return Ok(reply);
    }
    let row = tx
        .query_one_opt(&COUNTER_LOAD, &["a".into()])?
        .expect("the counter was made");
    let count = row.int(0)? + 1;
    tx.execute(&COUNTER_STORE, &["a".into(), count.into()])?;
    let reply = StoredReply {
        status: 201,
        body: count.to_string().into(),
    };
    tx.idempotency_finish(request, &reply)?;
    Ok(reply)
}

async fn send(
    store: &Store,
    request: IdempotentRequest,
    now: Timestamp,
) -> Result<StoredReply, StoreError> {
    store.write(move |tx| handle(tx, &request, now)).await
}

fn reply(count: &str) -> Result<StoredReply, StoreError> {
    Ok(StoredReply {
        status: 201,
        body: count.into(),
    })
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_reply() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        assert_eq!(send(&store, request("k1", "body"), NOW).await, reply("1"));
        assert_eq!(send(&store, request("k2", "body"), NOW).await, reply("2"));
        assert_eq!(send(&store, request("k1", "body"), NOW).await, reply("1"));
        let elsewhere = IdempotentRequest::new("user_1", "POST /notes/v1/tags", "k1", b"body");
        assert_eq!(send(&store, elsewhere, NOW).await, reply("3"));
        let someone = IdempotentRequest::new("user_2", "POST /notes/v1/notes", "k1", b"body");
        assert_eq!(send(&store, someone, NOW).await, reply("4"));
    })
    .await;
}

#[tokio::test]
async fn a_look_up_tells_the_reply_and_begins_nothing() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        let find = async |content: &str, now: Timestamp| {
            let request = request("k", content);
            let found = store.read(move |tx| tx.idempotency_find(&request, now));
            found.await
        };
        assert_eq!(find("body", NOW).await, Ok(None));
        let first = send(&store, request("k", "body"), NOW).await;
        assert_eq!(find("body", NOW).await, first.map(Some));
        let reused = Err(StoreError::IdempotencyKeyReused);
        assert_eq!(find("other", NOW).await, reused);
        let later = NOW.checked_add(Duration::from_secs(7 * 86_400)).unwrap();
        assert_eq!(find("other", later).await, Ok(None));
    })
    .await;
}

#[tokio::test]
async fn a_key_with_other_content_is_refused() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        send(&store, request("k", "body"), NOW).await.unwrap();
        let error = send(&store, request("k", "other"), NOW).await.unwrap_err();
        assert_eq!(error, StoreError::IdempotencyKeyReused);
        assert_eq!(
            (error.code().name, error.code().status),
            ("idempotency_key_reused", 422)
        );
        assert_eq!(counter(&store, "a").await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_have_one_effect() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let store = store.clone();
            tasks.spawn(async move { send(&store, request("k", "body"), NOW).await });
        }
        for outcome in tasks.join_all().await {
            assert_eq!(outcome, reply("1"));
        }
        assert_eq!(counter(&store, "a").await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_new_again_after_seven_days() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        let days = |days: u64| NOW.checked_add(Duration::from_secs(days * 86_400)).unwrap();
        assert_eq!(send(&store, request("k", "body"), NOW).await, reply("1"));
        let shortly_before = Timestamp::from_micros(days(7).micros() - 1);
        assert_eq!(
            send(&store, request("k", "body"), shortly_before).await,
            reply("1")
        );
        assert_eq!(
            send(&store, request("k", "other"), days(7)).await,
            reply("2")
        );
        assert_eq!(
            send(&store, request("k", "other"), days(13)).await,
            reply("2")
        );
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_leaves_no_record() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        let refused: Result<(), StoreError> = store
            .write(|tx| {
                let _ = handle(tx, &request("k", "body"), NOW)?;
                Err(StoreError::WorkMustBeRecent)
            })
            .await;
        refused.unwrap_err();
        assert_eq!(send(&store, request("k", "other"), NOW).await, reply("1"));
    })
    .await;
}

#[tokio::test]
async fn what_is_begun_must_be_finished_in_the_same_closure() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        let forgotten = store
            .write(|tx| {
                tx.execute(&ADD, &[1.into(), "a".into()])?;
                assert_eq!(
                    tx.idempotency_begin(&request("k", "b"), NOW)?,
                    Idempotency::New
                );
                Ok::<_, StoreError>(())
            })
            .await;
        assert_eq!(forgotten, Err(StoreError::IdempotencyMustBeFinished));
        let never_begun: Result<(), StoreError> = store
            .write(|tx| {
                let reply = StoredReply {
                    status: 200,
                    body: vec![],
                };
                tx.idempotency_finish(&request("k", "b"), &reply)
            })
            .await;
        assert_eq!(never_begun, Err(StoreError::IdempotencyMustBeFinished));
        assert!(ids(&store).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn keys_and_replies_have_limits() {
    for_each_database(async |database| {
        let store = database.open(&NOTES, &[]).await;
        make_counter(&store, "a").await;
        let longest = "k".repeat(kit::limits::IDEMPOTENCY_KEY_BYTES_MAX);
        send(&store, request(&longest, "body"), NOW).await.unwrap();
        let refused = send(&store, request(&format!("{longest}k"), "body"), NOW).await;
        assert!(
            matches!(refused, Err(StoreError::TooLarge { .. })),
            "{refused:?}"
        );
        let refused: Result<(), StoreError> = store
            .write(|tx| {
                let _ = tx.idempotency_begin(&request("k", "b"), NOW)?;
                let body = vec![0; kit::limits::BODY_BYTES_MAX + 1];
                tx.idempotency_finish(&request("k", "b"), &StoredReply { status: 200, body })
            })
            .await;
        assert!(
            matches!(refused, Err(StoreError::TooLarge { .. })),
            "{refused:?}"
        );
    })
    .await;
}
