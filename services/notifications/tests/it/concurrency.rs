//! A hundred callers at once: one effect.

use serde_json::json;
use testkit::{Answer, for_each_database, together};

use super::*;

const CALLERS: usize = 100;

/// How many messages there are for Ann, and how many were told of.
async fn sent(it: &Running) -> (usize, usize) {
    let messages = it
        .read(ANN, &format!("{MESSAGES}?limit=200"))
        .await
        .expect(200)
        .json;
    let told = it.events().await;
    let told = told
        .iter()
        .filter(|(kind, _)| kind == "notifications.message_sent")
        .count();
    (messages["items"].as_array().expect("a list").len(), told)
}

/// The answers that carry a message all carry the same; the others ask to come again.
fn one_message(answers: &[Answer]) {
    let (done, busy): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status < 300);
    assert!(busy.iter().all(|answer| answer.status == 503), "{busy:?}");
    assert!(!done.is_empty());
    assert!(
        done.iter()
            .all(|answer| answer.json["id"] == done[0].json["id"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_message() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let body = hello();
        let calls = (0..CALLERS).map(|_| it.write(DEALS, MESSAGES, "same", &body));
        one_message(&together(calls).await);
        assert_eq!(sent(&it).await, (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reference_is_one_message() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let body = with(hello(), json!({ "reference": "deal_1" }));
        let keys: Vec<String> = (0..CALLERS).map(|number| number.to_string()).collect();
        let calls = keys.iter().map(|key| it.write(DEALS, MESSAGES, key, &body));
        one_message(&together(calls).await);
        assert_eq!(sent(&it).await, (1, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_senders_do_not_stand_in_each_others_way() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let keys: Vec<String> = (0..CALLERS).map(|number| number.to_string()).collect();
        let body = hello();
        let calls = keys.iter().map(|key| it.write(DEALS, MESSAGES, key, &body));
        let answers = together(calls).await;
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(sent(&it).await, (made, made));
        assert_eq!(made, CALLERS, "{answers:?}");
    })
    .await;
}
