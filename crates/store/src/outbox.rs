//! The outbox: events, in the same transaction as the change they tell of.
//!
//! Promises: an event is kept if and only if its transaction is; only declared topics are taken.
//! Until a relay carries events elsewhere the table itself is the event log, kept
//! [`OUTBOX_RETENTION_HOURS`] and then trimmed ([`crate::Store::trim`]).
//! Does not: deliver, or order across keys.

use kit::limits::BODY_BYTES_MAX;
use kit::time::Timestamp;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::statement::Statement;
use crate::tx::Tx;
use crate::value::Row;

const OUTBOX_APPEND: Statement = Statement {
    name: "outbox_append",
    sql: "INSERT INTO {service}_outbox (id, topic, key, version, payload, created) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};
const OUTBOX_PAGE: Statement = Statement {
    name: "outbox_page",
    sql: "SELECT id, topic, key, version, payload, created FROM {service}_outbox \
          ORDER BY position LIMIT ?1",
};
pub(crate) const OUTBOX_TRIM: Statement = Statement {
    name: "outbox_trim",
    sql: "DELETE FROM {service}_outbox WHERE position IN (SELECT position \
          FROM {service}_outbox WHERE created < ?1 ORDER BY created LIMIT ?2)",
};

/// How long events stay in the embedded log: as long as the non-ledger records of idempotency, so
/// a consumer that was away for a long weekend and a working week still finds all of them.
pub const OUTBOX_RETENTION_HOURS: u64 = 7 * 24;

/// The longest key of an event: room for a prefixed id with words around it.
pub const EVENT_KEY_BYTES_MAX: usize = 256;

/// How many events [`Store::list_outbox`] reads.
pub const OUTBOX_PAGE_ROWS: u16 = 1_000;

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
        self.execute_own(
            &OUTBOX_APPEND,
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

impl Store {
    /// The oldest events that are still in the outbox, in the order of their appending, at most
    /// [`OUTBOX_PAGE_ROWS`]: for tests and for people. A relay needs the order of commits, which
    /// on PostgreSQL is another.
    pub async fn list_outbox(&self) -> Result<Vec<Envelope>, StoreError> {
        self.read(|tx| {
            tx.query_own(&OUTBOX_PAGE, &[OUTBOX_PAGE_ROWS.into()])?
                .iter()
                .map(envelope)
                .collect()
        })
        .await
    }
}

fn envelope(row: &Row) -> Result<Envelope, StoreError> {
    Ok(Envelope {
        id: row.uuid(0)?,
        topic: row.text(1)?,
        key: row.text(2)?,
        version: row.count(3)?.into(),
        payload: row.json(4)?,
        created: row.timestamp(5)?,
    })
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
