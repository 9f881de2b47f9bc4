//! Every message between services: what carries it, the schema of its payload, an example.
//!
//! Promises: every `impl Event` and `impl Work` of this crate has its row here (`cargo xtask tidy`
//! refuses one that is missing), and a type that was taken out is in [`RETIRED`] for ever. It
//! describes and does not send.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::openapi::{RefOr, Schema};

use crate::{Event, Example, Work, dead_letters, notifications};

/// Every message, one row per type.
pub const MESSAGES: &[Entry] = &[
    Entry::work::<dead_letters::Failure>(),
    Entry::event::<dead_letters::Decision>(),
    Entry::event::<notifications::MessageSent>(),
    Entry::event::<notifications::MessageRead>(),
    Entry::event::<notifications::MessageCancelled>(),
    Entry::event::<notifications::TemplateChanged>(),
];

/// Types that were published once and are no more. Their names are never used again, because
/// archives and consumers still know them.
pub const RETIRED: &[Retired] = &[];

/// A type that is published no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The CloudEvents `type`.
    pub name: &'static str,
    /// Why, and what took its place.
    pub why: &'static str,
}

/// A type of message.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The one component that publishes it; `None` for work, which any declared component sends.
    pub source: Option<&'static str>,
    /// The topic that carries it.
    pub topic: &'static str,
    /// The CloudEvents `type`.
    pub name: &'static str,
    /// The version of the payload's schema.
    pub schema_version: u16,
    schema: fn() -> PayloadSchema,
    sample: fn() -> Sample,
    reread: fn(&Value) -> Result<Value, serde_json::Error>,
}

/// The JSON Schema of a payload: what OpenAPI 3.1 and draft 07 both say the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct PayloadSchema {
    /// The payload itself; refers to its parts as `#/components/schemas/NAME`.
    pub root: Value,
    /// The parts, by name.
    pub parts: BTreeMap<String, Value>,
}

/// What the example of a message has beside what its type says.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The CloudEvents `subject`.
    pub subject: String,
    /// How often the subject has changed; `None` for work.
    pub revision: Option<u32>,
    /// The payload.
    pub payload: Value,
}

impl Entry {
    /// The row of an event.
    #[must_use]
    pub const fn event<E: Event + Example>() -> Self {
        Self {
            source: Some(E::SOURCE),
            topic: E::TOPIC,
            name: E::TYPE,
            schema_version: E::SCHEMA_VERSION,
            schema: schema_of::<E>,
            sample: || {
                let event = E::example();
                Sample {
                    subject: event.key(),
                    revision: Some(event.revision()),
                    payload: value_of(&event),
                }
            },
            reread: reread::<E>,
        }
    }

    /// The row of a work message.
    #[must_use]
    pub const fn work<W: Work + Example>() -> Self {
        Self {
            source: None,
            topic: W::TOPIC,
            name: W::TYPE,
            schema_version: W::SCHEMA_VERSION,
            schema: schema_of::<W>,
            sample: || {
                let work = W::example();
                Sample {
                    subject: work.subject(),
                    revision: None,
                    payload: value_of(&work),
                }
            },
            reread: reread::<W>,
        }
    }

    /// The schema of its payload.
    #[must_use]
    pub fn schema(&self) -> PayloadSchema {
        (self.schema)()
    }

    /// Its example, with every field set.
    #[must_use]
    pub fn sample(&self) -> Sample {
        (self.sample)()
    }

    /// The payload as a consumer reads it, written again: what it does not know is gone.
    ///
    /// # Errors
    ///
    /// If the payload is not of this type.
    pub fn reread(&self, payload: &Value) -> Result<Value, serde_json::Error> {
        (self.reread)(payload)
    }
}

fn schema_of<T: Example>() -> PayloadSchema {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    T::schemas(&mut parts);
    PayloadSchema {
        root: value_of(&T::schema()),
        parts: parts
            .iter()
            .map(|(name, schema)| (name.clone(), value_of(schema)))
            .collect(),
    }
}

fn value_of<T: Serialize>(it: &T) -> Value {
    serde_json::to_value(it).expect("contracts and schemas have text keys and no floats")
}

fn reread<T: Serialize + DeserializeOwned>(payload: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(T::deserialize(payload)?)
}
