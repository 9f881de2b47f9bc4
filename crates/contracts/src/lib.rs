//! What services say to each other: public events and work messages, one file per service, and the
//! [`catalogue`] of all of them, from which the AsyncAPI document is written.
//!
//! Promises: a payload type here evolves only by adding optional fields; a breaking change is a
//! new type with a new name. Consumers ignore fields they do not know. Events carry ids, never
//! text meant for people and never personal data. It does not publish, store or decide anything.

pub mod catalogue;
pub mod dead_letters;
pub mod notifications;
pub mod sagas;

mod example;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a public event says about itself; the rest of its CloudEvents 1.0 envelope (id, source,
/// time) is added where it is written to the outbox.
pub trait Event: Serialize + DeserializeOwned {
    /// The component that publishes it, by its name in the topology; the CloudEvents `source`.
    const SOURCE: &'static str;
    /// The topic it is published on; the topology must list it for the publishing component.
    const TOPIC: &'static str;
    /// The CloudEvents `type`: `<component>.<what happened>`.
    const TYPE: &'static str;
    /// The version of the payload's schema, from 1; raised when a field is added.
    const SCHEMA_VERSION: u16;

    /// The CloudEvents `subject`: the thing it is about. Events with one key keep their order.
    fn key(&self) -> String;

    /// How many times that thing has changed, this change included. It rises with every event of
    /// a key, by more than one where a change was not published: a consumer can tell a repeat.
    fn revision(&self) -> u32;
}

/// What a work message says about itself: a command, an answer to one, a report. Any component may
/// send it; the one that consumes the topic does it.
pub trait Work: Serialize + DeserializeOwned {
    /// The work topic it is sent to: `<the component that does it>.<what>`.
    const TOPIC: &'static str;
    /// The CloudEvents `type`.
    const TYPE: &'static str;
    /// The version of the payload's schema, from 1; raised when a field is added.
    const SCHEMA_VERSION: u16;

    /// The CloudEvents `subject`: the thing it is about.
    fn subject(&self) -> String;
}

/// One of a type of message, with every field set, as documents show it.
pub trait Example: utoipa::ToSchema {
    /// The same every time.
    fn example() -> Self;
}
