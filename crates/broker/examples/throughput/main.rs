//! A million messages of which one of a hundred fails, and what they leave behind:
//!
//! ```text
//! cargo run --release -p broker --example throughput -- 1000000
//! scripts/with-postgres cargo run --release -p broker --example throughput -- 100000 --postgres
//! scripts/with-rabbitmq sh -c 'cargo run --release -p broker --example throughput -- \
//!     100000 --carrier rabbitmq "$FLORIN_TEST_RABBITMQ"'
//! scripts/with-kafka sh -c 'cargo run --release -p broker --example throughput -- \
//!     100000 --carrier kafka "$FLORIN_TEST_KAFKA"'
//! ```
//!
//! Nine of ten messages are events, one is a task. A task that fails is reported, and sent again
//! for a little later, when it succeeds; an event that fails is parked with those of its key. All
//! the while every table, and every queue of RabbitMQ, must be within its bound (see
//! `docs/operations/store.md`), and at the end empty of what was handled. Else it panics.

mod bounds;
mod carried;
mod shop;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use broker::{Component, Settings};
use kit::time::{Clock, SystemClock};
use tokio::sync::watch;

use bounds::{Longest, Watched, is_empty, look_at_the_end};
use carried::{Way, start, together};
use shop::{KEYS, TILL_ROWS, open, publish};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How often tables are counted.
const LOOK: Duration = Duration::from_millis(500);

/// How long nothing may happen before the run is given up.
const LOOKS_WITHOUT_PROGRESS_MAX: u32 = 240;

#[tokio::main]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let messages: u64 = words.first().map_or(Ok(100_000), |count| count.parse())?;
    let settings = Arc::new(Settings::default());
    let way = Way::parse(&words, &settings)?;
    let (stores, _kept) = open(words.iter().any(|word| word == "--postgres")).await?;
    let components = stores.clone().map(|store| Component {
        name: store.service().into(),
        store,
        clock: Arc::new(SystemClock),
        settings: settings.clone(),
    });
    let is_embedded = matches!(way, Way::Embedded(_));
    let queues = way.queues().await?;
    let tasks = i64::try_from(messages / 10)?;
    let watched = Watched {
        tasks,
        failing_tasks: tasks / 100 + i64::try_from(KEYS)?,
        queues,
        stores,
    };
    let (stop, stopping) = watch::channel(false);
    let (tried, committed) = (Arc::new(watch::Sender::new(0)), watch::Sender::new(0));
    let running = start(way, &components, &tried, &stopping).await?;
    let measured = async {
        let measured = measure(&watched, messages, is_embedded, &committed).await;
        stop.send_replace(true);
        measured
    };
    let ((), measured) = tokio::join!(together(running), measured);
    let (longest, taken) = measured?;
    let rate = u128::from(messages) * 1_000_000 / taken.as_micros().max(1);
    println!("{messages} messages in {taken:?}: {rate} a second; the longest: {longest:?}");
    look_at_the_end(&watched, is_embedded).await
}

/// Publishes and looks until the last report was taken and every outbox is empty.
async fn measure(
    watched: &Watched,
    messages: u64,
    is_embedded: bool,
    committed: &watch::Sender<u64>,
) -> Outcome<(Longest, Duration)> {
    let mut longest = Longest::default();
    let ((), taken) = tokio::try_join!(
        publish(&watched.stores[0], messages, committed.subscribe()),
        watch_until_handled(watched, messages, &mut longest, committed),
    )?;
    let mut looks = 0;
    while !is_empty(watched, is_embedded).await? {
        looks += 1;
        assert!(
            looks < LOOKS_WITHOUT_PROGRESS_MAX,
            "outboxes are not emptied"
        );
        tokio::time::sleep(LOOK).await;
    }
    Ok((longest, taken))
}

/// Looks until every message is handled or parked, and says how long that took.
async fn watch_until_handled(
    watched: &Watched,
    messages: u64,
    longest: &mut Longest,
    handled: &watch::Sender<u64>,
) -> Outcome<Duration> {
    let started = SystemClock.now();
    let (mut before, mut idle) = (0, 0);
    loop {
        tokio::time::sleep(LOOK).await;
        watched.look(longest).await?;
        let parked = watched.count(&TILL_ROWS).await?[2];
        let done = watched.seen().await? + u64::try_from(parked)?;
        // Publishing goes by what is committed, not by what was tried.
        handled.send_modify(|handled| *handled = done);
        if done >= messages {
            assert_eq!(done, messages, "each once");
            return Ok(SystemClock.now().since(started).unwrap_or_default());
        }
        idle = if done == before { idle + 1 } else { 0 };
        assert!(
            idle < LOOKS_WITHOUT_PROGRESS_MAX,
            "stands at {done}: {longest:?}"
        );
        before = done;
    }
}
