//! What one service keeps in a database: its name, its migrations, its statements.
//!
//! Promises: names are checked before they reach any SQL; the tables every service has (outbox,
//! inbox, idempotency, audit) come first, from this crate's own migrations, with a history table
//! of their own, so that they evolve without the service's doing.
//! Does not: run anything; see [`crate::sqlite`] and [`crate::postgres`].

use crate::error::StoreError;
use crate::statement::Statement;

/// The longest service name: PostgreSQL cuts identifiers at 63 bytes, and `_idempotency_expires`
/// must fit behind it.
const SERVICE_NAME_BYTES_MAX: usize = 40;

/// What a service hands to the store, as a `const` in its `store.rs`.
///
/// ```
/// use store::{Migration, Schema, Statement};
///
/// const FIND: Statement = Statement { name: "find", sql: "SELECT v FROM notes WHERE id = ?1" };
/// const SCHEMA: Schema = Schema {
///     service: "notes",
///     sqlite: &[Migration {
///         name: "V1__notes",
///         sql: "CREATE TABLE notes (id BLOB PRIMARY KEY, v TEXT NOT NULL) STRICT",
///     }],
///     postgres: &[Migration {
///         name: "V1__notes",
///         sql: "CREATE TABLE notes (id uuid PRIMARY KEY, v text NOT NULL)",
///     }],
///     statements: &[&FIND],
/// };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// The service's name in the topology: lower-case letters, digits, and single `-` or `_`
    /// between them, at most 40 bytes. Its tables are named so, or begin so followed by `_`
    /// (a `-` is written `_` in table names).
    pub service: &'static str,
    /// Forward-only migrations for SQLite, in order. Tables are `STRICT`; index, trigger and
    /// view names begin with the service's name too, as all services share one file.
    pub sqlite: &'static [Migration],
    /// Forward-only migrations for PostgreSQL, in order.
    pub postgres: &'static [Migration],
    /// Every statement of the service.
    pub statements: &'static [&'static Statement],
}

/// One migration file, embedded with `include_str!`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The file's name without its ending: `V1__what_it_does`.
    pub name: &'static str,
    /// The text of the file. It runs in one transaction with its entry in the history, so it
    /// holds no `BEGIN` or `COMMIT`.
    pub sql: &'static str,
}

/// Which of the two databases something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The migrations of the tables every service has; `{service}` stands for the table prefix.
const OWN_SQLITE: &[Migration] = &[
    Migration {
        name: "V1__store",
        sql: include_str!("../migrations/sqlite/V1__store.sql"),
    },
    Migration {
        name: "V2__messages",
        sql: include_str!("../migrations/sqlite/V2__messages.sql"),
    },
];
const OWN_POSTGRES: &[Migration] = &[
    Migration {
        name: "V1__store",
        sql: include_str!("../migrations/postgres/V1__store.sql"),
    },
    Migration {
        name: "V2__messages",
        sql: include_str!("../migrations/postgres/V2__messages.sql"),
    },
];

impl Schema {
    /// What the names of this service's tables begin with; also its schema on PostgreSQL.
    pub(crate) fn prefix(&self) -> String {
        self.service.replace('-', "_")
    }

    /// Refuses a name that could not be part of an SQL identifier as it stands.
    pub(crate) fn check_name(&self) -> Result<(), StoreError> {
        let name = self.service;
        let well_formed = name.len() <= SERVICE_NAME_BYTES_MAX
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.split(['-', '_']).all(|part| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            });
        if well_formed && !name.starts_with("sqlite") && !name.starts_with("pg") {
            Ok(())
        } else {
            Err(StoreError::ServiceNameMustBeAnIdentifier {
                service: name.into(),
            })
        }
    }

    /// The sets of migrations to run, in order, each with the name of its history table.
    pub(crate) fn migration_sets(
        &self,
        dialect: Dialect,
    ) -> Result<Vec<(String, Vec<refinery::Migration>)>, StoreError> {
        let prefix = self.prefix();
        let (own, service) = match dialect {
            Dialect::Sqlite => (OWN_SQLITE, self.sqlite),
            Dialect::Postgres => (OWN_POSTGRES, self.postgres),
        };
        let named = |migration: &Migration| {
            unapplied(migration.name, &migration.sql.replace("{service}", &prefix))
        };
        let plain = |migration: &Migration| unapplied(migration.name, migration.sql);
        Ok(vec![
            (
                own_history(&prefix),
                own.iter().map(named).collect::<Result<_, _>>()?,
            ),
            (
                history(&prefix),
                service.iter().map(plain).collect::<Result<_, _>>()?,
            ),
        ])
    }
}

/// The history table of the migrations this crate brings.
pub(crate) fn own_history(prefix: &str) -> String {
    format!("{prefix}_store_history")
}

/// The history table of the service's own migrations.
pub(crate) fn history(prefix: &str) -> String {
    format!("{prefix}_history")
}

/// Whether `table` belongs to the service with this prefix.
pub(crate) fn owns(prefix: &str, table: &str) -> bool {
    table
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// Whether rows of `table` may be inserted and read only.
pub(crate) fn is_audit(table: &str) -> bool {
    table.ends_with("_audit")
}

fn unapplied(name: &str, sql: &str) -> Result<refinery::Migration, StoreError> {
    refinery::Migration::unapplied(name, sql).map_err(|error| StoreError::MigrationFailed {
        migration: name.into(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Schema, owns};

    #[test]
    fn service_names_are_identifiers() {
        let check = |service, valid| {
            let schema = Schema {
                service,
                sqlite: &[],
                postgres: &[],
                statements: &[],
            };
            assert_eq!(schema.check_name().is_ok(), valid, "{service}");
        };
        check("notifications", true);
        check("dead-letters", true);
        check("fund_accounting2", true);
        check("", false);
        check("Notes", false);
        check("2fa", false);
        check("a--b", false);
        check("a_", false);
        check("a; DROP TABLE b", false);
        check("sqlite_x", false);
        check("pg_catalog", false);
        check("a23456789012345678901234567890123456789_x", false);
    }

    #[test]
    fn a_table_belongs_to_the_service_it_is_named_after() {
        let check = |table, owned| assert_eq!(owns("notes", table), owned, "{table}");
        check("notes", true);
        check("notes_outbox", true);
        check("notesx", false);
        check("note", false);
        check("other_notes", false);
    }
}
