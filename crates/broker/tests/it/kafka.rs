//! The carrier over Apache Kafka, on a real server that is killed where that matters.
//!
//! `scripts/with-kafka` starts the server. Without one the tests say so and pass, unless
//! FLORIN_TEST_CARRIERS is `required`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use broker::{Carrier, CarrierError, Delivery, Feed, Kafka, KafkaSettings, Parcel, Pattern, Topic};
use kit::random::{Random, SystemRandom};
use kit::time::{Clock, SystemClock};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch};
use uuid::Uuid;

/// How long anything may take: the server's restart takes a few seconds on a busy machine.
const DEADLINE: Duration = Duration::from_secs(45);

/// The server is one for all tests of the process: who kills it is alone meanwhile.
static SERVER: RwLock<()> = RwLock::const_new(());

/// A deployment of its own on the server.
struct World {
    settings: KafkaSettings,
    control: String,
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
            session_time_max: Duration::from_secs(3),
            ..KafkaSettings::default()
        };
        let control = std::env::var("FLORIN_TEST_KAFKA_CONTROL").unwrap_or_default();
        Some(Self { settings, control })
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
        let mut command = Command::new(&self.control);
        command.arg(what);
        let status = tokio::task::spawn_blocking(move || command.status());
        let status = in_time(what, status).await.expect("the call ends");
        assert!(status.expect("the control can be run").success(), "{what}");
    }
}

async fn shared() -> RwLockReadGuard<'static, ()> {
    SERVER.read().await
}

async fn alone() -> RwLockWriteGuard<'static, ()> {
    SERVER.write().await
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

#[tokio::test(flavor = "multi_thread")]
async fn every_consumer_gets_every_event_in_the_order_of_its_key() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["first", "second"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    // Before anybody listens: nothing is lost, and the order is not that of the moment.
    let published = publish_events(&carrier, &topic, 20, 5).await;
    for consumer in ["first", "second"] {
        let mut feed = carrier.subscribe(consumer, &topic).await.unwrap();
        let received = drain(&mut feed, &published).await;
        assert_in_order(&received);
        assert_eq!(sorted(received), published, "each once, to {consumer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_does_not_come_again_and_what_is_not_does() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let published = publish_events(&carrier, &topic, 1, 6).await;

    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut handled = next(&mut feed, 2).await;
    in_time("acknowledge", feed.acknowledge()).await.unwrap();
    let left = next(&mut feed, 100).await;
    drop(feed);

    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let again = next(&mut feed, left.len()).await;
    assert_eq!(
        again[0], left[0],
        "the first that was not acknowledged comes first"
    );
    handled.extend(again);
    let mut documents: Vec<String> = handled.into_iter().map(|it| it.document).collect();
    while documents.len() < published.len() {
        documents.extend(next(&mut feed, 100).await.into_iter().map(|it| it.document));
    }
    assert_eq!(documents, published);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_a_consumer_share_and_nothing_is_lost_when_one_dies() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut dying = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut living = carrier.subscribe("consumer", &topic).await.unwrap();
    // One is handed something and never acknowledges it, while the other takes its part.
    let mut published = Vec::new();
    let mut version = 0;
    let mut held = Vec::new();
    let mut received = Vec::new();
    let share = async {
        while held.is_empty() || received.is_empty() {
            version += 1;
            let keys = (0..40).map(|key| parcel(&topic, &format!("key-{key}"), version));
            let wave: Vec<Parcel> = keys.collect();
            carrier.publish(&wave).await.unwrap();
            published.extend(wave.into_iter().map(|parcel| parcel.document));
            tokio::select! {
                batch = dying.next(50) => held.extend(batch.unwrap()),
                batch = living.next(50) => {
                    received.extend(batch.unwrap().into_iter().map(|it| it.document));
                    living.acknowledge().await.unwrap();
                }
            }
        }
    };
    in_time("both to have a part", share).await;
    drop(dying);
    let missing: Vec<String> = published
        .iter()
        .filter(|document| !received.contains(document))
        .cloned()
        .collect();
    received.extend(drain(&mut living, &missing).await);
    assert_in_order(&received);
    let received: BTreeSet<String> = received.into_iter().collect();
    assert_eq!(received, published.into_iter().collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_is_handled_by_one_of_the_processes_of_its_consumer() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let mut feeds = [
        carrier.subscribe("consumer", &topic).await.unwrap(),
        carrier.subscribe("consumer", &topic).await.unwrap(),
    ];
    let mut taken = [Vec::new(), Vec::new()];
    let mut number = 0;
    let [one, two] = &mut feeds;
    // Of one type, which must not keep them together.
    let compete = async {
        let has_both = |taken: &[Vec<String>; 2]| taken.iter().all(|part| part.len() >= 20);
        while !has_both(&taken) || taken.iter().map(Vec::len).sum::<usize>() < number {
            if !has_both(&taken) {
                let more = (0..20).map(|more| parcel(&topic, "type", (number + more) as u128));
                let more: Vec<Parcel> = more.collect();
                carrier.publish(&more).await.unwrap();
                number += 20;
            }
            let (place, batch) = tokio::select! {
                batch = one.next(5) => (0, batch.unwrap()),
                batch = two.next(5) => (1, batch.unwrap()),
            };
            [&mut *one, &mut *two][place].acknowledge().await.unwrap();
            taken[place].extend(batch.into_iter().map(|delivery| delivery.document));
        }
    };
    in_time("both to have a part", compete).await;
    let all = sorted(taken.concat());
    let expected = (0..number).map(|number| format!("type {number}")).collect();
    assert_eq!(all, sorted(expected), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_joins_takes_partitions_and_what_was_not_acknowledged_comes_to_somebody() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let published = publish_events(&carrier, &topic, 30, 2).await;
    let mut first = carrier.subscribe("consumer", &topic).await.unwrap();
    let mut held = 0;
    while held < published.len() {
        held += next(&mut first, 100).await.len();
    }
    // Everything is handed out; the group then changes, and the late word counts no more.
    let mut second = carrier.subscribe("consumer", &topic).await.unwrap();
    let joined = async {
        tokio::select! {
            batch = second.next(100) => batch.unwrap(),
            // What the first is given again is not handled either.
            () = async { loop { first.next(100).await.unwrap(); } } => unreachable!(),
        }
    };
    let mut received: Vec<String> = in_time("second to have a part", joined)
        .await
        .into_iter()
        .map(|delivery| delivery.document)
        .collect();
    drop(first);
    let missing: Vec<String> = published
        .iter()
        .filter(|document| !received.contains(document))
        .cloned()
        .collect();
    received.extend(drain(&mut second, &missing).await);
    assert_in_order(&received);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_message_comes_after_its_time_and_not_before() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let runner = carrier.clone();
    let mover = tokio::spawn(async move { runner.run(stopping).await });
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    // A rung, what lies between two, and what lies beyond the last; many, so that the messages of a
    // partition wait behind one another.
    let delays = [0, 300, 400, 600, 1_000];
    let parcels: Vec<Parcel> = (0..100)
        .map(|number| Parcel {
            delay: Duration::from_millis(delays[number % delays.len()]),
            ..parcel(&topic, "type", number as u128)
        })
        .collect();
    let sent = SystemClock.now();
    in_time("publish", carrier.publish(&parcels)).await.unwrap();
    let mut missing: BTreeMap<&str, Duration> = parcels
        .iter()
        .map(|parcel| (parcel.document.as_str(), parcel.delay))
        .collect();
    while !missing.is_empty() {
        for delivery in next(&mut feed, 10).await {
            let waited = SystemClock.now().since(sent).unwrap();
            let delay = missing
                .remove(delivery.document.as_str())
                .expect("each once");
            assert!(waited >= delay, "{delay:?} came after {waited:?}");
        }
        in_time("acknowledge", feed.acknowledge()).await.unwrap();
    }
    stop.send(true).unwrap();
    in_time("the mover to end", mover).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_message_survives_the_death_of_the_server() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _server = alone().await;
    world.settings.rungs = vec![Duration::from_secs(2)];
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Work, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let runner = carrier.clone();
    let mover = tokio::spawn(async move { runner.run(stopping).await });
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let delayed = Parcel {
        delay: Duration::from_secs(2),
        ..parcel(&topic, "type", 1)
    };
    let sent = SystemClock.now();
    let delayed = std::slice::from_ref(&delayed);
    in_time("publish", carrier.publish(delayed)).await.unwrap();
    world.control("kill").await;
    world.control("start").await;
    let came = next(&mut feed, 1).await;
    assert_eq!(came[0].document, "type 1");
    assert!(SystemClock.now().since(sent).unwrap() >= Duration::from_secs(2));
    stop.send(true).unwrap();
    in_time("the mover to end", mover).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_is_delivered_although_the_server_was_killed_in_between() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _server = alone().await;
    world.settings.publish_time_max = Duration::from_secs(1);
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let (confirmed, mut count) = watch::channel(0);
    let publisher = carrier.clone();
    let published = topic.clone();
    let task = tokio::spawn(async move {
        let mut kept = Vec::new();
        let mut refused = 0;
        let mut number = 0;
        // Until it has seen both sides of the death of the server.
        while refused == 0 || *confirmed.borrow() > kept.len() || kept.len() < 400 {
            number += 1;
            let parcel = parcel(&published, &format!("key-{number}"), number);
            match publisher.publish(std::slice::from_ref(&parcel)).await {
                Ok(()) => kept.push(parcel.document),
                Err(CarrierError::Unavailable { reason }) => {
                    assert!(reason.contains(&published.name), "{reason}");
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
            confirmed.send_replace(kept.len());
        }
        (kept, refused)
    });
    in_time(
        "a hundred to be confirmed",
        count.wait_for(|count| *count >= 100),
    )
    .await
    .unwrap();
    world.control("kill").await;
    // Long enough for a message to be given up: a publish that says yes now says what is not so.
    let confirmed = *count.borrow();
    let silent = tokio::time::timeout(Duration::from_millis(2_500), async {
        count
            .wait_for(|count| *count > confirmed + 1)
            .await
            .map(|count| *count)
    });
    assert!(silent.await.is_err(), "confirmed by nobody");
    world.control("start").await;
    let (kept, refused) = in_time("the publisher to end", task).await.unwrap();
    assert!(refused > 0 && kept.len() >= 400);
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    drain(&mut feed, &kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_declared_is_refused_by_name() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    let parcel = parcel(&topic, "key", 1);
    let refused = carrier.publish(std::slice::from_ref(&parcel)).await;
    let Err(CarrierError::UndeclaredTopic { topic: named }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(named, topic.name);
    let refused = carrier.subscribe("consumer", &topic).await.err();
    assert!(
        matches!(refused, Some(CarrierError::UndeclaredTopic { .. })),
        "{refused:?}"
    );

    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let refused = carrier.subscribe("stranger", &topic).await.err();
    assert!(
        matches!(refused, Some(CarrierError::Mismatch { .. })),
        "{refused:?}"
    );
    let delayed = Parcel {
        delay: Duration::from_millis(1),
        ..parcel
    };
    let refused = carrier.publish(std::slice::from_ref(&delayed)).await;
    assert!(
        matches!(refused, Err(CarrierError::Mismatch { .. })),
        "{refused:?}"
    );
    let taken = Topic {
        name: format!("{}.retry.300", world.settings.namespace),
        ..topic
    };
    let refused = carrier.declare(std::slice::from_ref(&taken)).await;
    assert!(
        matches!(refused, Err(CarrierError::Mismatch { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_with_other_partitions_than_declared_is_refused_and_left_alone() {
    let Some(mut world) = World::new() else {
        return;
    };
    let _server = shared().await;
    let topic = world.topic(Pattern::Events, &["consumer"]);
    let declared = std::slice::from_ref(&topic);
    world.carrier().declare(declared).await.unwrap();
    world
        .carrier()
        .declare(declared)
        .await
        .expect("what is there is left");
    world.settings.partitions = 3;
    let refused = world.carrier().declare(declared).await;
    let Err(CarrierError::Mismatch { reason }) = refused else {
        panic!("{refused:?}");
    };
    let name = topic.name.as_str();
    assert!(
        reason.contains(name) && reason.contains('8') && reason.contains('3'),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_refused_by_its_place_and_the_others_are_carried() {
    let Some(world) = World::new() else { return };
    let _server = shared().await;
    let carrier = world.carrier();
    let topic = world.topic(Pattern::Events, &["consumer"]);
    carrier.declare(std::slice::from_ref(&topic)).await.unwrap();
    let sized = |number, bytes| Parcel {
        document: "x".repeat(bytes),
        ..parcel(&topic, &format!("key-{number}"), number)
    };
    // The largest that an outbox takes passes.
    let largest = kit::limits::BODY_BYTES_MAX;
    let parcels = [sized(1, 1), sized(2, 2 * largest), sized(3, largest)];
    let refused = in_time("publish", carrier.publish(&parcels)).await;
    let Err(CarrierError::Refused { refused, reason }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused, [1]);
    assert!(reason.contains(&topic.name), "{reason}");
    let mut feed = carrier.subscribe("consumer", &topic).await.unwrap();
    let carried = [sized(1, 1).document, sized(3, largest).document];
    assert_eq!(drain(&mut feed, &carried).await.len(), 2);
}
