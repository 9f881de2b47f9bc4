//! One connection to the file, set up as every connection must be, and the way a closure runs on
//! it.
//!
//! Promises: WAL, `synchronous=FULL`, foreign keys on; a statement ends after a bounded number of
//! steps; a closure that panics leaves the connection usable.
//! Does not: begin or end transactions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::guard::{Guard, Mode};
use super::{Session, failure};
use crate::error::StoreError;
use crate::service::Service;
use crate::tx::{self, Tx};

/// How many virtual-machine instructions pass between two looks at the limit.
const STEPS_PER_LOOK: i32 = 10_000;

/// How many looks a closure's statement gets: 25 million instructions, some hundred milliseconds'
/// work, as on the writer every other service waits for as long.
const LOOKS_MAX: u32 = 2_500;

/// What migrations and the store's own commands get: in effect, no limit.
const LOOKS_UNLIMITED: u32 = u32::MAX;

/// How many prepared statements a connection keeps: all statements of all services.
const STATEMENTS_CACHED_MAX: usize = 1_024;

/// How long to wait for another program (a backup, a shell) that locked the file.
const FOREIGN_LOCK_WAIT_MS: u64 = 5_000;

/// The size of a page, in a file that is made anew. Rows are some hundred bytes and many of a page
/// change in one commit, so twice SQLite's own default halves the calls of a commit.
const PAGE_BYTES: i64 = 8 * 1024;

/// How many pages the write-ahead log has before it is folded into the file, 16 MiB: pages that
/// change again and again are folded once. What a start after a crash reads takes tens of
/// milliseconds.
const CHECKPOINT_PAGES: i64 = 2_048;

/// How much of the file the writer keeps at hand: what is under way, and the inner pages of what is
/// not. Not more, as SQLite looks through all of it at the end of a commit in which pages were
/// split.
const CACHE_KIBIBYTES: i64 = 8 * 1024;

/// How large the write-ahead log may stay after a checkpoint.
const WAL_BYTES_MAX: i64 = 64 * 1024 * 1024;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A connection with its authorizer and its limit on statements.
pub(crate) struct Link {
    pub(crate) connection: Connection,
    pub(crate) guard: Guard,
    looks: Looks,
}

/// How many looks the statement that runs has left.
#[derive(Clone, Debug)]
pub(crate) struct Looks(Arc<AtomicU32>);

impl Looks {
    /// A closure's statement begins.
    pub(crate) fn limit(&self) {
        self.0.store(LOOKS_MAX, Ordering::Relaxed);
    }

    /// Whether there was none left.
    fn take(&self) -> bool {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        taken.is_err()
    }
}

impl Link {
    pub(crate) fn open(path: &Path, access: Access) -> Result<Self, StoreError> {
        Self::try_open(path, access).map_err(|error| failure("open", &error))
    }

    fn try_open(path: &Path, access: Access) -> rusqlite::Result<Self> {
        let flags = match access {
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
        };
        let mut connection =
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(Duration::from_millis(FOREIGN_LOCK_WAIT_MS))?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Double quotes are for names; a misspelt column must not become a text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        if access == Access::Write {
            connection.pragma_update(None, "page_size", PAGE_BYTES)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX)?;
            connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            // Negative: in KiB instead of pages.
            connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
        }
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What a sort or a savepoint spills must not lie in a folder that others share.
        connection.pragma_update(None, "temp_store", "memory")?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
        let looks = Looks(Arc::new(AtomicU32::new(LOOKS_UNLIMITED)));
        let counted = looks.clone();
        connection.progress_handler(STEPS_PER_LOOK, Some(move || counted.take()))?;
        let guard = Guard::install(&mut connection)?;
        Ok(Self {
            connection,
            guard,
            looks,
        })
    }

    /// Runs one of the store's own statements: `BEGIN IMMEDIATE`, `COMMIT` ….
    pub(crate) fn command(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Runs a closure of the service. The transaction around it is the caller's.
    pub(crate) fn run<T>(
        &self,
        service: &Service,
        closure: impl FnOnce(&mut Tx<'_>) -> T,
    ) -> Result<T, StoreError> {
        self.guard.set(Mode::Closure(service.prefix.clone()));
        let session = Session {
            connection: &self.connection,
            looks: &self.looks,
        };
        let mut tx = Tx::new(service, tx::Connection::Sqlite(session));
        // What the closure leaves half done is in the transaction, which is rolled back.
        let outcome = catch_unwind(AssertUnwindSafe(|| closure(&mut tx)));
        self.guard.set(Mode::Store);
        self.looks.0.store(LOOKS_UNLIMITED, Ordering::Relaxed);
        outcome.map_err(|_| StoreError::ClosurePanicked)
    }
}
