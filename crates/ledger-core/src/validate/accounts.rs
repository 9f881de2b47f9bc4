//! Commodities and accounts: adding, opening, changing, closing.

use money::Commodity;

use super::Outcome;
use crate::account::{Account, AccountState, Overdraft, Settings};
use crate::book::Book;
use crate::entry::{AccountChanged, AccountOpened, CommodityAdded, EntryBody};
use crate::id::{AccountIndex, CommodityIndex};
use crate::operation::{ChangeAccount, OpenAccount};
use crate::reject::{Place, Reject};

pub(super) fn add_commodity(book: &Book, commodity: Commodity) -> Result<Outcome, Reject> {
    if let Some(index) = book.find_commodity(commodity.code()) {
        let state = book.commodity(index);
        let exponent = state.commodity.exponent();
        return if exponent == commodity.exponent() {
            Ok(Outcome::AlreadyApplied {
                sequence: state.sequence,
            })
        } else {
            Err(Reject::CommodityMustNotChange { exponent })
        };
    }
    let index = next_index(
        book.commodities.len(),
        book.limits.commodities_max,
        "commodities",
    )?;
    let index = CommodityIndex(index);
    Ok(apply(EntryBody::CommodityAdded(CommodityAdded {
        index,
        commodity,
    })))
}

pub(super) fn open_account(book: &Book, open: &OpenAccount) -> Result<Outcome, Reject> {
    ensure_overdraft(open.overdraft)?;
    let commodity = book
        .find_commodity(open.commodity)
        .ok_or(Reject::CommodityMustExist {
            at: Place::Field("commodity"),
        })?;
    let settings = Settings {
        overdraft: open.overdraft,
        freeze: open.freeze,
        metadata_digest: open.metadata_digest.map(Box::new),
    };
    if let Some(index) = book.find_account(&open.path) {
        let account = book.account(index);
        let as_asked = account.state == AccountState::Open
            && account.kind == open.kind
            && account.commodity == commodity
            && account.settings == settings;
        return if as_asked {
            Ok(Outcome::AlreadyApplied {
                sequence: account.opened,
            })
        } else {
            Err(Reject::AccountMustNotExist)
        };
    }
    let index = next_index(book.accounts.len(), book.limits.accounts_max, "accounts")?;
    Ok(apply(EntryBody::AccountOpened(AccountOpened {
        index: AccountIndex(index),
        path: open.path.clone(),
        kind: open.kind,
        commodity,
        settings,
    })))
}

pub(super) fn change_account(book: &Book, change: &ChangeAccount) -> Result<Outcome, Reject> {
    let at = Place::Field("path");
    let index = book
        .find_account(&change.path)
        .ok_or_else(|| Reject::AccountMustExist {
            account: change.path.clone(),
            at,
        })?;
    let account = book.account(index);
    if let Some(overdraft) = change.overdraft {
        ensure_overdraft(overdraft)?;
    }
    let (settings, state) = changed(account, change);
    if settings == account.settings && state == account.state {
        return Ok(Outcome::AlreadyApplied {
            sequence: account.changed,
        });
    }
    if account.state == AccountState::Closed {
        return Err(Reject::AccountMustBeOpen {
            account: change.path.clone(),
            at,
        });
    }
    if state == AccountState::Closed && !account.sums.is_empty() {
        return Err(Reject::AccountMustBeEmpty {
            posted: account.posted(),
            pending_in: account.pending_in(),
            pending_out: account.pending_out(),
        });
    }
    let body = AccountChanged {
        account: index,
        settings,
        state,
    };
    Ok(apply(EntryBody::AccountChanged(body)))
}

/// What an account would be after a change.
fn changed(account: &Account, change: &ChangeAccount) -> (Settings, AccountState) {
    let mut settings = account.settings.clone();
    if let Some(overdraft) = change.overdraft {
        settings.overdraft = overdraft;
    }
    if let Some(freeze) = change.freeze {
        settings.freeze = freeze;
    }
    if let Some(metadata_digest) = change.metadata_digest {
        settings.metadata_digest = metadata_digest.map(Box::new);
    }
    let state = if change.close {
        AccountState::Closed
    } else {
        account.state
    };
    (settings, state)
}

fn apply(body: EntryBody) -> Outcome {
    Outcome::Apply(vec![body])
}

fn ensure_overdraft(overdraft: Overdraft) -> Result<(), Reject> {
    match overdraft {
        Overdraft::Limit(limit) if limit <= 0 => Err(Reject::OverdraftLimitMustBePositive),
        _ => Ok(()),
    }
}

/// The index of one more thing, if there may be one more.
fn next_index(count: usize, limit: u32, of: &'static str) -> Result<u32, Reject> {
    u32::try_from(count)
        .ok()
        .filter(|&index| index < limit)
        .ok_or(Reject::BookMustHaveRoom { of, limit })
}
