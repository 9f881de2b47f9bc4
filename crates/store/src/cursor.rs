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

const CURSOR_FIND: Statement = Statement {
    name: "cursor_find",
    sql: "SELECT transaction_number, sequence FROM {service}_cursors \
          WHERE producer = ?1 AND topic = ?2",
};
const CURSOR_STORE: Statement = Statement {
    name: "cursor_store",
    sql: "INSERT INTO {service}_cursors (producer, topic, transaction_number, sequence) \
          VALUES (?1, ?2, ?3, ?4) ON CONFLICT (producer, topic) \
          DO UPDATE SET transaction_number = excluded.transaction_number, \
          sequence = excluded.sequence",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] = &[&CURSOR_FIND, &CURSOR_STORE];

impl Tx<'_> {
    /// The last position handled of a producer's topic; before everything if there is none.
    pub fn cursor(&mut self, producer: &str, topic: &str) -> Result<Position, StoreError> {
        let rows = self.query_own(&CURSOR_FIND, &[producer.into(), topic.into()])?;
        let Some(row) = rows.first() else {
            return Ok(Position::default());
        };
        Ok(Position {
            transaction: loaded_version(row, 0)?,
            sequence: row.int(1)?,
        })
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
