//! The outbox: events, in the same transaction as the change they tell of.
//!
//! Promises: an event is kept if and only if its transaction is; only declared topics are taken.
//! Until a relay carries events elsewhere the table itself is the event log, kept
//! [`OUTBOX_RETENTION_HOURS`] and then trimmed ([`crate::Store::trim`]).
//! Does not: deliver, or order across keys.

use kit::limits::BODY_BYTES_MAX;
use kit::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::tx::Tx;

/// How long events stay in the embedded log: as long as the non-ledger records of idempotency, so
/// a consumer that was away for a long weekend and a working week still finds all of them.
pub const OUTBOX_RETENTION_HOURS: u64 = 7 * 24;

/// The longest key of an event: room for a prefixed id with words around it.
pub const EVENT_KEY_BYTES_MAX: usize = 256;

/// An event on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Unique; consumers and operators refer to the event by it.
    pub id: Uuid,
    /// One of the topics the store was opened with.
    pub topic: String,
    /// Events with the same topic and key keep their order: usually the aggregate's id.
    pub key: String,
    /// The aggregate's version after the change, from 1, growing with every event of the key.
    pub version: u64,
    /// The event, at most [`BODY_BYTES_MAX`] as text.
    pub payload: serde_json::Value,
    /// When it happened.
    pub created: Timestamp,
}

impl Tx<'_> {
    /// Appends an event to the service's outbox.
    ///
    /// # Errors
    ///
    /// [`StoreError::UndeclaredTopic`], [`StoreError::TooLarge`], and a constraint violation when
    /// the id was used before. Each ends the transaction.
    pub fn publish(&mut self, envelope: &Envelope) -> Result<(), StoreError> {
        let outcome = self.append_event(envelope);
        self.keep_failure(outcome)
    }

    fn append_event(&mut self, envelope: &Envelope) -> Result<(), StoreError> {
        if !self.service.topics.contains(&envelope.topic) {
            return Err(StoreError::UndeclaredTopic {
                topic: envelope.topic.clone(),
            });
        }
        check_size("event key", envelope.key.len(), EVENT_KEY_BYTES_MAX)?;
        let payload = envelope.payload.to_string();
        check_size("event payload", payload.len(), BODY_BYTES_MAX)?;
        let service = self.service;
        self.execute_own(
            &service.own.outbox_append,
            &[
                envelope.id.into(),
                envelope.topic.as_str().into(),
                envelope.key.as_str().into(),
                stored_version(envelope.version)?.into(),
                payload.into(),
                envelope.created.into(),
            ],
        )?;
        Ok(())
    }
}

/// Refuses what is too large to keep.
pub(crate) fn check_size(
    part: &'static str,
    bytes: usize,
    bytes_max: usize,
) -> Result<(), StoreError> {
    if bytes <= bytes_max {
        Ok(())
    } else {
        Err(StoreError::TooLarge { part, bytes_max })
    }
}

/// A version as a column holds it. Eight bytes with a sign: no aggregate changes so often.
pub(crate) fn stored_version(version: u64) -> Result<i64, StoreError> {
    i64::try_from(version).map_err(|_| StoreError::TooLarge {
        part: "aggregate version",
        bytes_max: 8,
    })
}
