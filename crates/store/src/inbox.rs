//! The inbox: what a consumer has handled, in the same transaction as the effect.
//!
//! Promises: a repeated delivery is recognised as long as the inbox remembers it; one that is too
//! old to be remembered is refused by name rather than done twice.
//! Does not: receive, retry or park; the carriers do.

use std::collections::{HashMap, HashSet};

use kit::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::outbox::{EVENT_KEY_BYTES_MAX, check_size, loaded_version, stored_version};
use crate::postgres::Parameter;
use crate::schema::Dialect;
use crate::statement::Statement;
use crate::tx::Tx;
use crate::value::Value;

/// Changes a row if the version is new, and none if it is not.
const INBOX_ADVANCE: Statement = Statement {
    name: "inbox_advance",
    sql: "INSERT INTO {service}_inbox (producer, key, version, seen) \
          VALUES (?1, ?2, ?3, ?4) ON CONFLICT (producer, key) \
          DO UPDATE SET version = excluded.version, seen = excluded.seen \
          WHERE excluded.version > {service}_inbox.version",
};
pub(crate) const INBOX_TRIM: Statement = Statement {
    name: "inbox_trim",
    sql: "DELETE FROM {service}_inbox WHERE (producer, key) IN (SELECT producer, key \
          FROM {service}_inbox WHERE seen < ?1 ORDER BY seen LIMIT ?2)",
};
const WORK_APPEND: Statement = Statement {
    name: "inbox_work_append",
    sql: "INSERT INTO {service}_inbox_work (id, seen) VALUES (?1, ?2) \
          ON CONFLICT (id) DO NOTHING",
};
/// As [`INBOX_ADVANCE`] and [`WORK_APPEND`] for many, in PostgreSQL's own words. They read nothing
/// that others write: a look at the rows first would have every two batches of a service meet.
const INBOX_ADVANCE_MANY: Statement = Statement {
    name: "inbox_advance_many",
    sql: "INSERT INTO {service}_inbox (producer, key, version, seen) \
          SELECT ?1, given.key, given.version, ?4 \
          FROM unnest(?2::text[], ?3::bigint[]) AS given (key, version) \
          ON CONFLICT (producer, key) \
          DO UPDATE SET version = excluded.version, seen = excluded.seen \
          WHERE excluded.version > {service}_inbox.version RETURNING key, version",
};
const WORK_APPEND_MANY: Statement = Statement {
    name: "inbox_work_append_many",
    sql: "INSERT INTO {service}_inbox_work (id, seen) \
          SELECT given.id, ?2 FROM unnest(?1::uuid[]) AS given (id) \
          ON CONFLICT (id) DO NOTHING RETURNING id",
};
pub(crate) const WORK_TRIM: Statement = Statement {
    name: "inbox_work_trim",
    sql: "DELETE FROM {service}_inbox_work WHERE id IN (SELECT id \
          FROM {service}_inbox_work WHERE seen < ?1 ORDER BY seen LIMIT ?2)",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] = &[
    &INBOX_ADVANCE,
    &INBOX_ADVANCE_MANY,
    &INBOX_TRIM,
    &WORK_APPEND,
    &WORK_APPEND_MANY,
    &WORK_TRIM,
];

/// How long the inbox remembers the ids of work, and the watermark of a key no event came for:
/// 30 days, longer than any carrier keeps a message and than dead letters wait for a decision.
pub const INBOX_RETENTION_HOURS: u64 = 30 * 24;

/// How many rows one statement notes: twice what a consumer takes at a time.
const MANY_MAX: usize = 1_000;

/// What the inbox says of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a repeated delivery must have no effect"]
pub enum Delivery {
    /// The first time: handle it. It is remembered if the transaction is kept.
    First,
    /// It was handled before: do nothing and acknowledge it.
    Repeated,
}

impl Tx<'_> {
    /// Notes an event of `producer` for `key`, whose aggregate has `version`: one statement.
    ///
    /// Events up to the highest version noted are [`Delivery::Repeated`]; gaps are allowed, as a
    /// topic need not carry every change.
    pub fn note_event(
        &mut self,
        producer: &str,
        key: &str,
        version: u64,
        now: Timestamp,
    ) -> Result<Delivery, StoreError> {
        let sized = check_size("event key", key.len(), EVENT_KEY_BYTES_MAX);
        self.keep_failure(sized)?;
        let version = self.keep_failure(stored_version(version))?;
        let advanced = self.execute_own(
            &INBOX_ADVANCE,
            &[producer.into(), key.into(), version.into(), now.into()],
        )?;
        Ok(delivery(advanced))
    }

    /// Notes a work message by its id.
    ///
    /// # Errors
    ///
    /// [`StoreError::WorkMustBeRecent`] when it was created more than [`INBOX_RETENTION_HOURS`]
    /// ago: the inbox could have forgotten it.
    pub fn note_work(
        &mut self,
        id: Uuid,
        created: Timestamp,
        now: Timestamp,
    ) -> Result<Delivery, StoreError> {
        if !inbox_remembers(created, now) {
            return self.keep_failure(Err(StoreError::WorkMustBeRecent));
        }
        let added = self.execute_own(&WORK_APPEND, &[id.into(), now.into()])?;
        Ok(delivery(added))
    }

    /// Notes events of `producer`, each a key with the version of its aggregate, in this order;
    /// answers of each what [`Self::note_event`] would have answered in its place. The same key may
    /// come several times.
    ///
    /// On PostgreSQL one exchange with the server, however many there are.
    pub fn note_events(
        &mut self,
        producer: &str,
        events: &[(&str, u64)],
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        if self.dialect() == Dialect::Sqlite || events.len() < 2 {
            let noted = events.iter();
            return noted
                .map(|(key, version)| self.note_event(producer, key, *version, now))
                .collect();
        }
        let waves = self.keep_failure(waves(events))?;
        let sets = waves
            .iter()
            .flat_map(|wave| wave.chunks(MANY_MAX))
            .map(|part| {
                let column = |value: fn(&(&str, i64)) -> Value| {
                    Parameter::Column(part.iter().map(value).collect())
                };
                vec![
                    Parameter::One(producer.into()),
                    column(|(key, _)| (*key).into()),
                    column(|(_, version)| (*version).into()),
                    Parameter::One(now.into()),
                ]
            });
        let sets: Vec<_> = sets.collect();
        let advanced = self.query_many_own(&INBOX_ADVANCE_MANY, &sets)?;
        let advanced = advanced
            .iter()
            .map(|row| Ok((row.text(0)?, loaded_version(row, 1)?)));
        let mut advanced = advanced.collect::<Result<HashSet<_>, StoreError>>()?;
        // The second of two that are alike is a repetition of the first.
        let noted = events.iter().map(|(key, version)| {
            match advanced.remove(&((*key).to_owned(), *version)) {
                true => Delivery::First,
                false => Delivery::Repeated,
            }
        });
        Ok(noted.collect())
    }

    /// Notes work messages, each an id with the time it was created at, in this order; answers of
    /// each what [`Self::note_work`] would have answered in its place. The same id may come several
    /// times.
    ///
    /// On PostgreSQL one exchange with the server, however many there are.
    ///
    /// # Errors
    ///
    /// [`StoreError::WorkMustBeRecent`] when any of them is too old, which ends the transaction:
    /// ask [`inbox_remembers`] of each before.
    pub fn note_work_many(
        &mut self,
        work: &[(Uuid, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        if work
            .iter()
            .any(|(_, created)| !inbox_remembers(*created, now))
        {
            return self.keep_failure(Err(StoreError::WorkMustBeRecent));
        }
        if self.dialect() == Dialect::Sqlite || work.len() < 2 {
            let noted = work.iter();
            return noted
                .map(|(id, created)| self.note_work(*id, *created, now))
                .collect();
        }
        let mut ids: Vec<Uuid> = work.iter().map(|(id, _)| *id).collect();
        // No row twice in one statement; and in one order, so that two cannot wait for each other.
        ids.sort_unstable();
        ids.dedup();
        let sets = ids.chunks(MANY_MAX).map(|part| {
            let ids = part.iter().map(|id| (*id).into()).collect();
            vec![Parameter::Column(ids), Parameter::One(now.into())]
        });
        let sets: Vec<_> = sets.collect();
        let added = self.query_many_own(&WORK_APPEND_MANY, &sets)?;
        let added = added.iter().map(|row| row.uuid(0));
        let mut added = added.collect::<Result<HashSet<_>, StoreError>>()?;
        let noted = work.iter().map(|(id, _)| match added.remove(id) {
            true => Delivery::First,
            false => Delivery::Repeated,
        });
        Ok(noted.collect())
    }
}

/// Events that can be new, as waves in which no key comes twice: the first of every key, then the
/// second of each. One whose version an earlier one of its key has reached is not among them.
fn waves<'a>(events: &[(&'a str, u64)]) -> Result<Vec<Vec<(&'a str, i64)>>, StoreError> {
    let mut waves: Vec<Vec<(&str, i64)>> = Vec::new();
    // Of each key the version reached, and the wave its next event belongs to.
    let mut reached: HashMap<&str, (i64, usize)> = HashMap::new();
    for (key, version) in events {
        check_size("event key", key.len(), EVENT_KEY_BYTES_MAX)?;
        let version = stored_version(*version)?;
        let (highest, wave) = reached.entry(key).or_insert((i64::MIN, 0));
        if version <= *highest {
            continue;
        }
        if waves.len() == *wave {
            waves.push(Vec::new());
        }
        waves[*wave].push((*key, version));
        (*highest, *wave) = (version, *wave + 1);
    }
    for wave in &mut waves {
        // In one order, so that two that note the same keys cannot wait for each other.
        wave.sort_unstable();
    }
    Ok(waves)
}

/// Whether the inbox would still remember work that was created then, so that it can be noted.
#[must_use]
pub fn inbox_remembers(created: Timestamp, now: Timestamp) -> bool {
    created >= hours_before(now, INBOX_RETENTION_HOURS)
}

/// A statement changes one row for what is new, and none for what is known.
fn delivery(rows_changed: u64) -> Delivery {
    if rows_changed == 0 {
        Delivery::Repeated
    } else {
        Delivery::First
    }
}

/// The time so many hours before; the beginning of time when there is none.
pub(crate) fn hours_before(now: Timestamp, hours: u64) -> Timestamp {
    now.checked_sub(std::time::Duration::from_secs(hours * 3_600))
        .unwrap_or(Timestamp::MIN)
}
