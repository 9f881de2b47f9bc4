//! What is deleted from the outbox because everybody has passed it, or because it is old.
//!
//! Promises: a batch is a short transaction; the newest events stay.
//! Does not: know who has passed what; the carrier says so.

use super::reading::position;
use super::{OUTBOX_EVENTS_KEPT, place};
use crate::Store;
use crate::error::StoreError;
use crate::housekeeping::{TRIM_BATCH_ROWS, TRIM_BATCHES_MAX, Trimmed};
use crate::position::Position;
use crate::schema::Dialect;
use crate::statement::{Statement, Twins};
use crate::tx::Tx;
use crate::value::Value;

// On PostgreSQL rows are found in the order of commits, from where the last batch ended: before it
// are the index entries of what was deleted, which nobody has cleared away yet. They are deleted by
// where they lie, so that each is looked for once.
const PASSED_EVENTS: Twins = Twins {
    sqlite: Statement {
        name: "passed_events",
        sql: "DELETE FROM {service}_outbox WHERE position IN (SELECT position \
              FROM {service}_outbox WHERE position < ?2 AND ?1 IS NOT NULL \
              AND position <= (SELECT max(position) FROM {service}_outbox) - ?4 \
              ORDER BY position LIMIT ?3)",
    },
    postgres: Statement {
        name: "passed_events_committed",
        sql: "WITH gone AS (DELETE FROM {service}_outbox WHERE ctid = ANY (ARRAY(SELECT ctid \
              FROM {service}_outbox WHERE (transaction, position) < (?1::text::xid8, ?2) \
              AND (transaction, position) > (?5::text::xid8, ?6) \
              AND position <= (SELECT position FROM {service}_outbox \
              ORDER BY transaction DESC, position DESC LIMIT 1) - ?4 \
              ORDER BY transaction, position LIMIT ?3)) RETURNING transaction, position) {last}",
    },
};
const PASSED_WORK: Twins = Twins {
    sqlite: Statement {
        name: "passed_work",
        sql: "DELETE FROM {service}_outbox_work WHERE position IN (SELECT position \
              FROM {service}_outbox_work WHERE position < ?2 AND ?1 IS NOT NULL \
              ORDER BY position LIMIT ?3)",
    },
    postgres: Statement {
        name: "passed_work_committed",
        sql: "WITH gone AS (DELETE FROM {service}_outbox_work WHERE ctid = ANY (ARRAY(SELECT ctid \
              FROM {service}_outbox_work WHERE (transaction, position) < (?1::text::xid8, ?2) \
              AND (transaction, position) > (?4::text::xid8, ?5) \
              ORDER BY transaction, position LIMIT ?3)) RETURNING transaction, position) {last}",
    },
};

// What is old is looked for among the rows that were committed first.
pub(crate) const OUTBOX_TRIM: Twins = Twins {
    sqlite: Statement {
        name: "outbox_trim",
        sql: "DELETE FROM {service}_outbox WHERE position IN (SELECT old.position \
              FROM (SELECT position, created FROM {service}_outbox \
              ORDER BY position LIMIT ?2) AS old WHERE old.created < ?1)",
    },
    postgres: Statement {
        name: "outbox_trim_committed",
        sql: "DELETE FROM {service}_outbox WHERE ctid = ANY (ARRAY(SELECT old.ctid \
              FROM (SELECT ctid, created FROM {service}_outbox \
              ORDER BY transaction, position LIMIT ?2) AS old WHERE old.created < ?1))",
    },
};
pub(crate) const OUTBOX_WORK_TRIM: Twins = Twins {
    sqlite: Statement {
        name: "outbox_work_trim",
        sql: "DELETE FROM {service}_outbox_work WHERE position IN (SELECT old.position \
              FROM (SELECT position, created FROM {service}_outbox_work \
              ORDER BY position LIMIT ?2) AS old WHERE old.created < ?1)",
    },
    postgres: Statement {
        name: "outbox_work_trim_committed",
        sql: "DELETE FROM {service}_outbox_work WHERE ctid = ANY (ARRAY(SELECT old.ctid \
              FROM (SELECT ctid, created FROM {service}_outbox_work \
              ORDER BY transaction, position LIMIT ?2) AS old WHERE old.created < ?1))",
    },
};

/// The statements of this module.
pub(super) const STATEMENTS: &[&Statement] = &[
    &PASSED_EVENTS.sqlite,
    &PASSED_EVENTS.postgres,
    &PASSED_WORK.sqlite,
    &PASSED_WORK.postgres,
    &OUTBOX_TRIM.sqlite,
    &OUTBOX_TRIM.postgres,
    &OUTBOX_WORK_TRIM.sqlite,
    &OUTBOX_WORK_TRIM.postgres,
];

/// Of a table, how many rows a batch deleted, and where the last of them stood.
type Gone = (u64, Position);

impl Store {
    /// Deletes rows of the embedded log that every consumer has passed: events before
    /// `events_below`, but for the newest [`OUTBOX_EVENTS_KEPT`], and work before `work_below`.
    /// At most [`crate::TRIM_BATCHES_MAX`] short transactions.
    pub async fn trim_outbox(
        &self,
        events_below: Position,
        work_below: Position,
    ) -> Result<Trimmed, StoreError> {
        let mut trimmed = Trimmed {
            rows: 0,
            complete: false,
        };
        for _ in 0..TRIM_BATCHES_MAX {
            let outbox = &self.service.outbox;
            let (events_after, work_after) = outbox.trimmed();
            let gone = self.write(move |tx| {
                let events = trim_events(tx, events_below, events_after)?;
                Ok::<_, StoreError>((events, trim_work(tx, work_below, work_after)?))
            });
            let (events, work) = gone.await?;
            outbox.set_trimmed((events_after.max(events.1), work_after.max(work.1)));
            trimmed.rows += events.0 + work.0;
            if events.0.max(work.0) < u64::from(TRIM_BATCH_ROWS) {
                trimmed.complete = true;
                break;
            }
        }
        Ok(trimmed)
    }
}

fn trim_events(tx: &mut Tx<'_>, below: Position, after: Position) -> Result<Gone, StoreError> {
    let [transaction, sequence] = place(below);
    let kept = OUTBOX_EVENTS_KEPT.into();
    let values = [transaction, sequence, TRIM_BATCH_ROWS.into(), kept];
    trim(tx, &PASSED_EVENTS, &values, after)
}

fn trim_work(tx: &mut Tx<'_>, below: Position, after: Position) -> Result<Gone, StoreError> {
    let [transaction, sequence] = place(below);
    let values = [transaction, sequence, TRIM_BATCH_ROWS.into()];
    trim(tx, &PASSED_WORK, &values, after)
}

fn trim(
    tx: &mut Tx<'_>,
    twins: &Twins,
    values: &[Value],
    after: Position,
) -> Result<Gone, StoreError> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok((tx.execute_own(&twins.sqlite, values)?, after));
    }
    let values = [values, &place(after)].concat();
    let rows = tx.query_own(&twins.postgres, &values)?;
    let Some(last) = rows.first() else {
        return Ok((0, after));
    };
    Ok((last.count(2)?.into(), position(last)?))
}
