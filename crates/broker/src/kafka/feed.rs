//! What one process of a component receives of one topic, as a member of the component's group.
//!
//! Promises: an offset is committed only after everything before it was handed out by this feed
//! and acknowledged; what a rebalance takes away is not acknowledged by this feed any more, and
//! comes to whoever has the partition now. It hands out nothing of a partition it has lost.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::blocking::{drop_apart, within};
use super::log;
use super::settings::{CONTROL_TIME_MAX, KafkaSettings};
use super::unavailable;
use crate::{CarrierError, Delivery, Feed, Future};

/// A partition of a topic.
pub type Place = (String, i32);

/// What a member of a group may acknowledge: per partition the offset after the last message that
/// it took. The library calls it while it is polled, so between two polls nothing changes.
#[derive(Default)]
pub struct Taken {
    offsets: Mutex<BTreeMap<Place, i64>>,
    rebalances: AtomicU64,
}

impl Taken {
    fn offsets(&self) -> MutexGuard<'_, BTreeMap<Place, i64>> {
        self.offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Taken {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log::write(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log::complain(&error, reason);
    }
}

impl ConsumerContext for Taken {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => {
                tracing::info!(partitions = partitions.count(), "kafka gave partitions");
            }
            Rebalance::Revoke(partitions) => {
                tracing::info!(partitions = partitions.count(), "kafka took partitions");
            }
            Rebalance::Error(error) => tracing::warn!(%error, "kafka rebalance failed"),
        }
        // Whatever happened: a partition that is given begins at what is committed, and one that
        // was taken is somebody else's.
        self.offsets().clear();
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }
}

/// A member of a consumer group. Dropping it leaves the group and acknowledges nothing.
pub struct Member {
    consumer: Option<Arc<StreamConsumer<Taken>>>,
    what: String,
}

impl Member {
    /// Joins a group; the partitions come while it is polled.
    pub fn join(settings: &KafkaSettings, group: &str, topic: &str) -> Result<Self, CarrierError> {
        let config = settings.consumer(group);
        let consumer: StreamConsumer<Taken> =
            StreamConsumer::from_config_and_context(&config, Taken::default())
                .map_err(|error| unavailable(topic, &error))?;
        let member = Self {
            consumer: Some(Arc::new(consumer)),
            what: topic.to_owned(),
        };
        member
            .consumer()
            .subscribe(&[topic])
            .map_err(|error| unavailable(topic, &error))?;
        Ok(member)
    }

    /// The consumer beneath.
    pub fn consumer(&self) -> &Arc<StreamConsumer<Taken>> {
        self.consumer
            .as_ref()
            .expect("a member has its consumer until it is dropped")
    }

    /// Waits for a message. A server that is away is waited for: the library finds it again.
    /// Dropping the future loses nothing.
    pub async fn receive(&self) -> Result<BorrowedMessage<'_>, CarrierError> {
        loop {
            match self.consumer().recv().await {
                Ok(message) => return Ok(message),
                Err(error) if passes(&error) => {}
                Err(error) => return Err(unavailable(&self.what, &error)),
            }
        }
    }

    /// A message that is there already.
    pub async fn receive_now(&self) -> Result<Option<BorrowedMessage<'_>>, CarrierError> {
        let mut message = pin!(self.receive());
        poll_fn(|context| {
            Poll::Ready(match message.as_mut().poll(context) {
                Poll::Ready(message) => message.map(Some),
                Poll::Pending => Ok(None),
            })
        })
        .await
    }

    /// Notes that a message was taken.
    pub fn take(&self, message: &BorrowedMessage<'_>) {
        let place = (message.topic().to_owned(), message.partition());
        self.consumer()
            .context()
            .offsets()
            .insert(place, message.offset() + 1);
    }

    /// Whether a partition is still held since something was taken from it.
    pub fn holds(&self, place: &Place) -> bool {
        self.consumer().context().offsets().contains_key(place)
    }

    /// How many rebalances there were: after each, everything begins at what is committed.
    pub fn rebalances(&self) -> u64 {
        self.consumer().context().rebalances.load(Ordering::Relaxed)
    }

    /// Commits offsets and answers once the server has them.
    pub async fn commit(&self, offsets: &BTreeMap<Place, i64>) -> Result<(), CarrierError> {
        let mut list = TopicPartitionList::new();
        for ((topic, partition), offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
                .map_err(|error| unavailable(&self.what, &error))?;
        }
        if list.count() == 0 {
            return Ok(());
        }
        let consumer = self.consumer().clone();
        let call = move || consumer.commit(&list, CommitMode::Sync);
        within(CONTROL_TIME_MAX, &self.what, call).await
    }

    /// Commits everything that was taken.
    async fn commit_taken(&self) -> Result<(), CarrierError> {
        let offsets = self.consumer().context().offsets().clone();
        self.commit(&offsets).await?;
        self.consumer().context().offsets().clear();
        Ok(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            drop_apart(consumer);
        }
    }
}

/// Whether the library recovers from an error by itself and loses nothing.
fn passes(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::PartitionEOF
                | RDKafkaErrorCode::WaitingForCoordinator
                // A server that has just started: it asks who leads the group now.
                | RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}

/// The feed of a consumer.
pub struct KafkaFeed {
    member: Member,
    /// Set by the first error: what was taken before it may not have been handed out.
    is_broken: bool,
}

impl KafkaFeed {
    /// Hands out what a member receives.
    pub fn new(member: Member) -> Self {
        Self {
            member,
            is_broken: false,
        }
    }

    async fn receive(&mut self, max: usize) -> Result<Vec<Delivery>, CarrierError> {
        loop {
            let mut batch = Vec::new();
            let mut next = Some(self.member.receive().await?);
            // From here on nothing is awaited that can be dropped half way.
            while let Some(message) = next {
                self.member.take(&message);
                let place = (message.topic().to_owned(), message.partition());
                batch.push((place, delivery(&message)));
                next = match batch.len() {
                    length if length < max => self.member.receive_now().await?,
                    _ => None,
                };
            }
            let batch: Vec<Delivery> = batch
                .into_iter()
                .filter(|(place, _)| self.member.holds(place))
                .map(|(_, delivery)| delivery)
                .collect();
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }
}

impl Feed for KafkaFeed {
    fn next(&mut self, max: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>> {
        Box::pin(async move {
            let received = self.receive(max.max(1)).await;
            self.is_broken |= received.is_err();
            received
        })
    }

    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            if self.is_broken {
                return Err(unavailable(&self.member.what, &"the feed has failed"));
            }
            self.member.commit_taken().await
        })
    }
}

/// A stranger may have written anything: what is no text is read as far as it is one, and refused
/// by whoever reads the document.
fn delivery(message: &BorrowedMessage<'_>) -> Delivery {
    let payload = message.payload().unwrap_or_default();
    Delivery {
        document: String::from_utf8_lossy(payload).into_owned(),
        origin: None,
    }
}
