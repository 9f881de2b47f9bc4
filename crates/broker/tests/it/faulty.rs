//! A real carrier with faults in front of it, and names of its own on a shared server.
//!
//! It takes nothing away from the carrier beneath: parcels and deliveries go through it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker::{Carrier, CarrierError, Delivery, Feed, Future, Parcel, Topic};
use tokio::sync::{Notify, watch};

/// What goes wrong.
#[derive(Default)]
pub struct Faults {
    /// Events of this key are refused so many times more.
    pub refused: Mutex<BTreeMap<String, u32>>,
    /// So many calls publish, and then say they failed.
    pub unconfirmed: AtomicU32,
    /// So many calls fail before anything is published.
    pub unavailable: AtomicU32,
    /// So many acknowledgements fail.
    pub unacknowledged: AtomicU32,
    /// Acknowledgements never end, once one has begun this says so.
    pub hang_acknowledging: AtomicBool,
    pub acknowledging: Notify,
    /// Confirmations never come, once one is due this says so.
    pub hang_confirming: AtomicBool,
    pub confirming: Notify,
    /// Every parcel that was handed on, by key and document, in order.
    pub published: Mutex<Vec<Parcel>>,
}

impl Faults {
    pub fn published(&self) -> MutexGuard<'_, Vec<Parcel>> {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn refuse(&self, key: &str, times: u32) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.insert(key.to_owned(), times);
    }

    fn refuses(&self, key: &str) -> bool {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.get_mut(key) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }
}

fn take(count: &AtomicU32) -> bool {
    let less = |count: u32| count.checked_sub(1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

fn unavailable() -> CarrierError {
    CarrierError::Unavailable {
        reason: "the test says so".to_owned(),
    }
}

/// The carrier with its faults.
pub struct Faulty {
    inner: Arc<dyn Carrier>,
    namespace: String,
    faults: Arc<Faults>,
}

impl Faulty {
    pub fn new(inner: Arc<dyn Carrier>, namespace: String, faults: Arc<Faults>) -> Self {
        Self {
            inner,
            namespace,
            faults,
        }
    }

    fn renamed(&self, topic: &Topic) -> Topic {
        Topic {
            name: format!("{}{}", self.namespace, topic.name),
            ..topic.clone()
        }
    }

    async fn publish_most(&self, parcels: &[Parcel]) -> Result<(), CarrierError> {
        if take(&self.faults.unavailable) {
            return Err(unavailable());
        }
        let mut refused = Vec::new();
        let mut taken = Vec::new();
        for (place, parcel) in parcels.iter().enumerate() {
            if self.faults.refuses(&parcel.key) {
                refused.push(place);
            } else {
                taken.push(Parcel {
                    topic: format!("{}{}", self.namespace, parcel.topic),
                    ..parcel.clone()
                });
            }
        }
        self.inner.publish(&taken).await?;
        self.faults.published().extend(taken);
        if self.faults.hang_confirming.load(Ordering::Relaxed) {
            self.faults.confirming.notify_one();
            std::future::pending::<()>().await;
        }
        if take(&self.faults.unconfirmed) {
            return Err(unavailable());
        }
        if refused.is_empty() {
            return Ok(());
        }
        let reason = "the test says so".to_owned();
        Err(CarrierError::Refused { refused, reason })
    }
}

impl Carrier for Faulty {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn reads_outboxes(&self) -> bool {
        self.inner.reads_outboxes()
    }

    fn declare<'a>(&'a self, topics: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async move {
            let topics: Vec<_> = topics.iter().map(|topic| self.renamed(topic)).collect();
            self.inner.declare(&topics).await
        })
    }

    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(self.publish_most(parcels))
    }

    fn subscribe<'a>(
        &'a self,
        consumer: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        Box::pin(async move {
            let topic = self.renamed(topic);
            let inner = self.inner.subscribe(consumer, &topic).await?;
            let faults = self.faults.clone();
            Ok(Box::new(FaultyFeed { inner, faults }) as Box<dyn Feed>)
        })
    }

    fn run(&self, stopping: watch::Receiver<bool>) -> Future<'_, ()> {
        self.inner.run(stopping)
    }
}

struct FaultyFeed {
    inner: Box<dyn Feed>,
    faults: Arc<Faults>,
}

impl Feed for FaultyFeed {
    fn next(&mut self, max: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>> {
        self.inner.next(max)
    }

    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            if self.faults.hang_acknowledging.load(Ordering::Relaxed) {
                self.faults.acknowledging.notify_one();
                std::future::pending::<()>().await;
            }
            if take(&self.faults.unacknowledged) {
                return Err(unavailable());
            }
            self.inner.acknowledge().await
        })
    }

    fn reads_ahead(&self) -> bool {
        self.inner.reads_ahead()
    }
}
