//! What an operator chooses of Kafka, and the options of the client library that follow from it.
//!
//! Promises: every wait and every queue of the library is bounded here, and each bound says where
//! its number comes from. It does not read the environment.

use std::time::Duration;

use kit::limits::BODY_BYTES_MAX;
use rdkafka::ClientConfig;

use crate::settings::PUBLISH_TIMEOUT_MS;

/// Bytes around a document: key, headers and checksums, with much room.
const FRAME_BYTES_MAX: usize = 16 * 1024;

/// Largest message: the largest document that an outbox takes, with its frame.
const MESSAGE_BYTES_MAX: usize = BODY_BYTES_MAX + FRAME_BYTES_MAX;

/// Most messages that wait to be sent by one process: ten of the relay's calls.
const QUEUED_MESSAGES_MAX: u32 = 10_000;

/// Most kilobytes that wait to be sent by one process: 64 MiB.
const QUEUED_KILOBYTES_MAX: u32 = 64 * 1024;

/// Kilobytes of messages that one feed fetches ahead: sixteen of the largest.
const AHEAD_KILOBYTES_MAX: u32 = 16 * 1024;

/// Messages of a partition that one feed fetches ahead: what a few batches handle.
const AHEAD_MESSAGES: u32 = 1_000;

/// How long messages are gathered before they are sent, in milliseconds. Many leave together under
/// load, and alone one is hardly delayed.
const LINGER_MS: u32 = 2;

/// How long one request to the server may take, in milliseconds: longer than a server that lives
/// ever takes, and short enough for the request to be tried again within the limits above it.
const REQUEST_MS_MAX: u32 = 10_000;

/// How long handling what a feed handed out may take, in milliseconds, before the group gives its
/// partitions to another process: Kafka's own number. What was handled meanwhile comes again.
const HANDLING_MS_MAX: u32 = 300_000;

/// How long the server may take to make a topic, to answer what it holds, or to take an
/// acknowledgement; longer than one request with one repetition.
pub const CONTROL_TIME_MAX: Duration = Duration::from_secs(25);

/// What an operator chooses. The documentation is `docs/operations/kafka.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaSettings {
    /// Some of the servers, `host:port`; the others are learned from them.
    pub servers: Vec<String>,
    /// What the names of the retry topics and the consumer groups begin with.
    pub namespace: String,
    /// Partitions of every topic. It never changes once topics are there, as a key would move to
    /// another partition and lose its order.
    pub partitions: u16,
    /// Copies of every message; none said: three, or as many as there are servers.
    pub replication: Option<u16>,
    /// How long the server keeps a message, handled or not.
    pub retention_hours: u32,
    /// How many bytes of a partition the server keeps, handled or not.
    pub retention_bytes: u64,
    /// The delays that have a retry topic; another delay takes the next longer.
    pub rungs: Vec<Duration>,
    /// How long a process may be silent before its partitions go to another.
    pub session_time_max: Duration,
    /// How long a message may wait for its confirmation; less than a relay gives a wave, so that
    /// the relay hears which was refused.
    pub publish_time_max: Duration,
}

impl Default for KafkaSettings {
    fn default() -> Self {
        Self {
            servers: vec!["127.0.0.1:9092".to_owned()],
            namespace: "florin".to_owned(),
            partitions: 8,
            replication: None,
            retention_hours: 7 * 24,
            retention_bytes: 4 * 1024 * 1024 * 1024,
            rungs: [10, 15, 20].map(Duration::from_secs).to_vec(),
            session_time_max: Duration::from_secs(10),
            publish_time_max: Duration::from_millis(PUBLISH_TIMEOUT_MS / 5 * 4),
        }
    }
}

impl KafkaSettings {
    /// Most bytes of a batch in a topic: the largest message, with the frame of the batch.
    pub(super) fn topic_bytes_max() -> usize {
        MESSAGE_BYTES_MAX + FRAME_BYTES_MAX
    }

    /// The retry topic of a rung.
    pub(super) fn retry_topic(&self, rung: Duration) -> String {
        format!("{}.retry.{}", self.namespace, rung.as_millis())
    }

    /// The consumer group of a component on a topic.
    pub(super) fn group(&self, consumer: &str, topic: &str) -> String {
        format!("{}.{consumer}.{topic}", self.namespace)
    }

    /// What every connection has in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.servers.join(","))
            .set("client.id", &self.namespace)
            .set("socket.timeout.ms", REQUEST_MS_MAX.to_string())
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("log.connection.close", "false")
            // From the first failure to a server that is gone: often at first, then each second.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            // New retry topics are found this soon.
            .set("topic.metadata.refresh.interval.ms", "10000");
        config
    }

    /// What publishes: an event is confirmed by every copy that is in step, and is written once
    /// and in order however often its request is repeated.
    pub(super) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // The place of a key is the same as that of every other client of Kafka, for ever.
            .set("partitioner", "murmur2_random")
            .set("linger.ms", LINGER_MS.to_string())
            .set("compression.type", "lz4")
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            .set(
                "message.timeout.ms",
                self.publish_time_max.as_millis().to_string(),
            )
            .set(
                "queue.buffering.max.messages",
                QUEUED_MESSAGES_MAX.to_string(),
            )
            .set(
                "queue.buffering.max.kbytes",
                QUEUED_KILOBYTES_MAX.to_string(),
            )
            // A topic that is unknown for longer than this is not there.
            .set("topic.metadata.propagation.max.ms", "5000");
        config
    }

    /// What receives: from the oldest message on, and nothing is acknowledged but by us.
    pub(super) fn consumer(&self, group: &str) -> ClientConfig {
        let session_ms = self.session_time_max.as_millis();
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("allow.auto.create.topics", "false")
            // All partitions are given back before any is given to another process: an
            // acknowledgement then never meets a group that is half way.
            .set("partition.assignment.strategy", "roundrobin")
            .set("session.timeout.ms", session_ms.to_string())
            .set("heartbeat.interval.ms", (session_ms / 3).max(1).to_string())
            .set(
                "max.poll.interval.ms",
                HANDLING_MS_MAX.max(session_millis(session_ms)).to_string(),
            )
            .set("fetch.wait.max.ms", "250")
            .set("fetch.error.backoff.ms", "100")
            .set("fetch.queue.backoff.ms", "20")
            .set("queued.min.messages", AHEAD_MESSAGES.to_string())
            .set(
                "queued.max.messages.kbytes",
                AHEAD_KILOBYTES_MAX.to_string(),
            );
        config
    }
}

/// A session's milliseconds, as far as the library's number goes.
fn session_millis(session_ms: u128) -> u32 {
    u32::try_from(session_ms).unwrap_or(u32::MAX)
}
