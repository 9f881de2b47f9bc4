//! Handlers of the book as a whole: its trial balance and its head.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use ledger_core::{Book, Corruption, Sums};
use money::format_wide;
use web::{Path, Problem};

use super::answer::{CurrencyTotals, HeadView, TrialBalance, TypeTotal};
use super::wire::AccountType;
use super::{App, view};
use crate::engine::EngineError;

/// Draw the trial balance
///
/// Added up from all accounts now, and compared with the sums kept along the way.
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/trial-balance",
    tag = "journal",
    params(("book" = String, Path)),
    responses(
        (status = 200, description = "The trial balance", body = TrialBalance),
        (status = 404, description = "`book_must_exist`"),
    )
)]
pub(super) async fn load_trial_balance(
    State(app): State<App>,
    Path(book): Path<String>,
) -> Result<Json<TrialBalance>, Problem> {
    let engine = app.book(&book).await?;
    let drawn = engine.read(draw).await?;
    drawn.map(Json).map_err(|corruption| {
        engine
            .shared()
            .stop(EngineError::Damaged, &corruption.fault.to_string());
        Problem::from(EngineError::Damaged)
    })
}

fn draw(book: &Book) -> Result<TrialBalance, Corruption> {
    let mut types: Vec<BTreeMap<AccountType, i128>> =
        vec![BTreeMap::new(); book.commodities().len()];
    for account in book.accounts() {
        let kinds = &mut types[account.commodity().0 as usize];
        *kinds.entry(view::account_type(account.kind())).or_default() += account.posted();
    }
    let used = book.trial_balance()?.into_iter().zip(types);
    let used = used.filter(|((_, sums), _)| *sums != Sums::default());
    let currencies = used.map(|((index, sums), types)| {
        let commodity = book.commodity(index).commodity();
        let text = |minor| format_wide(minor, commodity.exponent());
        CurrencyTotals {
            currency: commodity.code().to_string(),
            debits: text(sums.posted_debits),
            credits: text(sums.posted_credits),
            pending_debits: text(sums.pending_debits),
            pending_credits: text(sums.pending_credits),
            types: types
                .into_iter()
                .map(|(kind, posted)| TypeTotal {
                    kind,
                    posted: text(posted),
                })
                .collect(),
        }
    });
    Ok(TrialBalance {
        sequence: book.next_sequence() - 1,
        currencies: currencies.collect(),
    })
}

/// Show where the journal ends
///
/// The hash covers the whole journal: who keeps it can tell later whether anything before it was
/// changed.
#[utoipa::path(
    get,
    path = "/ledger/v1/books/{book}/journal",
    tag = "journal",
    params(("book" = String, Path)),
    responses(
        (status = 200, description = "The head", body = HeadView),
        (status = 404, description = "`book_must_exist`"),
    )
)]
pub(super) async fn load_head(
    State(app): State<App>,
    Path(book): Path<String>,
) -> Result<Json<HeadView>, Problem> {
    let engine = app.book(&book).await?;
    // What was decided before is durable after this, and so in the head.
    engine.read(|_| ()).await?;
    let head = app.read(&engine, |store| store.load_head()).await?;
    Ok(Json(HeadView {
        sequence: head.last_sequence,
        hash: head.hash().to_string(),
        booked_at: head.booked_at,
        epoch: head.epoch,
    }))
}
