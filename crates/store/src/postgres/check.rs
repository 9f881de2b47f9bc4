//! What a database must be before a service uses it.
//!
//! Promises: a start is refused by name when the server, the login, the migrations or a statement
//! could not keep what the store promises.
//! Does not: change anything.

use postgres::NoTls;
use tokio_postgres::Config;

use super::link::{Link, Rows};
use crate::error::StoreError;
use crate::schema::{Dialect, Schema};
use crate::service::Service;

/// The oldest server with all that is used here, and the oldest that is tested.
const SERVER_VERSION_MIN: i32 = 150_000;

/// Refuses a server or a login that cannot keep the store's promises, and statements that do not
/// fit.
pub(super) fn database(
    link: &mut Link,
    schema: &Schema,
    service: &Service,
) -> Result<(), StoreError> {
    settings(link, &schema.prefix())?;
    transaction_numbers(link, &schema.prefix())?;
    for statement in schema.statements {
        let text = service.text(statement)?;
        link.prepare(statement.name, &text)?;
        link.prepare_many(statement.name, &text, Rows::Apart)?;
    }
    Ok(())
}

fn settings(link: &mut Link, prefix: &str) -> Result<(), StoreError> {
    let audit = format!("{prefix}.{prefix}_audit");
    let row = link.query_own(
        "settings",
        "SELECT current_setting('server_version_num')::int4, \
         current_setting('synchronous_commit') <> 'off', \
         has_table_privilege($1, 'UPDATE, DELETE, TRUNCATE')",
        &[&audit],
    )?;
    let row = row.expect("a query of settings gives a row");
    let unsuitable = |reason: &str| {
        Err(StoreError::Unsuitable {
            reason: reason.into(),
        })
    };
    if row.get::<_, i32>(0) < SERVER_VERSION_MIN {
        return unsuitable("postgresql must be version 15 or later");
    }
    if !row.get::<_, bool>(1) {
        return unsuitable("synchronous_commit must not be off");
    }
    if row.get::<_, bool>(2) {
        return unsuitable("the service's login must not be able to change audit rows");
    }
    Ok(())
}

/// Refuses outboxes of another server's numbering (a restored dump): their rows would be held
/// back, and new ones would stand before the places that consumers remember.
fn transaction_numbers(link: &mut Link, prefix: &str) -> Result<(), StoreError> {
    for outbox in ["outbox", "outbox_work"] {
        let sql = format!(
            "SELECT 1 FROM {prefix}.{prefix}_{outbox} \
             WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot()) LIMIT 1"
        );
        let ahead = link.query_own("transaction_numbers", &sql, &[])?;
        if ahead.is_some() {
            return Err(StoreError::Unsuitable {
                reason: format!("transactions of {prefix}_{outbox} must be the server's own"),
            });
        }
    }
    Ok(())
}

/// A database may be ahead of the program (a newer one was rolled out next to it: migrations
/// expand before they contract), but not behind it, and not different.
///
/// On a connection of its own, as the migration library wants one of the synchronous driver.
pub(super) fn migrations(config: &Config, schema: &Schema) -> Result<(), StoreError> {
    let mut client = postgres::Config::from(config.clone())
        .connect(NoTls)
        .map_err(|error| StoreError::Unavailable {
            reason: crate::reasons(&error),
        })?;
    for (history, mut needed) in schema.migration_sets(Dialect::Postgres)? {
        needed.sort();
        let mut runner = refinery::Runner::new(&needed);
        runner.set_migration_table_name(&history);
        let applied = match runner.get_applied_migrations(&mut client) {
            Ok(applied) => applied,
            Err(error) => {
                tracing::warn!(
                    reason = crate::reasons(&error),
                    "the history cannot be read"
                );
                Vec::new()
            }
        };
        for migration in needed {
            match applied
                .iter()
                .find(|applied| applied.version() == migration.version())
            {
                Some(applied) if *applied == migration => {}
                Some(_) => {
                    let migration = migration.to_string();
                    return Err(StoreError::MigrationsMustMatch { migration });
                }
                None => {
                    let migration = migration.to_string();
                    return Err(StoreError::MigrationsMustBeApplied { migration });
                }
            }
        }
    }
    Ok(())
}
