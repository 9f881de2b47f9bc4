//! SQLite and PostgreSQL behind one API of synchronous transaction closures.
//!
//! ```
//! use store::{Database, Migration, Row, Schema, SqliteFile, Statement, Store, StoreError};
//!
//! const ADD: Statement =
//!     Statement { name: "add", sql: "INSERT INTO notes (id, body) VALUES (?1, ?2)" };
//! const LIST: Statement =
//!     Statement { name: "list", sql: "SELECT body FROM notes ORDER BY id LIMIT ?1" };
//! const SCHEMA: Schema = Schema {
//!     service: "notes",
//!     sqlite: &[Migration {
//!         name: "V1__notes",
//!         sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT",
//!     }],
//!     postgres: &[Migration {
//!         name: "V1__notes",
//!         sql: "CREATE TABLE notes (id bigint PRIMARY KEY, body text NOT NULL)",
//!     }],
//!     statements: &[&ADD, &LIST],
//! };
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("florin.db");
//! let database = Database::Sqlite(SqliteFile::open(&path).await?);
//! let store = Store::open(&database, &SCHEMA, &["notes.note_added"]).await?;
//! store
//!     .write(|tx| {
//!         tx.execute(&ADD, &[1.into(), "buy milk".into()])?;
//!         Ok::<_, StoreError>(())
//!     })
//!     .await?;
//! let bodies: Vec<String> = store
//!     .read(|tx| tx.query(&LIST, &[10.into()])?.iter().map(|row: &Row| row.text(0)).collect())
//!     .await
//!     .map_err(|error: StoreError| error)?;
//! assert_eq!(bodies, ["buy milk"]);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! - A closure's writes are kept all or not at all, and the caller hears `Ok` only after they are
//!   flushed: on SQLite to this machine's disk, on PostgreSQL as far as `synchronous_commit` and
//!   the replication are set to.
//! - Closures behave as if they ran one after another (SQLite has one writer, PostgreSQL runs
//!   them `SERIALIZABLE` and repeats those that met another).
//! - A service touches its own tables only, and never changes an audit row.
//! - The same statements, values and errors on both databases. Every service gets an outbox, an
//!   inbox, idempotency records and an audit log, written in the same transaction as its rows.
//! - Every wait, queue, row count and retry has a limit with a name.
//!
//! # What it does not do
//!
//! No await and no outside call inside a transaction, no SQL built at run time, no ORM, no
//! domain types, no clock: times are given. See `docs/operations/store.md` for running it.

mod audit;
mod cursor;
mod drain;
mod error;
mod housekeeping;
mod idempotency;
mod inbox;
mod lease;
mod outbox;
mod parked;
mod position;
mod postgres;
mod schema;
mod service;
mod sqlite;
mod statement;
mod steps;
mod tx;
mod value;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use audit::{AUDIT_PAGE_ROWS, AuditEntry, AuditState};
pub use drain::{OUTBOX_EVENTS_KEPT, OUTBOX_PAGE_BYTES_MAX, OUTBOX_ROWS_MAX, OutboxDepth, Page};
pub use error::{Constraint, StoreError};
pub use housekeeping::{TRIM_BATCH_ROWS, TRIM_BATCHES_MAX, Trimmed};
pub use idempotency::{Idempotency, IdempotentRequest, StoredReply};
pub use inbox::{Delivery, INBOX_RETENTION_HOURS, inbox_remembers};
pub use outbox::{EVENT_KEY_BYTES_MAX, Envelope, OUTBOX_PAGE_ROWS, OUTBOX_RETENTION_HOURS, Work};
pub use parked::{PARKED_ERROR_BYTES_MAX, PARKED_ROWS_MAX, Parked};
pub use position::Position;
pub use postgres::{PostgresLogin, migrate};
pub use schema::{Migration, Schema};
pub use sqlite::{GROUP_CLOSURES_MAX, SqliteCounts, SqliteFile};
pub use statement::Statement;
pub use steps::{STEPS_RETENTION_HOURS, StepState};
pub use tx::{QUERY_ROWS_MAX, Tx};
pub use value::{Row, Value};

use service::Service;
use tracing::Span;

/// How long a caller waits for a place in the queue or for a connection before
/// [`StoreError::Busy`]: a third of what a request may take (`kit::limits::REQUEST_TIMEOUT_MS`).
const WAIT_MS: u64 = 10_000;

/// Where a service's tables are.
#[derive(Clone)]
pub enum Database {
    /// In the one file of this machine. Migrations are applied when a store is opened.
    Sqlite(SqliteFile),
    /// On a server, as the service's own login. Migrations are applied before, by [`migrate`].
    Postgres(PostgresLogin),
}

/// The tables of one service. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    service: Arc<Service>,
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Sqlite(SqliteFile),
    Postgres(Arc<postgres::Pool>),
}

impl Store {
    /// Opens the tables of a service, which may publish to `topics`.
    ///
    /// On SQLite the migrations are applied first; on PostgreSQL they must have been. Then every
    /// statement of the schema is prepared.
    ///
    /// # Errors
    ///
    /// Migrations that are missing, failed, or not those of this program; a statement that does
    /// not fit the tables or leaves the service's own; a database that is not set up.
    pub async fn open(
        database: &Database,
        schema: &Schema,
        topics: &[&str],
    ) -> Result<Self, StoreError> {
        schema.check_name()?;
        for statement in schema.statements {
            statement::check_verb(statement.name, statement.sql)?;
        }
        let service = Arc::new(Service::new(schema, topics));
        let engine = match database {
            Database::Sqlite(file) => {
                file.register(schema, &service).await?;
                Engine::Sqlite(file.clone())
            }
            Database::Postgres(login) => Engine::Postgres(Arc::new(
                postgres::Pool::open(login, schema, &service).await?,
            )),
        };
        Ok(Self { service, engine })
    }

    /// Runs a closure in a transaction that may write, and answers what it answers once its
    /// writes are durable. An `Err` undoes the closure, and nothing else.
    ///
    /// The closure may run more than once, so it must have no effect but through `tx`; that it is
    /// `Fn` helps. A panic in it is an error, not the end of the store. If the caller goes away
    /// meanwhile the write is done all the same.
    ///
    /// # Errors
    ///
    /// What the closure answers; else a [`StoreError`]: [`StoreError::Busy`] after ten seconds,
    /// [`StoreError::Contended`], [`StoreError::CommitOutcomeUnknown`], …
    pub async fn write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        // The closure runs on another thread; what it publishes belongs to the caller's trace.
        let span = Span::current();
        let closure = move |tx: &mut Tx<'_>| span.in_scope(|| closure(tx));
        match &self.engine {
            Engine::Sqlite(file) => file.write(&self.service, closure).await,
            Engine::Postgres(pool) => pool.write(&self.service, closure).await,
        }
    }

    /// Runs a closure on one snapshot of what is committed. It cannot write.
    pub async fn read<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let span = Span::current();
        let closure = move |tx: &mut Tx<'_>| span.in_scope(|| closure(tx));
        match &self.engine {
            Engine::Sqlite(file) => file.read(&self.service, closure).await,
            Engine::Postgres(pool) => pool.read(&self.service, closure).await,
        }
    }

    /// Whether the store can be read and, as far as can be known without writing, written: for
    /// readiness.
    pub async fn check(&self) -> Result<(), StoreError> {
        if let Engine::Sqlite(file) = &self.engine {
            file.check_writer()?;
        }
        self.read(|tx| tx.query_own(&audit::AUDIT_LAST, &[]).map(drop))
            .await
    }

    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.service.name
    }

    /// The names of the service's statements that ran without error since this store was opened:
    /// for the test that proves each of them on both databases.
    pub fn executed(&self) -> BTreeSet<&'static str> {
        self.service.recorder.names()
    }
}

/// The closure's outcome, or the reason why its `Ok` cannot stand.
fn judged<T, E: From<StoreError>>(outcome: Result<T, E>, tx: &Tx<'_>) -> Result<T, E> {
    match (outcome, tx.objection()) {
        (Ok(_), Some(objection)) => Err(objection.into()),
        (outcome, _) => outcome,
    }
}

/// Runs what blocks on a thread where it may.
///
/// `spawn_blocking` starts no task: it borrows a thread of the runtime for a call that is awaited
/// here. How many run at once is bounded by the pools' permits.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(call).await.map_err(|error| {
        if error.is_panic() {
            StoreError::ClosurePanicked
        } else {
            StoreError::Closed
        }
    })
}

/// What an error of the migration library means.
fn migration_failure(history: &str, error: &refinery::Error) -> StoreError {
    use refinery::error::Kind;
    match error.kind() {
        Kind::DivergentVersion(applied, _) | Kind::MissingVersion(applied) => {
            StoreError::MigrationsMustMatch {
                migration: applied.to_string(),
            }
        }
        _ => StoreError::MigrationFailed {
            migration: history.into(),
            reason: reasons(error),
        },
    }
}

/// An error with its causes, in one line.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
