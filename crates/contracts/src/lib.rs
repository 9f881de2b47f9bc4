//! What services say to each other: public events, and later commands and ports, one file per
//! service.
//!
//! Promises: a payload type here evolves only by adding optional fields; a breaking change is a
//! new type with a new name. Consumers ignore fields they do not know. Events carry ids, never
//! text meant for people and never personal data. It does not publish, store or decide anything.

pub mod notifications;

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
