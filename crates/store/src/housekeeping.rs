//! Housekeeping: what has expired is deleted, a little at a time.
//!
//! Promises: a batch is one short transaction of at most [`TRIM_BATCH_ROWS`] rows per table, and a
//! call runs at most [`TRIM_BATCHES_MAX`] batches, so other writes never wait long.
//! Does not: run by itself (the host's timers call it), or ever touch the audit log.

use std::sync::atomic::Ordering;

use kit::time::Timestamp;

use crate::Store;
use crate::drain::{OUTBOX_TRIM, OUTBOX_WORK_TRIM};
use crate::error::StoreError;
use crate::idempotency::IDEMPOTENCY_TRIM;
use crate::inbox::{INBOX_RETENTION_HOURS, INBOX_TRIM, WORK_TRIM, hours_before};
use crate::outbox::OUTBOX_RETENTION_HOURS;
use crate::statement::Statement;
use crate::steps::{STEPS_RETENTION_HOURS, STEPS_TRIM};
use crate::tx::Tx;

/// How many rows of a table one batch deletes: a few milliseconds' work.
pub const TRIM_BATCH_ROWS: u16 = 500;

/// How many batches one call runs: with a call a minute, 10,000 rows a minute and table.
pub const TRIM_BATCHES_MAX: u16 = 20;

/// What a call of [`Store::trim`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// How many rows were deleted.
    pub rows: u64,
    /// Whether everything that had expired is gone; if not, call again soon.
    pub complete: bool,
}

impl Store {
    /// Deletes what has expired at `now`: idempotency records, messages in an outbox that no
    /// relay empties ([`Store::set_outbox_relayed`]), what the inbox remembers, and answers to
    /// steps, each after its retention. Delayed work and parked events never expire.
    pub async fn trim(&self, now: Timestamp) -> Result<Trimmed, StoreError> {
        self.trim_in_batches(move |tx| trim_batch(tx, now)).await
    }

    /// Runs batches until one says that it is complete, [`TRIM_BATCHES_MAX`] at most.
    async fn trim_in_batches(
        &self,
        batch: impl Fn(&mut Tx<'_>) -> Result<Trimmed, StoreError> + Send + Copy + 'static,
    ) -> Result<Trimmed, StoreError> {
        let mut rows = 0;
        for _ in 0..TRIM_BATCHES_MAX {
            let batch = self.write(batch).await?;
            rows += batch.rows;
            if batch.complete {
                return Ok(Trimmed {
                    rows,
                    complete: true,
                });
            }
        }
        Ok(Trimmed {
            rows,
            complete: false,
        })
    }
}

fn trim_batch(tx: &mut Tx<'_>, now: Timestamp) -> Result<Trimmed, StoreError> {
    let inbox_cut = hours_before(now, INBOX_RETENTION_HOURS);
    let steps_cut = hours_before(now, STEPS_RETENTION_HOURS);
    let mut expired: Vec<(&Statement, Timestamp)> = vec![
        (&IDEMPOTENCY_TRIM, now),
        (&INBOX_TRIM, inbox_cut),
        (&WORK_TRIM, inbox_cut),
        (&STEPS_TRIM, steps_cut),
    ];
    if !tx.service.outbox.relayed.load(Ordering::Relaxed) {
        let outbox_cut = hours_before(now, OUTBOX_RETENTION_HOURS);
        expired.push((OUTBOX_TRIM.of(tx), outbox_cut));
        expired.push((OUTBOX_WORK_TRIM.of(tx), outbox_cut));
    }
    let mut trimmed = Trimmed {
        rows: 0,
        complete: true,
    };
    for (statement, cut) in expired {
        let rows = tx.execute_own(statement, &[cut.into(), TRIM_BATCH_ROWS.into()])?;
        trimmed.rows += rows;
        trimmed.complete &= rows < u64::from(TRIM_BATCH_ROWS);
    }
    Ok(trimmed)
}
