//! What the engine and the journal say, as answers.

use ledger_core::{
    Account, AccountKind, AccountState, Book, EntryBody, Freeze, MovementKind, Overdraft,
    TransactionKind,
};
use money::{Commodity, format_minor, format_wide};
use serde_json::Value;

use super::{answer, wire};
use crate::engine::{Balance, Rows};

/// Money of a sum.
pub(super) fn money(minor: i128, commodity: Commodity) -> answer::Money {
    answer::Money {
        amount: format_wide(minor, commodity.exponent()),
        currency: commodity.code().to_string(),
    }
}

/// The kind of an account.
pub(super) const fn account_type(kind: AccountKind) -> wire::AccountType {
    match kind {
        AccountKind::Asset => wire::AccountType::Asset,
        AccountKind::Expense => wire::AccountType::Expense,
        AccountKind::Liability => wire::AccountType::Liability,
        AccountKind::Equity => wire::AccountType::Equity,
        AccountKind::Revenue => wire::AccountType::Revenue,
    }
}

/// What an account has.
pub(super) fn balance(balance: &Balance) -> answer::BalanceView {
    let money = |minor| money(minor, balance.commodity);
    answer::BalanceView {
        account: balance.account.to_string(),
        kind: account_type(balance.kind),
        posted: money(balance.posted),
        pending_in: money(balance.pending_in),
        pending_out: money(balance.pending_out),
        available: money(balance.available),
    }
}

/// An account, without its metadata.
pub(super) fn account(book: &Book, account: &Account) -> answer::AccountView {
    let index = book
        .find_account(account.path())
        .expect("the account is of this book");
    let of = Balance::of(book, index);
    let settings = account.settings();
    answer::AccountView {
        balance: balance(&of),
        currency: of.commodity.code().to_string(),
        overdraft: match settings.overdraft {
            Overdraft::None => "none".to_owned(),
            Overdraft::Unlimited => "unlimited".to_owned(),
            Overdraft::Limit(limit) => format_minor(limit, of.commodity.exponent()),
        },
        freeze: match settings.freeze {
            Freeze::None => wire::Freeze::None,
            Freeze::In => wire::Freeze::In,
            Freeze::Out => wire::Freeze::Out,
            Freeze::Both => wire::Freeze::Both,
        },
        closed: account.state() == AccountState::Closed,
        metadata: None,
    }
}

/// The text of metadata as it is answered. It was normalised JSON when it was stored.
pub(super) fn metadata(text: Option<String>) -> Option<Value> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}

/// The word for what a row does.
pub(super) const fn movement(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Post => "post",
        MovementKind::Hold => "hold",
        MovementKind::Capture => "capture",
        MovementKind::Release => "release",
    }
}

/// The word for what a transaction does.
pub(super) const fn kind(kind: &TransactionKind) -> &'static str {
    match kind {
        TransactionKind::Post => "post",
        TransactionKind::Hold { .. } => "hold",
        TransactionKind::Capture { .. } => "capture",
        TransactionKind::Void { .. } => "void",
        TransactionKind::Expiry { .. } => "expiry",
        TransactionKind::Refund { .. } => "refund",
        TransactionKind::Reversal { .. } => "reversal",
    }
}

/// A transaction. The rows are those of one, the first of which has its head: the engine and the
/// journal see to that.
pub(super) fn transaction(rows: Rows) -> answer::TransactionView {
    let movements: Vec<_> = rows
        .entries
        .iter()
        .filter_map(|entry| match &entry.body {
            EntryBody::Movement(row) => Some((entry.sequence, row)),
            _ => None,
        })
        .collect();
    let (sequence, first) = movements.first().expect("a transaction has a row");
    let head = first
        .head
        .as_deref()
        .expect("the first row of a transaction has its head");
    let postings = movements.iter().map(|(sequence, row)| {
        let (debit, commodity) = &rows.names[&row.debit];
        let (credit, _) = &rows.names[&row.credit];
        answer::RowView {
            sequence: *sequence,
            movement: movement(row.kind),
            posting: row.posting,
            debit: debit.to_string(),
            credit: credit.to_string(),
            amount: format_minor(row.amount, commodity.exponent()),
            currency: commodity.code().to_string(),
        }
    });
    let (expires_at, is_final) = match head.kind {
        TransactionKind::Hold { expires_at } => (expires_at, None),
        TransactionKind::Capture { is_final, .. } => (None, Some(is_final)),
        _ => (None, None),
    };
    answer::TransactionView {
        id: first.transaction.to_string(),
        kind: kind(&head.kind),
        code: head.code.to_string(),
        date: head.date.to_string(),
        reference: head.reference.as_ref().map(ToString::to_string),
        parent: head.kind.parent().map(|parent| parent.to_string()),
        expires_at,
        is_final,
        postings: postings.collect(),
        metadata: metadata(rows.metadata),
        sequence: *sequence,
        booked_at: rows.booked_at,
    }
}
