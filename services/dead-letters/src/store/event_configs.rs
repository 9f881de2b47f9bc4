//! Statements and rows of event configurations.

use store::{Row, Statement, StoreError, Tx};

use crate::domain::event_config::EventConfig;
use crate::domain::names::{MessageType, RetriesMax};

pub(super) const FIND_EVENT_CONFIG: Statement = Statement {
    name: "find_event_config",
    sql: "SELECT * FROM dead_letters_event_config WHERE name = ?1",
};

pub(super) const LIST_EVENT_CONFIGS: Statement = Statement {
    name: "list_event_configs",
    sql: "SELECT * FROM dead_letters_event_config WHERE name > ?1 ORDER BY name LIMIT ?2",
};

pub(super) const COUNT_EVENT_CONFIGS: Statement = Statement {
    name: "count_event_configs",
    sql: "SELECT COUNT(*) FROM dead_letters_event_config",
};

pub(super) const SAVE_EVENT_CONFIG: Statement = Statement {
    name: "save_event_config",
    sql: "INSERT INTO dead_letters_event_config AS c \
          (name, revision, max_retries, changed_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5) \
          ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, \
          max_retries = excluded.max_retries, changed_by = excluded.changed_by, \
          changed_at = excluded.changed_at WHERE c.revision = excluded.revision - 1",
};

pub(super) const DELETE_EVENT_CONFIG: Statement = Statement {
    name: "delete_event_config",
    sql: "DELETE FROM dead_letters_event_config WHERE name = ?1",
};

/// The configuration of a type of message; a text that is no type has none.
pub fn find_event_config(tx: &mut Tx<'_>, name: &str) -> Result<Option<EventConfig>, StoreError> {
    tx.query_one_opt(&FIND_EVENT_CONFIG, &[name.into()])?
        .as_ref()
        .map(event_config)
        .transpose()
}

/// The configurations after `after`, by name.
pub fn list_event_configs(
    tx: &mut Tx<'_>,
    after: Option<&MessageType>,
    rows: u32,
) -> Result<Vec<EventConfig>, StoreError> {
    let after = after.map_or("", MessageType::as_str);
    tx.query(&LIST_EVENT_CONFIGS, &[after.into(), rows.into()])?
        .iter()
        .map(event_config)
        .collect()
}

/// How many there are.
pub fn count_event_configs(tx: &mut Tx<'_>) -> Result<u32, StoreError> {
    let row = tx.query_one_opt(&COUNT_EVENT_CONFIGS, &[])?;
    row.map_or(Ok(0), |row| row.count(0))
}

/// Saves a configuration over the revision before its own.
pub fn save_event_config(tx: &mut Tx<'_>, config: &EventConfig) -> Result<(), StoreError> {
    let row = [
        (&config.name).into(),
        config.revision.into(),
        u32::from(config.max_retries).into(),
        (&config.changed_by).into(),
        config.changed_at.into(),
    ];
    let saved = tx.execute(&SAVE_EVENT_CONFIG, &row)?;
    assert_eq!(saved, 1, "a transaction sees the revision it read");
    Ok(())
}

/// Deletes the configuration of a type of message.
pub fn delete_event_config(tx: &mut Tx<'_>, name: &MessageType) -> Result<(), StoreError> {
    tx.execute(&DELETE_EVENT_CONFIG, &[name.into()]).map(drop)
}

fn event_config(row: &Row) -> Result<EventConfig, StoreError> {
    Ok(EventConfig {
        name: row.parsed(0)?,
        revision: row.count(1)?,
        max_retries: RetriesMax::try_from(row.count(2)?)
            .map_err(|_| row.misfit(2, "a number of retries"))?,
        changed_by: row.parsed(3)?,
        changed_at: row.timestamp(4)?,
    })
}
