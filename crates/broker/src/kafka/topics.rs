//! Makes topics on the server, and compares those that are there with what is declared.
//!
//! Promises: what is there is not changed; two processes may declare at the same time. It does not
//! delete anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode};

use super::blocking::{drop_apart, within};
use super::log::Log;
use super::settings::{CONTROL_TIME_MAX, KafkaSettings};
use super::unavailable;
use crate::CarrierError;

/// How long one question about topics may take.
const ASK_TIME_MAX: Duration = Duration::from_secs(10);

/// How long between two looks for topics that were just made.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Copies of every message where nothing else is said: one server may fail and another be in
/// maintenance.
const REPLICATION_DEFAULT: i32 = 3;

/// What the server holds: brokers, and per topic the partitions that have a leader.
struct Held {
    brokers: i32,
    partitions: BTreeMap<String, Result<usize, String>>,
}

/// Makes the topics that are not there; answers once all are there and as declared.
pub async fn make(settings: &KafkaSettings, names: &[String]) -> Result<(), CarrierError> {
    let admin = AdminClient::from_config_and_context(&settings.client(), Log)
        .map_err(|error| unavailable("declare", &error))?;
    let admin = Arc::new(admin);
    let made = make_with(&admin, settings, names).await;
    drop_apart(admin);
    made
}

async fn make_with(
    admin: &Arc<AdminClient<Log>>,
    settings: &KafkaSettings,
    names: &[String],
) -> Result<(), CarrierError> {
    let held = ask(admin).await?;
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| !held.partitions.contains_key(*name))
        .collect();
    create(admin, settings, held.brokers, &missing).await?;
    let all_there = async {
        loop {
            if compare(settings, &ask(admin).await?, names)? {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::time::timeout(CONTROL_TIME_MAX, all_there)
        .await
        .unwrap_or_else(|_| Err(unavailable("declare", &"topics have no leader in time")))
}

/// Whether every topic is there and has a leader; fails on one that differs from what is declared.
fn compare(settings: &KafkaSettings, held: &Held, names: &[String]) -> Result<bool, CarrierError> {
    let mut all_there = true;
    for name in names {
        match held.partitions.get(name) {
            Some(Ok(partitions)) if *partitions == usize::from(settings.partitions) => {}
            Some(Ok(partitions)) => {
                let declared = settings.partitions;
                let reason = format!("topic {name} has {partitions} partitions, not {declared}");
                return Err(CarrierError::Mismatch { reason });
            }
            Some(Err(reason)) => {
                tracing::debug!(topic = name, reason, "topic is not ready");
                all_there = false;
            }
            None => all_there = false,
        }
    }
    Ok(all_there)
}

async fn ask(admin: &Arc<AdminClient<Log>>) -> Result<Held, CarrierError> {
    let admin = admin.clone();
    let call = move || -> KafkaResult<Held> {
        let metadata = admin.inner().fetch_metadata(None, ASK_TIME_MAX)?;
        let partitions = metadata.topics().iter().map(|topic| {
            let all = topic.partitions();
            let answer = match topic.error() {
                Some(error) => Err(RDKafkaErrorCode::from(error).to_string()),
                None if all.iter().any(|partition| partition.leader() < 0) => {
                    Err("a partition has no leader".to_owned())
                }
                None => Ok(all.len()),
            };
            (topic.name().to_owned(), answer)
        });
        Ok(Held {
            brokers: i32::try_from(metadata.brokers().len()).unwrap_or(i32::MAX),
            partitions: partitions.collect(),
        })
    };
    within(CONTROL_TIME_MAX, "declare", call).await
}

async fn create(
    admin: &AdminClient<Log>,
    settings: &KafkaSettings,
    brokers: i32,
    names: &[&String],
) -> Result<(), CarrierError> {
    if names.is_empty() {
        return Ok(());
    }
    let replication = match settings.replication {
        Some(copies) => i32::from(copies),
        None => brokers.clamp(1, REPLICATION_DEFAULT),
    };
    // Of three copies two must have a message before it is confirmed: one server may fail.
    let in_step_min = if replication > 2 { "2" } else { "1" };
    let retention_ms = (u64::from(settings.retention_hours) * 3_600_000).to_string();
    let retention_bytes = settings.retention_bytes.to_string();
    let bytes_max = KafkaSettings::topic_bytes_max().to_string();
    let topics: Vec<NewTopic<'_>> = names
        .iter()
        .map(|name| {
            let copies = TopicReplication::Fixed(replication);
            NewTopic::new(name, i32::from(settings.partitions), copies)
                .set("cleanup.policy", "delete")
                .set("retention.ms", &retention_ms)
                .set("retention.bytes", &retention_bytes)
                .set("max.message.bytes", &bytes_max)
                .set("min.insync.replicas", in_step_min)
                // The server's clock, which rises within a partition: delays are counted from it.
                .set("message.timestamp.type", "LogAppendTime")
        })
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(ASK_TIME_MAX))
        .operation_timeout(Some(ASK_TIME_MAX));
    let answers = tokio::time::timeout(CONTROL_TIME_MAX, admin.create_topics(&topics, &options))
        .await
        .map_err(|_| unavailable("declare", &"no answer in time"))?
        .map_err(|error| unavailable("declare", &error))?;
    for answer in answers {
        match answer {
            // Another process was faster.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(unavailable(&topic, &code)),
        }
    }
    Ok(())
}
