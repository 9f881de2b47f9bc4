//! Publishes records and waits until the server has confirmed each.
//!
//! Promises: the answer comes after the last delivery report, so nothing of a call is on its way
//! when the call has ended; what is refused is named by its place. It does not try again: the
//! caller does, with what it kept.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use super::blocking::drop_apart;
use super::log::Log;
use super::settings::KafkaSettings;
use super::unavailable;
use crate::CarrierError;

/// How long after its own limit the library may take to say that a message was not delivered.
const REPORT_TIME_MAX: Duration = Duration::from_secs(5);

/// How long to wait when the library's queue is full of the messages of other calls.
const QUEUE_FULL_WAIT: Duration = Duration::from_millis(5);

/// One message as Kafka carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The topic it is written to.
    pub topic: String,
    /// What its partition follows from.
    pub key: Vec<u8>,
    /// The document.
    pub payload: Vec<u8>,
    /// Names and values beside it.
    pub headers: Vec<(&'static str, String)>,
}

/// A record that was not confirmed: its place in the call, and why.
pub type Failure = (usize, KafkaError);

/// The connection that publishes, made when it is first used and again when it is beyond repair.
pub struct Publisher {
    settings: KafkaSettings,
    producer: Mutex<Option<FutureProducer<Log>>>,
}

impl Publisher {
    /// Connects to nothing yet.
    pub fn new(settings: KafkaSettings) -> Self {
        Self {
            settings,
            producer: Mutex::new(None),
        }
    }

    /// Publishes records and answers those that were not confirmed, by their place, rising. The
    /// library ends every record by its own limit; `Err` only if it does not.
    pub async fn send(&self, records: &[Record]) -> Result<Vec<Failure>, CarrierError> {
        let producer = self.producer()?;
        let all = send_with(&producer, records);
        let failures = tokio::time::timeout(self.settings.publish_time_max + REPORT_TIME_MAX, all)
            .await
            .map_err(|_| unavailable("publish", &"no delivery report in time"))?;
        if let Some((code, reason)) = producer.client().fatal_error() {
            tracing::error!(%code, reason, "kafka producer is beyond repair and is made anew");
            self.forget();
        }
        Ok(failures)
    }

    fn producer(&self) -> Result<FutureProducer<Log>, CarrierError> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*producer {
            return Ok(producer.clone());
        }
        let made = FutureProducer::from_config_and_context(&self.settings.producer(), Log)
            .map_err(|error| unavailable("publish", &error))?;
        *producer = Some(made.clone());
        Ok(made)
    }

    fn forget(&self) {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = producer.take() {
            drop_apart(producer);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.forget();
    }
}

async fn send_with(producer: &FutureProducer<Log>, records: &[Record]) -> Vec<Failure> {
    let mut waiting: VecDeque<(usize, DeliveryFuture)> = VecDeque::new();
    let mut failures = Vec::new();
    for (place, record) in records.iter().enumerate() {
        loop {
            match producer.send_result(future_record(record)) {
                Ok(report) => break waiting.push_back((place, report)),
                Err((error, _)) if is_queue_full(&error) => match waiting.pop_front() {
                    Some((earlier, report)) => judge(earlier, report, &mut failures).await,
                    None => tokio::time::sleep(QUEUE_FULL_WAIT).await,
                },
                Err((error, _)) => break failures.push((place, error)),
            }
        }
    }
    for (place, report) in waiting {
        judge(place, report, &mut failures).await;
    }
    failures.sort_by_key(|(place, _)| *place);
    failures
}

/// Waits for a delivery report, and notes it if it is none of success.
async fn judge(place: usize, report: DeliveryFuture, failures: &mut Vec<Failure>) {
    match report.await {
        Ok(Ok(_)) => {}
        Ok(Err((error, _))) => failures.push((place, error)),
        Err(_) => failures.push((place, KafkaError::Canceled)),
    }
}

fn is_queue_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

fn future_record(record: &Record) -> FutureRecord<'_, [u8], [u8]> {
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    for (key, value) in &record.headers {
        let value = Some(value.as_str());
        headers = headers.insert(Header { key, value });
    }
    FutureRecord::to(&record.topic)
        .key(record.key.as_slice())
        .payload(record.payload.as_slice())
        .headers(headers)
}

/// What the failures of a call mean to its caller: a server that is out of reach refuses nothing
/// by itself, and is named once.
pub fn outcome(records: &[Record], failures: &[Failure]) -> Result<(), CarrierError> {
    let Some((first, error)) = failures.first() else {
        return Ok(());
    };
    let topic = &records[*first].topic;
    if failures.len() == records.len() && failures.iter().all(|(_, error)| is_out_of_reach(error)) {
        return Err(unavailable(topic, error));
    }
    Err(CarrierError::Refused {
        refused: failures.iter().map(|(place, _)| *place).collect(),
        reason: format!("topic {topic}: {error}"),
    })
}

/// Whether the server was not there to say anything.
fn is_out_of_reach(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        None | Some(
            RDKafkaErrorCode::MessageTimedOut
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::Fatal
                | RDKafkaErrorCode::PurgeQueue
                | RDKafkaErrorCode::PurgeInflight
        )
    )
}
