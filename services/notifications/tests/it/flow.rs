//! Messages over time: scheduled, due, read, cancelled, and deleted when retention ends.

use notifications::service;
use serde_json::json;
use testkit::{World, for_each_database, together};

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Accepts a message to Ann that is due a day after the start; says its path.
async fn schedule(it: &Running, key: &str) -> String {
    let later = with(hello(), json!({ "send_at": "2025-06-03T09:00:00Z" }));
    let accepted = it
        .write(DEALS, MESSAGES, key, &later)
        .await
        .expect(201)
        .json;
    assert_eq!(accepted["state"], "scheduled");
    assert_eq!(accepted["due_at"], "2025-06-03T09:00:00.000000Z");
    format!("{MESSAGES}/{}", accepted["id"].as_str().expect("an id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_message_is_sent_at_its_time() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let path = schedule(&it, "1").await;
        it.advance(DAY - Duration::from_micros(1));
        it.app
            .fire("notifications.send_due")
            .await
            .expect("the timer runs");
        it.read(ANN, &path).await.expect(404);
        it.act(ANN, &format!("{path}/read"), "1").await.expect(404);
        assert_eq!(
            it.read(ANN, MESSAGES).await.expect(200).json["items"],
            json!([])
        );

        it.advance(Duration::from_micros(1));
        it.app
            .fire("notifications.send_due")
            .await
            .expect("the timer runs");
        let sent = it.read(ANN, &path).await.expect(200).json;
        assert_eq!(sent["state"], "sent");
        assert_eq!(sent["sent_at"], "2025-06-03T09:00:00.000000Z");
        it.app
            .fire("notifications.send_due")
            .await
            .expect("the timer runs");
        let read = it
            .act(ANN, &format!("{path}/read"), "2")
            .await
            .expect(200)
            .json;
        assert_eq!(read["state"], "read");

        let staff = it
            .read(SUPPORT, "/notifications/v1/recipients/cus_ann/messages")
            .await;
        let history = &staff.expect(200).json["items"][0]["history"];
        let lines = history.as_array().expect("a list").iter();
        let by: Vec<_> = lines
            .map(|line| (&line["change"], &line["changed_by"]))
            .collect();
        let [scheduled, sent, read] = [json!("scheduled"), json!("sent"), json!("read")];
        let [deals, timer, ann] = [json!("deals"), json!("notifications"), json!("cus_ann")];
        assert_eq!(by, [(&scheduled, &deals), (&sent, &timer), (&read, &ann)]);
        let kinds: Vec<_> = it
            .events()
            .await
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        let told = ["template_changed", "message_sent", "message_read"];
        assert_eq!(kinds, told.map(|kind| format!("notifications.{kind}")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_message_is_never_sent() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let path = schedule(&it, "1").await;
        let cancelled = it
            .act(DEALS, &format!("{path}/cancel"), "1")
            .await
            .expect(200)
            .json;
        assert_eq!(cancelled["state"], "cancelled");
        let again = it
            .act(OPERATOR, &format!("{path}/cancel"), "1")
            .await
            .expect(200)
            .json;
        assert_eq!(again, cancelled);
        it.advance(2 * DAY);
        it.app
            .fire("notifications.send_due")
            .await
            .expect("the timer runs");
        it.read(ANN, &path).await.expect(404);
        let kinds: Vec<_> = it
            .events()
            .await
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        let told = ["template_changed", "message_cancelled"];
        assert_eq!(kinds, told.map(|kind| format!("notifications.{kind}")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_deletes_what_is_old_and_keeps_the_rest() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        let body = with(hello(), json!({ "reference": "deal_1" }));
        let old = it
            .write(DEALS, MESSAGES, "old", &body)
            .await
            .expect(201)
            .json;
        let cancelled = schedule(&it, "cancelled").await;
        it.act(DEALS, &format!("{cancelled}/cancel"), "1")
            .await
            .expect(200);
        let far = with(hello(), json!({ "send_at": "2025-12-01T09:00:00Z" }));
        let waiting = it
            .write(DEALS, MESSAGES, "far", &far)
            .await
            .expect(201)
            .json;
        it.advance(DAY);
        let young = it
            .write(DEALS, MESSAGES, "young", &hello())
            .await
            .expect(201)
            .json;
        it.advance(DAY * (MESSAGE_DAYS - 1));
        it.app
            .fire("notifications.purge_expired")
            .await
            .expect("the timer runs");
        let everything = "/notifications/v1/recipients/cus_ann/messages";
        let kept = it.read(SUPPORT, everything).await.expect(200).json;
        assert_eq!(
            kept["items"].as_array().map(Vec::len),
            Some(4),
            "kept to the last instant"
        );

        it.advance(Duration::from_micros(1));
        it.app
            .fire("notifications.purge_expired")
            .await
            .expect("the timer runs");
        let kept = it.read(SUPPORT, everything).await.expect(200).json;
        let ids: Vec<_> = kept["items"].as_array().expect("a list").iter().collect();
        let ids: Vec<_> = ids.iter().map(|item| &item["id"]).collect();
        assert_eq!(ids, [&young["id"], &waiting["id"]]);
        // Its reference lived as long as the message.
        let anew = it
            .write(DEALS, MESSAGES, "anew", &body)
            .await
            .expect(201)
            .json;
        assert_ne!(anew["id"], old["id"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_at_once_send_each_message_once() {
    for_each_database(async |database| {
        let it = start(&database).await.with_greeting().await;
        // More than one batch of the timer.
        let count = 230;
        let schedules = (0..count).map(|number| {
            let it = &it;
            async move { schedule(it, &number.to_string()).await }
        });
        together(schedules).await;
        let other = World::over(database.database(&SCHEMA).await.expect("it is migrated"));
        let store = Store::open(&other.database, &SCHEMA, EDGES.publishes).await;
        let deps = Deps {
            store: store.expect("it opens twice"),
            ..it.deps.clone()
        };
        let other = other.start(vec![service(deps)]).await;
        it.advance(DAY);
        let runs = [&it.app, &other, &it.app, &other];
        let ran = together(runs.map(|app| app.fire("notifications.send_due"))).await;
        // A run that lost every race leaves the rest to the next.
        assert!(ran.iter().any(Result::is_ok), "{ran:?}");
        it.app
            .fire("notifications.send_due")
            .await
            .expect("the timer runs");
        let sent = it.events().await;
        let sent = sent
            .iter()
            .filter(|(kind, _)| kind == "notifications.message_sent")
            .count();
        assert_eq!(sent, count);
    })
    .await;
}
