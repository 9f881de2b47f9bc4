//! Handlers of `/dead-letters/v1/letters` and of redriving in bulk.

use ::host::{Call, Change, Reply, read_audited, write_once};
use ::store::Tx;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use web::{Body, Etag, IdempotencyKey, IfMatch, Page, PageQuery, Path, Principal, Problem, Query};

use super::change_by;
use super::wire::{
    Decide, EditLetter, LetterSummary, LetterView, LettersQuery, RedriveLetters, Redriven,
};
use crate::Deps;
use crate::domain::letter::{self, Command, Event, Letter, State as LetterState, Ways};
use crate::domain::names::LetterId;
use crate::domain::{Reject, Seen};
use crate::error::Error;
use crate::store::{self, Summary};
use crate::work::ways;

/// Changes of a letter that are shown with it: a whole ladder, some redrives and then some.
const HISTORY_ROWS: u32 = 50;
/// Most letters that one call redrives: with the largest documents, 50 MB in one transaction.
const REDRIVE_ROWS_MAX: u32 = 100;

/// List letters, newest first
///
/// Those that are open, unless another state is asked for. Without their documents.
#[utoipa::path(
    get,
    path = "/dead-letters/v1/letters",
    tag = "letters",
    params(LettersQuery),
    responses((status = 200, description = "A page of letters", body = Page<LetterSummary>))
)]
pub async fn list_letters(
    State(deps): State<Deps>,
    Query(query): Query<LettersQuery>,
) -> Result<Page<LetterSummary>, Problem> {
    let page = PageQuery::parse(query.limit, query.cursor.as_deref())?;
    let before = page.after::<LetterId>()?.unwrap_or(LetterId::MAX);
    let (rows, filter) = (page.rows(), query.filter());
    let read = deps.store.read(move |tx| {
        let state = query.state.as_str();
        store::list_letters(tx, state, &filter, before, rows).map_err(Error::from)
    });
    let page = Page::from_rows(read.await?, &page, |it: &Summary| it.id.to_string());
    Ok(page.map(LetterSummary::from))
}

/// Read a letter: its message and its history
///
/// Documents can hold personal data: each call leaves a line in the audit log.
#[utoipa::path(
    get,
    path = "/dead-letters/v1/letters/{id}",
    tag = "letters",
    params(("id" = String, Path, description = "The letter's id")),
    responses(
        (status = 200, description = "The letter; its ETag is for an edit", body = LetterView),
        (status = 404, description = "`letter_must_exist`"),
    )
)]
pub async fn load_letter(
    State(deps): State<Deps>,
    principal: Principal,
    Path(id): Path<LetterId>,
) -> Result<Response, Problem> {
    let (whose, now) = (id.to_string(), deps.clock.now());
    let read = read_audited(&deps.store, &principal, &whose, now, move |tx| {
        let letter = store::find_letter(tx, id)?.ok_or(Reject::LetterMustExist)?;
        let history = store::list_history(tx, id, HISTORY_ROWS)?;
        Ok::<_, Error>((letter, history))
    });
    let (letter, history) = read.await?;
    let version = Etag(letter.revision.into());
    Ok((version, Json(LetterView::new(letter, history))).into_response())
}

/// Redrive a letter
///
/// Work is sent to its topic again; an event is tried again by its consumer, from the first rung
/// of its ladder. Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/dead-letters/v1/letters/{id}/redrive",
    tag = "letters",
    params(("id" = String, Path, description = "The letter's id"), IdempotencyKey),
    request_body = Decide,
    responses(
        (status = 200, description = "The message is on its way", body = LetterSummary),
        (status = 404, description = "`letter_must_exist`"),
        (status = 409, description = "`letter_must_be_open`, `letter_must_hold_a_message`, \
            `topic_must_take_work`"),
        (status = 410, description = "`work_must_be_recent`"),
    )
)]
pub async fn redrive_letter(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Path(id): Path<LetterId>,
    Body { value, bytes }: Body<Decide>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let reason = value.reason;
    decide_once(&deps, (change, call), id, Command::Redrive { reason }).await
}

/// Edit a letter's message and redrive it
///
/// The document replaces the one the letter shows; it must be the same message but for `data` and
/// `schemaversion`. The original stays with the letter, the edit in its history.
#[utoipa::path(
    post,
    path = "/dead-letters/v1/letters/{id}/edit",
    tag = "letters",
    params(
        ("id" = String, Path, description = "The letter's id"),
        ("If-Match" = String, Header, description = "The ETag of the letter as it was read"),
        IdempotencyKey
    ),
    request_body = EditLetter,
    responses(
        (status = 200, description = "The edited message is on its way", body = LetterSummary),
        (status = 404, description = "`letter_must_exist`"),
        (status = 409, description = "`letter_must_be_open`, `letter_must_hold_a_message`, \
            `topic_must_take_work`"),
        (status = 410, description = "`work_must_be_recent`"),
        (status = 412, description = "`version_must_match`"),
        (status = 422, description = "`edit_must_be_a_message`, `edit_must_keep_the_message`"),
        (status = 428, description = "`version_must_be_stated`"),
    )
)]
pub async fn edit_letter(
    State(deps): State<Deps>,
    (principal, key): (Principal, IdempotencyKey),
    Path(id): Path<LetterId>,
    seen: IfMatch,
    Body { value, bytes }: Body<EditLetter>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let (document, reason) = (value.document, value.reason);
    let (command, ways) = (Command::Edit { document, reason }, ways(&deps));
    write_once(&deps.store, call, move |tx| {
        let before = store::find_letter(tx, id)?.ok_or(Reject::LetterMustExist)?;
        if seen.check(before.revision.into()).is_err() {
            return Err(Reject::VersionMustMatch(Seen::Other).into());
        }
        let letter = decide(tx, &change, Some(before), command.clone(), &ways)?;
        Ok::<_, Error>(Reply::ok(&LetterSummary::from(letter)))
    })
    .await
}

/// Discard a letter
///
/// Its message is never handled; of an event, the next of its key is. It cannot be taken back.
/// Repeating it changes nothing.
#[utoipa::path(
    post,
    path = "/dead-letters/v1/letters/{id}/discard",
    tag = "letters",
    params(("id" = String, Path, description = "The letter's id"), IdempotencyKey),
    request_body = Decide,
    responses(
        (status = 200, description = "The letter is closed", body = LetterSummary),
        (status = 404, description = "`letter_must_exist`"),
        (status = 409, description = "`letter_must_be_open`"),
    )
)]
pub async fn discard_letter(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Path(id): Path<LetterId>,
    Body { value, bytes }: Body<Decide>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let reason = value.reason;
    decide_once(&deps, (change, call), id, Command::Discard { reason }).await
}

/// Redrive many letters
///
/// Looks at up to 100 open letters, oldest first, and redrives those that can be. Call again with
/// the cursor until there is none.
#[utoipa::path(
    post,
    path = "/dead-letters/v1/redrives",
    tag = "letters",
    params(IdempotencyKey),
    request_body = RedriveLetters,
    responses(
        (status = 200, description = "What was redriven, and where to go on", body = Redriven),
        (status = 400, description = "`page_limit_must_be_in_range`, `cursor_must_be_valid`"),
        (status = 422, description = "`filter_must_be_given`"),
    )
)]
pub async fn redrive_letters(
    State(deps): State<Deps>,
    principal: Principal,
    key: IdempotencyKey,
    Body { value, bytes }: Body<RedriveLetters>,
) -> Result<Reply, Problem> {
    let change = change_by(&principal, &deps);
    let call = Call::new(&principal, &key, &bytes, change.at);
    let filter = value.filter().ok_or(Error::FilterMustBeGiven)?;
    let limit = Some(value.limit.unwrap_or(REDRIVE_ROWS_MAX));
    let page = PageQuery::parse(limit, value.cursor.as_deref())?;
    if page.limit > REDRIVE_ROWS_MAX {
        return Err(Problem::new(&kit::codes::PAGE_LIMIT_MUST_BE_IN_RANGE)
            .detail(format!("the limit must be from 1 to {REDRIVE_ROWS_MAX}")));
    }
    let first = LetterId::from_uuid(Default::default());
    let after = page.after::<LetterId>()?.unwrap_or(first);
    let (command, ways) = (
        Command::Redrive {
            reason: value.reason,
        },
        ways(&deps),
    );
    write_once(&deps.store, call, move |tx| {
        let letters = store::list_open(tx, &filter, after, page.rows())?;
        let letters = Page::from_rows(letters, &page, |letter| letter.id.to_string());
        let mut done = Redriven {
            redriven: 0,
            skipped: 0,
            next_cursor: letters.next_cursor,
        };
        for letter in letters.items {
            match decide(tx, &change, Some(letter), command.clone(), &ways) {
                Ok(_) => done.redriven += 1,
                // Decided before anything was written: the transaction is as it was.
                Err(Error::Rejected(_)) => done.skipped += 1,
                Err(error) => return Err(error),
            }
        }
        Ok::<_, Error>(Reply::ok(&done))
    })
    .await
}

/// Decides about the letter of this id, once per call.
async fn decide_once(
    deps: &Deps,
    (change, call): (Change, Call),
    id: LetterId,
    command: Command,
) -> Result<Reply, Problem> {
    let ways = ways(deps);
    write_once(&deps.store, call, move |tx| {
        let before = store::find_letter(tx, id)?;
        let letter = decide(tx, &change, before, command.clone(), &ways)?;
        Ok::<_, Error>(Reply::ok(&LetterSummary::from(letter)))
    })
    .await
}

/// Decides about a letter and keeps what was decided, with a line in the audit log.
fn decide(
    tx: &mut Tx<'_>,
    change: &Change,
    before: Option<Letter>,
    command: Command,
    ways: &Ways,
) -> Result<Letter, Error> {
    let was_open = matches!(before, Some(ref it) if matches!(it.state, LetterState::Open { .. }));
    let (letter, events) = letter::handle(before, command, ways, change.at)?;
    store::save_letter(tx, change, was_open, &letter, &events)?;
    for event in &events {
        let (action, reason) = match event {
            Event::Redriven {
                edited: None,
                reason,
                ..
            } => ("letter_redriven", reason),
            Event::Redriven { reason, .. } => ("letter_edited", reason),
            Event::Discarded { reason, .. } => ("letter_discarded", reason),
            Event::SentAgain { .. } | Event::Opened { .. } => continue,
        };
        let detail = json!({
            "reason": reason.as_str(),
            "revision": letter.revision,
            "consumer": letter.about.consumer,
            "message_id": letter.about.message,
        });
        change.audit(tx, action, letter.id, detail)?;
    }
    Ok(letter)
}
