//! Futures dropped where it hurts, stores and carriers that fail for a while, and repeats.

use std::sync::atomic::Ordering;

use broker::{CarrierError, Component, Consumer, Reaction, Relay};
use kit::time::{Clock, SystemClock};
use store::{Position, StoreError, Work};
use uuid::Uuid;

use crate::rig::{Rig, on_every_rig};
use crate::toys::{self, ORDERS, TASKS};

/// So many events of one key, from `first` on.
fn run_of(key: &'static str, first: u64, count: u64) -> Vec<(&'static str, u64)> {
    (first..first + count)
        .map(|version| (key, version))
        .collect()
}

async fn assert_all_once(rig: &Rig, orders: i64, tasks: i64) {
    assert_eq!(toys::seen_count(&rig.till.store, ORDERS).await, orders);
    assert_eq!(rig.versions("a").await, (1..=orders).collect::<Vec<_>>());
    assert_eq!(toys::seen_count(&rig.till.store, TASKS).await, tasks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_ends_after_the_commit_and_before_it_acknowledges_doubles_nothing() {
    on_every_rig(async |mut rig| {
        rig.faults.hang_acknowledging.store(true, Ordering::Relaxed);
        rig.publish(&run_of("a", 1, 10)).await;
        rig.send(&[(1, "task"), (2, "task")]).await;
        rig.start();
        // Both are committed, and neither is acknowledged.
        rig.until_seen(ORDERS, 1).await;
        rig.until_seen(TASKS, 1).await;
        rig.faults.acknowledging.notified().await;
        rig.abort().await;
        rig.faults
            .hang_acknowledging
            .store(false, Ordering::Relaxed);
        rig.publish(&run_of("a", 11, 10)).await;
        rig.start();
        rig.until_seen(ORDERS, 20).await;
        rig.until_seen(TASKS, 2).await;
        rig.stop().await;
        assert_all_once(&rig, 20, 2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_dropped_at_any_moment_lose_and_double_nothing() {
    on_every_rig(async |mut rig| {
        for round in 0..8 {
            rig.publish(&run_of("a", round * 25 + 1, 25)).await;
            rig.send(&[(u128::from(round) + 1, "task")]).await;
            // Somewhere in the middle: after as many runs as the round says, counted from before
            // anything runs, as each round brings only 26 messages.
            let before = *rig.mood.runs.borrow();
            let until = before + round * 3 + 1;
            rig.start();
            rig.until("so many runs", async || *rig.mood.runs.borrow() >= until)
                .await;
            rig.abort().await;
        }
        rig.start();
        rig.until_seen(ORDERS, 200).await;
        rig.until_seen(TASKS, 8).await;
        rig.stop().await;
        assert_all_once(&rig, 200, 8).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_carrier_repeats_has_no_effect() {
    on_every_rig(async |mut rig| {
        // Not confirmed, so published again; not acknowledged, so delivered again.
        rig.faults.unconfirmed.store(4, Ordering::Relaxed);
        rig.faults.unacknowledged.store(6, Ordering::Relaxed);
        rig.publish(&run_of("a", 1, 30)).await;
        rig.send(&[(1, "task"), (2, "task"), (3, "task")]).await;
        rig.start();
        rig.until_seen(ORDERS, 30).await;
        rig.until_seen(TASKS, 3).await;
        rig.until("all faults", async || {
            rig.faults.unacknowledged.load(Ordering::Relaxed) == 0 || {
                // Faults are met by messages only.
                let next = rig.versions("a").await.len() as u64 + 1;
                rig.publish(&[("a", next)]).await;
                rig.until_seen(ORDERS, i64::try_from(next).unwrap()).await;
                false
            }
        })
        .await;
        rig.stop().await;
        let orders = toys::seen_count(&rig.till.store, ORDERS).await;
        assert_all_once(&rig, orders, 3).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_is_never_overtaken_by_the_next_of_its_key() {
    on_every_rig(async |mut rig| {
        // Fewer than there are, so that a later one would be taken.
        rig.faults.refuse("a", 2);
        rig.publish(&run_of("a", 1, 5)).await;
        rig.publish(&run_of("b", 1, 5)).await;
        // On PostgreSQL somebody else's transaction may hide the later for a while.
        rig.until("both to be shown", async || {
            let store = &rig.shop.store;
            let shown = store.outbox_events(None, Position::default(), 100).await;
            shown.unwrap().len() == 10
        })
        .await;
        rig.start();
        rig.until_seen(ORDERS, 10).await;
        rig.stop().await;
        assert_eq!(rig.versions("a").await, [1, 2, 3, 4, 5]);
        assert_eq!(rig.versions("b").await, [1, 2, 3, 4, 5]);
        if rig.carrier.reads_outboxes() {
            return;
        }
        let published = rig.faults.published();
        let order: Vec<&str> = published.iter().map(|parcel| parcel.key.as_str()).collect();
        let first_a = order.iter().position(|key| *key == "a").unwrap();
        let last_b = order.iter().rposition(|key| *key == "b").unwrap();
        assert!(last_b < first_a, "a refused key held up another: {order:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_that_is_away_for_a_while_gets_everything_later() {
    on_every_rig(async |mut rig| {
        rig.faults.unavailable.store(10, Ordering::Relaxed);
        rig.publish(&run_of("a", 1, 20)).await;
        rig.send(&[(1, "task")]).await;
        rig.start();
        rig.until_seen(ORDERS, 20).await;
        rig.until_seen(TASKS, 1).await;
        rig.stop().await;
        assert_all_once(&rig, 20, 1).await;
        if !rig.carrier.reads_outboxes() {
            let depth = rig.shop.store.outbox_depth().await.unwrap();
            assert_eq!((depth.events, depth.work, depth.delayed), (0, 0, 0));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_ends_before_the_confirmation_publishes_again_and_nothing_doubles() {
    on_every_rig(async |mut rig| {
        if rig.carrier.reads_outboxes() {
            return;
        }
        rig.faults.hang_confirming.store(true, Ordering::Relaxed);
        rig.publish(&run_of("a", 1, 3)).await;
        rig.send(&[(1, "task")]).await;
        rig.start();
        rig.faults.confirming.notified().await;
        rig.abort().await;
        assert!(rig.shop.store.outbox_depth().await.unwrap().events > 0);
        rig.faults.hang_confirming.store(false, Ordering::Relaxed);
        rig.start();
        rig.until_seen(ORDERS, 3).await;
        rig.until_seen(TASKS, 1).await;
        rig.publish(&run_of("a", 4, 1)).await;
        rig.until_seen(ORDERS, 4).await;
        rig.stop().await;
        assert_all_once(&rig, 4, 1).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_relays_one_holds_the_lease_and_the_other_takes_over() {
    on_every_rig(async |mut rig| {
        if rig.carrier.reads_outboxes() {
            return;
        }
        let now = SystemClock.now();
        let lease = std::time::Duration::from_millis(400);
        let first = Uuid::from_u128(77);
        assert!(
            rig.shop
                .store
                .lease("relay", first, now, lease)
                .await
                .unwrap()
        );
        let mut settings = (*rig.shop.settings).clone();
        settings.lease = lease;
        let component = Component {
            settings: settings.into(),
            ..rig.shop.clone()
        };
        let relay = Relay::new(component, rig.carrier.clone(), Uuid::from_u128(78));
        rig.publish(&run_of("a", 1, 3)).await;
        rig.start_till();
        rig.tasks.spawn(relay.run(rig.stopping.subscribe()));
        rig.until_seen(ORDERS, 3).await;
        assert!(
            SystemClock.now().since(now).unwrap() >= lease,
            "it waited for the lease"
        );
        rig.stop().await;
        let at = SystemClock.now();
        let again = rig
            .shop
            .store
            .lease("relay", first, at, lease)
            .await
            .unwrap();
        assert!(again, "a relay that stops gives its lease back");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_store_has_no_room_for_a_report_the_batch_waits() {
    on_every_rig(async |mut rig| {
        rig.mood.refuse("bad");
        // Nothing may be published, so no report can be sent: a store that fails for a while.
        let runs = rig.mood.runs.subscribe();
        rig.send(&[(1, "bad"), (2, "good")]).await;
        rig.till.store.set_outbox_full(true);
        // Without upkeep, which would find that there is room.
        rig.consume(rig.till.clone(), rig.mood.reaction(TASKS));
        if !rig.carrier.reads_outboxes() {
            let relay = Relay::new(rig.shop.clone(), rig.carrier.clone(), Uuid::from_u128(1));
            rig.tasks.spawn(relay.run(rig.stopping.subscribe()));
        }
        rig.until("a try", async || *runs.borrow() >= 1).await;
        assert!(toys::failures(&rig.letters.store).await.is_empty());
        rig.till.store.set_outbox_full(false);
        rig.start_letters(false);
        if !rig.carrier.reads_outboxes() {
            let relay = Relay::new(rig.till.clone(), rig.carrier.clone(), Uuid::from_u128(1));
            rig.tasks.spawn(relay.run(rig.stopping.subscribe()));
        }
        rig.until_failures(1).await;
        rig.until_seen(TASKS, 1).await;
        rig.stop().await;
        assert_eq!(toys::failures(&rig.letters.store).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undeclared_topic_is_refused_on_every_side() {
    on_every_rig(async |rig| {
        let now = SystemClock.now();
        let task = toys::task(1, "task", now);
        let elsewhere = Work {
            topic: "nobody.knows".to_owned(),
            ..task.sending(TASKS, now, now).unwrap()
        };
        let sent: Result<(), StoreError> =
            rig.shop.store.write(move |tx| tx.send(&elsewhere)).await;
        assert!(
            matches!(sent, Err(StoreError::UndeclaredTopic { .. })),
            "{sent:?}"
        );

        let stranger = Consumer::new(
            rig.letters.clone(),
            toys::topic(ORDERS),
            Reaction::new(ORDERS, |_, _| Ok(())),
        );
        assert!(matches!(
            stranger.err(),
            Some(CarrierError::UndeclaredTopic { .. })
        ));
        let mut topic = toys::topic(ORDERS);
        topic.name = "nobody.knows".to_owned();
        let fed = rig.carrier.subscribe("letters", &topic).await.err();
        assert!(
            matches!(fed, Some(CarrierError::UndeclaredTopic { .. })),
            "{fed:?}"
        );
    })
    .await;
}
