//! Handlers of books and of their commodities.

use axum::extract::State;
use axum::response::Response;
use kit::codes;
use ledger_core::operation::Operation;
use serde_json::json;
use web::{Body, Cursor, IdempotencyKey, Page, PageQuery, Path, Principal, Problem};

use super::answer::{BookView, CommodityAnswer, CommodityView, Listed};
use super::once::answer_once;
use super::wire::{CommodityRequest, MakeBook, WriteQuery};
use super::writing::{Writing, note};
use super::{Answer, App, request, written};
use crate::engine::{Engine, Item, Made, Write, is_book_name};
use ledger_store::JournalError;

/// Make a book
///
/// Durable when answered, with the currencies of ISO 4217. A repeat with the same key is answered
/// as the first time; one with another key and the same zone with the book as it is. Book `main`
/// exists from the start.
#[utoipa::path(
    post,
    path = "/ledger/v1/books",
    tag = "books",
    params(IdempotencyKey),
    request_body = MakeBook,
    responses(
        (status = 201, description = "The book is new", body = BookView),
        (status = 200, description = "The book was there", body = BookView),
        (status = 409, description = "`book_must_not_exist`"),
        (status = 422, description = "`book_name_must_be_well_formed`, `books_must_fit_limit`"),
    )
)]
pub(super) async fn make_book(
    State(app): State<App>,
    principal: Principal,
    key: IdempotencyKey,
    Body { value, bytes }: Body<MakeBook>,
) -> Result<Response, Problem> {
    let write = make(&app, &principal, value);
    answer_once(&app, &key, &bytes, write).await
}

async fn make(
    app: &App,
    principal: &Principal,
    request: MakeBook,
) -> Result<Answer<BookView>, Problem> {
    let MakeBook { name, zone } = request;
    if !is_book_name(&name) {
        return Err(Problem::new(&codes::BOOK_NAME_MUST_BE_WELL_FORMED).field(
            "/name",
            &codes::BOOK_NAME_MUST_BE_WELL_FORMED,
            "the name must be 1 to 32 characters a-z, 0-9 and -, the first a letter",
        ));
    }
    let what = json!({ "book": name, "zone": zone });
    note(app, principal, "POST /ledger/v1/books", what).await?;
    let books = app.books.clone();
    let made = app.readers.run(move || books.make(&name, &zone)).await?;
    match made.map_err(|error: JournalError| unmade(&error))? {
        Made::New(engine) => Ok(written(true, view(&engine, Some(false)))),
        Made::Already(engine) => Ok(written(false, view(&engine, Some(true)))),
        Made::Differs => Err(Problem::new(&codes::BOOK_MUST_NOT_EXIST)),
        Made::NoRoom(books_max) => Err(Problem::new(&codes::BOOKS_MUST_FIT_LIMIT)
            .detail(format!("a process keeps at most {books_max} books"))),
    }
}

fn unmade(error: &JournalError) -> Problem {
    Problem::new(&codes::INTERNAL_ERROR).detail(error.to_string())
}

/// List books by name
#[utoipa::path(
    get,
    path = "/ledger/v1/books",
    tag = "books",
    params(PageQuery),
    responses((status = 200, description = "A page of books", body = Page<BookView>))
)]
pub(super) async fn list_books(
    State(app): State<App>,
    page: PageQuery,
) -> Result<Page<BookView>, Problem> {
    let after = page.cursor.as_ref().map(Cursor::key);
    let limit = page.limit as usize + 1;
    let books = app.books.list(after, limit);
    let views = books.iter().map(|engine| view(engine, None)).collect();
    Ok(Page::from_rows(views, &page, |book: &BookView| {
        book.name.clone()
    }))
}

fn view(engine: &Engine, already_applied: Option<bool>) -> BookView {
    let record = engine.store().record();
    BookView {
        name: record.name.clone(),
        zone: record.zone.to_string(),
        created_at: record.created_at,
        sequence: engine.durable_sequence(),
        running: engine.is_ready(),
        already_applied,
    }
}

/// Add a commodity
///
/// Something else to count than the currencies of ISO 4217: fund units, shares, points.
#[utoipa::path(
    post,
    path = "/ledger/v1/books/{book}/commodities",
    tag = "books",
    params(("book" = String, Path), IdempotencyKey, WriteQuery),
    request_body = CommodityRequest,
    responses(
        (status = 201, description = "The commodity is new", body = CommodityAnswer),
        (status = 200, description = "It was there, or a dry run", body = CommodityAnswer),
        (status = 404, description = "`book_must_exist`"),
        (status = 409, description = "`commodity_must_not_change`"),
        (status = 422, description = "`commodity_code_must_be_well_formed`, \
            `commodity_exponent_must_be_in_range`, `book_must_have_room`"),
    )
)]
pub(super) async fn add_commodity(
    State(app): State<App>,
    Path(book): Path<String>,
    writing: Writing,
    key: IdempotencyKey,
    Body { value, bytes }: Body<CommodityRequest>,
) -> Result<Response, Problem> {
    let write = add(&app, &book, &writing, value);
    writing.once(&app, &key, &bytes, write).await
}

async fn add(
    app: &App,
    book: &str,
    writing: &Writing,
    request: CommodityRequest,
) -> Result<Answer<CommodityAnswer>, Problem> {
    let engine = app.book(book).await?;
    let commodity = request::commodity(&request).map_err(crate::engine::Refusal::problem)?;
    writing
        .note(app, json!({ "commodity": request.code }))
        .await?;
    let items = vec![Item::plain(Operation::AddCommodity(commodity))];
    let write = Write {
        items,
        atomic: false,
        dry_run: writing.dry_run,
        rows: false,
    };
    let done = super::single(engine.write(write).await?)?.0;
    let answer = CommodityAnswer {
        sequence: done.sequence,
        already_applied: done.already_applied,
        dry_run: writing.dry_run,
        commodity: commodity_view(commodity),
    };
    Ok(written(!done.already_applied && !writing.dry_run, answer))
}

fn commodity_view(commodity: money::Commodity) -> CommodityView {
    CommodityView {
        code: commodity.code().to_string(),
        exponent: commodity.exponent(),
    }
}

/// List commodities in the order in which they were added
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/commodities",
    tag = "books",
    params(("book" = String, Path), PageQuery),
    responses(
        (status = 200, description = "A page of commodities", body = Listed<CommodityView>),
        (status = 404, description = "`book_must_exist`"),
    )
)]
pub(super) async fn list_commodities(
    State(app): State<App>,
    Path(book): Path<String>,
    page: PageQuery,
) -> Result<axum::Json<Listed<CommodityView>>, Problem> {
    let engine = app.book(&book).await?;
    let from: usize = super::cursor_number(page.cursor.as_ref())?;
    let limit = page.limit as usize;
    let listed = engine.read(move |book| {
        let rest = book.commodities().get(from..).unwrap_or_default();
        let more = rest.len() > limit;
        let items = rest
            .iter()
            .take(limit)
            .map(|state| commodity_view(state.commodity()));
        Listed {
            sequence: book.next_sequence() - 1,
            items: items.collect(),
            next_cursor: more.then(|| Cursor::new((from + limit).to_string()).encode()),
        }
    });
    Ok(axum::Json(listed.await?))
}
