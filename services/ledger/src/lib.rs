//! The ledger: books, accounts, transactions and holds over HTTP.
//!
//! Promises: a transaction is whole or not there; debits equal credits in every commodity, always;
//! nothing is answered before it is durable on this node; a balance below its overdraft cannot be
//! made, however many ask at once; an accepted id is never done twice, for the life of the book.
//! The journal is append-only and hash-chained: what was changed behind its back is found.
//! It does not know customers, wallets or cards: they are paths of accounts to it.

mod api;
mod client;
mod engine;
mod error;
mod export;
mod import;

use std::sync::Arc;

use ::store::{Schema, Store};
use host::{Readiness, Service, Stop, WorkError};
use kit::time::{Clock, Zone};
use ledger_core::limits::Limits;
use ledger_store::{JournalError, Journals};

use api::{App, Keys};
use engine::{Books, Fatal, Readers, Setup};

pub use client::{Server, ToolError};

/// What the ledger keeps in the store of all services: the audit log, and the replies to writes
/// with an idempotency key. The journals are files of their own, see [`ledger_store`].
pub const SCHEMA: Schema = Schema {
    service: "ledger",
    sqlite: &[],
    postgres: &[],
    statements: &[],
};

/// What the service works with.
#[derive(Clone)]
pub struct Deps {
    /// Its tables, opened with [`SCHEMA`].
    pub store: Store,
    /// Where the journals are; [`ledger_store::sqlite`] in every shipped binary.
    pub journals: Arc<dyn Journals>,
    /// Tells the booking time.
    pub clock: Arc<dyn Clock>,
    /// The zone of book `main`, if it must be made.
    pub zone: Zone,
    /// How much a book takes on.
    pub limits: Limits,
    /// Most rows of a book that is exported, [`Deps::EXPORT_ROWS_MAX`] or fewer.
    pub export_rows_max: u64,
    /// Set to the reason once a book has stopped: the process must then end, with a failure.
    pub fatal: Fatal,
}

impl Deps {
    /// Most rows of a book that is exported in one piece: the export is put together in memory,
    /// and this many rows are about a gigabyte of it.
    pub const EXPORT_ROWS_MAX: u64 = 2_000_000;
}

/// Opens every book and gives the service.
///
/// Journals are replayed on threads of their own: the service is ready once all are.
///
/// # Errors
///
/// [`JournalError`] if a journal is written by another process, or cannot be opened at all.
pub fn service(deps: Deps) -> Result<Service, JournalError> {
    let books = Books::open(Setup {
        journals: Arc::clone(&deps.journals),
        clock: Arc::clone(&deps.clock),
        zone: deps.zone.clone(),
        limits: deps.limits,
        fatal: deps.fatal.clone(),
    })?;
    let readers = Readers::start()
        .map_err(|error| JournalError::Unavailable(format!("threads must start: {error}")))?;
    let app = App {
        books: books.clone(),
        readers,
        store: deps.store.clone(),
        keys: Keys::new(),
        clock: Arc::clone(&deps.clock),
        export_rows_max: deps.export_rows_max,
    };
    let (asked, closed) = (books.clone(), books);
    Ok(Service::new(SCHEMA.service, api::router(app))
        .stored(&deps.store, &deps.clock)
        .ready(Readiness::new("books", move || {
            let unready = asked.find_unready();
            async move { unready.map_or(Ok(()), |reason| Err(WorkError::from(reason))) }
        }))
        .stop(Stop::new("books", move || {
            closed.close();
            async { Ok(()) }
        })))
}
