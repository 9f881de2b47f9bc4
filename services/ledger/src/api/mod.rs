//! The routes of the ledger under `/ledger/v1`.
//!
//! Promises: a write is parsed → decided by the book's engine → answered when it is durable; every
//! answer carries the `sequence` it is as of. A write says its own name: a transaction has the id
//! its client chose, an account its path, a commodity its code, a book its name; a repeat is
//! answered 200 with `already_applied`, the first time is 201, and nothing is done twice.
//!
//! Repeats are known by two things. Transactions, single and in bulk, by their own id alone, for
//! the life of the book: the id of a single one may stand in `Idempotency-Key`, and nothing is kept
//! beside the journal. Books, commodities, accounts and imports by `Idempotency-Key`, see `once`,
//! and once that is no longer kept by the name they say. A change of an account names the version
//! it was made for, in `If-Match`. Who may call which route is in the access table.

mod accounts;
pub(crate) mod answer;
mod books;
mod journal;
mod once;
mod reading;
mod request;
mod transactions;
mod transfer;
mod view;
pub(crate) mod wire;
mod writing;

use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kit::codes;
use kit::time::Clock;
use serde::Serialize;
use store::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{Cursor, Problem};

use crate::engine::{Balance, Books, Done, Engine, Readers, Written};
use crate::error::unreadable;

use ledger_store::{JournalError, LedgerStore};
pub(crate) use once::Keys;

/// What the handlers work on.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) books: Books,
    pub(crate) readers: Readers,
    pub(crate) store: Store,
    pub(crate) keys: Keys,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) export_rows_max: u64,
}

/// The routes, with what they work on.
pub(crate) fn router(app: App) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(books::make_book, books::list_books))
        .routes(routes!(books::add_commodity, books::list_commodities))
        .routes(routes!(accounts::open_account, accounts::list_accounts))
        .routes(routes!(accounts::load_account, accounts::change_account))
        .routes(routes!(accounts::load_balance))
        .routes(routes!(accounts::list_entries))
        .routes(routes!(
            transactions::write_transaction,
            transactions::list_transactions
        ))
        .routes(routes!(transactions::write_bulk))
        .routes(routes!(transactions::load_transaction))
        .routes(routes!(journal::load_trial_balance))
        .routes(routes!(journal::load_head))
        .routes(routes!(transfer::export_book))
        .routes(routes!(transfer::import_book))
        .with_state(app)
}

impl App {
    /// The book of this name, once it is replayed.
    async fn book(&self, name: &str) -> Result<Arc<Engine>, Problem> {
        let missing =
            || Problem::new(&codes::BOOK_MUST_EXIST).detail(format!("there is no book {name:?}"));
        let engine = self.books.find(name).ok_or_else(missing)?;
        engine.replayed().await?;
        Ok(engine)
    }

    /// Reads the journal of a book, away from the tasks that serve requests.
    async fn read<T: Send + 'static>(
        &self,
        engine: &Arc<Engine>,
        read: impl FnOnce(&dyn LedgerStore) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = Arc::clone(engine.store());
        let found = self.readers.run(move || read(store.as_ref())).await?;
        found.map_err(|error| unreadable(engine, &error))
    }
}

/// What came of a write of one operation; a refusal is the problem.
fn single(written: Written) -> Result<(Done, Vec<Balance>), Problem> {
    let result = written
        .results
        .into_iter()
        .next()
        .expect("one operation has one result");
    let done = result.map_err(|refusal| request::on_the_wire(refusal).problem())?;
    Ok((done, written.balances))
}

/// A cursor that is a number; 0 without one.
fn cursor_number<T: FromStr + Default>(cursor: Option<&Cursor>) -> Result<T, Problem> {
    let Some(cursor) = cursor else {
        return Ok(T::default());
    };
    cursor
        .key()
        .parse()
        .map_err(|_| Problem::new(&codes::CURSOR_MUST_BE_VALID))
}

/// The answer to a write.
struct Answer<T> {
    status: StatusCode,
    body: T,
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// The answer to a write: 201 for what is new, 200 for a repeat and for a dry run.
fn written<T>(is_new: bool, body: T) -> Answer<T> {
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Answer { status, body }
}
