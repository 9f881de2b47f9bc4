//! Moves delayed messages back to their topics when they are due.
//!
//! Promises: a message goes back after its delay and not before, as the clocks of the server and
//! of this machine agree; it leaves the retry topic after it was confirmed in its own. A crash in
//! between repeats it. All processes that run a mover share the retry topics.
//!
//! All messages of a partition wait equally long, so they are due in their order: a partition whose
//! first message is not due is paused, and what is behind stays on the server.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kit::time::Timestamp;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use tokio::sync::watch;

use super::delay::{delayed, onward, rung_of};
use super::feed::{Member, Place};
use super::publish::Record;
use super::{Kafka, unavailable};
use crate::CarrierError;

/// Most messages that are taken before they are moved: half of the relay's calls, and at most a
/// few megabytes of ordinary messages.
const TAKEN_MAX: usize = 500;

/// How long a message that was not confirmed waits for its next try, and a mover that failed.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a message waits whose topic is not there any more: until somebody has made it again.
const NO_TOPIC_AGAIN: Duration = Duration::from_secs(60);

/// One message of a retry topic.
struct Waiting {
    offset: i64,
    due: Timestamp,
    /// What is published; `None` for what is not ours, which is passed over.
    record: Option<Record>,
}

/// What was taken of one partition and is not moved.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Waiting>,
    /// The offset after the last that was taken.
    end: i64,
    is_paused: bool,
}

/// Moves until the process stops; after a failure it joins again and begins at what is committed.
pub async fn run(kafka: &Kafka, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        match Mover::join(kafka) {
            Ok(mut mover) => match mover.run(&mut stopping).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "moving delayed messages failed"),
            },
            Err(error) => tracing::warn!(%error, "moving delayed messages cannot begin"),
        }
        tokio::select! {
            () = stopped(&mut stopping) => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Answers when the process stops, or when nobody is left to say so.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _gone = stopping.wait_for(|stopping| *stopping).await.is_err();
}

struct Mover<'a> {
    kafka: &'a Kafka,
    member: Member,
    lanes: BTreeMap<Place, Lane>,
    /// The rebalances after which the lanes were filled.
    rebalances: u64,
}

impl<'a> Mover<'a> {
    fn join(kafka: &'a Kafka) -> Result<Self, CarrierError> {
        let settings = &kafka.settings;
        let group = settings.group("mover", "retry");
        // Every rung there is or ever was: what waits in one that is not used any more goes on.
        let namespace = settings.namespace.replace('.', "\\.");
        let topics = format!("^{namespace}\\.retry\\.[0-9]+$");
        Ok(Self {
            kafka,
            member: Member::join(settings, &group, &topics)?,
            lanes: BTreeMap::new(),
            rebalances: 0,
        })
    }

    async fn run(&mut self, stopping: &mut watch::Receiver<bool>) -> Result<(), CarrierError> {
        loop {
            self.move_due().await?;
            let message = tokio::select! {
                () = stopped(stopping) => return Ok(()),
                () = tokio::time::sleep(self.wait()) => None,
                message = self.member.receive() => Some(self.read(&message?)),
            };
            self.begin_anew_if_rebalanced()?;
            let Some((place, waiting)) = message else {
                continue;
            };
            self.note(place, waiting);
            while self.taken_count() < TAKEN_MAX {
                let next = self.member.receive_now().await?;
                let next = next.map(|message| self.read(&message));
                self.begin_anew_if_rebalanced()?;
                match next {
                    Some((place, waiting)) => self.note(place, waiting),
                    None => break,
                }
            }
            self.pause_waiting()?;
        }
    }

    fn taken_count(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len()).sum()
    }

    /// How long until the next message is due.
    fn wait(&self) -> Duration {
        let now = self.kafka.clock.now();
        let heads = self.lanes.values().filter_map(|lane| lane.waiting.front());
        heads
            .map(|head| head.due.since(now).unwrap_or(Duration::ZERO))
            .min()
            .map_or(AGAIN, |wait| wait.min(AGAIN))
    }

    /// Reads a message.
    fn read(&self, message: &BorrowedMessage<'_>) -> (Place, Waiting) {
        let settings = &self.kafka.settings;
        let now = self.kafka.clock.now();
        let rung = rung_of(settings, message.topic()).unwrap_or_default();
        // The server's clock; it cuts off what is left of a millisecond, so one is added.
        let written = message
            .timestamp()
            .to_millis()
            .and_then(|millis| millis.checked_add(1)?.checked_mul(1_000))
            .and_then(Timestamp::checked_from_micros)
            .unwrap_or(now);
        let record = record(self.kafka, message);
        if record.is_none() {
            let (topic, offset) = (message.topic(), message.offset());
            let partition = message.partition();
            tracing::error!(
                topic,
                partition,
                offset,
                "delayed message says no topic; left"
            );
        }
        let waiting = Waiting {
            offset: message.offset(),
            due: written.checked_add(rung).unwrap_or(Timestamp::MAX),
            record,
        };
        ((message.topic().to_owned(), message.partition()), waiting)
    }

    fn note(&mut self, place: Place, waiting: Waiting) {
        let lane = self.lanes.entry(place).or_default();
        lane.end = waiting.offset + 1;
        lane.waiting.push_back(waiting);
    }

    /// Forgets everything that was taken before a rebalance: it comes again, here or elsewhere.
    fn begin_anew_if_rebalanced(&mut self) -> Result<(), CarrierError> {
        let rebalances = self.member.rebalances();
        if rebalances == self.rebalances {
            return Ok(());
        }
        self.rebalances = rebalances;
        self.lanes.clear();
        // A partition may come back paused.
        let consumer = self.member.consumer();
        let resumed = consumer
            .assignment()
            .and_then(|assigned| consumer.resume(&assigned));
        resumed.map_err(|error| unavailable("resume", &error))
    }

    /// Publishes what is due and commits what is moved.
    async fn move_due(&mut self) -> Result<(), CarrierError> {
        let now = self.kafka.clock.now();
        let mut due: Vec<(Place, Waiting)> = Vec::new();
        for (place, lane) in &mut self.lanes {
            while let Some(head) = lane.waiting.pop_front_if(|head| head.due <= now) {
                due.push((place.clone(), head));
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let records: Vec<Record> = due
            .iter()
            .filter_map(|(_, head)| head.record.clone())
            .collect();
        let failures = self.kafka.publisher.send(&records).await?;
        let mut failed: BTreeMap<usize, Duration> = BTreeMap::new();
        for (place, error) in failures {
            let topic = &records[place].topic;
            tracing::warn!(topic, %error, "delayed message was not taken; tried again");
            let has_topic = !matches!(
                error.rdkafka_error_code(),
                Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
            );
            failed.insert(place, if has_topic { AGAIN } else { NO_TOPIC_AGAIN });
        }
        self.keep_failed(due, &failed);
        self.commit_moved().await
    }

    /// Puts what was not confirmed back to where it stood, to be tried again.
    fn keep_failed(&mut self, due: Vec<(Place, Waiting)>, failed: &BTreeMap<usize, Duration>) {
        let now = self.kafka.clock.now();
        let published = due.into_iter().filter(|(_, head)| head.record.is_some());
        let mut kept = Vec::new();
        for (index, (place, head)) in published.enumerate() {
            if let Some(again) = failed.get(&index) {
                let due = now.checked_add(*again).unwrap_or(Timestamp::MAX);
                kept.push((place, Waiting { due, ..head }));
            }
        }
        while let Some((place, head)) = kept.pop() {
            let lane = self.lanes.entry(place).or_default();
            lane.waiting.push_front(head);
        }
    }

    /// Commits each partition up to the first message that still waits, and lets go on those in
    /// which none does.
    async fn commit_moved(&mut self) -> Result<(), CarrierError> {
        let offsets: BTreeMap<Place, i64> = self
            .lanes
            .iter()
            .map(|(place, lane)| {
                let first = lane.waiting.front().map(|head| head.offset);
                (place.clone(), first.unwrap_or(lane.end))
            })
            .collect();
        self.member.commit(&offsets).await?;
        self.pause_waiting()
    }

    /// Pauses the partitions in which a message waits, and resumes the others.
    fn pause_waiting(&mut self) -> Result<(), CarrierError> {
        let mut pause = TopicPartitionList::new();
        let mut resume = TopicPartitionList::new();
        for ((topic, partition), lane) in &mut self.lanes {
            let must_pause = !lane.waiting.is_empty();
            if must_pause && !lane.is_paused {
                pause.add_partition(topic, *partition);
            } else if !must_pause && lane.is_paused {
                resume.add_partition(topic, *partition);
            }
            lane.is_paused = must_pause;
        }
        let consumer = self.member.consumer();
        if pause.count() > 0 {
            let paused = consumer.pause(&pause);
            paused.map_err(|error| unavailable("pause", &error))?;
        }
        if resume.count() > 0 {
            let resumed = consumer.resume(&resume);
            resumed.map_err(|error| unavailable("resume", &error))?;
        }
        Ok(())
    }
}

/// What a message of a retry topic becomes; `None` if it does not say.
fn record(kafka: &Kafka, message: &BorrowedMessage<'_>) -> Option<Record> {
    let headers = message.headers()?;
    let named = headers
        .iter()
        .map(|header| (header.key, header.value.unwrap_or_default()));
    let onward = onward(named)?;
    let record = Record {
        topic: onward.origin,
        key: message.key().unwrap_or_default().to_vec(),
        payload: message.payload().unwrap_or_default().to_vec(),
        headers: super::content_type(),
    };
    delayed(&kafka.settings, record, onward.rest)
}
