//! Handlers that move a whole book: import and export.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use kit::codes;
use kit::limits::BULK_ITEMS_MAX;
use ledger_core::operation::Operation;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use web::{BulkBody, IdempotencyKey, Path, Problem, Query};

use super::answer::ImportView;
use super::transactions::{bulk_item, of_item};
use super::wire::{ExportFormat, ImportRequest, WriteQuery};
use super::writing::Writing;
use super::{Answer, App, request, written};
use crate::engine::{Done, Item, Refusal, Write};
use crate::export::Export;

/// Most commodities, accounts and transactions of one import: as many as fit a bulk body with
/// some 250 bytes each.
const IMPORT_ITEMS_MAX: usize = 8 * BULK_ITEMS_MAX;

/// Import commodities, accounts and transactions
///
/// In one batch: all of it, or nothing and the first refusal. What is there already is passed
/// over, so an import can be repeated with a new key; with the same one it is answered as the
/// first time.
#[utoipa::path(
    post,
    path = "/ledger/v1/books/{book}/imports",
    tag = "journal",
    params(("book" = String, Path), IdempotencyKey, WriteQuery),
    request_body = ImportRequest,
    responses(
        (status = 201, description = "Something is new", body = ImportView),
        (status = 200, description = "All of it was there, or a dry run", body = ImportView),
        (status = 404, description = "`book_must_exist`"),
        (status = 409, description = "`account_must_not_exist`, `commodity_must_not_change`, \
            `transaction_id_must_not_be_reused`"),
        (status = 422, description = "`bulk_must_fit_limit`, and every refusal of its parts"),
        (status = 503, description = "`book_queue_must_have_room`, `book_must_be_running`"),
    )
)]
pub(super) async fn import_book(
    State(app): State<App>,
    Path(book): Path<String>,
    writing: Writing,
    key: IdempotencyKey,
    BulkBody { value, bytes }: BulkBody<ImportRequest>,
) -> Result<Response, Problem> {
    let write = import(&app, &book, &writing, value);
    writing.once(&app, &key, &bytes, write).await
}

async fn import(
    app: &App,
    book: &str,
    writing: &Writing,
    request: ImportRequest,
) -> Result<Answer<ImportView>, Problem> {
    let engine = app.book(book).await?;
    let ImportRequest {
        commodities,
        accounts,
        transactions,
    } = request;
    let counts = Counts {
        commodities: commodities.len(),
        accounts: accounts.len(),
    };
    let items_count = counts.commodities + counts.accounts + transactions.len();
    if items_count > IMPORT_ITEMS_MAX {
        return Err(Problem::new(&codes::BULK_MUST_FIT_LIMIT).detail(format!(
            "an import has at most {IMPORT_ITEMS_MAX} items; this has {items_count}"
        )));
    }
    let mut currencies = request::Currencies::of(&engine);
    let mut items = Vec::with_capacity(items_count);
    for (number, request) in commodities.iter().enumerate() {
        let refused = |refusal| of_item("commodities", number, refusal).problem();
        let commodity = request::commodity(request).map_err(refused)?;
        currencies.add(commodity);
        items.push(Item::plain(Operation::AddCommodity(commodity)));
    }
    for (number, request) in accounts.into_iter().enumerate() {
        let refused = |refusal| of_item("accounts", number, refusal).problem();
        items.push(request::account(request, &currencies).map_err(refused)?);
    }
    for (number, request) in transactions.into_iter().enumerate() {
        let refused = |refusal| of_item("transactions", number, refusal).problem();
        items.push(bulk_item(request, &currencies).map_err(refused)?);
    }
    let write = Write {
        items,
        atomic: true,
        dry_run: writing.dry_run,
        rows: false,
    };
    writing.note(app, json!({ "items": items_count })).await?;
    let done = engine.write(write).await?;
    let decided: Result<Vec<Done>, (usize, Refusal)> = (0..)
        .zip(done.results)
        .map(|(at, result)| result.map_err(|why| (at, why)))
        .collect();
    let decided = decided.map_err(|(at, refusal)| counts.refused(at, refusal))?;
    let view = counts.view(&decided, done.sequence, writing.dry_run);
    Ok(written(!view.already_applied && !writing.dry_run, view))
}

/// How many items of each kind an import has, in their order.
struct Counts {
    commodities: usize,
    accounts: usize,
}

impl Counts {
    /// The refusal of the item at this place.
    fn refused(&self, at: usize, refusal: Refusal) -> Problem {
        let (list, number) = if at < self.commodities {
            ("commodities", at)
        } else if at < self.commodities + self.accounts {
            ("accounts", at - self.commodities)
        } else {
            ("transactions", at - self.commodities - self.accounts)
        };
        of_item(list, number, refusal).problem()
    }

    fn view(&self, decided: &[Done], sequence: u64, dry_run: bool) -> ImportView {
        let new = |done: &[Done]| done.iter().filter(|done| !done.already_applied).count();
        let (commodities, rest) = decided.split_at(self.commodities);
        let (accounts, transactions) = rest.split_at(self.accounts);
        let transactions_posted = new(transactions);
        ImportView {
            sequence,
            already_applied: new(decided) == 0,
            dry_run,
            commodities_added: new(commodities),
            accounts_opened: new(accounts),
            transactions_posted,
            transactions_already_applied: transactions.len() - transactions_posted,
        }
    }
}

/// In which format a book is exported.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportQuery {
    /// `hledger` (for ledger too) or `beancount`.
    format: ExportFormat,
}

/// Export a book as a plain-text journal
///
/// Everything posted up to one sequence, with the balances it comes to as assertions that
/// `hledger check` or `bean-check` confirms.
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/export",
    tag = "journal",
    params(("book" = String, Path), ExportQuery),
    responses(
        (status = 200, description = "The journal", body = String, content_type = "text/plain"),
        (status = 404, description = "`book_must_exist`"),
        (status = 422, description = "`export_must_fit_limit`"),
    )
)]
pub(super) async fn export_book(
    State(app): State<App>,
    Path(book): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let engine = app.book(&book).await?;
    let mut export = engine.read(Export::begin).await?;
    if export.sequence > app.export_rows_max {
        return Err(Problem::new(&codes::EXPORT_MUST_FIT_LIMIT).detail(format!(
            "an export has at most {} rows; the book has {}",
            app.export_rows_max, export.sequence
        )));
    }
    loop {
        let page = app.read(&engine, move |store| {
            let more = export.read_page(store)?;
            Ok((export, more))
        });
        let more;
        (export, more) = page.await?;
        if !more {
            break;
        }
    }
    let (sequence, format) = (export.sequence, query.format);
    let title = format!("Florin, book {book} as of sequence {sequence}");
    let text = app.readers.run(move || {
        let book = export.finish(title);
        match format {
            ExportFormat::Hledger => journals::write_hledger(&book),
            ExportFormat::Beancount => journals::write_beancount(&book),
        }
    });
    let text = text.await?.map_err(|error| {
        Problem::new(&codes::INTERNAL_ERROR).detail(format!("the book cannot be written: {error}"))
    })?;
    let sequence = [("x-florin-sequence", sequence.to_string())];
    let media = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((sequence, media, text).into_response())
}
