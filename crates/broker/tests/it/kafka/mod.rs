//! The carrier over Apache Kafka, on a real server that is killed where that matters.
//!
//! `scripts/with-kafka` starts the server. Without one the tests say so and pass, unless
//! FLORIN_TEST_CARRIERS is `required`.

mod delays;
mod failures;
mod refusals;
mod sharing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker::{Carrier, CarrierError, Delivery, Feed, Kafka, KafkaSettings, Parcel, Pattern, Topic};
use kit::random::{Random, SystemRandom};
use kit::time::{Clock, SystemClock};
use tokio::sync::{RwLockReadGuard, RwLockWriteGuard, watch};
use uuid::Uuid;

use crate::rig::{Kind, WAIT_MAX as DEADLINE};
use crate::{hurt, servers};

/// A deployment of its own on the server.
struct World {
    settings: KafkaSettings,
}

impl World {
    /// `None` if there is no server and none is required.
    fn new() -> Option<Self> {
        let Ok(server) = std::env::var("FLORIN_TEST_KAFKA") else {
            let required = std::env::var("FLORIN_TEST_CARRIERS").is_ok_and(|it| it == "required");
            assert!(
                !required,
                "FLORIN_TEST_KAFKA must be set: run with scripts/with-kafka"
            );
            eprintln!("skipped: needs a server, run with scripts/with-kafka");
            return None;
        };
        let mut word = [0; 8];
        SystemRandom.fill(&mut word);
        let settings = KafkaSettings {
            servers: vec![server],
            namespace: format!("test-{:016x}", u64::from_be_bytes(word)),
            rungs: [300, 600].map(Duration::from_millis).to_vec(),
            ..KafkaSettings::default()
        };
        Some(Self { settings })
    }

    fn carrier(&self) -> Arc<Kafka> {
        Arc::new(Kafka::new(self.settings.clone(), Arc::new(SystemClock)))
    }

    /// A topic that no other test has.
    fn topic(&self, pattern: Pattern, consumers: &[&str]) -> Topic {
        Topic {
            name: format!("{}.topic", self.settings.namespace),
            pattern,
            publishers: vec!["publisher".to_owned()],
            consumers: consumers.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// Hurts the server or heals it.
    async fn control(&self, what: &'static str) {
        in_time(what, hurt::control(Kind::Kafka, &[what])).await;
    }
}

async fn shared() -> Option<RwLockReadGuard<'static, ()>> {
    servers::together(Kind::Kafka).await
}

async fn alone() -> Option<RwLockWriteGuard<'static, ()>> {
    hurt::alone(Kind::Kafka).await
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(answer) = tokio::time::timeout(DEADLINE, future).await else {
        panic!("not in time: {what}");
    };
    answer
}

fn parcel(topic: &Topic, key: &str, number: u128) -> Parcel {
    Parcel {
        id: Uuid::from_u128(number),
        topic: topic.name.clone(),
        key: key.to_owned(),
        document: format!("{key} {number}"),
        delay: Duration::ZERO,
    }
}

/// The documents of `keys` times `versions` events, published as the relay does: one of each key,
/// then the next of each.
async fn publish_events(carrier: &Kafka, topic: &Topic, keys: u32, versions: u128) -> Vec<String> {
    let mut documents = Vec::new();
    for version in 1..=versions {
        let wave: Vec<Parcel> = (0..keys)
            .map(|key| parcel(topic, &format!("key-{key}"), version))
            .collect();
        let published = in_time("publish", carrier.publish(&wave)).await;
        published.expect("the server takes them");
        documents.extend(wave.into_iter().map(|parcel| parcel.document));
    }
    documents.sort();
    documents
}

async fn next(feed: &mut Box<dyn Feed>, max: usize) -> Vec<Delivery> {
    let batch = in_time("next", feed.next(max))
        .await
        .expect("the feed goes on");
    assert!(!batch.is_empty() && batch.len() <= max);
    batch
}

/// Receives and acknowledges until everything awaited was there, and answers it as it came.
async fn drain(feed: &mut Box<dyn Feed>, awaited: &[String]) -> Vec<String> {
    let mut missing: BTreeSet<String> = awaited.iter().cloned().collect();
    let mut all = Vec::new();
    while !missing.is_empty() {
        for delivery in next(feed, 7).await {
            missing.remove(&delivery.document);
            all.push(delivery.document);
        }
        let acknowledged = in_time("acknowledge", feed.acknowledge()).await;
        acknowledged.expect("the group is quiet");
    }
    all
}

/// Versions of a key rise, where a repetition may go back to what was there before.
fn assert_in_order(documents: &[String]) {
    let mut last: BTreeMap<&str, u128> = BTreeMap::new();
    for document in documents {
        let (key, version) = document.split_once(' ').expect("a key and a version");
        let version: u128 = version.parse().expect("a version is a number");
        let last = last.entry(key).or_default();
        assert!(
            version <= *last + 1,
            "{key} jumped from {last} to {version}"
        );
        *last = version.max(*last);
    }
}

fn sorted(mut documents: Vec<String>) -> Vec<String> {
    documents.sort();
    documents
}
