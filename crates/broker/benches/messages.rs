//! How many events a second go from a transaction to its effect elsewhere, and how long one takes:
//! on every carrier that is there, over SQLite and PostgreSQL, beside what the carrier itself does
//! in the same run.
//!
//! Beside the stores stands what PostgreSQL does of the same statements without one: what is
//! published one by one there cannot be more.
//!
//! `make bench` runs it with the servers. Rates are of this machine and this hour; what can be
//! compared are the shares of one run.

#[path = "bare/store.rs"]
mod bare;
#[path = "../tests/it/faulty.rs"]
#[expect(dead_code, reason = "the suite uses more of the rig than this does")]
mod faulty;
#[path = "../tests/it/rig.rs"]
#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "the suite uses more of the rig than this does"
)]
mod rig;
#[path = "../tests/it/servers.rs"]
mod servers;
#[path = "../tests/it/toys.rs"]
#[expect(
    clippy::unwrap_used,
    dead_code,
    reason = "the suite uses more of the toys than this does"
)]
mod toys;

use std::sync::Arc;
use std::time::Duration;

use broker::{Parcel, Settings};
use kit::time::{Clock as _, SystemClock, Timestamp};
use mimalloc::MiMalloc;
use rig::{Kind, Rig, kinds};
use store::{Envelope, StoreError};
use testkit::for_each_database;
use tokio::task::JoinSet;
use toys::ORDERS;

/// As of the binary.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Events of one measurement of a rate; `FLORIN_BENCH_EVENTS` sets another number.
const EVENTS: usize = 20_000;
/// Keys they are about: ordinary keys have a handful of events each.
const KEYS: usize = 2_000;
/// Requests that publish at once.
const WRITERS: usize = 32;
/// Events of one transaction where they are published in bulk.
const BULK: usize = 100;
/// Single events whose way is timed.
const SAMPLES: usize = 300;
/// Parcels of one call to a bare carrier, as a relay has them.
const WAVE: usize = 1_000;

#[tokio::main]
async fn main() {
    let events = std::env::var("FLORIN_BENCH_EVENTS");
    let events = events.map_or(EVENTS, |text| text.parse().expect("a number of events"));
    println!("carrier    store     what                    events/s   p50 us   p99 us");
    let elapsed = bare::one_insert_per_transaction(events).await;
    print_row("none", "postgres", "bare: one INSERT", events, elapsed);
    for kind in kinds() {
        if kind != Kind::Embedded {
            bare(kind, events).await;
        }
        let store = Arc::new(std::sync::Mutex::new(["sqlite", "postgres"].into_iter()));
        for_each_database(async |database| {
            let store = store
                .lock()
                .map_or("", |mut names| names.next().unwrap_or(""));
            let mut rig = Rig::open_with(kind, database, settings()).await;
            rig.start();
            let mut version = 0;
            for (what, bulk) in [("one per transaction", 1), ("in bulk", BULK)] {
                version += 1;
                let elapsed = path(&rig, events, bulk, version).await;
                print_rate(kind, store, what, events, elapsed);
            }
            latency(&rig, kind, store).await;
            rig.stop().await;
        })
        .await;
    }
}

/// As in production, but for the ladder.
fn settings() -> Settings {
    Settings::default()
}

/// From the first transaction to the last effect.
async fn path(rig: &Rig, events: usize, bulk: usize, round: u64) -> Duration {
    let mut runs = rig.mood.runs.subscribe();
    let before = *runs.borrow_and_update();
    let wanted = before + events as u64;
    let started = SystemClock.now();
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = rig.shop.store.clone();
        writers.spawn(async move {
            let own: Vec<usize> = (0..events)
                .filter(|event| event % KEYS % WRITERS == writer)
                .collect();
            for chunk in own.chunks(bulk) {
                let now = SystemClock.now();
                let events: Vec<Envelope> = chunk
                    .iter()
                    .map(|event| envelope(*event, round, now))
                    .collect();
                let published: Result<(), StoreError> =
                    store.write(move |tx| tx.publish_many(&events)).await;
                published.expect("the store takes events");
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.expect("a writer ends");
    }
    let handled = runs.wait_for(|runs| *runs >= wanted);
    let handled = tokio::time::timeout(Duration::from_secs(600), handled).await;
    handled
        .expect("everything is handled in ten minutes")
        .expect("the rig is there");
    let elapsed = since(started);
    rig.until("all effects", async || {
        toys::seen_count(&rig.till.store, ORDERS).await as u64 >= wanted
    })
    .await;
    elapsed
}

fn envelope(event: usize, round: u64, now: Timestamp) -> Envelope {
    let key = format!("order-{}", event % KEYS);
    let version = round * 1_000_000 + (event / KEYS) as u64 + 1;
    toys::order(&key, version, now)
        .envelope(ORDERS)
        .expect("a small event")
}

/// Single events on an idle system, one after the other.
async fn latency(rig: &Rig, kind: Kind, store: &str) {
    let mut times = Vec::with_capacity(SAMPLES);
    let mut runs = rig.mood.runs.subscribe();
    for sample in 0..SAMPLES {
        let before = *runs.borrow_and_update();
        let started = SystemClock.now();
        let key = format!("alone-{sample}");
        rig.publish(&[(key.as_str(), 1)]).await;
        runs.wait_for(|runs| *runs > before)
            .await
            .expect("the rig is there");
        times.push(since(started).as_micros());
    }
    times.sort_unstable();
    let (p50, p99) = (times[SAMPLES / 2], times[SAMPLES * 99 / 100]);
    println!(
        "{:<10} {store:<9} {:<22} {:>9} {p50:>8} {p99:>8}",
        name(kind),
        "alone",
        ""
    );
}

/// The carrier without stores: what a relay gives it and a consumer takes of it.
async fn bare(kind: Kind, events: usize) {
    let (carrier, _, _) =
        rig::carrier(kind, settings(), format!("bare{}", std::process::id())).await;
    carrier
        .declare(&toys::topics())
        .await
        .expect("the carrier takes topics");
    let now = SystemClock.now();
    let parcels: Vec<Parcel> = (0..events)
        .map(|event| {
            let envelope = envelope(event, 1, now);
            Parcel {
                id: envelope.id,
                topic: envelope.topic,
                key: format!("{}-{event}", envelope.key),
                document: envelope.document,
                delay: Duration::ZERO,
            }
        })
        .collect();
    let mut feed = carrier
        .subscribe("till", &toys::topic(ORDERS))
        .await
        .expect("a feed");
    let started = SystemClock.now();
    let publishing = async {
        for wave in parcels.chunks(WAVE) {
            carrier.publish(wave).await.expect("the carrier confirms");
        }
        since(started)
    };
    let receiving = async {
        let mut received = 0;
        while received < events {
            received += feed.next(WAVE).await.expect("the feed answers").len();
            feed.acknowledge().await.expect("the feed acknowledges");
        }
        since(started)
    };
    let (published, received) = tokio::join!(publishing, receiving);
    print_rate(kind, "none", "bare: confirmed", events, published);
    print_rate(kind, "none", "bare: to the consumer", events, received);
}

fn print_rate(kind: Kind, store: &str, what: &str, events: usize, elapsed: Duration) {
    print_row(name(kind), store, what, events, elapsed);
}

fn print_row(carrier: &str, store: &str, what: &str, events: usize, elapsed: Duration) {
    let rate = events as u128 * 1_000_000 / elapsed.as_micros().max(1);
    println!("{carrier:<10} {store:<9} {what:<22} {rate:>9}");
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Embedded => "embedded",
        Kind::RabbitMq => "rabbitmq",
        Kind::Kafka => "kafka",
    }
}

fn since(started: Timestamp) -> Duration {
    SystemClock.now().since(started).unwrap_or_default()
}
