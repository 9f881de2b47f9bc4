//! The carrier without a server: consumers read the outboxes of the same process.
//!
//! Promises: a consumer keeps how far it has come in the transaction of its effects, so nothing is
//! carried twice and there is nothing to acknowledge. What every consumer has passed is trimmed;
//! of events a number stays for replay. Work that waits is moved when it is due.
//! Does not: reach other processes. A component is registered before anybody subscribes; one that
//! never runs here does not hold back the trimming.

mod feed;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::time::Clock;
use store::{Position, Store, StoreError};
use tokio::sync::watch;

use crate::carrier::{Carrier, CarrierError, Feed, Future, Parcel, Pattern, Topic};
use crate::measure;
use crate::settings::Settings;
use crate::waiting::{HeldBack, stopped};
use feed::{Outbox, Outboxes};

/// How many rows become due in one transaction: some milliseconds' work.
const DUE_ROWS_MAX: usize = 500;

/// How many calls of [`Store::trim_outbox`] trim one outbox at a time: 200,000 rows every five
/// seconds is more than one file takes in.
const TRIMS_MAX: usize = 20;

/// How many events of a topic without consumers are passed at a time, and how often: as many rows
/// as are trimmed.
const WALK_ROWS: usize = 1_000;
const WALK_PAGES_MAX: usize = 200;

/// The carrier. Clones are the same.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Mutex<Shared>>,
    settings: Arc<Settings>,
}

#[derive(Default)]
struct Shared {
    stores: BTreeMap<String, Store>,
    topics: BTreeMap<String, Topic>,
    /// By producer and topic: how far events that nobody here consumes were passed.
    walked: BTreeMap<(String, String), Position>,
}

impl Embedded {
    /// A carrier that knows nobody yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>) -> Self {
        Self {
            shared: Arc::default(),
            settings,
        }
    }

    /// Makes a component's outbox readable to others, and its cursors to this.
    pub fn register(&self, component: &str, store: &Store) {
        let mut shared = self.lock();
        shared.stores.insert(component.to_owned(), store.clone());
    }

    /// Moves work that is due, and measures and trims outboxes, until the process stops.
    pub async fn upkeep(&self, clock: Arc<dyn Clock>, mut stopping: watch::Receiver<bool>) {
        let mut upkeep = tokio::time::interval(self.settings.upkeep);
        let mut due = tokio::time::interval(self.settings.outbox_poll);
        upkeep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let kept = tokio::select! {
                biased;
                () = stopped(&mut stopping) => return,
                _ = due.tick() => self.release_due(&*clock).await,
                _ = upkeep.tick() => self.trim(&*clock).await,
            };
            if let Err(error) = kept {
                tracing::warn!(%error, "outboxes must wait for the store");
                measure::carrier_failed(self.name());
            }
        }
    }

    /// Moves the work that is due to where consumers find it.
    pub async fn release_due(&self, clock: &dyn Clock) -> Result<(), StoreError> {
        for (_, store) in self.stores() {
            while store.release_due(clock.now(), DUE_ROWS_MAX).await? == DUE_ROWS_MAX as u64 {}
        }
        Ok(())
    }

    /// Deletes what every consumer that runs here has passed, and measures what is left. Work of
    /// a topic that nobody here consumes stays; events that nobody reads are passed as they are.
    pub async fn trim(&self, clock: &dyn Clock) -> Result<(), StoreError> {
        for (producer, store) in self.stores() {
            let events = self.passed(&producer, &store, Pattern::Events).await?;
            let work = self.passed(&producer, &store, Pattern::Work).await?;
            for _ in 0..TRIMS_MAX {
                if store.trim_outbox(events, work).await?.complete {
                    break;
                }
            }
            measure::outbox(&store, clock.now()).await?;
        }
        Ok(())
    }

    /// The place in an outbox before which no consumer here has anything left to read.
    async fn passed(
        &self,
        producer: &str,
        store: &Store,
        pattern: Pattern,
    ) -> Result<Position, StoreError> {
        // What is committed later stands behind every place somebody has come to, so a topic
        // without rows left holds nothing back.
        let (mut unread, mut reached) = (None, Position::default());
        for (topic, consumers) in self.readers(producer, pattern) {
            let mut cursors = Vec::with_capacity(consumers.len());
            for consumer in &consumers {
                cursors.push(cursor(consumer, producer, &topic).await?);
            }
            let cursor = match (cursors.into_iter().min(), pattern) {
                (Some(least), _) => least,
                (None, Pattern::Events) => self.walk(producer, store, &topic).await?,
                (None, Pattern::Work) => Position::default(),
            };
            reached = reached.max(cursor);
            if let Some(next) = first(store, &topic, pattern, cursor).await? {
                unread = Some(unread.map_or(next, |unread: Position| unread.min(next)));
            }
        }
        Ok(unread.map_or(reached, |unread| unread.min(reached)))
    }

    /// Passes the events of a topic that nobody here consumes, each once.
    async fn walk(
        &self,
        producer: &str,
        store: &Store,
        topic: &str,
    ) -> Result<Position, StoreError> {
        let key = (producer.to_owned(), topic.to_owned());
        let mut reached = self.lock().walked.get(&key).copied().unwrap_or_default();
        for _ in 0..WALK_PAGES_MAX {
            let page = store.outbox_events(Some(topic), reached, WALK_ROWS).await?;
            reached = page.last().map_or(reached, |(position, _)| *position);
            if page.len() < WALK_ROWS {
                break;
            }
        }
        self.lock().walked.insert(key, reached);
        Ok(reached)
    }

    fn stores(&self) -> Vec<(String, Store)> {
        let shared = self.lock();
        let stores = shared.stores.iter();
        stores
            .map(|(name, store)| (name.clone(), store.clone()))
            .collect()
    }

    /// The topics in an outbox, each with the stores of its consumers that run here.
    fn readers(&self, producer: &str, pattern: Pattern) -> Vec<(String, Vec<Store>)> {
        let shared = self.lock();
        let topics = shared.topics.values().filter(|topic| {
            topic.pattern == pattern && topic.publishers.iter().any(|name| name == producer)
        });
        topics
            .map(|topic| {
                let consumers = topic.consumers.iter();
                let stores = consumers.filter_map(|name| shared.stores.get(name).cloned());
                (topic.name.clone(), stores.collect())
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The outboxes a feed reads, from where its consumer has come to.
    async fn open(&self, consumer: &str, topic: &Topic) -> Result<Outboxes, CarrierError> {
        let (store, producers) = {
            let shared = self.lock();
            let declared = shared.topics.get(&topic.name);
            let undeclared = || CarrierError::UndeclaredTopic {
                topic: topic.name.clone(),
            };
            let declared = declared
                .filter(|topic| topic.consumers.iter().any(|name| name == consumer))
                .ok_or_else(undeclared)?;
            let store = shared
                .stores
                .get(consumer)
                .cloned()
                .ok_or_else(undeclared)?;
            let producers = declared.publishers.iter().filter_map(|name| {
                let store = shared.stores.get(name)?.clone();
                Some((name.clone(), store))
            });
            (store, producers.collect::<Vec<_>>())
        };
        let mut outboxes = Vec::with_capacity(producers.len());
        for (producer, outbox) in producers {
            let read_to = cursor(&store, &producer, &topic.name)
                .await
                .map_err(failed)?;
            outboxes.push(Outbox::new(producer, outbox, &topic.name, read_to));
        }
        let held_back = HeldBack::new(&store, self.settings.outbox_poll);
        Ok(Outboxes::new(
            outboxes,
            topic,
            self.settings.outbox_poll,
            held_back,
        ))
    }
}

/// How far a consumer has come in an outbox.
async fn cursor(store: &Store, producer: &str, topic: &str) -> Result<Position, StoreError> {
    let (producer, topic) = (producer.to_owned(), topic.to_owned());
    store.read(move |tx| tx.cursor(&producer, &topic)).await
}

/// Where the first row of a topic after a place stands.
async fn first(
    store: &Store,
    topic: &str,
    pattern: Pattern,
    after: Position,
) -> Result<Option<Position>, StoreError> {
    Ok(match pattern {
        Pattern::Events => {
            let rows = store.outbox_events(Some(topic), after, 1).await?;
            rows.first().map(|(position, _)| *position)
        }
        Pattern::Work => {
            let rows = store.outbox_work(Some(topic), after, 1).await?;
            rows.first().map(|(position, _)| *position)
        }
    })
}

fn failed(error: StoreError) -> CarrierError {
    CarrierError::Unavailable {
        reason: error.to_string(),
    }
}

impl Carrier for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn reads_outboxes(&self) -> bool {
        true
    }

    fn declare<'a>(&'a self, topics: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async move {
            let mut shared = self.lock();
            for topic in topics {
                shared.topics.insert(topic.name.clone(), topic.clone());
            }
            Ok(())
        })
    }

    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        // No relay runs over this carrier, so nobody asks.
        Box::pin(async move {
            match parcels {
                [] => Ok(()),
                _ => Err(CarrierError::Mismatch {
                    reason: "the embedded carrier reads outboxes, it takes no parcels".to_owned(),
                }),
            }
        })
    }

    fn subscribe<'a>(
        &'a self,
        consumer: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        Box::pin(async move {
            let outboxes = self.open(consumer, topic).await?;
            Ok(Box::new(outboxes) as Box<dyn Feed>)
        })
    }

    /// Nothing: [`Embedded::upkeep`] needs a clock, so it is run by itself.
    fn run(&self, _: watch::Receiver<bool>) -> Future<'_, ()> {
        Box::pin(async {})
    }
}
