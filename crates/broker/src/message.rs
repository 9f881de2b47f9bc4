//! A message: a CloudEvents 1.0 document in structured JSON form, read and written.
//!
//! Promises: what is written is read back the same; fields it does not know are ignored; what is
//! not a message is refused by name, never a panic. It does not look into the data.

use kit::id::{Id, Kind};
use kit::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The kind of id a message has, event or work: `evt_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {}

impl Kind for MessageKind {
    const PREFIX: &'static str = "evt";
}

/// A message between services.
///
/// The names on the wire are those of CloudEvents 1.0, section 2.4, with the extensions
/// `schemaversion`, `aggregateversion`, `attempt`, and `traceparent` (its distributed tracing
/// extension).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique; a repeat carries the same.
    pub id: Id<MessageKind>,
    /// The component it comes from: `/notifications`.
    pub source: String,
    /// What happened, or what is asked for: `notifications.message_sent`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about; events with one subject stay in order.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The version of the schema of `data`.
    pub schemaversion: u16,
    /// How often the subject has changed; none on work, which has no order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aggregateversion: Option<u64>,
    /// How often handling it has failed before.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub attempt: u32,
    /// The trace it belongs to, as W3C Trace Context writes it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traceparent: Option<String>,
    /// What it says, as JSON text.
    pub data: Box<RawValue>,
}

fn is_zero(attempt: &u32) -> bool {
    *attempt == 0
}

/// Why a document is not a message.
#[derive(Clone, Debug, thiserror::Error)]
#[error("message must be a CloudEvents 1.0 document: {reason}")]
pub struct MessageError {
    /// What is wrong with it.
    pub reason: String,
}

impl Message {
    /// Reads a document.
    pub fn parse(document: &str) -> Result<Self, MessageError> {
        let message: Self = serde_json::from_str(document).map_err(refused)?;
        if message.specversion != "1.0" {
            let reason = "specversion must be 1.0".to_owned();
            return Err(MessageError { reason });
        }
        Ok(message)
    }

    /// Writes the document.
    #[must_use]
    pub fn document(&self) -> String {
        serde_json::to_string(self).expect("a message has string keys and raw JSON only")
    }

    /// Reads the data as what the type says it is; fields that are not known are ignored.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, MessageError> {
        serde_json::from_str(self.data.get()).map_err(refused)
    }
}

fn refused(error: serde_json::Error) -> MessageError {
    MessageError {
        reason: error.to_string(),
    }
}
