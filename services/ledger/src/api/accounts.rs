//! Handlers of accounts, their balances and their entries.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use kit::codes;
use ledger_core::{AccountIndex, AccountPath, Entry, Side};
use money::{Commodity, format_minor, format_wide};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use web::{Body, Cursor, Etag, IdempotencyKey, IfMatch, PageQuery, Path, Problem, Query};

use super::answer::{AccountAnswer, AccountView, BalanceAnswer, EntryView, Listed};
use super::reading::{Names, movement};
use super::wire::{AccountRequest, ChangeAccount, WriteQuery};
use super::writing::Writing;
use super::{Answer, App, request, view, written};
use crate::engine::{Balance, Done, Engine, Refusal, Write, version};
use ledger_store::{Damage, JournalError, LedgerStore};

/// Open an account
///
/// A repeat with the same key is answered as the first time; one with another key, while the
/// account is as asked, with the account as it is.
#[utoipa::path(
    post,
    path = "/ledger/v1/books/{book}/accounts",
    tag = "accounts",
    params(("book" = String, Path), IdempotencyKey, WriteQuery),
    request_body = AccountRequest,
    responses(
        (status = 201, description = "The account is new", body = AccountAnswer),
        (status = 200, description = "It was there, or a dry run", body = AccountAnswer),
        (status = 404, description = "`book_must_exist`"),
        (status = 409, description = "`account_must_not_exist`"),
        (status = 422, description = "`account_path_must_be_well_formed`, `commodity_must_exist`, \
            `overdraft_limit_must_be_positive`, `metadata_must_fit_limit`, `book_must_have_room`"),
    )
)]
pub(super) async fn open_account(
    State(app): State<App>,
    Path(book): Path<String>,
    writing: Writing,
    key: IdempotencyKey,
    Body { value, bytes }: Body<AccountRequest>,
) -> Result<Response, Problem> {
    let write = open(&app, &book, &writing, value);
    writing.once(&app, &key, &bytes, write).await
}

async fn open(
    app: &App,
    book: &str,
    writing: &Writing,
    request: AccountRequest,
) -> Result<Answer<AccountAnswer>, Problem> {
    let engine = app.book(book).await?;
    let path = request::path(&request.account, "/account").map_err(Refusal::problem)?;
    let currencies = request::Currencies::of(&engine);
    let item = request::account(request, &currencies).map_err(Refusal::problem)?;
    let write = Write {
        items: vec![item],
        atomic: false,
        dry_run: writing.dry_run,
        rows: false,
    };
    writing
        .note(app, json!({ "account": path.as_str() }))
        .await?;
    let (done, _) = super::single(engine.write(write).await?)?;
    let found = find_view(app, &engine, path).await?;
    Ok(answer(
        found.map(|found| found.view),
        &done,
        writing.dry_run,
    ))
}

/// The answer to a write of an account: what it did, and the account as it is.
fn answer(account: Option<AccountView>, done: &Done, dry_run: bool) -> Answer<AccountAnswer> {
    let answer = AccountAnswer {
        sequence: done.sequence,
        already_applied: Some(done.already_applied),
        dry_run: Some(dry_run),
        account,
    };
    written(!done.already_applied && !dry_run, answer)
}

/// An account as it was found.
struct Found {
    /// The sequence it is as of.
    sequence: u64,
    /// The version of its settings. What it has is not part of it.
    version: Etag,
    view: AccountView,
}

/// An account with its metadata.
async fn find_view(
    app: &App,
    engine: &Arc<Engine>,
    path: AccountPath,
) -> Result<Option<Found>, Problem> {
    let found = engine.read(move |book| {
        let account = book.account(book.find_account(&path)?);
        let metadata_at = account
            .settings()
            .metadata_digest
            .as_ref()
            .map(|_| account.changed());
        let found = Found {
            sequence: book.next_sequence() - 1,
            version: Etag(version(account)),
            view: view::account(book, account),
        };
        Some((found, metadata_at))
    });
    let Some((mut found, metadata_at)) = found.await? else {
        return Ok(None);
    };
    if let Some(at) = metadata_at {
        let metadata = app
            .read(engine, move |store| store.find_metadata(at))
            .await?;
        found.view.metadata = view::metadata(metadata);
    }
    Ok(Some(found))
}

fn no_account() -> Problem {
    Problem::new(&codes::RESOURCE_MUST_EXIST).detail("there is no such account in the book")
}

/// The path of an account that a request's own path names.
fn path_of(account: &str) -> Result<AccountPath, Problem> {
    request::path(account, "account").map_err(Refusal::problem)
}

/// Change an account
///
/// What is left out stays as it is. Closing is for good. `If-Match` has the ETag under which the
/// account was read: when somebody changed it in between, nothing is done, unless it is already as
/// asked. Postings do not change the ETag.
#[utoipa::path(
    patch,
    path = "/ledger/v1/books/{book}/accounts/{*account}",
    tag = "accounts",
    params(
        ("book" = String, Path),
        ("account" = String, Path),
        ("If-Match" = String, Header, description = "The ETag of the account as it was read, or *"),
        WriteQuery
    ),
    request_body = ChangeAccount,
    responses(
        (status = 201, description = "The account is changed", body = AccountAnswer),
        (status = 200, description = "It was so already, or a dry run", body = AccountAnswer),
        (status = 404, description = "`book_must_exist`, `resource_must_exist`"),
        (status = 412, description = "`version_must_match`"),
        (status = 422, description = "`account_must_be_open`, `account_must_be_empty`, \
            `overdraft_limit_must_be_positive`, `metadata_must_fit_limit`"),
        (status = 428, description = "`version_must_be_stated`"),
    )
)]
pub(super) async fn change_account(
    State(app): State<App>,
    Path((book, account)): Path<(String, String)>,
    writing: Writing,
    seen: IfMatch,
    body: Body<ChangeAccount>,
) -> Result<Response, Problem> {
    let engine = app.book(&book).await?;
    let path = path_of(&account)?;
    let looked = path.clone();
    let commodity = engine.read(move |book| {
        let account = book.account(book.find_account(&looked)?);
        Some(book.commodity(account.commodity()).commodity())
    });
    let commodity = commodity.await?.ok_or_else(no_account)?;
    let mut item =
        request::change(body.value, path.clone(), commodity).map_err(Refusal::problem)?;
    item.seen = match seen {
        IfMatch::Any => None,
        IfMatch::Version(version) => Some(version),
    };
    let write = Write {
        items: vec![item],
        atomic: false,
        dry_run: writing.dry_run,
        rows: false,
    };
    writing
        .note(&app, json!({ "account": path.as_str() }))
        .await?;
    let (done, _) = super::single(engine.write(write).await?)?;
    let found = find_view(&app, &engine, path)
        .await?
        .ok_or_else(no_account)?;
    let answer = answer(Some(found.view), &done, writing.dry_run);
    Ok((found.version, answer).into_response())
}

/// Show an account
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/accounts/{*account}",
    tag = "accounts",
    params(("book" = String, Path), ("account" = String, Path)),
    responses(
        (status = 200, description = "The account", body = AccountAnswer,
            headers(("ETag" = String, description = "The version of its settings"))),
        (status = 404, description = "`book_must_exist`, `resource_must_exist`"),
    )
)]
pub(super) async fn load_account(
    State(app): State<App>,
    Path((book, account)): Path<(String, String)>,
) -> Result<(Etag, Json<AccountAnswer>), Problem> {
    let engine = app.book(&book).await?;
    let found = find_view(&app, &engine, path_of(&account)?).await?;
    let found = found.ok_or_else(no_account)?;
    let answer = AccountAnswer {
        sequence: found.sequence,
        already_applied: None,
        dry_run: None,
        account: Some(found.view),
    };
    Ok((found.version, Json(answer)))
}

/// Which accounts are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountsQuery {
    /// Accounts whose path begins so; all if left out.
    prefix: Option<String>,
    /// Items on the page: 1 to 200, 50 if not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List accounts by path
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/accounts",
    tag = "accounts",
    params(("book" = String, Path), AccountsQuery),
    responses(
        (status = 200, description = "A page of accounts", body = Listed<AccountView>),
        (status = 404, description = "`book_must_exist`"),
    )
)]
pub(super) async fn list_accounts(
    State(app): State<App>,
    Path(book): Path<String>,
    Query(query): Query<AccountsQuery>,
) -> Result<Json<Listed<AccountView>>, Problem> {
    let engine = app.book(&book).await?;
    let page = PageQuery::parse(query.limit, query.cursor.as_deref())?;
    let prefix = query.prefix.unwrap_or_default();
    let listed = engine.read(move |book| {
        let after = page.cursor.as_ref().map(Cursor::key);
        let limit = page.limit as usize;
        let mut indexes: Vec<_> = book.list_accounts(&prefix, after).take(limit + 1).collect();
        let more = indexes.len() > limit;
        indexes.truncate(limit);
        let last = indexes.last().filter(|_| more);
        let next_cursor =
            last.map(|&index| Cursor::new(book.account(index).path().as_str()).encode());
        let items = indexes
            .iter()
            .map(|&index| view::account(book, book.account(index)));
        Listed {
            sequence: book.next_sequence() - 1,
            items: items.collect(),
            next_cursor,
        }
    });
    Ok(Json(listed.await?))
}

/// Show what an account has
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/balances/{*account}",
    tag = "accounts",
    params(("book" = String, Path), ("account" = String, Path)),
    responses(
        (status = 200, description = "What the account has", body = BalanceAnswer),
        (status = 404, description = "`book_must_exist`, `resource_must_exist`"),
    )
)]
pub(super) async fn load_balance(
    State(app): State<App>,
    Path((book, account)): Path<(String, String)>,
) -> Result<Json<BalanceAnswer>, Problem> {
    let engine = app.book(&book).await?;
    let path = path_of(&account)?;
    let found = engine.read(move |book| {
        let index = book.find_account(&path)?;
        Some((book.next_sequence() - 1, Balance::of(book, index)))
    });
    let (sequence, balance) = found.await?.ok_or_else(no_account)?;
    Ok(Json(BalanceAnswer {
        sequence,
        balance: view::balance(&balance),
    }))
}

/// List what happened to an account, newest first
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/entries/{*account}",
    tag = "accounts",
    params(("book" = String, Path), ("account" = String, Path), PageQuery),
    responses(
        (status = 200, description = "A page of rows of the journal", body = Listed<EntryView>),
        (status = 404, description = "`book_must_exist`, `resource_must_exist`"),
    )
)]
pub(super) async fn list_entries(
    State(app): State<App>,
    Path((book, account)): Path<(String, String)>,
    page: PageQuery,
) -> Result<Json<Listed<EntryView>>, Problem> {
    let engine = app.book(&book).await?;
    let path = path_of(&account)?;
    let found = engine.read(move |book| {
        let index = book.find_account(&path)?;
        let account = book.account(index);
        let side = account.kind().normal_side();
        let commodity = book.commodity(account.commodity()).commodity();
        Some((
            book.next_sequence() - 1,
            account.newest(),
            Seen {
                index,
                side,
                commodity,
            },
        ))
    });
    let (sequence, newest, seen) = found.await?.ok_or_else(no_account)?;
    let from = match &page.cursor {
        None => newest,
        cursor => super::cursor_number(cursor.as_ref())?,
    };
    let limit = page.limit as usize;
    let walked = app
        .read(&engine, move |store| seen.walk(store, from, limit))
        .await?;
    let Some((items, next)) = walked else {
        return Err(Problem::new(&codes::CURSOR_MUST_BE_VALID));
    };
    let next_cursor = (next != 0).then(|| Cursor::new(next.to_string()).encode());
    Ok(Json(Listed {
        sequence,
        items,
        next_cursor,
    }))
}

/// The account whose entries are listed.
#[derive(Clone, Copy)]
struct Seen {
    index: AccountIndex,
    side: Side,
    commodity: Commodity,
}

impl Seen {
    /// The rows from a sequence back along the account's chain, and where the rest begins; `None`
    /// if the first is not a row of this account.
    fn walk(
        self,
        store: &dyn LedgerStore,
        from: u64,
        limit: usize,
    ) -> Result<Option<(Vec<EntryView>, u64)>, JournalError> {
        let mut items = Vec::new();
        let mut names = Names::default();
        let mut next = from;
        while next != 0 && items.len() < limit {
            let row = store.find_row(next)?;
            let row = row
                .map(|row| self.see(store, &mut names, &row))
                .transpose()?;
            let Some((item, previous)) = row.flatten() else {
                if items.is_empty() {
                    return Ok(None);
                }
                let what = format!("sequence {next} must be on the chain of its account");
                return Err(Damage { batch: next, what }.into());
            };
            items.push(item);
            next = previous;
        }
        Ok(Some((items, next)))
    }

    /// One row, and the one before it; `None` if it is not of this account.
    fn see(
        self,
        store: &dyn LedgerStore,
        names: &mut Names,
        entry: &Entry,
    ) -> Result<Option<(EntryView, u64)>, JournalError> {
        let row = movement(entry)?;
        let (side, counterpart, previous, balance) = if row.debit == self.index {
            ("debit", row.credit, row.debit_previous, row.debit_balance)
        } else if row.credit == self.index {
            ("credit", row.debit, row.credit_previous, row.credit_balance)
        } else {
            return Ok(None);
        };
        let first = store.load_first_row(entry.sequence)?;
        let missing = || Damage {
            batch: entry.sequence,
            what: format!("sequence {} must belong to a transaction", entry.sequence),
        };
        let head = movement(&first)?.head.as_deref().ok_or_else(missing)?;
        let posted_after = match self.side {
            Side::Debit => balance,
            Side::Credit => -balance,
        };
        let item = EntryView {
            sequence: entry.sequence,
            movement: view::movement(row.kind),
            side,
            counterpart: names.load(store, counterpart)?.0.to_string(),
            amount: format_minor(row.amount, self.commodity.exponent()),
            currency: self.commodity.code().to_string(),
            posted_after: format_wide(posted_after, self.commodity.exponent()),
            transaction: row.transaction.to_string(),
            kind: view::kind(&head.kind),
            code: head.code.to_string(),
            date: head.date.to_string(),
            reference: head.reference.as_ref().map(ToString::to_string),
            booked_at: store.load_booked_at(entry.sequence)?,
        };
        Ok(Some((item, previous)))
    }
}
