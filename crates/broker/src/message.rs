//! A message: a CloudEvents 1.0 document in structured JSON form, read and written.
//!
//! Promises: what is written is read back the same; fields it does not know are ignored; what is
//! not a message is refused by name, never a panic. It does not look into the data.

pub use contracts::dead_letters::{MessageId, MessageKind};
use kit::limits::BODY_BYTES_MAX;
use kit::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use store::{EVENT_KEY_BYTES_MAX, Envelope, Work};

/// The longest document of a message: a report of its failure carries it as a JSON text, at most
/// twice as long with its quotes escaped, and must itself fit what an outbox takes
/// ([`BODY_BYTES_MAX`]) with some words around it.
pub const DOCUMENT_BYTES_MAX: usize = BODY_BYTES_MAX / 2 - 16 * 1024;

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
    pub id: MessageId,
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
    /// An event of ours, as it goes into the outbox. `traceparent` is of the request, if any.
    pub fn event<E: contracts::Event>(
        id: MessageId,
        event: &E,
        time: Timestamp,
        traceparent: Option<String>,
    ) -> Result<Self, MessageError> {
        Ok(Self {
            specversion: "1.0".to_owned(),
            id,
            source: format!("/{}", E::SOURCE),
            kind: E::TYPE.to_owned(),
            subject: event.key(),
            time,
            datacontenttype: "application/json".to_owned(),
            schemaversion: E::SCHEMA_VERSION,
            aggregateversion: Some(event.revision().into()),
            attempt: 0,
            traceparent,
            data: to_raw_value(event).map_err(refused)?,
        })
    }

    /// Work of `source` about `subject`: its type and version of schema, and what it says.
    pub fn work<T: Serialize>(
        id: MessageId,
        (source, subject): (&str, &str),
        (kind, schemaversion): (&str, u16),
        time: Timestamp,
        data: &T,
    ) -> Result<Self, MessageError> {
        Ok(Self {
            specversion: "1.0".to_owned(),
            id,
            source: format!("/{source}"),
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            time,
            datacontenttype: "application/json".to_owned(),
            schemaversion,
            aggregateversion: None,
            attempt: 0,
            traceparent: None,
            data: to_raw_value(data).map_err(refused)?,
        })
    }

    /// Reads a document.
    pub fn parse(document: &str) -> Result<Self, MessageError> {
        Self::parse_within(document, DOCUMENT_BYTES_MAX)
    }

    /// Reads a document on the topic of failures: a report carries the document that failed, so it
    /// may be as long as an outbox takes.
    pub(crate) fn parse_report(document: &str) -> Result<Self, MessageError> {
        Self::parse_within(document, BODY_BYTES_MAX)
    }

    fn parse_within(document: &str, bytes_max: usize) -> Result<Self, MessageError> {
        if document.len() > bytes_max {
            return Err(must(format!("at most {bytes_max} bytes")));
        }
        let message: Self = serde_json::from_str(document).map_err(refused)?;
        if message.specversion != "1.0" {
            return Err(must("specversion 1.0"));
        }
        Ok(message)
    }

    /// Reads the document of an event: its subject can be a key, and its aggregate has a version.
    pub fn parse_event(document: &str) -> Result<(Self, u64), MessageError> {
        let message = Self::parse(document)?;
        if message.subject.len() > EVENT_KEY_BYTES_MAX {
            return Err(must(format!(
                "a subject of at most {EVENT_KEY_BYTES_MAX} bytes"
            )));
        }
        match message.aggregateversion {
            Some(version) if version > 0 && i64::try_from(version).is_ok() => {
                Ok((message, version))
            }
            _ => Err(must("an aggregateversion from 1 to 2^63 - 1")),
        }
    }

    /// Writes the document.
    #[must_use]
    pub fn document(&self) -> String {
        serde_json::to_string(self).expect("a message has string keys and raw JSON only")
    }

    /// The event as a row of the outbox, for [`store::Tx::publish`].
    pub fn envelope(&self, topic: &str) -> Result<Envelope, MessageError> {
        let version = self
            .aggregateversion
            .ok_or_else(|| must("an aggregateversion"))?;
        Ok(Envelope {
            id: self.id.uuid(),
            topic: topic.to_owned(),
            key: self.subject.clone(),
            version,
            document: self.sized_document()?,
            created: self.time,
        })
    }

    /// The work as a row of the outbox, for [`store::Tx::send`]; delivered when `due`, at once if
    /// that is past.
    pub fn sending(
        &self,
        topic: &str,
        now: Timestamp,
        due: Timestamp,
    ) -> Result<Work, MessageError> {
        Ok(Work {
            id: self.id.uuid(),
            topic: topic.to_owned(),
            key: self.kind.clone(),
            document: self.sized_document()?,
            created: now,
            due,
        })
    }

    /// Reads the data as what the type says it is; fields that are not known are ignored.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, MessageError> {
        serde_json::from_str(self.data.get()).map_err(refused)
    }

    fn sized_document(&self) -> Result<String, MessageError> {
        let document = self.document();
        if document.len() > DOCUMENT_BYTES_MAX {
            return Err(must(format!("at most {DOCUMENT_BYTES_MAX} bytes")));
        }
        Ok(document)
    }
}

fn must(have: impl std::fmt::Display) -> MessageError {
    let reason = format!("it must have {have}");
    MessageError { reason }
}

fn refused(error: serde_json::Error) -> MessageError {
    MessageError {
        reason: error.to_string(),
    }
}
