//! The rows of one transaction in the making, and what they come to.

use std::collections::BTreeMap;

use crate::account::{Account, AccountState, Freeze, Side, Sums};
use crate::book::Book;
use crate::entry::{EntryBody, Head, Movement, MovementKind};
use crate::id::{AccountIndex, TransactionId};
use crate::reject::{Place, Reject};

/// Rows that were drafted, and the accounts as they would be after them.
pub(super) struct Draft<'a> {
    book: &'a Book,
    transaction: TransactionId,
    rows: Vec<Movement>,
    /// In order, so that of several accounts without funds always the same one is named.
    touched: BTreeMap<AccountIndex, Touched>,
}

/// An account as it would be after the rows so far.
struct Touched {
    sums: Sums,
    newest: u64,
    /// The first row that takes from what is available.
    taken_at: Option<Place>,
}

/// A row to be drafted.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) kind: MovementKind,
    pub(super) posting: u16,
    pub(super) debit: AccountIndex,
    pub(super) credit: AccountIndex,
    pub(super) amount: i64,
}

impl<'a> Draft<'a> {
    pub(super) fn new(book: &'a Book, transaction: TransactionId, capacity: usize) -> Self {
        let rows = Vec::with_capacity(capacity);
        Self {
            book,
            transaction,
            rows,
            touched: BTreeMap::new(),
        }
    }

    /// Adds a row of an operation that names the accounts itself.
    pub(super) fn post(&mut self, row: Row) -> Result<(), Reject> {
        let debit_at = Place::Posting(row.posting, "debit");
        let credit_at = Place::Posting(row.posting, "credit");
        self.push(row, debit_at, credit_at)
    }

    /// Adds a row of an operation that names a parent.
    pub(super) fn follow(&mut self, row: Row) -> Result<(), Reject> {
        self.push(row, Place::Field("parent"), Place::Field("parent"))
    }

    fn push(&mut self, row: Row, debit_at: Place, credit_at: Place) -> Result<(), Reject> {
        let offset = u64::try_from(self.rows.len()).expect("rows of a transaction fit a u16");
        let sequence = self.book.next_sequence() + offset;
        let (debit_previous, debit_balance) =
            self.move_side(row, Side::Debit, debit_at, sequence)?;
        let (credit_previous, credit_balance) =
            self.move_side(row, Side::Credit, credit_at, sequence)?;
        self.rows.push(Movement {
            kind: row.kind,
            transaction: self.transaction,
            posting: row.posting,
            debit: row.debit,
            credit: row.credit,
            amount: row.amount,
            debit_previous,
            credit_previous,
            debit_balance,
            credit_balance,
            head: None,
        });
        Ok(())
    }

    /// Moves one account on: its newest movement before, and its balance after.
    fn move_side(
        &mut self,
        row: Row,
        side: Side,
        at: Place,
        sequence: u64,
    ) -> Result<(u64, i128), Reject> {
        let index = match side {
            Side::Debit => row.debit,
            Side::Credit => row.credit,
        };
        let account = self.book.account(index);
        ensure_movable(account, row.kind, side, at)?;
        let touched = self.touched.entry(index).or_insert(Touched {
            sums: account.sums,
            newest: account.newest,
            taken_at: None,
        });
        let takes = side != account.kind.normal_side()
            && matches!(row.kind, MovementKind::Post | MovementKind::Hold);
        if takes {
            touched.taken_at.get_or_insert(at);
        }
        touched.sums = touched
            .sums
            .book(row.kind, side, row.amount)
            .expect("2^64 amounts of 63 bits fit 127, and a hold reserves what is left of it");
        let previous = std::mem::replace(&mut touched.newest, sequence);
        Ok((previous, touched.sums.posted()))
    }

    /// The entries, if every account can afford the whole of it.
    pub(super) fn finish(self, mut head: Head) -> Result<Vec<EntryBody>, Reject> {
        for (&index, touched) in &self.touched {
            ensure_funds(self.book.account(index), touched)?;
        }
        head.rows = u16::try_from(self.rows.len()).expect("rows of a transaction fit a u16");
        let mut head = Some(Box::new(head));
        let with_head = |row| {
            EntryBody::Movement(Movement {
                head: head.take(),
                ..row
            })
        };
        Ok(self.rows.into_iter().map(with_head).collect())
    }
}

/// Closed accounts take nothing, frozen ones not in the frozen direction. What releases a hold
/// always passes, else a freeze could lock up other people's money.
fn ensure_movable(
    account: &Account,
    kind: MovementKind,
    side: Side,
    at: Place,
) -> Result<(), Reject> {
    if kind == MovementKind::Release {
        return Ok(());
    }
    if account.state == AccountState::Closed {
        return Err(Reject::AccountMustBeOpen {
            account: account.path.clone(),
            at,
        });
    }
    let goes_in = side == account.kind.normal_side();
    let is_frozen = match account.settings.freeze {
        Freeze::None => false,
        Freeze::In => goes_in,
        Freeze::Out => !goes_in,
        Freeze::Both => true,
    };
    if is_frozen {
        return Err(Reject::AccountMustNotBeFrozen {
            account: account.path.clone(),
            at,
        });
    }
    Ok(())
}

/// What is available may fall to the floor of the overdraft. Where it is below already, because
/// the overdraft was lowered, it must not fall further; it may rise.
fn ensure_funds(account: &Account, touched: &Touched) -> Result<(), Reject> {
    let Some(floor) = account.settings.overdraft.floor() else {
        return Ok(());
    };
    let before = account.available();
    let after = account.available_with(&touched.sums);
    if after >= before || after >= floor {
        return Ok(());
    }
    Err(Reject::FundsMustSuffice {
        account: account.path.clone(),
        at: touched
            .taken_at
            .expect("what is available falls by a row that takes from it"),
        needed: before - after,
        available: before - floor,
    })
}
