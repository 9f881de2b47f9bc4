//! The carrier without a server: consumers read the outboxes of the same process.
//!
//! Promises: a consumer keeps how far it has come in the transaction of its effects, so nothing is
//! carried twice and there is nothing to acknowledge. What every consumer has passed is trimmed;
//! of events a number stays for replay. Work that waits is moved when it is due.
//! Does not: reach other processes. A component is registered before anybody subscribes; one that
//! never runs here does not hold back the trimming.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kit::time::Clock;
use store::{Position, Store, StoreError};
use tokio::sync::watch;
use tokio::time::Interval;

use crate::carrier::{
    Carrier, CarrierError, Delivery, Feed, Future, Origin, Parcel, Pattern, Topic,
};
use crate::measure;
use crate::settings::Settings;
use crate::waiting::stopped;

/// How many rows become due in one transaction: some milliseconds' work.
const DUE_ROWS_MAX: usize = 500;

/// How many calls of [`Store::trim_outbox`] trim one outbox at a time: 200,000 rows every five
/// seconds is more than one file takes in.
const TRIMS_MAX: usize = 20;

/// How soon it is looked again on PostgreSQL where a row may be held back by a transaction that is
/// about to end, and how often, twice as long each time: what takes longer finds the poll.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
const LOOKS_MAX: u32 = 6;

/// After so many reads all outboxes are looked at though there was no time to wait for the poll:
/// what other processes publish is behind so many batches of this one's at most.
const READS_MAX: u32 = 16;

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
            outboxes.push(Outbox {
                changes: outbox.outbox_changes(),
                producer,
                store: outbox,
                read_to,
                looks: Looks::default(),
            });
        }
        Ok(Outboxes {
            outboxes,
            topic: topic.name.clone(),
            pattern: topic.pattern,
            poll: poll(self.settings.outbox_poll),
            reads: 0,
        })
    }
}

fn poll(every: Duration) -> Interval {
    let mut poll = tokio::time::interval(every);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    poll
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

/// What one consumer reads of one topic.
struct Outboxes {
    outboxes: Vec<Outbox>,
    topic: String,
    pattern: Pattern,
    poll: Interval,
    /// Reads since all outboxes were looked at.
    reads: u32,
}

struct Outbox {
    producer: String,
    store: Store,
    changes: watch::Receiver<u64>,
    read_to: Position,
    looks: Looks,
}

/// When an outbox is looked at, so that a feed of many does not read all when one has changed.
#[derive(Clone, Copy, Debug)]
struct Looks {
    /// Whether there may be rows now.
    due: bool,
    /// Looks that found nothing since one that did, or since the last change.
    vain: u32,
}

impl Default for Looks {
    fn default() -> Self {
        Self { due: true, vain: 0 }
    }
}

impl Looks {
    /// It was looked, and found so many of the rows that there was room for.
    fn looked(&mut self, rows: usize, room: usize) {
        let vain = if rows == 0 { self.vain + 1 } else { 0 };
        *self = Self {
            due: rows == room,
            vain,
        };
    }
}

impl Outboxes {
    /// What is there now, of one outbox after the other, `max` at most.
    async fn read(&mut self, max: usize) -> Result<Vec<Delivery>, CarrierError> {
        let mut deliveries = Vec::new();
        let mut reached = Vec::new();
        self.reads += 1;
        if self.reads == READS_MAX {
            self.look_at_all();
        }
        for outbox in &mut self.outboxes {
            let room = max - deliveries.len();
            if room == 0 || !outbox.is_due() {
                reached.push(None);
                continue;
            }
            let rows = outbox
                .read(&self.topic, self.pattern, room)
                .await
                .map_err(failed)?;
            let last = rows.last().map(|(position, _)| *position);
            reached.push(Some((rows.len(), room, last)));
            deliveries.extend(rows.into_iter().map(|(position, document)| Delivery {
                document,
                origin: Some(Origin {
                    producer: outbox.producer.clone(),
                    position,
                }),
            }));
        }
        // Nothing is awaited from here on, so a future that is dropped has passed nothing.
        for (outbox, reached) in self.outboxes.iter_mut().zip(reached) {
            if let Some((rows, room, last)) = reached {
                outbox.looks.looked(rows, room);
                outbox.read_to = last.unwrap_or(outbox.read_to);
            }
        }
        // The one that was read first had all the room; next time another has.
        if self.outboxes.len() > 1 {
            self.outboxes.rotate_left(1);
        }
        Ok(deliveries)
    }

    fn look_at_all(&mut self) {
        self.reads = 0;
        for outbox in &mut self.outboxes {
            outbox.looks.due = true;
        }
    }

    /// Waits for a commit to any of the outboxes, but not for long: another process, or a
    /// transaction that held others back, does not say when it is done.
    async fn changed(&mut self) {
        let again = self.outboxes.iter().filter_map(Outbox::look_again).min();
        tokio::select! {
            biased;
            _ = self.poll.tick() => self.look_at_all(),
            () = any_changes(&mut self.outboxes) => {}
            () = tokio::time::sleep(again.unwrap_or_default()), if again.is_some() => {
                for outbox in &mut self.outboxes {
                    let look = outbox.look_again();
                    outbox.looks.due |= look.is_some() && look <= again;
                }
            }
        }
    }
}

/// Waits until any of these has changed; each that has is due.
async fn any_changes(outboxes: &mut [Outbox]) {
    let changes = outboxes
        .iter_mut()
        .map(|outbox| (Box::pin(outbox.changes.changed()), &mut outbox.looks));
    let mut changes: Vec<_> = changes.collect();
    std::future::poll_fn(|context| {
        use std::future::Future as _;
        let mut any = std::task::Poll::Pending;
        for (change, looks) in &mut changes {
            if !looks.due && change.as_mut().poll(context).is_ready() {
                **looks = Looks::default();
                any = std::task::Poll::Ready(());
            }
        }
        any
    })
    .await;
}

impl Outbox {
    /// Whether there may be rows now.
    fn is_due(&mut self) -> bool {
        // Before the read, so that what is committed after it is a change again.
        if self.changes.has_changed().unwrap_or(false) {
            self.changes.borrow_and_update();
            self.looks = Looks::default();
        }
        self.looks.due
    }

    /// How long until it is looked again though nothing changes; none where nothing is held back:
    /// places on SQLite are of no transaction.
    fn look_again(&self) -> Option<Duration> {
        let held_back = self.read_to.transaction > 0 && self.looks.vain < LOOKS_MAX;
        held_back.then(|| LOOK_AGAIN * (1 << self.looks.vain))
    }

    async fn read(
        &self,
        topic: &str,
        pattern: Pattern,
        rows_max: usize,
    ) -> Result<Vec<(Position, String)>, StoreError> {
        Ok(match pattern {
            Pattern::Events => {
                let rows = self
                    .store
                    .outbox_events(Some(topic), self.read_to, rows_max)
                    .await?;
                rows.into_iter()
                    .map(|(at, event)| (at, event.document))
                    .collect()
            }
            Pattern::Work => {
                let rows = self
                    .store
                    .outbox_work(Some(topic), self.read_to, rows_max)
                    .await?;
                rows.into_iter()
                    .map(|(at, work)| (at, work.document))
                    .collect()
            }
        })
    }
}

impl Feed for Outboxes {
    fn next(&mut self, max: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>> {
        Box::pin(async move {
            loop {
                let deliveries = self.read(max).await?;
                if !deliveries.is_empty() {
                    return Ok(deliveries);
                }
                self.changed().await;
            }
        })
    }

    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }
}
