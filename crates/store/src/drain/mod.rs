//! The other end of the outbox: reading it in the order of commits, and emptying it.
//!
//! Promises: see [`changes`], [`reading`], [`forgetting`] and [`trimming`]; how full it is can be
//! measured, and while it is called full nothing more is taken.
//! Does not: carry anything, or know who has read what: relays forget what was confirmed, and the
//! embedded carrier trims what every consumer has passed.

mod changes;
mod forgetting;
pub(crate) mod reading;
mod trimming;

use std::sync::atomic::Ordering;

use kit::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::position::Position;
use crate::statement::{Statement, Twins};
use crate::tx::QUERY_ROWS_MAX;
use crate::value::Value;
pub(crate) use changes::{Changed, OutboxState, transaction_ended};
pub use reading::Page;
pub(crate) use trimming::{OUTBOX_TRIM, OUTBOX_WORK_TRIM};

/// Counts up to a limit. A column is counted, as SQLite's authorizer asks for one. The oldest is
/// that of the rows that were committed first.
const DEPTH: Twins = Twins {
    sqlite: Statement {
        name: "outbox_depth",
        sql: "SELECT {counts}, (SELECT min(e.created) FROM (SELECT created \
              FROM {service}_outbox ORDER BY position LIMIT 500) e), \
              (SELECT min(w.created) FROM (SELECT created \
              FROM {service}_outbox_work ORDER BY position LIMIT 500) w), \
              (SELECT min(created) FROM {service}_outbox_delayed)",
    },
    postgres: Statement {
        name: "outbox_depth_committed",
        sql: "SELECT {counts}, (SELECT min(e.created) FROM (SELECT created \
              FROM {service}_outbox ORDER BY transaction, position LIMIT 500) e), \
              (SELECT min(w.created) FROM (SELECT created \
              FROM {service}_outbox_work ORDER BY transaction, position LIMIT 500) w), \
              (SELECT min(created) FROM {service}_outbox_delayed)",
    },
};

/// The statements of this module and of those in it.
pub(crate) const STATEMENTS: &[&[&Statement]] = &[
    &[&DEPTH.sqlite, &DEPTH.postgres],
    forgetting::STATEMENTS,
    reading::STATEMENTS,
    trimming::STATEMENTS,
];

/// How many rows an outbox may hold before [`Store::set_outbox_full`] is called for: an hour of a
/// carrier's absence at 250 messages a second, about a gigabyte.
pub const OUTBOX_ROWS_MAX: u64 = 1_000_000;

/// After how many bytes a page of the outbox ends, however few rows it has: eight of the largest
/// documents, or a thousand of eight kilobytes.
pub const OUTBOX_PAGE_BYTES_MAX: usize = 8 * kit::limits::BODY_BYTES_MAX;

/// How many of the newest events stay in the embedded log though every consumer has passed them:
/// enough to look into, or to replay, some minutes of full load.
pub const OUTBOX_EVENTS_KEPT: u32 = 100_000;

/// How many rows an outbox holds; each count stops at [`OUTBOX_ROWS_MAX`] + 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Events.
    pub events: u64,
    /// Work that is due.
    pub work: u64,
    /// Work that is not due yet, or not moved yet.
    pub delayed: u64,
    /// When the oldest of all of them was created.
    pub oldest: Option<Timestamp>,
}

impl Store {
    /// How full the outbox is. Costs a count of at most [`OUTBOX_ROWS_MAX`] entries of an index
    /// per table: for a metric now and then, not for every message.
    pub async fn outbox_depth(&self) -> Result<OutboxDepth, StoreError> {
        let most = i64::try_from(OUTBOX_ROWS_MAX + 1).unwrap_or(i64::MAX);
        self.read(move |tx| {
            let rows = tx.query_own(DEPTH.of(tx), &[most.into()])?;
            let Some(row) = rows.first() else {
                return Ok(OutboxDepth::default());
            };
            let oldest = [3, 4, 5].map(|column| row.opt_timestamp(column));
            let oldest = oldest.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(OutboxDepth {
                events: row.count(0)?.into(),
                work: row.count(1)?.into(),
                delayed: row.count(2)?.into(),
                oldest: oldest.into_iter().flatten().min(),
            })
        })
        .await
    }

    /// Says whether the outbox is full. While it is, [`Tx::publish`] and [`Tx::send`] of this
    /// process are refused with [`StoreError::OutboxMustHaveRoom`].
    pub fn set_outbox_full(&self, full: bool) {
        self.service.outbox.full.store(full, Ordering::Relaxed);
    }

    /// Says whether a relay carries the outbox elsewhere. While one does, [`Store::trim`] of this
    /// process leaves the outbox alone however old it is: what is not confirmed must not be lost
    /// because a carrier was away. Every process of the service says so, also those whose relay
    /// does not hold the lease.
    pub fn set_outbox_relayed(&self, relayed: bool) {
        self.service
            .outbox
            .relayed
            .store(relayed, Ordering::Relaxed);
    }
}

/// A position as parameters. PostgreSQL's numbers of transactions have eight bytes without a
/// sign, so they go as text.
fn place(position: Position) -> [Value; 2] {
    [
        position.transaction.to_string().into(),
        position.sequence.into(),
    ]
}

fn limit(rows_max: usize) -> Value {
    let rows = rows_max.min(QUERY_ROWS_MAX);
    Value::Int(i64::try_from(rows).unwrap_or(i64::MAX))
}
