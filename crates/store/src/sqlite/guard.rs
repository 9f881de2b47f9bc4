//! The authorizer: what SQL text may touch, decided by SQLite while it prepares a statement.
//!
//! Promises: a closure's statement reads and writes tables of its own service only, never updates
//! or deletes audit rows, and is nothing but a query or a change of rows (no `PRAGMA`, `ATTACH`,
//! `COMMIT`, DDL). A migration's statement makes and changes objects of its own service only.
//! Does not: run again when a prepared statement is used again. Statements are therefore cached
//! under a text that begins with the service's name ([`crate::service::Service`]).

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use crate::schema::{is_audit, owns};

/// On whose behalf a connection prepares statements.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// The store's own: transactions, pragmas.
    Store,
    /// A closure of the service with this table prefix.
    Closure(Arc<str>),
    /// A migration of the service with this table prefix.
    Migration(Arc<str>),
}

/// The mode of one connection, shared with its authorizer.
#[derive(Clone, Debug)]
pub(crate) struct Guard(Arc<Mutex<Mode>>);

impl Guard {
    /// Installs the authorizer. Done once: installing it anew would make SQLite prepare every
    /// cached statement again.
    pub(crate) fn install(connection: &mut rusqlite::Connection) -> rusqlite::Result<Self> {
        let guard = Self(Arc::new(Mutex::new(Mode::Store)));
        let held = guard.clone();
        connection.authorizer(Some(move |context: AuthContext<'_>| {
            let allowed = match &*held.0.lock().unwrap_or_else(PoisonError::into_inner) {
                Mode::Store => true,
                Mode::Closure(prefix) => closure_may(prefix, &context),
                Mode::Migration(prefix) => migration_may(prefix, &context),
            };
            if allowed {
                Authorization::Allow
            } else {
                Authorization::Deny
            }
        }))?;
        Ok(guard)
    }

    pub(crate) fn set(&self, mode: Mode) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }
}

fn closure_may(prefix: &str, context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Select | AuthAction::Recursive | AuthAction::Function { .. } => true,
        AuthAction::Read { table_name, .. } | AuthAction::Insert { table_name } => {
            owns(prefix, table_name)
        }
        AuthAction::Update { table_name, .. } | AuthAction::Delete { table_name } => {
            owns(prefix, table_name) && !is_audit(table_name)
        }
        _ => false,
    }
}

fn migration_may(prefix: &str, context: &AuthContext<'_>) -> bool {
    match context.action {
        AuthAction::Select | AuthAction::Recursive | AuthAction::Transaction { .. } => true,
        // The authorizer is not told the new name. A table is rebuilt by copying it instead.
        AuthAction::Function { function_name } => function_name != "sqlite_rename_table",
        // `ALTER TABLE` checks by it that the rows fit.
        AuthAction::Pragma { pragma_name, .. } => pragma_name == "quick_check",
        AuthAction::Read { table_name, .. }
        | AuthAction::Insert { table_name }
        | AuthAction::Update { table_name, .. }
        | AuthAction::Delete { table_name } => owns(prefix, table_name) || is_catalogue(table_name),
        AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::AlterTable { table_name, .. } => {
            owns(prefix, table_name) || is_catalogue(table_name)
        }
        AuthAction::CreateIndex {
            index_name: name,
            table_name,
        }
        | AuthAction::DropIndex {
            index_name: name,
            table_name,
        }
        | AuthAction::CreateTrigger {
            trigger_name: name,
            table_name,
        }
        | AuthAction::DropTrigger {
            trigger_name: name,
            table_name,
        } => {
            let name = name.strip_prefix("sqlite_autoindex_").unwrap_or(name);
            owns(prefix, name) && owns(prefix, table_name)
        }
        AuthAction::CreateView { view_name: name } | AuthAction::DropView { view_name: name } => {
            owns(prefix, name)
        }
        AuthAction::Reindex { index_name } => owns(
            prefix,
            index_name
                .strip_prefix("sqlite_autoindex_")
                .unwrap_or(index_name),
        ),
        _ => false,
    }
}

/// SQLite's own tables, which DDL reads and writes. Direct writes to them are refused by SQLite
/// itself (`SQLITE_DBCONFIG_DEFENSIVE`).
fn is_catalogue(table: &str) -> bool {
    matches!(
        table,
        "sqlite_master" | "sqlite_temp_master" | "sqlite_sequence" | "pragma_quick_check"
    )
}
