//! Events and work between services, over three carriers: embedded, RabbitMQ and Kafka.
//!
//! Promises: what a service publishes or sends is carried if and only if its transaction is kept;
//! it is handled at least once and has its effect once; events keep their order per key. It does
//! not know what a message means, and it spawns no task: the host runs what is here.

mod carrier;
mod kafka;
mod message;

pub use carrier::{Carrier, CarrierError, Delivery, Feed, Future, Origin, Parcel, Pattern, Topic};
pub use kafka::{Kafka, KafkaSettings};
pub use message::{Message, MessageError};
