//! How far a consumer has come in another service's outbox.
//!
//! Promises: a cursor moves in the transaction of the effect, so what is behind it was handled
//! once and what is before it was not.
//! Does not: move only forward. A consumer skips what is not after its cursor by asking for it
//! first, in the same transaction; a replay sets it back.

use crate::error::StoreError;
use crate::outbox::{EVENT_KEY_BYTES_MAX, check_size, loaded_version, stored_version};
use crate::position::Position;
use crate::statement::Statement;
use crate::tx::Tx;
use crate::value::Row;

const CURSOR_FIND: Statement = Statement {
    name: "cursor_find",
    sql: "SELECT transaction_number, sequence FROM {service}_cursors \
          WHERE producer = ?1 AND topic = ?2",
};
/// Two questions that every batch asks, in one exchange. Each goes by its own table's key, so that
/// transactions of other topics do not meet.
const CURSOR_AND_PARKED: Statement = Statement {
    name: "cursor_and_parked",
    sql: "SELECT 0, transaction_number, sequence FROM {service}_cursors \
          WHERE producer = ?1 AND topic = ?2 \
          UNION ALL SELECT 1, parked, 0 FROM {service}_parked_topics WHERE topic = ?2",
};
const CURSOR_STORE: Statement = Statement {
    name: "cursor_store",
    sql: "INSERT INTO {service}_cursors (producer, topic, transaction_number, sequence) \
          VALUES (?1, ?2, ?3, ?4) ON CONFLICT (producer, topic) \
          DO UPDATE SET transaction_number = excluded.transaction_number, \
          sequence = excluded.sequence",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] = &[&CURSOR_FIND, &CURSOR_AND_PARKED, &CURSOR_STORE];

impl Tx<'_> {
    /// The last position handled of a producer's topic; before everything if there is none.
    pub fn cursor(&mut self, producer: &str, topic: &str) -> Result<Position, StoreError> {
        let rows = self.query_own(&CURSOR_FIND, &[producer.into(), topic.into()])?;
        rows.first()
            .map_or(Ok(Position::default()), |row| position(row, 0))
    }

    /// As [`Self::cursor`], with [`Self::parked_topic_count`]: one query for both.
    pub fn cursor_and_parked(
        &mut self,
        producer: &str,
        topic: &str,
    ) -> Result<(Position, u64), StoreError> {
        let rows = self.query_own(&CURSOR_AND_PARKED, &[producer.into(), topic.into()])?;
        let (mut cursor, mut parked) = (Position::default(), 0);
        for row in &rows {
            if row.int(0)? == 0 {
                cursor = position(row, 1)?;
            } else {
                parked = row.count(1)?.into();
            }
        }
        Ok((cursor, parked))
    }

    /// Notes the last position handled of a producer's topic.
    pub fn set_cursor(
        &mut self,
        producer: &str,
        topic: &str,
        position: Position,
    ) -> Result<(), StoreError> {
        let sized = check_size("producer", producer.len(), EVENT_KEY_BYTES_MAX)
            .and_then(|()| check_size("topic", topic.len(), EVENT_KEY_BYTES_MAX))
            .and_then(|()| stored_version(position.transaction));
        let transaction = self.keep_failure(sized)?;
        let sequence = position.sequence.into();
        let values = [producer.into(), topic.into(), transaction.into(), sequence];
        self.execute_own_later(&CURSOR_STORE, &values)
    }
}

fn position(row: &Row, first: usize) -> Result<Position, StoreError> {
    Ok(Position {
        transaction: loaded_version(row, first)?,
        sequence: row.int(first + 1)?,
    })
}
