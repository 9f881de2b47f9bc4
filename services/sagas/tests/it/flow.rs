//! What becomes of a saga whose participants are silent: retries, deadlines, stuck, the end.

use std::time::Duration;

use serde_json::json;
use testkit::for_each_database;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_participant_is_asked_again_then_undone_then_the_saga_is_stuck() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        assert_eq!(it.commands().await, ["APPROVE_ORDER"]);
        it.pass(Duration::from_millis(199)).await;
        assert_eq!(it.commands().await.len(), 1, "it is not due yet");
        it.pass(Duration::from_millis(1)).await;
        assert_eq!(it.commands().await, ["APPROVE_ORDER"; 2]);
        it.pass(Duration::from_secs(30)).await;
        let saga = it.read(AUDITOR, &path).await.expect(200).json;
        assert_eq!(
            (&saga["phase"], &saga["state"]),
            (&json!("compensating"), &json!("DRAFT"))
        );
        assert_eq!(it.commands().await.last().expect("one"), "CANCEL_ORDER");
        let stuck = format!("{SAGAS}?stuck=true");
        assert_eq!(
            it.read(OPERATOR, &stuck).await.expect(200).json["items"],
            json!([])
        );
        for _ in 0..20 {
            it.pass(Duration::from_secs(60)).await;
        }
        let listed = it.read(OPERATOR, &stuck).await.expect(200).json;
        assert_eq!(listed["items"][0]["stuck"], true);
        it.app.fire("sagas.measure").await.expect("the timer runs");
        let metrics = it.app.get("/metrics").send().await.expect(200).text;
        let line = "florin_sagas_stuck{definition=\"manual_create_order\"} 1";
        assert!(metrics.contains(line), "{metrics}");
        let sent = it.commands().await.len();
        it.act(OPERATOR, &format!("{path}/retry"), "2")
            .await
            .expect(200);
        assert_eq!(it.commands().await.len(), sent + 1);
        let listed = it.read(OPERATOR, &stuck).await.expect(200).json;
        assert_eq!(listed["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_between_changes_nothing() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        let before = it.read(AUDITOR, &path).await.expect(200).json;
        let world = it.app.kill();
        let it = start_in(&database, world).await;
        assert_eq!(it.read(AUDITOR, &path).await.expect(200).json, before);
        it.pass(Duration::from_millis(200)).await;
        assert_eq!(it.commands().await.len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_runs_is_deleted() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        it.app
            .world
            .clock
            .advance(Duration::from_secs(400 * 24 * 3600));
        it.app
            .fire("sagas.purge_ended")
            .await
            .expect("the timer runs");
        it.read(AUDITOR, &path).await.expect(200);
    })
    .await;
}
