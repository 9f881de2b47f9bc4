//! The RabbitMQ server that `scripts/with-rabbitmq` starts, and what tests say to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker::{
    Carrier, CarrierError, Delivery, Feed, Parcel, Pattern, RabbitMq, RabbitMqSettings, Topic,
};
use tokio::sync::{RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

use crate::rig::{Kind, WAIT_MAX};
use crate::{hurt, servers};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The server, while nobody kills it.
pub struct Server {
    url: String,
    _shared: Option<RwLockReadGuard<'static, ()>>,
    _alone: Option<RwLockWriteGuard<'static, ()>>,
}

fn address(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        let required = std::env::var("FLORIN_TEST_CARRIERS").is_ok_and(|value| value == "required");
        assert!(
            !required,
            "{variable} must be set: run under scripts/with-rabbitmq"
        );
        eprintln!("skipped: {variable} is not set; run under scripts/with-rabbitmq");
    }
    found
}

/// The server, shared with other tests; `None` where there is none and none is required.
pub async fn shared() -> Option<Server> {
    let url = address("FLORIN_TEST_RABBITMQ")?;
    Some(Server {
        url,
        _shared: servers::together(Kind::RabbitMq).await,
        _alone: None,
    })
}

/// The server for a test that kills it.
pub async fn alone() -> Option<Server> {
    let url = address("FLORIN_TEST_RABBITMQ")?;
    Some(Server {
        url,
        _shared: None,
        _alone: hurt::alone(Kind::RabbitMq).await,
    })
}

/// What a test does with encrypted connections: the address and the file of the authority.
pub async fn encrypted() -> Option<(Server, String, String)> {
    let url = address("FLORIN_TEST_RABBITMQ_TLS")?;
    let authority = std::env::var("FLORIN_TEST_RABBITMQ_AUTHORITY").expect("the authority's file");
    let authority = std::fs::read_to_string(authority).expect("the authority is readable");
    Some((shared().await?, url, authority))
}

impl Server {
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A process of Florin, as far as the server can tell.
    pub fn carrier(&self) -> RabbitMq {
        self.carrier_with(RabbitMqSettings::default())
    }

    pub fn carrier_with(&self, settings: RabbitMqSettings) -> RabbitMq {
        RabbitMq::open(&self.url, settings).expect("the address is one")
    }

    pub async fn kill(&self) {
        hurt::control(Kind::RabbitMq, &["kill"]).await;
    }

    pub async fn start(&self) {
        hurt::control(Kind::RabbitMq, &["start"]).await;
    }

    /// Waits until the server would find a queue again after it was killed. It writes its list of
    /// quorum queues seconds after one is declared (seen with 3.10.8), and one that is not in the
    /// list is lost with what it holds; no publisher can hear of that.
    pub async fn settle(&self, queue: &str) {
        hurt::control(Kind::RabbitMq, &["settle", queue]).await;
    }
}

/// A topic that no other test or run has.
pub fn topic(name: &str, pattern: Pattern, consumers: &[&str]) -> Topic {
    Topic {
        name: format!("t{}.{name}", std::process::id()),
        pattern,
        publishers: vec!["tester".to_owned()],
        consumers: consumers.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// A message that says its key and number.
pub fn parcel(topic: &Topic, key: &str, number: usize) -> Parcel {
    Parcel {
        id: Uuid::from_u128(NEXT_ID.fetch_add(1, Ordering::Relaxed).into()),
        topic: topic.name.clone(),
        key: key.to_owned(),
        document: format!("{key}:{number}"),
        delay: Duration::ZERO,
    }
}

/// Numbers 0.. of `keys` keys, in calls that never hold two of one key, as a relay publishes.
pub fn waves(topic: &Topic, keys: usize, numbers: usize) -> Vec<Vec<Parcel>> {
    let wave = |number| {
        (0..keys)
            .map(|key| parcel(topic, &format!("key-{key}"), number))
            .collect()
    };
    (0..numbers).map(wave).collect()
}

pub async fn publish_waves(carrier: &RabbitMq, waves: &[Vec<Parcel>]) {
    for wave in waves {
        carrier.publish(wave).await.expect("published");
    }
}

/// Calls until it succeeds, as a relay or consumer does after a failure.
pub async fn retry<T>(what: impl AsyncFn() -> Result<T, CarrierError>) -> T {
    let trying = async {
        loop {
            match what().await {
                Ok(done) => return done,
                Err(CarrierError::Unavailable { .. } | CarrierError::Refused { .. }) => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(WAIT_MAX, trying)
        .await
        .expect("it works again in time")
}

/// One batch, within the time of a test.
pub async fn batch(feed: &mut dyn Feed, max: usize) -> Vec<Delivery> {
    let next = tokio::time::timeout(WAIT_MAX, feed.next(max)).await;
    next.expect("something comes in time")
        .expect("the feed lives")
}

/// Batches until there are `count`, acknowledging each.
pub async fn take(feed: &mut dyn Feed, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.extend(batch(feed, 64).await);
        feed.acknowledge().await.expect("acknowledged");
    }
    taken
}

/// The numbers that came, per key, as they came.
pub fn by_key(deliveries: &[Delivery]) -> BTreeMap<String, Vec<usize>> {
    let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for delivery in deliveries {
        let (key, number) = delivery
            .document
            .split_once(':')
            .expect("a key and a number");
        let number = number.parse().expect("a number");
        numbers.entry(key.to_owned()).or_default().push(number);
    }
    numbers
}

/// That each of `keys` keys has the numbers below `numbers`, each once, rising.
pub fn assert_complete(deliveries: &[Delivery], keys: usize, numbers: usize) {
    let found = by_key(deliveries);
    assert_eq!(found.len(), keys);
    for (key, found) in found {
        assert_eq!(found, (0..numbers).collect::<Vec<_>>(), "{key}");
    }
}
