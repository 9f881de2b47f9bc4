//! Handlers of transactions: single, in bulk, and found again.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use kit::codes;
use kit::limits::BULK_ITEMS_MAX;
use ledger_core::{Reference, TransactionId};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use web::{Body, BulkBody, Cursor, FieldError, PageQuery, Path, Problem, Query};

use super::answer::{
    BulkAnswer, BulkResult, Listed, RemainingView, TransactionAnswer, TransactionFound,
    TransactionView,
};
use super::reading::load_transaction as load_rows;
use super::wire::{BulkMode, BulkRequest, TransactionRequest, WriteQuery};
use super::writing::Writing;
use super::{App, request, view, written};
use crate::engine::{Done, Item, Refusal, Write};

/// The header that may carry the id of a single transaction.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Write a transaction
///
/// All of it or nothing, durable when answered. Its id is its idempotency key, for the life of the
/// book: in `Idempotency-Key`, in the body, or the same in both. A repeat is answered with what
/// was done then. What is refused leaves nothing behind, and its id may be sent again.
#[utoipa::path(
    post,
    path = "/ledger/v1/books/{book}/transactions",
    tag = "transactions",
    params(
        ("book" = String, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "The transaction id"),
        WriteQuery
    ),
    request_body = TransactionRequest,
    responses(
        (status = 201, description = "The transaction is new", body = TransactionAnswer),
        (status = 200, description = "It was done before, or a dry run", body = TransactionAnswer),
        (status = 404, description = "`book_must_exist`"),
        (status = 409, description = "`transaction_id_must_not_be_reused`"),
        (status = 422, description = "Every refusal of docs/errors.md, section ledger, with the \
            field or the posting it is about"),
        (status = 503, description = "`book_queue_must_have_room`, `book_must_be_running`"),
    )
)]
pub(super) async fn write_transaction(
    State(app): State<App>,
    Path(book): Path<String>,
    writing: Writing,
    headers: HeaderMap,
    body: Body<TransactionRequest>,
) -> Result<Response, Problem> {
    let engine = app.book(&book).await?;
    let id = single_id(&headers, &body.value)?;
    let currencies = request::Currencies::of(&engine);
    let item = request::transaction(body.value, id, &currencies).map_err(Refusal::problem)?;
    let write = Write {
        items: vec![item],
        atomic: false,
        dry_run: writing.dry_run,
        rows: true,
    };
    writing
        .note(&app, json!({ "transaction": id.to_string() }))
        .await?;
    let (done, balances) = super::single(engine.write(write).await?)?;
    let Done {
        sequence,
        already_applied,
        rows,
    } = done;
    let transaction = match rows {
        Some(rows) => rows,
        None => {
            app.read(&engine, move |store| load_rows(store, sequence))
                .await?
        }
    };
    let answer = TransactionAnswer {
        sequence,
        already_applied,
        dry_run: writing.dry_run,
        transaction: view::transaction(transaction),
        balances: writing
            .dry_run
            .then(|| balances.iter().map(view::balance).collect()),
    };
    Ok(written(!already_applied && !writing.dry_run, answer).into_response())
}

/// The id of a single transaction, from the header, the body, or both.
fn single_id(headers: &HeaderMap, request: &TransactionRequest) -> Result<TransactionId, Problem> {
    let in_body = request
        .id
        .as_deref()
        .map(|text| request::id(text, "/id"))
        .transpose();
    let in_body = in_body.map_err(Refusal::problem)?;
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return in_body.ok_or_else(|| {
            Problem::new(&codes::IDEMPOTENCY_KEY_MUST_BE_PRESENT)
                .detail("the transaction id must be in Idempotency-Key or in the body")
        });
    };
    if values.next().is_some() {
        return Err(Problem::new(&codes::IDEMPOTENCY_KEY_MUST_BE_WELL_FORMED));
    }
    let text = value.to_str().unwrap_or_default();
    let in_header = request::id(text, "Idempotency-Key").map_err(Refusal::problem)?;
    match in_body {
        Some(in_body) if in_body != in_header => {
            Err(Problem::new(&codes::TRANSACTION_IDS_MUST_AGREE))
        }
        _ => Ok(in_header),
    }
}

/// Write many transactions
///
/// Each is known by its own id, for the life of the book; `Idempotency-Key` is not read. A repeat
/// of the whole tells what is there. Decided in order, in one batch. `atomic`: the first refusal
/// refuses all, and names its transaction. `each`: every transaction by itself, with a result each.
#[utoipa::path(
    post,
    path = "/ledger/v1/books/{book}/transactions/bulk",
    tag = "transactions",
    params(("book" = String, Path), WriteQuery),
    request_body = BulkRequest,
    responses(
        (status = 201, description = "At least one transaction is new", body = BulkAnswer),
        (status = 200, description = "None is new, or a dry run", body = BulkAnswer),
        (status = 404, description = "`book_must_exist`"),
        (status = 409, description = "`transaction_id_must_not_be_reused`"),
        (status = 422, description = "`bulk_must_fit_limit`; `atomic`: every refusal"),
        (status = 503, description = "`book_queue_must_have_room`, `book_must_be_running`"),
    )
)]
pub(super) async fn write_bulk(
    State(app): State<App>,
    Path(book): Path<String>,
    writing: Writing,
    body: BulkBody<BulkRequest>,
) -> Result<Response, Problem> {
    let engine = app.book(&book).await?;
    let BulkRequest { mode, transactions } = body.value;
    if transactions.len() > BULK_ITEMS_MAX {
        return Err(Problem::new(&codes::BULK_MUST_FIT_LIMIT).detail(format!(
            "a bulk has at most {BULK_ITEMS_MAX} transactions; this has {}",
            transactions.len()
        )));
    }
    let currencies = request::Currencies::of(&engine);
    let mut ids = Vec::with_capacity(transactions.len());
    let mut items = Vec::with_capacity(transactions.len());
    let mut refused = Vec::new();
    for (number, transaction) in transactions.into_iter().enumerate() {
        ids.push(transaction.id.clone());
        match bulk_item(transaction, &currencies) {
            Ok(item) => items.push(item),
            Err(refusal) if mode == BulkMode::Atomic => {
                return Err(of_item("transactions", number, refusal).problem());
            }
            Err(refusal) => refused.push((number, refusal)),
        }
    }
    let atomic = mode == BulkMode::Atomic;
    let write = Write {
        items,
        atomic,
        dry_run: writing.dry_run,
        rows: false,
    };
    let what = json!({ "transactions": ids.len(), "first": ids.first() });
    writing.note(&app, what).await?;
    let done = engine.write(write).await?;
    if atomic && let Some(refusal) = done.results.last().and_then(|last| last.as_ref().err()) {
        let number = done.results.len() - 1;
        return Err(of_item("transactions", number, refusal.clone()).problem());
    }
    let results = merge(ids, done.results, refused);
    let is_new = results
        .iter()
        .any(|result| result.already_applied == Some(false));
    let answer = BulkAnswer {
        sequence: done.sequence,
        already_applied: results
            .iter()
            .all(|result| result.already_applied == Some(true)),
        dry_run: writing.dry_run,
        results,
        balances: writing
            .dry_run
            .then(|| done.balances.iter().map(view::balance).collect()),
    };
    Ok(written(is_new && !writing.dry_run, answer).into_response())
}

/// A transaction of a bulk, which must say its own id.
pub(super) fn bulk_item(
    transaction: TransactionRequest,
    currencies: &request::Currencies<'_>,
) -> Result<Item, Refusal> {
    let id = transaction
        .id
        .as_deref()
        .ok_or_else(|| request::missing("id"))?;
    let id = request::id(id, "/id")?;
    request::transaction(transaction, id, currencies)
}

/// A refusal of one item of a list, with the pointer into the whole request.
pub(super) fn of_item(list: &str, number: usize, refusal: Refusal) -> Refusal {
    request::on_the_wire(refusal).within(&format!("/{list}/{number}"))
}

/// One result per transaction: those refused while they were read in between those decided.
fn merge(
    ids: Vec<Option<String>>,
    decided: Vec<Result<Done, Refusal>>,
    refused: Vec<(usize, Refusal)>,
) -> Vec<BulkResult> {
    let mut decided = decided.into_iter();
    let mut refused = refused.into_iter().peekable();
    let mut results = Vec::with_capacity(ids.len());
    for (number, id) in ids.into_iter().enumerate() {
        let outcome = match refused.next_if(|(at, _)| *at == number) {
            Some((_, refusal)) => Err(refusal),
            None => decided
                .next()
                .expect("every transaction was refused or decided"),
        };
        let (sequence, already_applied, error) = match outcome {
            Ok(done) => (Some(done.sequence), Some(done.already_applied), None),
            Err(refusal) => (
                None,
                None,
                Some(field_error(of_item("transactions", number, refusal))),
            ),
        };
        results.push(BulkResult {
            id,
            sequence,
            already_applied,
            error,
        });
    }
    results
}

fn field_error(refusal: Refusal) -> FieldError {
    FieldError {
        pointer: refusal.pointer,
        code: refusal.code.name.to_owned(),
        detail: refusal.detail,
    }
}

/// Show a transaction
///
/// With what is left of it, if it is an open hold.
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/transactions/{id}",
    tag = "transactions",
    params(("book" = String, Path), ("id" = String, Path)),
    responses(
        (status = 200, description = "The transaction", body = TransactionFound),
        (status = 404, description = "`book_must_exist`, `resource_must_exist`"),
    )
)]
pub(super) async fn load_transaction(
    State(app): State<App>,
    Path((book, id)): Path<(String, String)>,
) -> Result<Json<TransactionFound>, Problem> {
    let engine = app.book(&book).await?;
    let id = request::id(&id, "id").map_err(Refusal::problem)?;
    let seen = engine.read(move |book| {
        let left = book.find_hold(id).map(|hold| {
            let left = |(number, posting): (u16, &ledger_core::HeldPosting)| {
                let commodity = book.account(posting.debit).commodity();
                let commodity = book.commodity(commodity).commodity();
                let remaining = view::money(posting.remaining.into(), commodity);
                RemainingView {
                    posting: number,
                    remaining,
                }
            };
            (0..).zip(hold.postings()).map(left).collect::<Vec<_>>()
        });
        (book.next_sequence() - 1, left)
    });
    let (sequence, open_hold) = seen.await?;
    let rows = app.read(&engine, move |store| match store.find_transaction(id)? {
        Some(sequence) => load_rows(store, sequence).map(Some),
        None => Ok(None),
    });
    let rows = rows.await?.ok_or_else(|| {
        Problem::new(&codes::RESOURCE_MUST_EXIST).detail("there is no such transaction in the book")
    })?;
    Ok(Json(TransactionFound {
        sequence,
        transaction: view::transaction(rows),
        open_hold,
    }))
}

/// Which transactions are listed: by reference or by parent, one of the two.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TransactionsQuery {
    /// Those that carry this reference.
    reference: Option<String>,
    /// Those that are about this transaction: captures, voids, expiries, refunds, reversals.
    parent: Option<String>,
    /// Items on the page: 1 to 200, 50 if not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Which of the two.
enum By {
    Reference(String),
    Parent(TransactionId),
}

/// List transactions by reference or by parent, oldest first
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/transactions",
    tag = "transactions",
    params(("book" = String, Path), TransactionsQuery),
    responses(
        (status = 200, description = "A page of transactions", body = Listed<TransactionView>),
        (status = 404, description = "`book_must_exist`"),
    )
)]
pub(super) async fn list_transactions(
    State(app): State<App>,
    Path(book): Path<String>,
    Query(query): Query<TransactionsQuery>,
) -> Result<Json<Listed<TransactionView>>, Problem> {
    let engine = app.book(&book).await?;
    let page = PageQuery::parse(query.limit, query.cursor.as_deref())?;
    let by = match (query.reference, query.parent) {
        (Some(reference), None) => {
            let reference = Reference::parse(&reference)
                .map_err(|error| Refusal::text(error, "reference").problem())?;
            By::Reference(reference.to_string())
        }
        (None, Some(parent)) => {
            By::Parent(request::id(&parent, "parent").map_err(Refusal::problem)?)
        }
        _ => {
            return Err(Problem::new(&codes::QUERY_MUST_MATCH_SCHEMA)
                .detail("one of reference and parent must be given"));
        }
    };
    let after = super::cursor_number::<u64>(page.cursor.as_ref())?;
    let sequence = engine.read(|book| book.next_sequence() - 1).await?;
    let limit = page.limit;
    let found = app.read(&engine, move |store| {
        let mut first_rows = match by {
            By::Reference(reference) => store.list_references(&reference, after, limit + 1)?,
            By::Parent(parent) => store.list_links(parent, after, limit + 1)?,
        };
        let more = first_rows.len() > limit as usize;
        first_rows.truncate(limit as usize);
        let next = first_rows.last().filter(|_| more).copied();
        let rows: Result<Vec<_>, _> = first_rows
            .iter()
            .map(|&first| load_rows(store, first))
            .collect();
        Ok((rows?, next))
    });
    let (rows, next) = found.await?;
    Ok(Json(Listed {
        sequence,
        items: rows.into_iter().map(view::transaction).collect(),
        next_cursor: next.map(|next| Cursor::new(next.to_string()).encode()),
    }))
}
