//! What is deleted from the outbox because everybody has passed it, or because it is old.
//!
//! Promises: a batch is a short transaction; the newest events stay.
//! Does not: know who has passed what; the carrier says so.

use super::{OUTBOX_EVENTS_KEPT, place};
use crate::Store;
use crate::error::StoreError;
use crate::housekeeping::{TRIM_BATCH_ROWS, Trimmed};
use crate::position::Position;
use crate::statement::{Statement, Twins};

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
        sql: "DELETE FROM {service}_outbox WHERE position IN (SELECT position \
              FROM {service}_outbox WHERE (transaction, position) < (?1::text::xid8, ?2) \
              AND position <= (SELECT max(position) FROM {service}_outbox) - ?4 \
              ORDER BY transaction, position LIMIT ?3)",
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
        sql: "DELETE FROM {service}_outbox_work WHERE position IN (SELECT position \
              FROM {service}_outbox_work WHERE (transaction, position) < (?1::text::xid8, ?2) \
              ORDER BY transaction, position LIMIT ?3)",
    },
};

pub(crate) const OUTBOX_TRIM: Statement = Statement {
    name: "outbox_trim",
    sql: "DELETE FROM {service}_outbox WHERE position IN (SELECT position \
          FROM {service}_outbox WHERE created < ?1 ORDER BY created LIMIT ?2)",
};
pub(crate) const OUTBOX_WORK_TRIM: Statement = Statement {
    name: "outbox_work_trim",
    sql: "DELETE FROM {service}_outbox_work WHERE position IN (SELECT position \
          FROM {service}_outbox_work WHERE created < ?1 ORDER BY created LIMIT ?2)",
};

/// The statements of this module.
pub(super) const STATEMENTS: &[&Statement] = &[
    &PASSED_EVENTS.sqlite,
    &PASSED_EVENTS.postgres,
    &PASSED_WORK.sqlite,
    &PASSED_WORK.postgres,
    &OUTBOX_TRIM,
    &OUTBOX_WORK_TRIM,
];

impl Store {
    /// Deletes rows of the embedded log that every consumer has passed: events before
    /// `events_below`, but for the newest [`OUTBOX_EVENTS_KEPT`], and work before `work_below`.
    /// At most [`crate::TRIM_BATCHES_MAX`] short transactions.
    pub async fn trim_outbox(
        &self,
        events_below: Position,
        work_below: Position,
    ) -> Result<Trimmed, StoreError> {
        self.trim_in_batches(move |tx| {
            let most = u64::from(TRIM_BATCH_ROWS);
            let [transaction, sequence] = place(events_below);
            let kept = OUTBOX_EVENTS_KEPT.into();
            let values = [transaction, sequence, TRIM_BATCH_ROWS.into(), kept];
            let events = tx.execute_own(PASSED_EVENTS.of(tx), &values)?;
            let [transaction, sequence] = place(work_below);
            let values = [transaction, sequence, TRIM_BATCH_ROWS.into()];
            let work = tx.execute_own(PASSED_WORK.of(tx), &values)?;
            Ok(Trimmed {
                rows: events + work,
                complete: events < most && work < most,
            })
        })
        .await
    }
}
