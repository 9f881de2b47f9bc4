//! Parked events: what could not be handled, and what came for the same key after it.
//!
//! The oldest event of a key is its head. Only heads are tried again; the others wait behind it,
//! so that a key keeps its order. A head that is dead blocks its key until someone decides.
//!
//! Promises: events of a key are shown in the order they were parked in; at most
//! [`PARKED_ROWS_MAX`] of a topic are parked; what is parked goes only by [`Tx::unpark`], never by
//! age. Does not: decide when to try again, or tell anyone.

use kit::limits::BODY_BYTES_MAX;
use kit::time::Timestamp;
use uuid::Uuid;

use crate::drain::OUTBOX_PAGE_BYTES_MAX;
use crate::error::StoreError;
use crate::outbox::{EVENT_KEY_BYTES_MAX, check_size, loaded_version, stored_version};
use crate::statement::Statement;
use crate::tx::{QUERY_ROWS_MAX, Tx};
use crate::value::Row;

const PARK: Statement = Statement {
    name: "park",
    sql: "INSERT INTO {service}_parked (id, topic, key, version, document, created, parked_at, \
          attempts, due, dead, error, head) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NOT EXISTS (SELECT 1 \
          FROM {service}_parked WHERE topic = ?2 AND key = ?3)) ON CONFLICT (id) DO NOTHING",
};
/// Changes no row when the topic is full.
const TOPIC_ADD: Statement = Statement {
    name: "parked_topic_add",
    sql: "INSERT INTO {service}_parked_topics (topic, parked) VALUES (?1, 1) \
          ON CONFLICT (topic) DO UPDATE SET parked = {service}_parked_topics.parked + 1 \
          WHERE {service}_parked_topics.parked < ?2",
};
const TOPIC_TAKE: Statement = Statement {
    name: "parked_topic_take",
    sql: "UPDATE {service}_parked_topics SET parked = parked - 1 WHERE topic = ?1",
};
const TOPIC_COUNT: Statement = Statement {
    name: "parked_topic_count",
    sql: "SELECT parked FROM {service}_parked_topics WHERE topic = ?1",
};
const KEY_IS_PARKED: Statement = Statement {
    name: "key_is_parked",
    sql: "SELECT 1 FROM {service}_parked WHERE topic = ?1 AND key = ?2 LIMIT 1",
};
const DUE: Statement = Statement {
    name: "parked_due",
    sql: "SELECT id, topic, key, version, document, created, parked_at, attempts, due, dead, \
          error FROM {service}_parked WHERE head AND NOT dead AND topic = ?1 AND due <= ?2 \
          ORDER BY due, place LIMIT ?3",
};
const NEXT_DUE: Statement = Statement {
    name: "parked_next_due",
    sql: "SELECT min(due) FROM {service}_parked WHERE head AND NOT dead AND topic = ?1",
};
const NEXT: Statement = Statement {
    name: "parked_next",
    sql: "SELECT id, topic, key, version, document, created, parked_at, attempts, due, dead, \
          error FROM {service}_parked WHERE topic = ?1 AND key = ?2 ORDER BY place LIMIT 1",
};
const FIND: Statement = Statement {
    name: "parked_find",
    sql: "SELECT id, topic, key, version, document, created, parked_at, attempts, due, dead, \
          error FROM {service}_parked WHERE id = ?1",
};
const RETRY: Statement = Statement {
    name: "parked_retry",
    sql: "UPDATE {service}_parked SET attempts = ?2, due = ?3, error = ?4 \
          WHERE id = ?1 AND NOT dead",
};
const DEAD: Statement = Statement {
    name: "parked_dead",
    sql: "UPDATE {service}_parked SET dead = TRUE, error = ?2 WHERE id = ?1",
};
const REVIVE: Statement = Statement {
    name: "parked_revive",
    sql: "UPDATE {service}_parked SET dead = FALSE, attempts = 0, due = ?2 \
          WHERE id = ?1 AND dead",
};
const REVIVE_EDITED: Statement = Statement {
    name: "parked_revive_edited",
    sql: "UPDATE {service}_parked SET dead = FALSE, attempts = 0, due = ?2, document = ?3 \
          WHERE id = ?1 AND dead",
};
const UNPARK: Statement = Statement {
    name: "unpark",
    sql: "DELETE FROM {service}_parked WHERE id = ?1 RETURNING topic, key",
};
const PROMOTE: Statement = Statement {
    name: "parked_promote",
    sql: "UPDATE {service}_parked SET head = TRUE WHERE place = (SELECT min(place) \
          FROM {service}_parked WHERE topic = ?1 AND key = ?2)",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] = &[
    &PARK,
    &TOPIC_ADD,
    &TOPIC_TAKE,
    &TOPIC_COUNT,
    &KEY_IS_PARKED,
    &DUE,
    &NEXT_DUE,
    &NEXT,
    &FIND,
    &RETRY,
    &DEAD,
    &REVIVE,
    &REVIVE_EDITED,
    &UNPARK,
    &PROMOTE,
];

/// How many events of a topic may be parked: a busy hour of a consumer that refuses everything,
/// and a few hundred megabytes.
pub const PARKED_ROWS_MAX: u32 = 100_000;

/// How much of an error is kept: a sentence with its reasons.
pub const PARKED_ERROR_BYTES_MAX: usize = 1_024;

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The event's id.
    pub id: Uuid,
    /// The topic it came from.
    pub topic: String,
    /// Its key, within which the order is kept.
    pub key: String,
    /// The version of its aggregate.
    pub version: u64,
    /// The event as it came, or as someone edited it; at most [`BODY_BYTES_MAX`].
    pub document: String,
    /// When it happened.
    pub created: Timestamp,
    /// When it was parked.
    pub parked_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried again.
    pub due: Timestamp,
    /// Whether it is not tried again by itself.
    pub dead: bool,
    /// Why it could not be handled; cut at [`PARKED_ERROR_BYTES_MAX`].
    pub error: String,
}

impl Tx<'_> {
    /// Parks an event behind those of its key. One whose id is parked already stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::ParkedMustHaveRoom`] at [`PARKED_ROWS_MAX`] of the topic, and
    /// [`StoreError::TooLarge`]. Each ends the transaction.
    pub fn park(&mut self, parked: &Parked) -> Result<(), StoreError> {
        let sized = check_size("topic", parked.topic.len(), EVENT_KEY_BYTES_MAX)
            .and_then(|()| check_size("event key", parked.key.len(), EVENT_KEY_BYTES_MAX))
            .and_then(|()| check_size("parked event", parked.document.len(), BODY_BYTES_MAX))
            .and_then(|()| stored_version(parked.version));
        let version = self.keep_failure(sized)?;
        let values = [
            parked.id.into(),
            parked.topic.as_str().into(),
            parked.key.as_str().into(),
            version.into(),
            parked.document.as_str().into(),
            parked.created.into(),
            parked.parked_at.into(),
            parked.attempts.into(),
            parked.due.into(),
            parked.dead.into(),
            cut(&parked.error).into(),
        ];
        if self.execute_own(&PARK, &values)? == 0 {
            return Ok(());
        }
        let values = [parked.topic.as_str().into(), PARKED_ROWS_MAX.into()];
        if self.execute_own(&TOPIC_ADD, &values)? == 1 {
            return Ok(());
        }
        self.keep_failure(Err(StoreError::ParkedMustHaveRoom {
            topic: parked.topic.clone(),
        }))
    }

    /// How many events of a topic are parked; one look at one row.
    pub fn parked_topic_count(&mut self, topic: &str) -> Result<u64, StoreError> {
        let rows = self.query_own(&TOPIC_COUNT, &[topic.into()])?;
        rows.first().map_or(Ok(0), |row| Ok(row.count(0)?.into()))
    }

    /// Whether events of this key are parked, so that the next must be parked behind them.
    pub fn is_parked(&mut self, topic: &str, key: &str) -> Result<bool, StoreError> {
        let rows = self.query_own(&KEY_IS_PARKED, &[topic.into(), key.into()])?;
        Ok(!rows.is_empty())
    }

    /// The heads of a topic that are to be tried at `now`, the earliest first; dead ones are not
    /// among them. At most `limit`, and about [`OUTBOX_PAGE_BYTES_MAX`].
    pub fn parked_due(
        &mut self,
        topic: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let limit = i64::try_from(limit.min(QUERY_ROWS_MAX)).unwrap_or(i64::MAX);
        let values = [topic.into(), now.into(), limit.into()];
        let rows = self.query_own_page(&DUE, &values, OUTBOX_PAGE_BYTES_MAX)?;
        rows.iter().map(parked).collect()
    }

    /// When the next head of a topic is to be tried; none if nothing but dead ones is parked.
    pub fn parked_next_due(&mut self, topic: &str) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.query_own(&NEXT_DUE, &[topic.into()])?;
        rows.first().map_or(Ok(None), |row| row.opt_timestamp(0))
    }

    /// The head of a key, whether or not it is due or dead.
    pub fn parked_next(&mut self, topic: &str, key: &str) -> Result<Option<Parked>, StoreError> {
        let rows = self.query_own(&NEXT, &[topic.into(), key.into()])?;
        rows.first().map(parked).transpose()
    }

    /// A parked event by its id.
    pub fn parked_find(&mut self, id: Uuid) -> Result<Option<Parked>, StoreError> {
        let rows = self.query_own(&FIND, &[id.into()])?;
        rows.first().map(parked).transpose()
    }

    /// Notes another failed try and when the next is due; whether the event is parked and alive.
    pub fn parked_retry(
        &mut self,
        id: Uuid,
        attempts: u32,
        due: Timestamp,
        error: &str,
    ) -> Result<bool, StoreError> {
        let values = [id.into(), attempts.into(), due.into(), cut(error).into()];
        Ok(self.execute_own(&RETRY, &values)? == 1)
    }

    /// Notes that an event is not tried again by itself: its key waits for a decision. Answers
    /// whether the event is parked.
    pub fn parked_dead(&mut self, id: Uuid, error: &str) -> Result<bool, StoreError> {
        Ok(self.execute_own(&DEAD, &[id.into(), cut(error).into()])? == 1)
    }

    /// Has a dead event tried again from `due` on, from the first rung, with another document if
    /// one is given. Answers whether it was dead: a decision that comes twice does nothing more.
    pub fn parked_revive(
        &mut self,
        id: Uuid,
        document: Option<&str>,
        due: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(document) = document else {
            return Ok(self.execute_own(&REVIVE, &[id.into(), due.into()])? == 1);
        };
        let sized = check_size("parked event", document.len(), BODY_BYTES_MAX);
        self.keep_failure(sized)?;
        let values = [id.into(), due.into(), document.into()];
        Ok(self.execute_own(&REVIVE_EDITED, &values)? == 1)
    }

    /// Takes a parked event away, because it was handled or is given up; the next of its key is
    /// the head then. Answers whether the event was parked.
    pub fn unpark(&mut self, id: Uuid) -> Result<bool, StoreError> {
        let rows = self.query_own(&UNPARK, &[id.into()])?;
        let Some(row) = rows.first() else {
            return Ok(false);
        };
        let (topic, key) = (row.text(0)?, row.text(1)?);
        self.execute_own(&TOPIC_TAKE, &[topic.as_str().into()])?;
        self.execute_own(&PROMOTE, &[topic.into(), key.into()])?;
        Ok(true)
    }
}

fn parked(row: &Row) -> Result<Parked, StoreError> {
    Ok(Parked {
        id: row.uuid(0)?,
        topic: row.text(1)?,
        key: row.text(2)?,
        version: loaded_version(row, 3)?,
        document: row.text(4)?,
        created: row.timestamp(5)?,
        parked_at: row.timestamp(6)?,
        attempts: row.count(7)?,
        due: row.timestamp(8)?,
        dead: row.bool(9)?,
        error: row.text(10)?,
    })
}

/// As much of an error as is kept, cut between two characters.
fn cut(error: &str) -> &str {
    &error[..error.floor_char_boundary(PARKED_ERROR_BYTES_MAX)]
}
