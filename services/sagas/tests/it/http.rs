//! Starting, listing, reading, retrying and cancelling over HTTP.

use serde_json::json;
use testkit::{for_each_database, together};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_is_started_once_by_its_key_and_once_by_its_id() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let first = it.write(DEALS, REGISTER, "1", &order()).await.expect(201);
        let again = it.write(DEALS, REGISTER, "1", &order()).await.expect(201);
        assert_eq!(first.text, again.text);
        let named = with(order(), json!({ "saga_id": first.json["id"] }));
        let named = it.write(DEALS, REGISTER, "2", &named).await.expect(200);
        assert_eq!(named.json, first.json);
        assert_eq!(it.commands().await, ["APPROVE_ORDER"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_starts_at_once_are_one_saga() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let body = with(
            order(),
            json!({ "saga_id": "saga_01jwqt8vr0e5zb4s9gc0dqf3xa" }),
        );
        let keys: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let calls = keys.iter().map(|key| it.write(DEALS, REGISTER, key, &body));
        let answers = together(calls).await;
        let begun = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(begun, 1, "{answers:?}");
        let known = |answer: &&Answer| matches!(answer.status, 200 | 201 | 503);
        assert_eq!(answers.iter().filter(known).count(), 100, "{answers:?}");
        assert_eq!(it.commands().await, ["APPROVE_ORDER"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saga_is_read_with_what_was_said_and_what_happened() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        let answer = it.read(AUDITOR, &path).await.expect(200);
        assert_eq!(answer.header("etag"), "\"1\"");
        let saga = answer.json;
        let said = json!({ "deals": order()["context"] });
        assert_eq!(saga["context"], said);
        assert_eq!(saga["steps"][0]["step"], "1.APPROVE_ORDER");
        assert_eq!(saga["steps"][0]["participant"], "portfolios");
        assert_eq!(saga["steps"][0]["status"], "waiting");
        let lines = &saga["timeline"][0]["lines"];
        assert_eq!(lines[0]["line"], "moved");
        assert_eq!(lines[1]["command"], "APPROVE_ORDER");
        let page = it.read(AUDITOR, &format!("{path}/timeline?limit=1")).await;
        assert_eq!(page.expect(200).json["items"], saga["timeline"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sagas_are_listed_newest_first_in_pages_and_by_what_is_asked() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let first = it.with_saga("1").await;
        it.app.world.clock.advance(Duration::from_secs(60));
        let second = it.with_saga("2").await;
        let cancel = format!("{first}/cancel");
        it.write(OPERATOR, &cancel, "3", &because())
            .await
            .expect(200);
        let list = async |query: &str| -> (Vec<String>, Value) {
            let answer = it.read(OPERATOR, &format!("{SAGAS}?{query}")).await;
            let json = answer.expect(200).json;
            let items = json["items"].as_array().expect("a list").clone();
            let path = |item: &Value| format!("{SAGAS}/{}", item["id"].as_str().expect("an id"));
            (
                items.iter().map(path).collect(),
                json["next_cursor"].clone(),
            )
        };
        assert_eq!(list("").await.0, [second.as_str(), first.as_str()]);
        let (page, cursor) = list("limit=1").await;
        assert_eq!(page, [second.as_str()]);
        let next = format!("limit=1&cursor={}", cursor.as_str().expect("a cursor"));
        assert_eq!(list(&next).await.0, [first.as_str()]);
        assert_eq!(
            list("definition=manual_create_order&state=DRAFT")
                .await
                .0
                .len(),
            2
        );
        assert_eq!(list("definition=shipment").await.0, [""; 0]);
        assert_eq!(list("state=FINISHED").await.0, [""; 0]);
        assert_eq!(list("since=2025-06-02T09:00:30Z").await.0, [second]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_saga_undoes_the_step_whose_outcome_nobody_knows() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        let cancel = format!("{path}/cancel");
        let answer = it
            .write(OPERATOR, &cancel, "2", &because())
            .await
            .expect(200);
        assert_eq!(answer.json["phase"], "compensating");
        it.write(OPERATOR, &cancel, "3", &because())
            .await
            .expect(200);
        assert_eq!(it.commands().await, ["APPROVE_ORDER", "CANCEL_ORDER"]);
        let saga = it.read(AUDITOR, &path).await.expect(200).json;
        assert_eq!(saga["steps"][0]["status"], "undoing");
        assert_eq!(
            saga["timeline"][1]["lines"][0]["reason"],
            "the client withdrew"
        );
    })
    .await;
}
