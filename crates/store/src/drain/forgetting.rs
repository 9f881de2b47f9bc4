//! Rows that leave the outbox because somebody else has them, or move because they are due.
//!
//! Promises: what is gone already is no error; a row is released once, however many release.
//! Does not: look whether a carrier has them; the caller says so.

use kit::time::Timestamp;

use super::{limit, place};
use crate::Store;
use crate::error::StoreError;
use crate::position::Position;
use crate::statement::{Statement, Twins};
use crate::tx::{QUERY_ROWS_MAX, Tx};
use crate::value::Value;

const FORGET_EVENTS: Twins = Twins {
    sqlite: Statement {
        name: "forget_event",
        sql: "DELETE FROM {service}_outbox WHERE position = ?2 AND ?1 IS NOT NULL",
    },
    postgres: Statement {
        name: "forget_events",
        sql: "DELETE FROM {service}_outbox WHERE ctid = ANY (ARRAY(SELECT found.ctid \
              FROM unnest(?1::text[], ?2::bigint[]) AS given (number, position), \
              LATERAL (SELECT o.ctid FROM {service}_outbox AS o \
              WHERE o.transaction = given.number::xid8 AND o.position = given.position \
              OFFSET 0) AS found))",
    },
};
const FORGET_WORK: Twins = Twins {
    sqlite: Statement {
        name: "forget_one_work",
        sql: "DELETE FROM {service}_outbox_work WHERE position = ?2 AND ?1 IS NOT NULL",
    },
    postgres: Statement {
        name: "forget_work",
        sql: "DELETE FROM {service}_outbox_work WHERE ctid = ANY (ARRAY(SELECT found.ctid \
              FROM unnest(?1::text[], ?2::bigint[]) AS given (number, position), \
              LATERAL (SELECT o.ctid FROM {service}_outbox_work AS o \
              WHERE o.transaction = given.number::xid8 AND o.position = given.position \
              OFFSET 0) AS found))",
    },
};
const FORGET_DELAYED: Twins = Twins {
    sqlite: Statement {
        name: "forget_one_delayed",
        sql: "DELETE FROM {service}_outbox_delayed WHERE position = ?2 AND ?1 IS NOT NULL",
    },
    postgres: Statement {
        name: "forget_delayed",
        sql: "DELETE FROM {service}_outbox_delayed WHERE position = ANY (?2::bigint[]) \
              AND ?1::text[] IS NOT NULL",
    },
};
const DUE_ANY: Statement = Statement {
    name: "due_any",
    sql: "SELECT 1 FROM {service}_outbox_delayed WHERE due <= ?1 LIMIT 1",
};
/// The two name the same rows: nobody else's commits are seen between them.
const DUE_COPY: Statement = Statement {
    name: "due_copy",
    sql: "INSERT INTO {service}_outbox_work (id, topic, key, document, created, due) \
          SELECT id, topic, key, document, created, due FROM {service}_outbox_delayed \
          WHERE due <= ?1 ORDER BY due, position LIMIT ?2 RETURNING topic",
};
const DUE_DELETE: Statement = Statement {
    name: "due_delete",
    sql: "DELETE FROM {service}_outbox_delayed WHERE position IN (SELECT position \
          FROM {service}_outbox_delayed WHERE due <= ?1 ORDER BY due, position LIMIT ?2)",
};

/// The statements of this module.
pub(super) const STATEMENTS: &[&Statement] = &[
    &FORGET_EVENTS.sqlite,
    &FORGET_EVENTS.postgres,
    &FORGET_WORK.sqlite,
    &FORGET_WORK.postgres,
    &FORGET_DELAYED.sqlite,
    &FORGET_DELAYED.postgres,
    &DUE_ANY,
    &DUE_COPY,
    &DUE_DELETE,
];

impl Store {
    /// Deletes events that are safe with a carrier. Those that are gone already are no error.
    pub async fn forget_events(&self, positions: &[Position]) -> Result<(), StoreError> {
        self.forget(&FORGET_EVENTS, positions).await
    }

    /// Deletes work that is safe with a carrier.
    pub async fn forget_work(&self, positions: &[Position]) -> Result<(), StoreError> {
        self.forget(&FORGET_WORK, positions).await
    }

    /// Deletes delayed work that is safe with a carrier.
    pub async fn forget_delayed(&self, positions: &[Position]) -> Result<(), StoreError> {
        self.forget(&FORGET_DELAYED, positions).await
    }

    async fn forget(
        &self,
        twins: &'static Twins,
        positions: &[Position],
    ) -> Result<(), StoreError> {
        for part in positions.chunks(QUERY_ROWS_MAX) {
            let rows: Vec<[Value; 2]> = part.iter().map(|position| place(*position)).collect();
            self.write(move |tx: &mut Tx<'_>| tx.execute_twins_later(twins, rows.clone()))
                .await?;
        }
        Ok(())
    }

    /// Moves work that is due at `now` to where [`Self::outbox_work`] finds it, the earliest
    /// first, at most `rows_max`, in one transaction; answers how many.
    pub async fn release_due(&self, now: Timestamp, rows_max: usize) -> Result<u64, StoreError> {
        let due = self.read(move |tx| tx.query_own(&DUE_ANY, &[now.into()]));
        if due.await?.is_empty() {
            return Ok(0);
        }
        self.write(move |tx| {
            let values = [now.into(), limit(rows_max)];
            let topics = tx.query_own(&DUE_COPY, &values)?;
            let deleted = tx.execute_own(&DUE_DELETE, &values)?;
            let copied = topics.len() as u64;
            assert_eq!(copied, deleted, "what is copied is what is deleted");
            for topic in topics {
                tx.changed().add(&topic.text(0)?);
            }
            Ok(copied)
        })
        .await
    }
}
