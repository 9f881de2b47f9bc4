//! Migrations on PostgreSQL: run by an administrator's login, before the service starts.
//!
//! Promises: the administrator owns the tables; the service's login may read and change rows,
//! audit rows it may only add and read; two migrations of a service wait for each other; running
//! it again changes nothing.
//! Does not: make logins; they belong to whoever runs the server.

use std::time::Duration;

use postgres::{Client, Config, NoTls};

use super::failure::failure;
use crate::error::StoreError;
use crate::schema::{Dialect, Schema, history, is_audit, own_history};

/// How long a migration waits for another, or for a lock on a table: longer than statements of
/// the service run, shorter than a deployment is given to start.
const LOCK_TIMEOUT_MS: u32 = 30_000;

/// How long to wait for the server to answer.
const CONNECT_TIMEOUT_MS: u64 = 5_000;

/// Makes or updates the schema of a service: `admin_url` as its owner, for the service to use as
/// `login`, a role that exists.
///
/// The schema is named like the service, with `_` for `-`. Everything is granted anew each time,
/// so a new table is never forgotten.
///
/// # Errors
///
/// [`StoreError::MigrationFailed`], [`StoreError::MigrationsMustMatch`],
/// [`StoreError::Unsuitable`] when the login does not exist, [`StoreError::Unavailable`].
pub async fn migrate(admin_url: &str, schema: &Schema, login: &str) -> Result<(), StoreError> {
    schema.check_name()?;
    let (url, schema, login) = (admin_url.to_owned(), *schema, login.to_owned());
    crate::blocking(move || {
        let mut client = connect(&url)?;
        migrate_on(&mut client, &schema, &login)
    })
    .await?
}

fn connect(url: &str) -> Result<Client, StoreError> {
    // Not `error`'s text: it could show parts of the address, and with it a password.
    let mut config: Config = url.parse().map_err(|_| super::address_refused())?;
    config
        .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
        .application_name("florin-migrate")
        .connect(NoTls)
        .map_err(|error| StoreError::Unavailable {
            reason: crate::reasons(&error),
        })
}

fn migrate_on(client: &mut Client, schema: &Schema, login: &str) -> Result<(), StoreError> {
    let prefix = schema.prefix();
    let refused = |error: postgres::Error| failure("migrate", &error);
    client
        .batch_execute(&format!("SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        .map_err(refused)?;
    // Held until the connection ends.
    client
        .execute("SELECT pg_advisory_lock($1)", &[&lock_key(&prefix)])
        .map_err(refused)?;
    let login_exists = client
        .query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&login])
        .map_err(refused)?;
    if login_exists.is_none() {
        return Err(StoreError::Unsuitable {
            reason: format!("login {login} must exist"),
        });
    }
    client
        .batch_execute(&format!(
            "CREATE SCHEMA IF NOT EXISTS {prefix}; SET search_path = {prefix}, pg_temp"
        ))
        .map_err(refused)?;
    for (history, migrations) in schema.migration_sets(Dialect::Postgres)? {
        let mut runner = refinery::Runner::new(&migrations);
        runner.set_migration_table_name(&history);
        // Grouped: a migration and its entry in the history are one transaction.
        runner
            .set_grouped(true)
            .run(client)
            .map_err(|error| crate::migration_failure(&history, &error))?;
    }
    grant(client, &prefix, login).map_err(refused)
}

/// Grants what the service's login needs, and takes away what it does not.
fn grant(client: &mut Client, prefix: &str, login: &str) -> Result<(), postgres::Error> {
    let login = quoted(login);
    let tables = client.query(
        "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace($1) \
         AND relkind IN ('r', 'p', 'v', 'm')",
        &[&prefix],
    )?;
    let mut sql = format!(
        "BEGIN; REVOKE ALL ON ALL TABLES IN SCHEMA {prefix} FROM {login}; \
         GRANT USAGE ON SCHEMA {prefix} TO {login}; \
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {prefix} TO {login};"
    );
    for row in tables {
        let table: String = row.get(0);
        let rights = if table == history(prefix) || table == own_history(prefix) {
            "SELECT"
        } else if is_audit(&table) {
            "SELECT, INSERT"
        } else {
            "SELECT, INSERT, UPDATE, DELETE"
        };
        sql.push_str(&format!(
            "GRANT {rights} ON {prefix}.{} TO {login};",
            quoted(&table)
        ));
    }
    sql.push_str("COMMIT");
    client.batch_execute(&sql)
}

/// An SQL identifier, quoted.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The key of the advisory lock: advisory locks are numbers, and shared by all of a database.
fn lock_key(prefix: &str) -> i64 {
    let hash = blake3::derive_key("florin 2026 migration lock", prefix.as_bytes());
    i64::from_be_bytes(hash[..8].try_into().expect("a hash has 32 bytes"))
}
