//! Apache Kafka as a carrier: topics are topics, consumers are consumer groups.
//!
//! Promises: what is confirmed is on every copy of its partition that is in step; events of one
//! key are in one partition, for ever the same; a message is acknowledged after it was handled. A
//! repetition is possible wherever something fails, a loss is not, as long as the server keeps
//! what is not handled yet: see the limits in `docs/operations/kafka.md`.
//!
//! It does not encrypt its connections, and it starts no task; the client library has threads of
//! its own.

mod blocking;
mod delay;
mod feed;
mod log;
mod mover;
mod publish;
mod settings;
mod topics;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kit::time::Clock;
use tokio::sync::watch;

use self::feed::{KafkaFeed, Member};
use self::publish::{Publisher, Record};
pub use self::settings::KafkaSettings;
use crate::{Carrier, CarrierError, Feed, Future, Parcel, Pattern, Topic};

/// The carrier.
pub struct Kafka {
    settings: KafkaSettings,
    clock: Arc<dyn Clock>,
    publisher: Publisher,
    declared: Mutex<BTreeMap<String, Topic>>,
}

impl Kafka {
    /// Connects to nothing yet. The clock says when a delayed message is due.
    #[must_use]
    pub fn new(settings: KafkaSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            publisher: Publisher::new(settings.clone()),
            settings,
            clock,
            declared: Mutex::default(),
        }
    }

    fn declared(&self) -> MutexGuard<'_, BTreeMap<String, Topic>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was declared of a topic.
    fn topic(&self, name: &str) -> Result<Topic, CarrierError> {
        let topic = self.declared().get(name).cloned();
        topic.ok_or_else(|| CarrierError::UndeclaredTopic {
            topic: name.to_owned(),
        })
    }

    /// What a parcel is on the wire. Events are placed by their key; work by its id, so that all
    /// processes of the consumer have some of it.
    fn record(&self, parcel: &Parcel) -> Result<Record, CarrierError> {
        let topic = self.topic(&parcel.topic)?;
        let is_work = topic.pattern == Pattern::Work;
        if !is_work && !parcel.delay.is_zero() {
            return Err(mismatch(format!(
                "topic {} has events: no delay",
                topic.name
            )));
        }
        let key = match topic.pattern {
            Pattern::Events => parcel.key.clone().into_bytes(),
            Pattern::Work => parcel.id.to_string().into_bytes(),
        };
        let record = Record {
            topic: topic.name,
            key,
            payload: parcel.document.clone().into_bytes(),
            headers: content_type(),
        };
        delay::delayed(&self.settings, record, parcel.delay)
            .ok_or_else(|| mismatch(format!("topic {}: a delay needs a rung", parcel.topic)))
    }

    async fn declare_all(&self, topics: &[Topic]) -> Result<(), CarrierError> {
        let rungs = self.settings.rungs.iter();
        let retry: Vec<String> = rungs.map(|rung| self.settings.retry_topic(*rung)).collect();
        let reserved = format!("{}.retry.", self.settings.namespace);
        if let Some(topic) = topics
            .iter()
            .find(|topic| topic.name.starts_with(&reserved))
        {
            return Err(mismatch(format!(
                "topic {} has the name of a retry topic",
                topic.name
            )));
        }
        let named = topics.iter().map(|topic| topic.name.clone());
        let mut names: Vec<String> = Vec::new();
        for name in named.chain(retry) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        topics::make(&self.settings, &names).await?;
        let named = topics
            .iter()
            .map(|topic| (topic.name.clone(), topic.clone()));
        self.declared().extend(named);
        Ok(())
    }

    async fn publish_all(&self, parcels: &[Parcel]) -> Result<(), CarrierError> {
        let records: Result<Vec<Record>, CarrierError> =
            parcels.iter().map(|parcel| self.record(parcel)).collect();
        let records = records?;
        let failures = self.publisher.send(&records).await?;
        publish::outcome(&records, &failures)
    }

    fn join(&self, consumer: &str, topic: &str) -> Result<Box<dyn Feed>, CarrierError> {
        let declared = self.topic(topic)?;
        if !declared.consumers.iter().any(|known| known == consumer) {
            return Err(mismatch(format!(
                "topic {topic} has no consumer {consumer}"
            )));
        }
        let group = self.settings.group(consumer, topic);
        let member = Member::join(&self.settings, &group, topic)?;
        Ok(Box::new(KafkaFeed::new(member)))
    }
}

impl Carrier for Kafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn reads_outboxes(&self) -> bool {
        false
    }

    fn declare<'a>(&'a self, topics: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(self.declare_all(topics))
    }

    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(self.publish_all(parcels))
    }

    fn subscribe<'a>(
        &'a self,
        consumer: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        // An async block, because the library asks for the runtime when a member joins.
        Box::pin(async move { self.join(consumer, &topic.name) })
    }

    fn run(&self, stopping: watch::Receiver<bool>) -> Future<'_, ()> {
        Box::pin(mover::run(self, stopping))
    }
}

/// What the Kafka binding of CloudEvents asks for beside a document in structured form.
fn content_type() -> Vec<(&'static str, String)> {
    let structured = "application/cloudevents+json; charset=UTF-8";
    vec![("content-type", structured.to_owned())]
}

fn mismatch(reason: String) -> CarrierError {
    CarrierError::Mismatch { reason }
}

/// What failed, and what the server or the network says of it.
fn unavailable(what: &str, error: &dyn Display) -> CarrierError {
    let reason = format!("kafka, {what}: {error}");
    CarrierError::Unavailable { reason }
}
