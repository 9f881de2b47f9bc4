//! The seam beneath the broker: what a carrier does.
//!
//! Promises nothing by itself; every carrier passes one conformance suite. A carrier moves
//! documents: it does not read them, retry handling, or know about databases.

use std::pin::Pin;
use std::time::Duration;

use store::Position;
use tokio::sync::watch;
use uuid::Uuid;

/// What an asynchronous call through the seam answers.
pub type Future<'a, T> = Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

/// What a topic promises to those who consume it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// An ordered log per key: one publisher, and every consumer gets every event.
    Events,
    /// Commands: one consumer, whose processes compete; each is handled by one of them.
    Work,
}

/// A topic with those who consume it, as the topology declares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name: `component.what`, lower case.
    pub name: String,
    /// What it promises.
    pub pattern: Pattern,
    /// The components that publish to it: one for events.
    pub publishers: Vec<String>,
    /// The components that consume it: at most one for work.
    pub consumers: Vec<String>,
}

/// One message on its way to a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The message's id.
    pub id: Uuid,
    /// The topic it goes to.
    pub topic: String,
    /// Events with one key stay in order; for work the type, which routing goes by.
    pub key: String,
    /// The CloudEvents document, as it is carried.
    pub document: String,
    /// How long the carrier keeps it before it delivers it; zero but for work that is retried.
    pub delay: Duration,
}

/// One message from a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The CloudEvents document, as it was carried; a stranger may have put anything there.
    pub document: String,
    /// Where it stands, if the carrier is the outbox itself: the consumer keeps the position in
    /// the transaction of the effect, and needs no other memory of what it handled.
    pub origin: Option<Origin>,
}

/// A place in the outbox of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose outbox.
    pub producer: String,
    /// Where in it.
    pub position: Position,
}

/// Why a carrier did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CarrierError {
    /// It cannot be reached, or said no; trying again may help.
    #[error("carrier must be reachable: {reason}")]
    Unavailable {
        /// What it, or the network, says.
        reason: String,
    },
    /// Some parcels of a call were refused; all others of the call are confirmed. The relay holds
    /// back the keys of the refused ones and goes on with the rest, so a carrier that knows which
    /// it was (one full queue, a returned message) says this rather than `Unavailable`.
    #[error("carrier must take every message: refused={} reason={reason}", refused.len())]
    Refused {
        /// The places of the refused parcels in the call, rising.
        refused: Vec<usize>,
        /// What it says of the first of them.
        reason: String,
    },
    /// It holds something that is not what Florin declares; a person must look.
    #[error("carrier must hold what is declared: {reason}")]
    Mismatch {
        /// What differs.
        reason: String,
    },
    /// The topic is not one that was declared.
    #[error("topic must be declared: {topic}")]
    UndeclaredTopic {
        /// The topic.
        topic: String,
    },
}

/// Moves messages between processes.
///
/// Every call may be repeated after a failure: publishing the same parcel twice is a repeated
/// delivery, which consumers recognise.
pub trait Carrier: Send + Sync + 'static {
    /// Its name in the configuration: `embedded`, `rabbitmq`, `kafka`.
    fn name(&self) -> &'static str;

    /// Whether consumers read the outboxes themselves, so that no relay is needed.
    fn reads_outboxes(&self) -> bool;

    /// Makes what the topics need on the server, for every declared consumer, so that nothing
    /// published is lost before a consumer first starts. Changes nothing that is there already.
    fn declare<'a>(&'a self, topics: &'a [Topic]) -> Future<'a, Result<(), CarrierError>>;

    /// Publishes parcels and answers once each is confirmed, that is, safe on the server as far
    /// as its replication goes. After an error, or when the future is dropped, any of them may
    /// have been published; after [`CarrierError::Refused`] all but those it names are.
    ///
    /// The caller never passes two events of one key in one call, nor calls again before the
    /// answer, so that a refused event is never overtaken by the next of its key.
    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>>;

    /// Begins to receive a topic as one of its declared consumers.
    fn subscribe<'a>(
        &'a self,
        consumer: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>>;

    /// Does what the carrier must do by itself while the process runs, such as bringing delayed
    /// messages back, until `stopping` says true. One that has nothing to do answers at once.
    /// Dropping the future loses nothing.
    fn run(&self, stopping: watch::Receiver<bool>) -> Future<'_, ()>;
}

/// What one consumer receives of one topic.
///
/// After an error the feed is of no use: subscribe again, and what was not acknowledged comes
/// again, in its order.
pub trait Feed: Send {
    /// Waits for a message, then answers it and those that are there already, `max` at most,
    /// events of one key in their order. Dropping the future loses nothing.
    fn next(&mut self, max: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>>;

    /// Says that everything this feed has answered is handled and safe.
    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>>;

    /// Whether the next messages may be asked for while the last are handled: whoever handles them
    /// keeps how far it has come, and needs no acknowledgement.
    fn reads_ahead(&self) -> bool {
        false
    }
}
