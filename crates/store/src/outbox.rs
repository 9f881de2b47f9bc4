//! The outbox: events and work, in the same transaction as the change they tell of.
//!
//! Promises: a message is kept if and only if its transaction is; only declared topics are taken;
//! one that is not due yet waits in a table of its own until [`Store::release_due`] or a carrier
//! takes it. While the outbox is full ([`Store::set_outbox_full`]) nothing more is taken.
//! Does not: deliver, or read what the documents say. [`crate::drain`] is the other end.

use kit::limits::BODY_BYTES_MAX;
use kit::time::Timestamp;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::statement::Statement;
use crate::tx::Tx;
use crate::value::{Row, Value};

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
const WORK_APPEND: Statement = Statement {
    name: "outbox_work_append",
    sql: "INSERT INTO {service}_outbox_work (id, topic, key, document, created, due) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};
const DELAYED_APPEND: Statement = Statement {
    name: "outbox_delayed_append",
    sql: "INSERT INTO {service}_outbox_delayed (id, topic, key, document, created, due) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] =
    &[&OUTBOX_APPEND, &OUTBOX_PAGE, &WORK_APPEND, &DELAYED_APPEND];

/// How long events stay in the embedded log: as long as the non-ledger records of idempotency, so
/// a consumer that was away for a long weekend and a working week still finds all of them.
pub const OUTBOX_RETENTION_HOURS: u64 = 7 * 24;

/// The longest key of a message: room for a prefixed id with words around it.
pub const EVENT_KEY_BYTES_MAX: usize = 256;

/// How many events [`Store::list_outbox`] reads.
pub const OUTBOX_PAGE_ROWS: u16 = 1_000;

/// An event on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Unique; consumers and operators refer to the event by it.
    pub id: Uuid,
    /// One of the topics the store was opened with.
    pub topic: String,
    /// Events with the same topic and key keep their order: usually the aggregate's id.
    pub key: String,
    /// The aggregate's version after the change, from 1, growing with every event of the key.
    pub version: u64,
    /// The event as it is carried, at most [`BODY_BYTES_MAX`].
    pub document: String,
    /// When it happened.
    pub created: Timestamp,
}

/// Work on its way to whoever does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// What the one who does it knows it by. The same id again is the same work: it is sent
    /// again, and whoever has done it recognises it.
    pub id: Uuid,
    /// One of the topics the store was opened with.
    pub topic: String,
    /// The type of the message.
    pub key: String,
    /// The message as it is carried, at most [`BODY_BYTES_MAX`].
    pub document: String,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it is to be delivered, if later than `created`; else at once.
    pub due: Timestamp,
}

impl Tx<'_> {
    /// Appends an event to the service's outbox, after those the transaction published before.
    ///
    /// On PostgreSQL what a transaction publishes is written together before it is committed; a
    /// closure does not find it in the table.
    ///
    /// # Errors
    ///
    /// [`StoreError::UndeclaredTopic`], [`StoreError::TooLarge`] and
    /// [`StoreError::OutboxMustHaveRoom`]. Each ends the transaction; so does an id that was used
    /// before, a constraint violation of which the closure may not hear, but whoever called
    /// [`Store::write`] does.
    pub fn publish(&mut self, envelope: &Envelope) -> Result<(), StoreError> {
        self.publish_many(std::slice::from_ref(envelope))
    }

    /// Appends events, in this order: all or none. Else as [`Self::publish`].
    pub fn publish_many(&mut self, envelopes: &[Envelope]) -> Result<(), StoreError> {
        let rows = envelopes.iter().map(|envelope| self.event_row(envelope));
        let rows = rows.collect::<Result<Vec<_>, _>>();
        let rows = self.keep_failure(rows)?;
        self.append(&OUTBOX_APPEND, rows)?;
        for envelope in envelopes {
            self.changed().add(&envelope.topic);
        }
        Ok(())
    }

    /// Appends work to the service's outbox, written as [`Self::publish`] says. Work that is due
    /// later than it was created waits until then.
    ///
    /// # Errors
    ///
    /// [`StoreError::UndeclaredTopic`], [`StoreError::TooLarge`] and
    /// [`StoreError::OutboxMustHaveRoom`]. Each ends the transaction.
    pub fn send(&mut self, work: &Work) -> Result<(), StoreError> {
        self.send_many(std::slice::from_ref(work))
    }

    /// Appends work: all or none. Else as [`Self::send`].
    pub fn send_many(&mut self, work: &[Work]) -> Result<(), StoreError> {
        let (mut prompt, mut delayed) = (Vec::new(), Vec::new());
        for work in work {
            let row = self.work_row(work);
            let row = self.keep_failure(row)?;
            if work.due > work.created {
                delayed.push(row);
            } else {
                prompt.push(row);
            }
        }
        self.append(&WORK_APPEND, prompt)?;
        self.append(&DELAYED_APPEND, delayed)?;
        for work in work {
            if work.due > work.created {
                self.changed().add_delayed();
            } else {
                self.changed().add(&work.topic);
            }
        }
        Ok(())
    }

    fn append(&mut self, statement: &Statement, rows: Vec<[Value; 6]>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let room = self.service.outbox.check_room();
        self.keep_failure(room)?;
        self.append_own(statement, rows)
    }

    fn event_row(&self, envelope: &Envelope) -> Result<[Value; 6], StoreError> {
        self.check_message(&envelope.topic, &envelope.key, &envelope.document)?;
        Ok([
            envelope.id.into(),
            envelope.topic.as_str().into(),
            envelope.key.as_str().into(),
            stored_version(envelope.version)?.into(),
            envelope.document.as_str().into(),
            envelope.created.into(),
        ])
    }

    fn work_row(&self, work: &Work) -> Result<[Value; 6], StoreError> {
        self.check_message(&work.topic, &work.key, &work.document)?;
        Ok([
            work.id.into(),
            work.topic.as_str().into(),
            work.key.as_str().into(),
            work.document.as_str().into(),
            work.created.into(),
            work.due.into(),
        ])
    }

    fn check_message(&self, topic: &str, key: &str, document: &str) -> Result<(), StoreError> {
        if !self.service.topics.contains(topic) {
            let topic = topic.to_owned();
            return Err(StoreError::UndeclaredTopic { topic });
        }
        check_size("message key", key.len(), EVENT_KEY_BYTES_MAX)?;
        check_size("message document", document.len(), BODY_BYTES_MAX)
    }
}

impl Store {
    /// The oldest events that are still in the outbox, in the order of their appending, at most
    /// [`OUTBOX_PAGE_ROWS`]: for tests and for people. A relay needs the order of commits, which
    /// on PostgreSQL is another: [`Store::outbox_events`].
    pub async fn list_outbox(&self) -> Result<Vec<Envelope>, StoreError> {
        self.read(|tx| {
            tx.query_own(&OUTBOX_PAGE, &[OUTBOX_PAGE_ROWS.into()])?
                .iter()
                .map(|row| envelope(row, 0))
                .collect()
        })
        .await
    }
}

/// The event whose columns begin at `first`.
pub(crate) fn envelope(row: &Row, first: usize) -> Result<Envelope, StoreError> {
    Ok(Envelope {
        id: row.uuid(first)?,
        topic: row.text(first + 1)?,
        key: row.text(first + 2)?,
        version: loaded_version(row, first + 3)?,
        document: row.text(first + 4)?,
        created: row.timestamp(first + 5)?,
    })
}

/// The work whose columns begin at `first`.
pub(crate) fn work(row: &Row, first: usize) -> Result<Work, StoreError> {
    Ok(Work {
        id: row.uuid(first)?,
        topic: row.text(first + 1)?,
        key: row.text(first + 2)?,
        document: row.text(first + 3)?,
        created: row.timestamp(first + 4)?,
        due: row.timestamp(first + 5)?,
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

/// A version as a column holds it, read back.
pub(crate) fn loaded_version(row: &Row, column: usize) -> Result<u64, StoreError> {
    u64::try_from(row.int(column)?).map_err(|_| row.misfit(column, "a version"))
}
