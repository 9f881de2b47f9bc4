//! What the engine keeps: its schema, and every SQL statement.
//!
//! Promises: a saga is saved only over the revision it was loaded at, with the lines of what
//! changed it. Nothing here decides.

use std::collections::HashMap;

use kit::time::Timestamp;
use store::{Migration, Row, Schema, Statement, StoreError, Tx, Value};

use super::{Count, Entry, Filter, Stored, Summary};
use crate::definition::Definition;
use crate::instance::{Instance, SagaId};
use crate::line::Line;

/// What sagas are kept in, for a service called `sagas`.
pub const SCHEMA: Schema = Schema {
    service: "sagas",
    sqlite: &[Migration {
        name: "V1__sagas",
        sql: include_str!("../../migrations/sqlite/V1__sagas.sql"),
    }],
    postgres: &[Migration {
        name: "V1__sagas",
        sql: include_str!("../../migrations/postgres/V1__sagas.sql"),
    }],
    statements: STATEMENTS,
};

/// Every statement; a test executes each on both databases.
pub const STATEMENTS: &[&Statement] = &[
    &ADD,
    &UPDATE,
    &POSTPONE,
    &FIND,
    &FIND_MANY,
    &FIND_REVISIONS,
    &FIND_REGISTERED,
    &LIST,
    &LIST_STUCK,
    &LIST_DUE,
    &NEXT_DUE,
    &COUNT,
    &TRIM,
    &ADD_HISTORY,
    &LIST_HISTORY,
    &PIN,
    &FIND_PIN,
    &LIST_VERSIONS,
];

const ADD: Statement = Statement {
    name: "add",
    sql: "INSERT INTO sagas_instances (id, revision, state, phase, stuck, due_at, ended_at, \
          document, definition, version, started_at, registered) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) \
          ON CONFLICT (id) DO NOTHING",
};

const UPDATE: Statement = Statement {
    name: "update",
    sql: "UPDATE sagas_instances SET revision = ?2, state = ?3, phase = ?4, stuck = ?5, \
          due_at = ?6, ended_at = ?7, document = ?8 WHERE id = ?1 AND revision = ?9",
};

const POSTPONE: Statement = Statement {
    name: "postpone",
    sql: "UPDATE sagas_instances SET due_at = ?2 WHERE id = ?1 AND ended_at IS NULL",
};

const FIND: Statement = Statement {
    name: "find",
    sql: "SELECT revision, document FROM sagas_instances WHERE id = ?1",
};

/// So many at once; a place that is not needed is null.
const FIND_MANY: Statement = Statement {
    name: "find_many",
    sql: "SELECT revision, document FROM sagas_instances WHERE id IN ( \
          ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
          ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, \
          ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44, \
          ?45, ?46, ?47, ?48, ?49, ?50)",
};

/// As [`FIND_MANY`], without what there is to read of a saga.
const FIND_REVISIONS: Statement = Statement {
    name: "find_revisions",
    sql: "SELECT id, revision FROM sagas_instances WHERE id IN ( \
          ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
          ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, \
          ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44, \
          ?45, ?46, ?47, ?48, ?49, ?50)",
};

/// How many sagas one statement finds: on PostgreSQL a tenth of the exchanges with the server for
/// what a consumer takes at a time, and few enough nulls where there are two.
const FIND_MANY_IDS: usize = 50;

const FIND_REGISTERED: Statement = Statement {
    name: "find_registered",
    sql: "SELECT registered FROM sagas_instances WHERE id = ?1",
};

const LIST: Statement = Statement {
    name: "list",
    sql: "SELECT id, definition, version, state, phase, stuck, started_at, ended_at \
          FROM sagas_instances WHERE id < ?1 AND (?2 = '' OR definition = ?2) \
          AND (?3 = '' OR phase = ?3) AND (?4 = '' OR state = ?4) AND started_at >= ?5 \
          ORDER BY id DESC LIMIT ?6",
};

const LIST_STUCK: Statement = Statement {
    name: "list_stuck",
    sql: "SELECT id, definition, version, state, phase, stuck, started_at, ended_at \
          FROM sagas_instances WHERE stuck AND id < ?1 AND (?2 = '' OR definition = ?2) \
          AND (?3 = '' OR phase = ?3) AND (?4 = '' OR state = ?4) AND started_at >= ?5 \
          ORDER BY id DESC LIMIT ?6",
};

const LIST_DUE: Statement = Statement {
    name: "list_due",
    sql: "SELECT revision, document FROM sagas_instances \
          WHERE ended_at IS NULL AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
};

const NEXT_DUE: Statement = Statement {
    name: "next_due",
    sql: "SELECT due_at FROM sagas_instances WHERE ended_at IS NULL AND due_at IS NOT NULL \
          ORDER BY due_at LIMIT 1",
};

/// Those that have not ended, by the index of what is due.
const COUNT: Statement = Statement {
    name: "count",
    sql: "SELECT definition, state, phase, stuck, count(*) FROM sagas_instances \
          WHERE ended_at IS NULL GROUP BY definition, state, phase, stuck \
          ORDER BY definition, state, phase, stuck LIMIT ?1",
};

/// The history goes with its saga (ON DELETE CASCADE).
const TRIM: Statement = Statement {
    name: "trim",
    sql: "DELETE FROM sagas_instances WHERE id IN (SELECT id FROM sagas_instances \
          WHERE ended_at IS NOT NULL AND ended_at < ?1 ORDER BY ended_at LIMIT ?2)",
};

const ADD_HISTORY: Statement = Statement {
    name: "add_history",
    sql: "INSERT INTO sagas_timeline (saga, revision, at, lines) VALUES (?1, ?2, ?3, ?4)",
};

const LIST_HISTORY: Statement = Statement {
    name: "list_history",
    sql: "SELECT revision, at, lines FROM sagas_timeline \
          WHERE saga = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3",
};

const PIN: Statement = Statement {
    name: "pin",
    sql: "INSERT INTO sagas_definitions (name, version, hash, first_at) \
          VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name, version) DO NOTHING",
};

const FIND_PIN: Statement = Statement {
    name: "find_pin",
    sql: "SELECT hash FROM sagas_definitions WHERE name = ?1 AND version = ?2",
};

const LIST_VERSIONS: Statement = Statement {
    name: "list_versions",
    sql: "SELECT DISTINCT definition, version FROM sagas_instances \
          WHERE ended_at IS NULL ORDER BY definition, version LIMIT ?1",
};

/// What is kept of a saga as a whole.
pub(super) fn document(instance: &Instance) -> String {
    let document = serde_json::to_string(instance);
    document.expect("an instance has string keys and raw JSON only")
}

/// The columns that change, in the order of [`ADD`] and [`UPDATE`].
pub(super) fn columns(instance: &Instance, revision: i64, document: String) -> Vec<Value> {
    vec![
        instance.id.into(),
        revision.into(),
        instance.state.as_str().into(),
        instance.phase.name().into(),
        instance.stuck.into(),
        instance.due().into(),
        instance.ended.into(),
        document.into(),
    ]
}

/// A row for [`ADD`], with what the saga was started with.
pub(super) fn added(
    mut columns: Vec<Value>,
    instance: &Instance,
    registered: [u8; 32],
) -> Vec<Value> {
    columns.extend([
        Value::from(instance.definition.as_str()),
        instance.version.into(),
        instance.started.into(),
        registered.into(),
    ]);
    columns
}

/// A row for [`UPDATE`], over the revision it was loaded at.
pub(super) fn updated(mut columns: Vec<Value>, loaded: i64) -> Vec<Value> {
    columns.push(loaded.into());
    columns
}

/// Adds sagas that are not there, and saves others over the revisions they were loaded at.
///
/// # Errors
///
/// [`StoreError::Contended`] if one was added or saved by another meanwhile. Transactions are
/// serializable, so only a broken store gets there: it says so by itself, before.
pub(super) fn save(
    tx: &mut Tx<'_>,
    added: &[Vec<Value>],
    updated: &[Vec<Value>],
) -> Result<(), StoreError> {
    for (statement, rows) in [(&ADD, added), (&UPDATE, updated)] {
        if !rows.is_empty() && tx.execute_many_apart(statement, rows)? != rows.len() as u64 {
            return Err(StoreError::Contended { attempts: 1 });
        }
    }
    Ok(())
}

/// Looks at a saga again later, without changing it.
pub(super) fn postpone(tx: &mut Tx<'_>, id: SagaId, due: Timestamp) -> Result<(), StoreError> {
    tx.execute(&POSTPONE, &[id.into(), due.into()]).map(drop)
}

/// The saga with its revision.
pub(super) fn find(tx: &mut Tx<'_>, id: SagaId) -> Result<Option<Stored>, StoreError> {
    let row = tx.query_one_opt(&FIND, &[id.into()])?;
    row.as_ref().map(stored).transpose()
}

/// Those of these sagas that there are, with their revisions, in no particular order.
pub(super) fn find_many(tx: &mut Tx<'_>, ids: &[SagaId]) -> Result<Vec<Stored>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(FIND_MANY_IDS) {
        if let [id] = part {
            found.extend(find(tx, *id)?);
            continue;
        }
        for row in tx.query(&FIND_MANY, &places(part))? {
            found.push(stored(&row)?);
        }
    }
    Ok(found)
}

/// The revisions of those of these sagas that there are.
pub(super) fn find_revisions(
    tx: &mut Tx<'_>,
    ids: &[SagaId],
) -> Result<HashMap<SagaId, i64>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for part in ids.chunks(FIND_MANY_IDS) {
        for row in tx.query(&FIND_REVISIONS, &places(part))? {
            found.insert(row.id(0)?, row.int(1)?);
        }
    }
    Ok(found)
}

/// The values of [`FIND_MANY`] and [`FIND_REVISIONS`].
fn places(ids: &[SagaId]) -> Vec<Value> {
    let mut values: Vec<Value> = ids.iter().map(|id| (*id).into()).collect();
    values.resize(FIND_MANY_IDS, Value::Null);
    values
}

/// What the saga was started with.
pub(super) fn find_registered(tx: &mut Tx<'_>, id: SagaId) -> Result<Option<Vec<u8>>, StoreError> {
    let row = tx.query_one_opt(&FIND_REGISTERED, &[id.into()])?;
    row.map(|row| row.bytes(0)).transpose()
}

/// Those that are due, the longest first.
pub(super) fn list_due(
    tx: &mut Tx<'_>,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let rows = tx.query(&LIST_DUE, &[now.into(), limit.into()])?;
    rows.iter().map(stored).collect()
}

/// When the first is due.
pub(super) fn next_due(tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
    let row = tx.query_one_opt(&NEXT_DUE, &[])?;
    row.map(|row| row.timestamp(0)).transpose()
}

fn stored(row: &Row) -> Result<Stored, StoreError> {
    let document = row.text(1)?;
    let instance = serde_json::from_str(&document);
    Ok(Stored {
        revision: row.int(0)?,
        instance: instance.map_err(|_| row.misfit(1, "a saga"))?,
    })
}

/// A page of sagas, the newest id first.
pub(super) fn list(
    tx: &mut Tx<'_>,
    filter: &Filter,
    before: SagaId,
    limit: u32,
) -> Result<Vec<Summary>, StoreError> {
    let statement = if filter.stuck { &LIST_STUCK } else { &LIST };
    let values = [
        before.into(),
        filter.definition.as_deref().unwrap_or_default().into(),
        filter.phase.as_deref().unwrap_or_default().into(),
        filter.state.as_deref().unwrap_or_default().into(),
        filter.since.unwrap_or(Timestamp::MIN).into(),
        limit.into(),
    ];
    let rows = tx.query(statement, &values)?;
    let summary = |row: &Row| -> Result<Summary, StoreError> {
        Ok(Summary {
            id: row.id(0)?,
            definition: row.text(1)?,
            version: row.count(2)?,
            state: row.text(3)?,
            phase: row.text(4)?,
            stuck: row.bool(5)?,
            started: row.timestamp(6)?,
            ended: row.opt_timestamp(7)?,
        })
    };
    rows.iter().map(summary).collect()
}

/// How many have not ended, by definition, state and phase.
pub(super) fn count(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<Count>, StoreError> {
    let rows = tx.query(&COUNT, &[limit.into()])?;
    let counted = |row: &Row| -> Result<Count, StoreError> {
        Ok(Count {
            definition: row.text(0)?,
            state: row.text(1)?,
            phase: row.text(2)?,
            stuck: row.bool(3)?,
            sagas: u64::try_from(row.int(4)?).unwrap_or_default(),
        })
    };
    rows.iter().map(counted).collect()
}

/// Deletes what ended before; says how many.
pub(super) fn trim(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
    tx.execute(&TRIM, &[before.into(), limit.into()])
}

/// The lines of a change, as a row for [`ADD_HISTORY`].
pub(super) type HistoryRow = [Value; 4];

/// The lines of a change, as they are kept; none if there are none.
pub(super) fn lines(lines: &[Line]) -> Option<String> {
    let text = serde_json::to_string(lines).expect("a line is strings and numbers");
    (!lines.is_empty()).then_some(text)
}

/// The row of the lines of a change.
pub(super) fn history_row(
    (id, revision): (SagaId, i64),
    lines: String,
    at: Timestamp,
) -> HistoryRow {
    [id.into(), revision.into(), at.into(), lines.into()]
}

/// Adds the lines of changes.
pub(super) fn add_history(tx: &mut Tx<'_>, rows: &[HistoryRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    tx.execute_many_later(&ADD_HISTORY, rows)
}

/// A page of a saga's history, the oldest first.
pub(super) fn list_history(
    tx: &mut Tx<'_>,
    id: SagaId,
    after: i64,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let rows = tx.query(&LIST_HISTORY, &[id.into(), after.into(), limit.into()])?;
    let entry = |row: &Row| -> Result<Entry, StoreError> {
        let lines = serde_json::from_str(&row.text(2)?);
        Ok(Entry {
            revision: row.int(0)?,
            at: row.timestamp(1)?,
            lines: lines.map_err(|_| row.misfit(2, "lines of a history"))?,
        })
    };
    rows.iter().map(entry).collect()
}

/// Keeps what a version says; the hash of what it said first.
pub(super) fn pin(
    tx: &mut Tx<'_>,
    definition: &Definition,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let (name, version) = (definition.name.as_str(), definition.version);
    let hash = definition.hash.as_str();
    let values = [name.into(), version.into(), hash.into(), now.into()];
    if tx.execute(&PIN, &values)? == 1 {
        return Ok(None);
    }
    let row = tx.query_one_opt(&FIND_PIN, &[name.into(), version.into()])?;
    row.map(|row| row.text(0)).transpose()
}

/// The versions that sagas are still on.
pub(super) fn list_versions(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<(String, u32)>, StoreError> {
    let rows = tx.query(&LIST_VERSIONS, &[limit.into()])?;
    let version = |row: &Row| Ok((row.text(0)?, row.count(1)?));
    rows.iter().map(version).collect()
}
