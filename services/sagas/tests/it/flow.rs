//! What becomes of a saga whose participants are silent: retries, deadlines, stuck, the end.

use std::time::Duration;

use saga::wire::Said;
use saga::{Engine, Fields, SagaId};
use serde_json::json;
use testkit::for_each_database;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
        it.app.world.clock.advance(DAY * 400);
        it.app
            .fire("sagas.purge_ended")
            .await
            .expect("the timer runs");
        it.read(AUDITOR, &path).await.expect(200);
    })
    .await;
}

/// What a participant says of a step, handled as if it had come.
async fn answer(it: &Running, saga: SagaId, (by, event): (&str, &str), step: &str) {
    let engine = Engine::new(it.deps.definitions.clone(), it.deps.ids.clone());
    let said = Said {
        saga_id: saga,
        step: Some(step.to_owned()),
        definition: None,
        acted: false,
        data: Fields::new(),
    };
    let (now, subject) = (it.deps.clock.now(), saga.to_string());
    let message = Message::work(it.deps.ids.next(), (by, &subject), (event, 1), now, &said);
    let message = message.expect("it can be written");
    let handled = it
        .store
        .write(move |tx| engine.handle(tx, &message, now))
        .await;
    handled.expect("the engine takes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_kept_as_many_days_as_is_said_and_then_deleted() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        let id = path.rsplit_once('/').expect("an id is behind a slash").1;
        let id = SagaId::parse(id).expect("the path has the saga's id");
        let refuses = ("portfolios", "ORDER_REJECTED");
        answer(&it, id, refuses, "1.APPROVE_ORDER").await;
        answer(&it, id, ("deals", "DEAL_UPDATED"), "2.REJECT_DEAL").await;
        answer(&it, id, ("notifications", "NOTIFIED"), "3.NOTIFY").await;
        let ended = it.read(AUDITOR, &path).await.expect(200).json;
        assert_eq!(ended["phase"], "ended");
        let purge = async |days: u32, status: u16| {
            it.app.world.clock.advance(DAY * days);
            let purged = it.app.fire("sagas.purge_ended").await;
            purged.expect("the timer runs");
            it.read(AUDITOR, &path).await.expect(status);
        };
        purge(KEPT_DAYS, 200).await;
        purge(1, 404).await;
    })
    .await;
}
