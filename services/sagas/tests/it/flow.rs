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

/// Has everybody answer so that the saga of this path ends now.
async fn end(it: &Running, path: &str) {
    let id = path.rsplit_once('/').expect("an id is behind a slash").1;
    let id = SagaId::parse(id).expect("the path has the saga's id");
    let refuses = ("portfolios", "ORDER_REJECTED");
    answer(it, id, refuses, "1.APPROVE_ORDER").await;
    answer(it, id, ("deals", "DEAL_UPDATED"), "2.REJECT_DEAL").await;
    answer(it, id, ("notifications", "NOTIFIED"), "3.NOTIFY").await;
    let ended = it.read(AUDITOR, path).await.expect(200).json;
    assert_eq!(ended["phase"], "ended");
}

async fn purge(it: &Running) {
    let purged = it.app.fire("sagas.purge_ended").await;
    purged.expect("the timer runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_is_kept_as_many_days_as_is_said_and_then_deleted() {
    for_each_database(async |database| {
        let it = start(&database).await;
        let path = it.with_saga("1").await;
        end(&it, &path).await;
        for (days, status) in [(KEPT_DAYS, 200), (1, 404)] {
            it.app.world.clock.advance(DAY * days);
            purge(&it).await;
            it.read(AUDITOR, &path).await.expect(status);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sagas_of_all_ages_those_go_that_ended_long_ago_and_their_timelines_with_them() {
    const TIMELINES: Statement = Statement {
        name: "timelines",
        sql: "SELECT DISTINCT saga FROM sagas_timeline LIMIT 10",
    };
    for_each_database(async |database| {
        let opened = database.database(&SCHEMA).await;
        let world = World::over(opened.expect("the migrations apply"));
        let it = start_keeping(Deps::KEPT_DAYS_MIN, &database, world).await;
        let [old, young, open] = ["old", "young", "open"].map(|key| it.with_saga(key));
        let (old, young, open) = (old.await, young.await, open.await);
        end(&it, &old).await;
        it.app.world.clock.advance(DAY * 2);
        end(&it, &young).await;
        let after = async |time: Duration, [old_is, young_is]: [u16; 2], timelines: usize| {
            it.app.world.clock.advance(time);
            purge(&it).await;
            it.read(AUDITOR, &old).await.expect(old_is);
            it.read(AUDITOR, &young).await.expect(young_is);
            it.read(AUDITOR, &open).await.expect(200);
            let kept = it.store.read(|tx| tx.query(&TIMELINES, &[])).await;
            let kept: Vec<Row> = kept.map_err(|error: StoreError| error).expect("rows");
            assert_eq!(kept.len(), timelines);
        };
        after(DAY * 29, [200, 200], 3).await;
        after(Duration::from_micros(1), [404, 200], 2).await;
        after(DAY * 2, [404, 404], 1).await;
        after(DAY * 4_000, [404, 404], 1).await;
    })
    .await;
}
