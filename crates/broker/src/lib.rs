//! Events and work between services, over three carriers: embedded, RabbitMQ and Kafka.
//!
//! Promises: what a service publishes or sends is carried if and only if its transaction is kept;
//! it is handled at least once and has its effect once; events keep their order per key. It does
//! not know what a message means, and it spawns no task: the host runs what is here.

mod carrier;
mod consumer;
mod decisions;
mod embedded;
mod failure;
mod kafka;
mod measure;
mod message;
mod rabbitmq;
mod reaction;
mod relay;
mod settings;
mod waiting;

pub use carrier::{Carrier, CarrierError, Delivery, Feed, Future, Origin, Parcel, Pattern, Topic};
pub use consumer::{Component, Consumer};
pub use embedded::Embedded;
pub use failure::UNREADABLE_BYTES_MAX;
pub use kafka::{Kafka, KafkaSettings};
pub use message::{DOCUMENT_BYTES_MAX, Message, MessageError, MessageId, MessageKind};
pub use rabbitmq::{RabbitMq, RabbitMqSettings, SHARDS, shard_of};
pub use reaction::{Afterwards, Arrived, ManyError, Reaction, ReactionError};
pub use relay::Relay;
pub use settings::{
    BACKOFF_FIRST_MS, BACKOFF_MAX_MS, BATCH_MAX, LADDER_MS, LEASE_MS, OUTBOX_POLL_MS,
    PARKED_POLL_MS, PUBLISH_TIMEOUT_MS, Settings, UPKEEP_MS,
};
