//! Telling those who read an outbox that there is something to read.
//!
//! Promises: after every commit of this process that published, sent or released, those who read
//! its topics hear of it, and those who read all. After every transaction of this process on
//! PostgreSQL they may hear that it no longer holds others' rows back.
//! Does not: hear of other processes; look by the clock too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use tokio::sync::watch;

use crate::Store;
use crate::error::StoreError;
use crate::position::Position;

/// Counts the transactions of this process on PostgreSQL that might have written and have ended.
/// One for all services, as each holds back the rows of all; another server's is looked at once
/// in vain.
static ENDED: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// What this process knows of a service's outbox.
#[derive(Debug)]
pub(crate) struct OutboxState {
    pub(crate) full: AtomicBool,
    pub(crate) relayed: AtomicBool,
    /// On PostgreSQL, up to where events and work were trimmed: nothing is left before. What is
    /// there all the same grows old.
    trimmed: Mutex<(Position, Position)>,
    all: watch::Sender<u64>,
    topics: BTreeMap<String, watch::Sender<u64>>,
}

/// What a transaction wrote to an outbox.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// The topics of which there are rows that can be read at once.
    topics: BTreeSet<String>,
    /// Whether there is work that is not due, which a relay takes and a consumer does not.
    delayed: bool,
}

impl Changed {
    pub(crate) fn add(&mut self, topic: &str) {
        if !self.topics.contains(topic) {
            self.topics.insert(topic.to_owned());
        }
    }

    pub(crate) fn add_delayed(&mut self) {
        self.delayed = true;
    }
}

impl OutboxState {
    pub(crate) fn new(topics: &[&str]) -> Self {
        let topics = topics.iter();
        Self {
            full: AtomicBool::default(),
            relayed: AtomicBool::default(),
            trimmed: Mutex::default(),
            all: watch::Sender::new(0),
            topics: topics
                .map(|topic| ((*topic).to_owned(), watch::Sender::new(0)))
                .collect(),
        }
    }

    /// Tells those who wait that rows were committed.
    pub(crate) fn tick(&self, changed: &Changed) {
        for topic in &changed.topics {
            if let Some(topic) = self.topics.get(topic) {
                topic.send_modify(|count| *count += 1);
            }
        }
        if changed.delayed || !changed.topics.is_empty() {
            self.all.send_modify(|count| *count += 1);
        }
    }

    pub(crate) fn trimmed(&self) -> (Position, Position) {
        *self.trimmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_trimmed(&self, places: (Position, Position)) {
        *self.trimmed.lock().unwrap_or_else(PoisonError::into_inner) = places;
    }

    /// Refuses more rows while there is no room.
    pub(crate) fn check_room(&self) -> Result<(), StoreError> {
        if self.full.load(Ordering::Relaxed) {
            Err(StoreError::OutboxMustHaveRoom)
        } else {
            Ok(())
        }
    }
}

/// Tells those whose rows may have been held back that a transaction has ended.
pub(crate) fn transaction_ended() {
    ENDED.send_modify(|count| *count += 1);
}

impl Store {
    /// A counter that changes after every commit of this process that published, sent or
    /// released. Other processes' commits are not heard of: look by the clock too.
    pub fn outbox_changes(&self) -> watch::Receiver<u64> {
        self.service.outbox.all.subscribe()
    }

    /// As [`Self::outbox_changes`], of one topic and without work that is not due. A topic that
    /// this store may not publish to changes with all others.
    pub fn outbox_changes_of(&self, topic: &str) -> watch::Receiver<u64> {
        let outbox = &self.service.outbox;
        outbox.topics.get(topic).unwrap_or(&outbox.all).subscribe()
    }

    /// A counter that changes when a transaction of this process, of any service, has ended: then
    /// rows that were held back ([`crate::Page::held_back`]) may be shown. On SQLite never.
    pub fn transactions_ended(&self) -> watch::Receiver<u64> {
        ENDED.subscribe()
    }
}
