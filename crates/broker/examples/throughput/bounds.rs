//! What is watched while the messages go through, and the bound of each.

use std::time::Duration;

use broker::{RabbitMqSettings, SHARDS};
use contracts::dead_letters::FAILURES;
use kit::time::{Clock, SystemClock};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use store::{OUTBOX_EVENTS_KEPT, OUTBOX_ROWS_MAX, PARKED_ROWS_MAX, Statement, Store, StoreError};

use crate::Outcome;
use crate::shop::{KEYS, LETTERS_ROWS, ORDERS, SEEN, TASKS, TILL_ROWS};

/// A queue of RabbitMQ refuses a little late: what the calls under way hold.
const QUEUE_LATE_MAX: u32 = 5_000;

/// The newest work in an outbox stays with the embedded carrier: readers go on after it.
const WORK_KEPT: u64 = 1;

/// Beyond what the inbox remembers: 30 days.
const MONTH: Duration = Duration::from_secs(31 * 24 * 3_600);

/// The longest that anything was seen to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Longest {
    outbox: u64,
    delayed: u64,
    inbox: i64,
    inbox_work: i64,
    parked: i64,
    cursors: i64,
    leases: i64,
    queue: u32,
}

/// What is watched.
pub struct Watched {
    pub stores: [Store; 3],
    /// How many tasks fail at most.
    pub failing_tasks: i64,
    pub tasks: i64,
    pub queues: Option<lapin::Channel>,
}

impl Watched {
    /// Counts everything and holds each to its bound.
    pub async fn look(&self, longest: &mut Longest) -> Outcome<()> {
        for store in &self.stores {
            let depth = store.outbox_depth().await?;
            longest.outbox = longest.outbox.max(depth.events).max(depth.work);
            longest.delayed = longest.delayed.max(depth.delayed);
        }
        for rows in [&TILL_ROWS, &LETTERS_ROWS] {
            let [inbox, work, parked, topics, cursors, leases] = self.count(rows).await?;
            longest.inbox = longest.inbox.max(inbox);
            longest.inbox_work = longest.inbox_work.max(work);
            longest.parked = longest.parked.max(parked);
            longest.cursors = longest.cursors.max(cursors);
            longest.leases = longest.leases.max(leases);
            assert!(
                topics <= 1,
                "one row per topic with parked events: {topics}"
            );
        }
        if let Some(channel) = &self.queues {
            for queue in queues() {
                let length = length(channel, &queue).await?;
                longest.queue = longest.queue.max(length);
            }
        }
        self.assert_bounds(longest);
        Ok(())
    }

    fn assert_bounds(&self, longest: &Longest) {
        assert!(longest.outbox <= OUTBOX_ROWS_MAX, "{longest:?}");
        let failing = u64::try_from(self.failing_tasks).unwrap_or(0);
        assert!(
            longest.delayed <= failing,
            "work that is sent again: {longest:?}"
        );
        assert!(
            longest.inbox <= i64::try_from(KEYS).unwrap_or(0),
            "a row per key: {longest:?}"
        );
        // Every task, and every report of one or of an event that is dead.
        let orders = i64::try_from(KEYS).unwrap_or(0);
        let remembered = self.tasks + 2 * self.failing_tasks + orders;
        assert!(
            longest.inbox_work <= remembered,
            "a row per work of 30 days: {longest:?}"
        );
        assert!(longest.parked <= i64::from(PARKED_ROWS_MAX), "{longest:?}");
        assert!(
            longest.cursors <= 3,
            "a row per producer and topic: {longest:?}"
        );
        assert!(longest.leases <= 1, "a row per name: {longest:?}");
        let queue_max = RabbitMqSettings::default().queue_length_max + QUEUE_LATE_MAX;
        assert!(longest.queue <= queue_max, "{longest:?}");
    }

    pub async fn count(&self, rows: &'static Statement) -> Outcome<[i64; 6]> {
        let [_, till, letters] = &self.stores;
        let store = if rows.name == TILL_ROWS.name {
            till
        } else {
            letters
        };
        let counted = store.read(move |tx| {
            let row = tx.query_one_opt(rows, &[])?;
            let row = row.expect("a count is one row");
            let mut counts = [0; 6];
            for (column, count) in counts.iter_mut().enumerate() {
                *count = row.int(column)?;
            }
            Ok(counts)
        });
        Ok(counted.await.map_err(|error: StoreError| error)?)
    }

    pub async fn seen(&self) -> Outcome<u64> {
        let seen = self.stores[1].read(|tx| {
            let row = tx.query_one_opt(&SEEN, &[])?;
            row.expect("a count is one row").int(0)
        });
        Ok(u64::try_from(
            seen.await.map_err(|error: StoreError| error)?,
        )?)
    }
}

fn queues() -> Vec<String> {
    let shards = (0..SHARDS).map(|shard| format!("{ORDERS}.till.{shard}"));
    let work = [TASKS, FAILURES].map(str::to_owned);
    shards.chain(work).collect()
}

async fn length(channel: &lapin::Channel, queue: &str) -> Outcome<u32> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::durable()
    };
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default());
    Ok(declared.await?.message_count())
}

/// After everything is handled and a month has passed: what stays.
pub async fn look_at_the_end(watched: &Watched, is_embedded: bool) -> Outcome<()> {
    let (kept, work_kept) = match is_embedded {
        true => (u64::from(OUTBOX_EVENTS_KEPT), WORK_KEPT),
        false => (0, 0),
    };
    for store in &watched.stores {
        let month = SystemClock
            .now()
            .checked_add(MONTH)
            .ok_or("a month from now")?;
        let depth = store.outbox_depth().await?;
        println!("  outbox of {}: {depth:?}", store.service());
        assert!(depth.events <= kept, "{depth:?}");
        assert!(depth.work <= work_kept && depth.delayed == 0, "{depth:?}");
        while !store.trim(month).await?.complete {}
    }
    for rows in [&TILL_ROWS, &LETTERS_ROWS] {
        let [inbox, work, parked, _, cursors, leases] = watched.count(rows).await?;
        println!(
            "  {}: {parked} parked, {cursors} cursors, {leases} leases",
            rows.name
        );
        assert_eq!((inbox, work), (0, 0), "a month later nothing is remembered");
    }
    if let Some(channel) = &watched.queues {
        for queue in queues() {
            assert_eq!(length(channel, &queue).await?, 0, "{queue}");
        }
    }
    Ok(())
}

/// Whether nothing is on its way any more.
pub async fn is_empty(watched: &Watched, is_embedded: bool) -> Outcome<bool> {
    let mut left = 0;
    for store in &watched.stores {
        let depth = store.outbox_depth().await?;
        left += depth.delayed;
        left += match is_embedded {
            true => {
                let events = depth.events.saturating_sub(OUTBOX_EVENTS_KEPT.into());
                events + depth.work.saturating_sub(WORK_KEPT)
            }
            false => depth.events + depth.work,
        };
    }
    if let Some(channel) = &watched.queues {
        for queue in queues() {
            left += u64::from(length(channel, &queue).await?);
        }
    }
    Ok(left == 0)
}
