//! Events over the whole path: once, in order per key, and past whatever fails.

use std::sync::Arc;
use std::time::Duration;

use broker::Settings;
use contracts::dead_letters::{Decision, FailureKind, Verdict};
use kit::time::{Clock, SystemClock};
use store::StoreError;

use crate::rig::{Rig, on_every_rig, settings};
use crate::toys::{self, ORDERS};

/// Keys `a`, `b`, … each with versions from 1 on, one version of each key after the other.
fn orders(keys: &'static [&'static str], versions: u64) -> Vec<(&'static str, u64)> {
    let versions = 1..=versions;
    versions
        .flat_map(|version| keys.iter().map(move |key| (*key, version)))
        .collect()
}

fn up_to(last: i64) -> Vec<i64> {
    (1..=last).collect()
}

/// A decision about the failure that was reported last.
async fn decide(rig: &Rig, revision: u32, verdict: Verdict) {
    let failure = toys::failures(&rig.letters.store).await.pop().unwrap();
    let decision = Decision {
        consumer: "till".to_owned(),
        revision,
        topic: failure.topic,
        subject: failure.subject,
        message_id: failure.message_id.unwrap(),
        verdict,
        decided_at: SystemClock.now(),
    };
    toys::decide(&rig.letters.store, decision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_arrives_once_and_in_the_order_of_its_key() {
    on_every_rig(async |mut rig| {
        // Some before anybody runs, in one transaction; some one by one while they do.
        rig.publish(&orders(&["a", "b", "c", "d"], 40)).await;
        rig.start();
        for version in 41..=60 {
            rig.publish(&[
                ("a", version),
                ("b", version),
                ("c", version),
                ("d", version),
            ])
            .await;
        }
        rig.until_seen(ORDERS, 240).await;
        rig.stop().await;
        assert_eq!(toys::seen_count(&rig.till.store, ORDERS).await, 240);
        for key in ["a", "b", "c", "d"] {
            assert_eq!(rig.versions(key).await, up_to(60), "{key}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_key_waits_while_others_go_on_and_catches_up_in_order() {
    on_every_rig(async |mut rig| {
        rig.mood.refuse("b");
        rig.publish(&orders(&["a", "b", "c"], 20)).await;
        rig.start();
        rig.until_seen(ORDERS, 40).await;
        rig.until("parking", async || rig.parked().await == 20)
            .await;
        assert_eq!(rig.versions("a").await, up_to(20));
        assert_eq!(rig.versions("c").await, up_to(20));
        assert_eq!(
            rig.versions("b").await,
            [0_i64; 0],
            "what failed left nothing behind"
        );
        // Exhausted before it heals: a decision is needed.
        rig.until_failures(1).await;
        rig.mood.heal();
        decide(&rig, 1, Verdict::Redrive { document: None }).await;
        rig.publish(&orders(&["a", "b"], 21)[40..]).await;
        rig.until_seen(ORDERS, 62).await;
        rig.until("an empty park", async || rig.parked().await == 0)
            .await;
        rig.stop().await;
        assert_eq!(rig.versions("b").await, up_to(21));
        assert_eq!(rig.versions("a").await, up_to(21));
        assert_eq!(toys::failures(&rig.letters.store).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_heals_on_the_ladder_needs_nobody() {
    on_every_rig(async |mut rig| {
        // So many rungs that it is still on the ladder when it heals, however slow the machine.
        rig.till.settings = Arc::new(Settings {
            ladder: vec![Duration::from_millis(10); 100_000],
            ..settings()
        });
        rig.mood.panic("b");
        rig.publish(&orders(&["a", "b"], 3)).await;
        rig.start_carrying();
        rig.start_till();
        rig.until("a first try", async || rig.parked().await == 3)
            .await;
        rig.mood.heal();
        rig.until_seen(ORDERS, 6).await;
        rig.until("an empty park", async || rig.parked().await == 0)
            .await;
        rig.stop().await;
        assert_eq!(rig.versions("b").await, up_to(3));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_event_is_reported_once_and_blocks_its_key_until_it_is_discarded() {
    on_every_rig(async |mut rig| {
        rig.mood.refuse("b");
        rig.publish(&orders(&["a", "b"], 2)).await;
        rig.start();
        rig.until_failures(1).await;
        let failure = toys::failures(&rig.letters.store).await.pop().unwrap();
        assert_eq!(failure.kind, FailureKind::Event);
        assert_eq!(
            (failure.consumer.as_str(), failure.subject.as_str()),
            ("till", "b")
        );
        assert_eq!(failure.attempt, 4, "the first try and one on each rung");
        assert_eq!(failure.code, "row_must_keep_constraints");
        assert!(
            failure.reason.contains("refuses this key"),
            "{}",
            failure.reason
        );
        let document = broker::Message::parse(&failure.document).unwrap();
        assert_eq!(document.aggregateversion, Some(1));
        // Healed, but nobody decided: the next of the key stays behind it.
        rig.mood.heal();
        rig.publish(&[("a", 3), ("b", 3)]).await;
        rig.until_seen(ORDERS, 3).await;
        rig.until("parking behind", async || rig.parked().await == 3)
            .await;
        assert_eq!(rig.versions("b").await, [0_i64; 0]);
        decide(&rig, 1, Verdict::Discard).await;
        rig.until_seen(ORDERS, 5).await;
        rig.stop().await;
        assert_eq!(rig.versions("b").await, [2, 3]);
        assert_eq!(toys::failures(&rig.letters.store).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redriven_event_takes_the_edited_document_if_it_is_still_the_same_event() {
    on_every_rig(async |mut rig| {
        rig.publish(&[("forbidden", 1), ("forbidden", 2)]).await;
        rig.start();
        rig.until_failures(1).await;
        let failure = toys::failures(&rig.letters.store).await.pop().unwrap();
        // Not a message, then of another key: each is reported and changes nothing.
        let other_key = failure.document.replace("forbidden", "allowed");
        for (revision, document) in [(1, "{}".to_owned()), (2, other_key)] {
            decide(
                &rig,
                revision,
                Verdict::Redrive {
                    document: Some(document),
                },
            )
            .await;
            rig.until_failures(1 + revision as usize).await;
        }
        // The same event; the till's table still refuses it, so it is exhausted once more.
        let edited = failure.document.replace("\"order\":", "\"edited\":");
        decide(
            &rig,
            3,
            Verdict::Redrive {
                document: Some(edited.clone()),
            },
        )
        .await;
        rig.until_failures(4).await;
        let again = toys::failures(&rig.letters.store).await.pop().unwrap();
        assert_eq!(again.document, edited);
        assert_eq!(again.attempt, 4, "it began on the first rung");
        // A decision for another component, and one about what is not parked, do nothing.
        decide(&rig, 4, Verdict::Discard).await;
        rig.until("one left", async || rig.parked().await == 1)
            .await;
        rig.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_table_refuses_is_a_failure_of_that_message_only() {
    on_every_rig(async |mut rig| {
        rig.publish(&[("a", 1), ("forbidden", 1), ("b", 1), ("a", 2)])
            .await;
        rig.start();
        rig.until_seen(ORDERS, 3).await;
        rig.until("parking", async || rig.parked().await == 1).await;
        rig.stop().await;
        assert_eq!(rig.versions("a").await, [1, 2]);
        assert_eq!(rig.versions("b").await, [1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_everything_fails_everything_is_parked_and_everything_comes_back() {
    const KEYS: &[&str] = &["a", "b", "c", "d", "e", "f", "g", "h"];
    on_every_rig(async |mut rig| {
        for key in KEYS {
            rig.mood.refuse(key);
        }
        rig.publish(&orders(KEYS, 20)).await;
        rig.start_carrying();
        rig.start_till();
        rig.until("parking", async || rig.parked().await == 160)
            .await;
        rig.mood.heal();
        // Those that were exhausted meanwhile are revived by hand.
        rig.until("an empty park", async || {
            revive_all(&rig).await;
            rig.parked().await == 0
        })
        .await;
        rig.stop().await;
        for key in KEYS {
            assert_eq!(rig.versions(key).await, up_to(20), "{key}");
        }
    })
    .await;
}

async fn revive_all(rig: &Rig) {
    let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let keys = keys.map(str::to_owned).to_vec();
    toys::revive(&rig.till.store, keys, SystemClock.now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_is_not_an_event_is_reported_and_holds_nothing_up() {
    on_every_rig(async |mut rig| {
        let now = SystemClock.now();
        let mut bad = toys::order("a", 1, now).envelope(ORDERS).unwrap();
        bad.document = "{\"specversion\":\"1.0\",\"garbage\":true}".to_owned();
        let mut unversioned = toys::order("b", 1, now);
        unversioned.aggregateversion = None;
        let mut second = toys::order("b", 1, now).envelope(ORDERS).unwrap();
        second.document = unversioned.document();
        let good = toys::order("a", 2, now).envelope(ORDERS).unwrap();
        let published: Result<(), StoreError> = rig
            .shop
            .store
            .write(move |tx| tx.publish_many(&[bad.clone(), second.clone(), good.clone()]))
            .await;
        published.unwrap();
        rig.start();
        rig.until_seen(ORDERS, 1).await;
        rig.until_failures(2).await;
        rig.stop().await;
        let failures = toys::failures(&rig.letters.store).await;
        assert_eq!(failures.len(), 2);
        for failure in failures {
            assert_eq!(failure.kind, FailureKind::Unreadable);
            assert_eq!(failure.message_id, None);
            assert_eq!(failure.code, "body_must_match_schema");
        }
        assert_eq!(rig.versions("a").await, [2]);
    })
    .await;
}
