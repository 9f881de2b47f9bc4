//! Reading the outbox in the order of commits.
//!
//! Promises: a reader that goes on after the last position it was given finds every row that is
//! ever committed, once. On PostgreSQL a transaction may commit after one that began later, so rows
//! are shown only once no older transaction runs any more, and the reader is told that some are
//! held back; on SQLite there is one writer.

use super::{OUTBOX_PAGE_BYTES_MAX, limit, place};
use crate::Store;
use crate::error::StoreError;
use crate::outbox::{Envelope, Work, envelope, work};
use crate::position::Position;
use crate::statement::{Statement, Twins};
use crate::value::{Row, Value};

// `{events}` and `{work}` are the columns of a row, `{after}` and `{beyond}` where it stands,
// `{shown}` whether it is shown or held back, then without its document: see [`expanded`].
const EVENTS: Twins = Twins {
    sqlite: Statement {
        name: "outbox_events",
        sql: "SELECT 0, {events}, TRUE FROM {service}_outbox WHERE {after}",
    },
    postgres: Statement {
        name: "outbox_events_committed",
        sql: "SELECT {number}, {shown_events}, {shown} FROM {service}_outbox WHERE {beyond}",
    },
};
const EVENTS_OF_TOPIC: Twins = Twins {
    sqlite: Statement {
        name: "outbox_events_of_topic",
        sql: "SELECT 0, {events}, TRUE FROM {service}_outbox WHERE topic = ?4 AND {after}",
    },
    postgres: Statement {
        name: "outbox_events_of_topic_committed",
        sql: "SELECT {number}, {shown_events}, {shown} FROM {service}_outbox \
              WHERE topic = ?4 AND {beyond}",
    },
};
const WORK: Twins = Twins {
    sqlite: Statement {
        name: "outbox_work",
        sql: "SELECT 0, {work}, TRUE FROM {service}_outbox_work WHERE {after}",
    },
    postgres: Statement {
        name: "outbox_work_committed",
        sql: "SELECT {number}, {shown_work}, {shown} FROM {service}_outbox_work WHERE {beyond}",
    },
};
const WORK_OF_TOPIC: Twins = Twins {
    sqlite: Statement {
        name: "outbox_work_of_topic",
        sql: "SELECT 0, {work}, TRUE FROM {service}_outbox_work WHERE topic = ?4 AND {after}",
    },
    postgres: Statement {
        name: "outbox_work_of_topic_committed",
        sql: "SELECT {number}, {shown_work}, {shown} FROM {service}_outbox_work \
              WHERE topic = ?4 AND {beyond}",
    },
};
/// Delays have no order, so no transaction's number either, on both databases.
const DELAYED: Statement = Statement {
    name: "outbox_delayed",
    sql: "SELECT 0, {work} FROM {service}_outbox_delayed WHERE position > ?1 \
          ORDER BY position LIMIT ?2",
};

/// The statements of this module.
pub(super) const STATEMENTS: &[&Statement] = &[
    &EVENTS.sqlite,
    &EVENTS.postgres,
    &EVENTS_OF_TOPIC.sqlite,
    &EVENTS_OF_TOPIC.postgres,
    &WORK.sqlite,
    &WORK.postgres,
    &WORK_OF_TOPIC.sqlite,
    &WORK_OF_TOPIC.postgres,
    &DELAYED,
];

/// What the readers have in common, in their texts. On PostgreSQL the transaction's number needs a
/// name of its own: `ORDER BY transaction` would go by the text that is selected, and 1000 would
/// come before 999.
const IN_COMMON: [(&str, &str); 10] = [
    (
        "{events}",
        "position, id, topic, key, version, payload, created",
    ),
    ("{work}", "position, id, topic, key, document, created, due"),
    (
        "{shown_events}",
        "position, id, topic, key, version, CASE WHEN {shown} THEN payload ELSE '' END, created",
    ),
    (
        "{shown_work}",
        "position, id, topic, key, CASE WHEN {shown} THEN document ELSE '' END, created, due",
    ),
    // In parentheses of its own it is asked once, not for every row.
    (
        "{shown}",
        "transaction < (SELECT pg_snapshot_xmin(pg_current_snapshot()))",
    ),
    ("{number}", "transaction::text AS number"),
    (
        "{after}",
        "position > ?2 AND ?1 IS NOT NULL ORDER BY position LIMIT ?3",
    ),
    (
        "{beyond}",
        "(transaction, position) > (?1::text::xid8, ?2) \
         ORDER BY transaction, position LIMIT ?3",
    ),
    (
        "{counts}",
        "(SELECT count(e.position) FROM (SELECT position FROM {service}_outbox LIMIT ?1) e), \
         (SELECT count(w.position) FROM (SELECT position FROM {service}_outbox_work LIMIT ?1) w), \
         (SELECT count(d.position) \
         FROM (SELECT position FROM {service}_outbox_delayed LIMIT ?1) d)",
    ),
    // Of rows that are gone: where the last stood, and how many they are.
    (
        "{last}",
        "SELECT transaction::text AS number, position, count(position) OVER () \
         FROM gone ORDER BY transaction DESC, position DESC LIMIT 1",
    ),
];

/// A text with what the readers have in common written out; any other text as it is.
pub(crate) fn expanded(sql: &str) -> String {
    let texts = IN_COMMON.iter();
    texts.fold(sql.to_owned(), |sql, (name, text)| sql.replace(name, text))
}

/// Rows of an outbox, and whether there are more that are not shown yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order of commits.
    pub rows: Vec<(Position, T)>,
    /// Whether rows behind these are committed and not shown, as a transaction that wrote before
    /// theirs still runs: look again soon. On SQLite never.
    pub held_back: bool,
}

/// The column that says whether a row is shown, behind its number and its own columns.
const SHOWN: usize = 8;

/// A reader of one table.
struct Reader<T> {
    all: Twins,
    of_topic: Twins,
    row: fn(&Row, usize) -> Result<T, StoreError>,
}

impl Store {
    /// The events after `after`, of one topic or of all, in the order of commits, at most
    /// `rows_max` (never more than [`crate::QUERY_ROWS_MAX`]) and about
    /// [`OUTBOX_PAGE_BYTES_MAX`]. Only an empty page says that there are no more.
    ///
    /// On PostgreSQL an event is seen once every transaction that wrote before its own has ended,
    /// also one of another service: usually milliseconds later.
    pub async fn outbox_events(
        &self,
        topic: Option<&str>,
        after: Position,
        rows_max: usize,
    ) -> Result<Vec<(Position, Envelope)>, StoreError> {
        let page = self.outbox_events_page(topic, after, rows_max).await?;
        Ok(page.rows)
    }

    /// The work after `after`, as [`Self::outbox_events`]; without what is not due yet.
    pub async fn outbox_work(
        &self,
        topic: Option<&str>,
        after: Position,
        rows_max: usize,
    ) -> Result<Vec<(Position, Work)>, StoreError> {
        let page = self.outbox_work_page(topic, after, rows_max).await?;
        Ok(page.rows)
    }

    /// As [`Self::outbox_events`], and whether events behind them are held back.
    pub async fn outbox_events_page(
        &self,
        topic: Option<&str>,
        after: Position,
        rows_max: usize,
    ) -> Result<Page<Envelope>, StoreError> {
        let reader = Reader {
            all: EVENTS,
            of_topic: EVENTS_OF_TOPIC,
            row: envelope,
        };
        self.page(reader, topic, after, rows_max).await
    }

    /// As [`Self::outbox_work`], and whether work behind it is held back.
    pub async fn outbox_work_page(
        &self,
        topic: Option<&str>,
        after: Position,
        rows_max: usize,
    ) -> Result<Page<Work>, StoreError> {
        let reader = Reader {
            all: WORK,
            of_topic: WORK_OF_TOPIC,
            row: work,
        };
        self.page(reader, topic, after, rows_max).await
    }

    /// Work that waits to be due and stands after `after`, in no particular order of time, at most
    /// `rows_max`: for a relay that hands delays to its carrier.
    pub async fn outbox_delayed(
        &self,
        after: Position,
        rows_max: usize,
    ) -> Result<Vec<(Position, Work)>, StoreError> {
        self.read(move |tx| {
            let values = [after.sequence.into(), limit(rows_max)];
            let rows = tx.query_own_page(&DELAYED, &values, OUTBOX_PAGE_BYTES_MAX)?;
            rows.iter().map(|row| placed(row, work)).collect()
        })
        .await
    }

    async fn page<T: Send + 'static>(
        &self,
        reader: Reader<T>,
        topic: Option<&str>,
        after: Position,
        rows_max: usize,
    ) -> Result<Page<T>, StoreError> {
        let topic = topic.map(Value::from);
        self.read(move |tx| {
            let twins = match topic {
                Some(_) => &reader.of_topic,
                None => &reader.all,
            };
            let [transaction, sequence] = place(after);
            let mut values = vec![transaction, sequence, limit(rows_max)];
            values.extend(topic);
            let found = tx.query_own_page(twins.of(tx), &values, OUTBOX_PAGE_BYTES_MAX)?;
            let mut rows = Vec::with_capacity(found.len());
            for row in &found {
                if !row.bool(SHOWN)? {
                    break;
                }
                rows.push(placed(row, reader.row)?);
            }
            let held_back = rows.len() < found.len();
            Ok(Page { rows, held_back })
        })
        .await
    }
}

fn placed<T>(
    row: &Row,
    read: impl Fn(&Row, usize) -> Result<T, StoreError>,
) -> Result<(Position, T), StoreError> {
    Ok((position(row)?, read(row, 2)?))
}

pub(super) fn position(row: &Row) -> Result<Position, StoreError> {
    let transaction = match row.opt_int(0) {
        Ok(Some(number)) => u64::try_from(number).ok(),
        _ => row.parsed(0).ok(),
    };
    Ok(Position {
        transaction: transaction.ok_or_else(|| row.misfit(0, "a transaction's number"))?,
        sequence: row.int(1)?,
    })
}
