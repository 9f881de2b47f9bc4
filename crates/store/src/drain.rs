//! The other end of the outbox: reading it in the order of commits, and emptying it.
//!
//! Promises: a reader that goes on after the last position it was given finds every row that is
//! ever committed, once, in the order of commits. On PostgreSQL a transaction may commit after
//! one that began later, so rows are shown only once no older transaction runs any more
//! (`transaction < pg_snapshot_xmin(pg_current_snapshot())`); on SQLite there is one writer.
//! Does not: carry anything, or know who has read what: relays forget what was confirmed, and the
//! embedded carrier trims what every consumer has passed.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use kit::time::Timestamp;
use tokio::sync::watch;

use crate::Store;
use crate::error::StoreError;
use crate::housekeeping::{TRIM_BATCH_ROWS, Trimmed};
use crate::outbox::{Envelope, Work, envelope, work};
use crate::position::Position;
use crate::schema::Dialect;
use crate::statement::Statement;
use crate::tx::{QUERY_ROWS_MAX, Tx};
use crate::value::{Row, Value};

/// A statement that cannot be written once for both databases: `transaction` is a column of
/// PostgreSQL's outboxes only, a word of the language in SQLite, and of a type without a form
/// that both could compare.
struct Twins {
    sqlite: Statement,
    postgres: Statement,
}

impl Twins {
    fn of(&self, tx: &Tx<'_>) -> &Statement {
        match tx.dialect() {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        }
    }
}

// On PostgreSQL the number needs a name of its own: `ORDER BY transaction` would go by the text
// that is selected, and 1000 would come before 999.
const EVENTS: Twins = Twins {
    sqlite: Statement {
        name: "outbox_events",
        sql: "SELECT 0, position, id, topic, key, version, payload, created \
              FROM {service}_outbox WHERE position > ?2 AND ?1 IS NOT NULL \
              ORDER BY position LIMIT ?3",
    },
    postgres: Statement {
        name: "outbox_events_committed",
        sql: "SELECT transaction::text AS number, position, id, topic, key, version, \
              payload, created \
              FROM {service}_outbox WHERE (transaction, position) > (?1::text::xid8, ?2) \
              AND transaction < pg_snapshot_xmin(pg_current_snapshot()) \
              ORDER BY transaction, position LIMIT ?3",
    },
};
const EVENTS_OF_TOPIC: Twins = Twins {
    sqlite: Statement {
        name: "outbox_events_of_topic",
        sql: "SELECT 0, position, id, topic, key, version, payload, created \
              FROM {service}_outbox WHERE topic = ?4 AND position > ?2 AND ?1 IS NOT NULL \
              ORDER BY position LIMIT ?3",
    },
    postgres: Statement {
        name: "outbox_events_of_topic_committed",
        sql: "SELECT transaction::text AS number, position, id, topic, key, version, \
              payload, created \
              FROM {service}_outbox WHERE topic = ?4 \
              AND (transaction, position) > (?1::text::xid8, ?2) \
              AND transaction < pg_snapshot_xmin(pg_current_snapshot()) \
              ORDER BY transaction, position LIMIT ?3",
    },
};
const WORK: Twins = Twins {
    sqlite: Statement {
        name: "outbox_work",
        sql: "SELECT 0, position, id, topic, key, document, created, due \
              FROM {service}_outbox_work WHERE position > ?2 AND ?1 IS NOT NULL \
              ORDER BY position LIMIT ?3",
    },
    postgres: Statement {
        name: "outbox_work_committed",
        sql: "SELECT transaction::text AS number, position, id, topic, key, document, created, due \
              FROM {service}_outbox_work WHERE (transaction, position) > (?1::text::xid8, ?2) \
              AND transaction < pg_snapshot_xmin(pg_current_snapshot()) \
              ORDER BY transaction, position LIMIT ?3",
    },
};
const WORK_OF_TOPIC: Twins = Twins {
    sqlite: Statement {
        name: "outbox_work_of_topic",
        sql: "SELECT 0, position, id, topic, key, document, created, due \
              FROM {service}_outbox_work WHERE topic = ?4 AND position > ?2 AND ?1 IS NOT NULL \
              ORDER BY position LIMIT ?3",
    },
    postgres: Statement {
        name: "outbox_work_of_topic_committed",
        sql: "SELECT transaction::text AS number, position, id, topic, key, document, created, due \
              FROM {service}_outbox_work WHERE topic = ?4 \
              AND (transaction, position) > (?1::text::xid8, ?2) \
              AND transaction < pg_snapshot_xmin(pg_current_snapshot()) \
              ORDER BY transaction, position LIMIT ?3",
    },
};
/// Delays have no order, so no transaction's number either.
const DELAYED: Statement = Statement {
    name: "outbox_delayed",
    sql: "SELECT 0, position, id, topic, key, document, created, due \
          FROM {service}_outbox_delayed ORDER BY position LIMIT ?1",
};

/// SQLite forgets row by row, in memory; PostgreSQL all at once, as each exchange with it counts.
const FORGET_EVENTS: Twins = Twins {
    sqlite: Statement {
        name: "forget_event",
        sql: "DELETE FROM {service}_outbox WHERE position = ?1",
    },
    postgres: Statement {
        name: "forget_events",
        sql: "DELETE FROM {service}_outbox \
              WHERE position = ANY (string_to_array(?1, ',')::bigint[])",
    },
};
const FORGET_WORK: Twins = Twins {
    sqlite: Statement {
        name: "forget_one_work",
        sql: "DELETE FROM {service}_outbox_work WHERE position = ?1",
    },
    postgres: Statement {
        name: "forget_work",
        sql: "DELETE FROM {service}_outbox_work \
              WHERE position = ANY (string_to_array(?1, ',')::bigint[])",
    },
};
const FORGET_DELAYED: Twins = Twins {
    sqlite: Statement {
        name: "forget_one_delayed",
        sql: "DELETE FROM {service}_outbox_delayed WHERE position = ?1",
    },
    postgres: Statement {
        name: "forget_delayed",
        sql: "DELETE FROM {service}_outbox_delayed \
              WHERE position = ANY (string_to_array(?1, ',')::bigint[])",
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
          WHERE due <= ?1 ORDER BY due, position LIMIT ?2",
};
const DUE_DELETE: Statement = Statement {
    name: "due_delete",
    sql: "DELETE FROM {service}_outbox_delayed WHERE position IN (SELECT position \
          FROM {service}_outbox_delayed WHERE due <= ?1 ORDER BY due, position LIMIT ?2)",
};

/// Counts up to a limit. A column is counted, as SQLite's authorizer asks for one.
const DEPTH: Statement = Statement {
    name: "outbox_depth",
    sql: "SELECT \
          (SELECT count(e.position) FROM (SELECT position FROM {service}_outbox LIMIT ?1) e), \
          (SELECT count(w.position) FROM (SELECT position FROM {service}_outbox_work LIMIT ?1) w), \
          (SELECT count(d.position) \
           FROM (SELECT position FROM {service}_outbox_delayed LIMIT ?1) d), \
          (SELECT min(created) FROM {service}_outbox), \
          (SELECT min(created) FROM {service}_outbox_work), \
          (SELECT min(created) FROM {service}_outbox_delayed)",
};

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
pub(crate) const STATEMENTS: &[&Statement] = &[
    &EVENTS.sqlite,
    &EVENTS.postgres,
    &EVENTS_OF_TOPIC.sqlite,
    &EVENTS_OF_TOPIC.postgres,
    &WORK.sqlite,
    &WORK.postgres,
    &WORK_OF_TOPIC.sqlite,
    &WORK_OF_TOPIC.postgres,
    &DELAYED,
    &FORGET_EVENTS.sqlite,
    &FORGET_EVENTS.postgres,
    &FORGET_WORK.sqlite,
    &FORGET_WORK.postgres,
    &FORGET_DELAYED.sqlite,
    &FORGET_DELAYED.postgres,
    &DUE_ANY,
    &DUE_COPY,
    &DUE_DELETE,
    &DEPTH,
    &PASSED_EVENTS.sqlite,
    &PASSED_EVENTS.postgres,
    &PASSED_WORK.sqlite,
    &PASSED_WORK.postgres,
    &OUTBOX_TRIM,
    &OUTBOX_WORK_TRIM,
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
    /// The events after `after`, of one topic or of all, in the order of commits, at most
    /// `rows_max` (never more than [`QUERY_ROWS_MAX`]) and about [`OUTBOX_PAGE_BYTES_MAX`]. Only an
    /// empty page says that there are no more.
    ///
    /// On PostgreSQL an event is seen once every transaction that wrote before its own has ended,
    /// also one of another service: usually milliseconds later.
    pub async fn outbox_events(
        &self,
        topic: Option<&str>,
        after: Position,
        rows_max: usize,
    ) -> Result<Vec<(Position, Envelope)>, StoreError> {
        let topic = topic.map(str::to_owned);
        self.read(move |tx| {
            let twins = if topic.is_some() {
                EVENTS_OF_TOPIC
            } else {
                EVENTS
            };
            let rows = page(tx, &twins, topic, after, rows_max)?;
            rows.iter()
                .map(|row| Ok((position(row)?, envelope(row, 2)?)))
                .collect()
        })
        .await
    }

    /// The work after `after`, as [`Self::outbox_events`]; without what is not due yet.
    pub async fn outbox_work(
        &self,
        topic: Option<&str>,
        after: Position,
        rows_max: usize,
    ) -> Result<Vec<(Position, Work)>, StoreError> {
        let topic = topic.map(str::to_owned);
        self.read(move |tx| {
            let twins = if topic.is_some() { WORK_OF_TOPIC } else { WORK };
            let rows = page(tx, &twins, topic, after, rows_max)?;
            rows.iter().map(placed_work).collect()
        })
        .await
    }

    /// Work that waits to be due, in no particular order, at most `rows_max`: for a relay that
    /// hands delays to its carrier.
    pub async fn outbox_delayed(
        &self,
        rows_max: usize,
    ) -> Result<Vec<(Position, Work)>, StoreError> {
        self.read(move |tx| {
            tx.query_own_page(&DELAYED, &[limit(rows_max)], OUTBOX_PAGE_BYTES_MAX)?
                .iter()
                .map(placed_work)
                .collect()
        })
        .await
    }

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
            let sequences: Vec<i64> = part.iter().map(|position| position.sequence).collect();
            self.write(move |tx| {
                let rows = match tx.dialect() {
                    Dialect::Sqlite => sequences
                        .iter()
                        .map(|sequence| [(*sequence).into()])
                        .collect(),
                    Dialect::Postgres => vec![[list(&sequences).into()]],
                };
                tx.execute_many_own(twins.of(tx), &rows).map(drop)
            })
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
            let copied = tx.execute_own(&DUE_COPY, &values)?;
            let deleted = tx.execute_own(&DUE_DELETE, &values)?;
            assert_eq!(copied, deleted, "what is copied is what is deleted");
            if copied > 0 {
                tx.outbox_changed();
            }
            Ok(copied)
        })
        .await
    }

    /// A counter that changes after every commit of this process that published, sent or
    /// released. Other processes' commits are not heard of: look by the clock too.
    pub fn outbox_changes(&self) -> watch::Receiver<u64> {
        self.service.outbox.changes.subscribe()
    }

    /// How full the outbox is. Costs a count of at most [`OUTBOX_ROWS_MAX`] entries of an index
    /// per table: for a metric now and then, not for every message.
    pub async fn outbox_depth(&self) -> Result<OutboxDepth, StoreError> {
        let most = i64::try_from(OUTBOX_ROWS_MAX + 1).unwrap_or(i64::MAX);
        self.read(move |tx| {
            let rows = tx.query_own(&DEPTH, &[most.into()])?;
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

fn page(
    tx: &mut Tx<'_>,
    twins: &Twins,
    topic: Option<String>,
    after: Position,
    rows_max: usize,
) -> Result<Vec<Row>, StoreError> {
    let [transaction, sequence] = place(after);
    let mut values = vec![transaction, sequence, limit(rows_max)];
    values.extend(topic.map(Value::from));
    tx.query_own_page(twins.of(tx), &values, OUTBOX_PAGE_BYTES_MAX)
}

/// A position as parameters. PostgreSQL's numbers of transactions have eight bytes without a
/// sign, so they go as text.
fn place(position: Position) -> [Value; 2] {
    [
        position.transaction.to_string().into(),
        position.sequence.into(),
    ]
}

fn position(row: &Row) -> Result<Position, StoreError> {
    let transaction = match row.opt_int(0) {
        Ok(Some(number)) => u64::try_from(number).ok(),
        _ => row.parsed(0).ok(),
    };
    Ok(Position {
        transaction: transaction.ok_or_else(|| row.misfit(0, "a transaction's number"))?,
        sequence: row.int(1)?,
    })
}

fn placed_work(row: &Row) -> Result<(Position, Work), StoreError> {
    Ok((position(row)?, work(row, 2)?))
}

fn limit(rows_max: usize) -> Value {
    let rows = rows_max.min(QUERY_ROWS_MAX);
    Value::Int(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// Numbers with commas between them.
fn list(numbers: &[i64]) -> String {
    let mut text = String::new();
    for number in numbers {
        if !text.is_empty() {
            text.push(',');
        }
        let _ = write!(text, "{number}");
    }
    text
}
