//! How entries change a book. Nothing is decided here: an entry says what happened, and this makes
//! it so, or finds that it cannot have happened.
//!
//! Every invariant that `validate` guards when an entry is made is checked again when it is
//! applied, in release builds too: sequence, account chain, balances, remainders, debits equal to
//! credits. What is *not* checked are the rules of the day (overdraft, freezes, dates, limits), so
//! that a journal stays valid when they change.

use crate::account::{Account, AccountState, Side, Sums};
use crate::book::{Book, CommodityState, NextSequence};
use crate::corruption::{Corruption, Fault};
use crate::entry::{
    AccountChanged, AccountOpened, CommodityAdded, Entry, EntryBody, Head, Movement, MovementKind,
    TransactionKind,
};
use crate::hold::{HeldPosting, Hold};
use crate::id::{AccountIndex, CommodityIndex, TransactionId};
use crate::undo::Undo;

/// A transaction of which rows are still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenTransaction {
    id: TransactionId,
    kind: TransactionKind,
    rows_left: u16,
    /// Where the last row stood; rows must ascend.
    last: Option<(u16, MovementKind)>,
}

impl Book {
    /// Applies an entry that [`crate::validate`] or [`crate::expire_next`] made for this very
    /// state. Cost: constant, but for the names of new accounts.
    ///
    /// # Panics
    ///
    /// If it does not fit: then this crate has a bug, or the book changed in between, and going
    /// on would put a wrong balance into the journal.
    pub fn apply(&mut self, entry: &Entry) {
        if let Err(corruption) = self.replay(entry) {
            panic!(
                "entry {} was made for another state: {}",
                corruption.sequence, corruption.fault
            );
        }
    }

    /// Applies an entry read from a journal.
    ///
    /// # Errors
    ///
    /// [`Corruption`], which names the sequence. The book must then be dropped.
    pub fn replay(&mut self, entry: &Entry) -> Result<(), Corruption> {
        self.take(entry).map_err(|fault| fault.at(entry.sequence))
    }

    /// Whether all rows of the last transaction came: it must at the end of every batch.
    #[must_use]
    pub fn is_between_transactions(&self) -> bool {
        self.open.is_none()
    }

    fn take(&mut self, entry: &Entry) -> Result<(), Fault> {
        if entry.sequence != self.next_sequence() {
            return Err(Fault::SequenceMustFollow);
        }
        if self.open.is_some() && !matches!(entry.body, EntryBody::Movement(_)) {
            return Err(Fault::TransactionMustBeComplete);
        }
        match &entry.body {
            EntryBody::CommodityAdded(added) => self.take_commodity(entry.sequence, added)?,
            EntryBody::AccountOpened(opened) => self.take_account(entry.sequence, opened)?,
            EntryBody::AccountChanged(changed) => self.take_change(entry.sequence, changed)?,
            EntryBody::Movement(movement) => self.take_movement(entry.sequence, movement)?,
        }
        let next = entry
            .sequence
            .checked_add(1)
            .ok_or(Fault::SequenceMustFollow)?;
        self.next_sequence = NextSequence(next);
        Ok(())
    }

    fn take_commodity(&mut self, sequence: u64, added: &CommodityAdded) -> Result<(), Fault> {
        if added.index.at() != self.commodities.len() {
            return Err(Fault::IndexMustBeNext);
        }
        if self.codes.contains_key(&added.commodity.code()) {
            return Err(Fault::NameMustBeNew);
        }
        self.undo.note(|| Undo::Commodity);
        self.codes.insert(added.commodity.code(), added.index);
        let commodity = added.commodity;
        self.commodities.push(CommodityState {
            commodity,
            sequence,
            totals: Sums::default(),
        });
        Ok(())
    }

    fn take_account(&mut self, sequence: u64, opened: &AccountOpened) -> Result<(), Fault> {
        if opened.index.at() != self.accounts.len() {
            return Err(Fault::IndexMustBeNext);
        }
        if opened.commodity.at() >= self.commodities.len() {
            return Err(Fault::IndexMustExist);
        }
        if self.paths.contains_key(&opened.path) {
            return Err(Fault::NameMustBeNew);
        }
        self.undo.note(|| Undo::Account);
        self.paths.insert(opened.path.clone(), opened.index);
        self.ordered.insert(opened.path.clone(), opened.index);
        self.accounts.push(Account {
            path: opened.path.clone(),
            kind: opened.kind,
            commodity: opened.commodity,
            settings: opened.settings.clone(),
            state: AccountState::Open,
            sums: Sums::default(),
            newest: 0,
            opened: sequence,
            changed: sequence,
        });
        Ok(())
    }

    fn take_change(&mut self, sequence: u64, changed: &AccountChanged) -> Result<(), Fault> {
        let index = changed.account;
        let account = self
            .accounts
            .get_mut(index.at())
            .ok_or(Fault::IndexMustExist)?;
        if account.state == AccountState::Closed {
            return Err(Fault::AccountMustBeOpen);
        }
        if changed.state == AccountState::Closed && !account.sums.is_empty() {
            return Err(Fault::ClosedAccountMustBeEmpty);
        }
        self.undo.note(|| Undo::Settings {
            account: index,
            settings: account.settings.clone(),
            state: account.state,
            changed: account.changed,
        });
        account.settings = changed.settings.clone();
        account.state = changed.state;
        account.changed = sequence;
        Ok(())
    }

    fn take_movement(&mut self, sequence: u64, row: &Movement) -> Result<(), Fault> {
        let mut open = match (&row.head, self.open) {
            (Some(head), None) => self.begin(sequence, row, head)?,
            (None, Some(open)) if open.id == row.transaction => open,
            (Some(_), Some(_)) => return Err(Fault::TransactionMustBeComplete),
            (None, _) => return Err(Fault::RowMustBelong),
        };
        if open
            .last
            .is_some_and(|last| last >= (row.posting, row.kind))
        {
            return Err(Fault::RowMustFit);
        }
        self.take_sums(sequence, row)?;
        match open.kind {
            TransactionKind::Post => take_post(row, open.last)?,
            TransactionKind::Hold { .. } => self.take_hold(row)?,
            TransactionKind::Capture { parent, .. }
            | TransactionKind::Void { parent }
            | TransactionKind::Expiry { parent } => self.take_from_hold(row, open.kind, parent)?,
            TransactionKind::Refund { parent } => self.take_from_parent(sequence, row, parent)?,
            TransactionKind::Reversal { parent, restores } => {
                self.take_from_parent(sequence, row, parent)?;
                if let Some(restored) = restores {
                    self.give_to_parent(sequence, row, restored)?;
                }
            }
        }
        open.rows_left -= 1;
        open.last = Some((row.posting, row.kind));
        self.open = (open.rows_left > 0).then_some(open);
        if self.open.is_none() {
            self.end(open.kind)?;
        }
        Ok(())
    }

    /// The first row of a transaction.
    fn begin(
        &mut self,
        sequence: u64,
        row: &Movement,
        head: &Head,
    ) -> Result<OpenTransaction, Fault> {
        let id = row.transaction;
        if head.rows == 0 {
            return Err(Fault::RowMustFit);
        }
        match head.kind {
            TransactionKind::Hold { expires_at } => {
                if self.holds.get(id).is_some() {
                    return Err(Fault::HoldMustBeNew);
                }
                self.undo.note(|| Undo::HoldOpened { hold: id });
                let postings = Vec::with_capacity(usize::from(head.rows));
                self.holds.insert(
                    id,
                    Hold {
                        expires_at,
                        sequence,
                        postings,
                    },
                );
            }
            TransactionKind::Expiry { parent } if parent != id => return Err(Fault::RowMustBelong),
            TransactionKind::Expiry { .. } => {}
            kind if kind.parent() == Some(id) => return Err(Fault::RowMustBelong),
            _ => {}
        }
        Ok(OpenTransaction {
            id,
            kind: head.kind,
            rows_left: head.rows,
            last: None,
        })
    }

    /// The last row of a transaction has come.
    fn end(&mut self, kind: TransactionKind) -> Result<(), Fault> {
        let (hold, must_end) = match kind {
            TransactionKind::Capture { parent, is_final } => (parent, is_final),
            TransactionKind::Void { parent } | TransactionKind::Expiry { parent } => (parent, true),
            _ => return Ok(()),
        };
        let is_used_up = self
            .holds
            .get(hold)
            .ok_or(Fault::HoldMustBeOpen)?
            .is_used_up();
        if must_end && !is_used_up {
            return Err(Fault::HoldMustKeepRemainder);
        }
        if is_used_up {
            let ended = self.holds.remove(hold).ok_or(Fault::HoldMustBeOpen)?;
            self.undo.note(|| Undo::HoldEnded {
                id: hold,
                hold: ended,
            });
        }
        Ok(())
    }

    /// Both accounts, and the totals of their commodity.
    fn take_sums(&mut self, sequence: u64, row: &Movement) -> Result<(), Fault> {
        if row.amount <= 0 {
            return Err(Fault::AmountMustBePositive);
        }
        let debit = self
            .accounts
            .get(row.debit.at())
            .ok_or(Fault::IndexMustExist)?;
        let credit = self
            .accounts
            .get(row.credit.at())
            .ok_or(Fault::IndexMustExist)?;
        if row.debit == row.credit || debit.commodity != credit.commodity {
            return Err(Fault::AccountsMustFit);
        }
        if debit.newest != row.debit_previous || credit.newest != row.credit_previous {
            return Err(Fault::PreviousMustMatch);
        }
        let (commodity, debit_before, credit_before) = (debit.commodity, debit.sums, credit.sums);
        let debit_after = sums_after(debit, row, Side::Debit, row.debit_balance)?;
        let credit_after = sums_after(credit, row, Side::Credit, row.credit_balance)?;

        let totals = self.commodities[commodity.at()].totals;
        let totals_after = totals
            .shift(&debit_before, &debit_after)
            .and_then(|totals| totals.shift(&credit_before, &credit_after))
            .ok_or(Fault::SumsMustFit)?;
        if !totals_after.is_balanced() {
            return Err(Fault::DebitsMustEqualCredits);
        }
        self.put_sums(sequence, row.debit, debit_after);
        self.put_sums(sequence, row.credit, credit_after);
        self.undo.note(|| Undo::Totals { commodity, totals });
        self.commodities[commodity.at()].totals = totals_after;
        Ok(())
    }

    fn put_sums(&mut self, sequence: u64, index: AccountIndex, sums: Sums) {
        let account = &mut self.accounts[index.at()];
        self.undo.note(|| Undo::Sums {
            account: index,
            sums: account.sums,
            newest: account.newest,
        });
        account.sums = sums;
        account.newest = sequence;
    }

    fn take_hold(&mut self, row: &Movement) -> Result<(), Fault> {
        let hold = self
            .holds
            .get_mut(row.transaction)
            .ok_or(Fault::HoldMustBeOpen)?;
        if row.kind != MovementKind::Hold || usize::from(row.posting) != hold.postings.len() {
            return Err(Fault::RowMustFit);
        }
        hold.postings.push(HeldPosting {
            debit: row.debit,
            credit: row.credit,
            amount: row.amount,
            remaining: row.amount,
        });
        Ok(())
    }

    fn take_from_hold(
        &mut self,
        row: &Movement,
        kind: TransactionKind,
        id: TransactionId,
    ) -> Result<(), Fault> {
        let fits = match kind {
            TransactionKind::Capture { is_final, .. } => {
                row.kind == MovementKind::Capture || (is_final && row.kind == MovementKind::Release)
            }
            _ => row.kind == MovementKind::Release,
        };
        if !fits {
            return Err(Fault::RowMustFit);
        }
        let hold = self.holds.get_mut(id).ok_or(Fault::HoldMustBeOpen)?;
        let posting = hold
            .postings
            .get_mut(usize::from(row.posting))
            .ok_or(Fault::HoldMustKeepRemainder)?;
        let same_accounts = posting.debit == row.debit && posting.credit == row.credit;
        if !same_accounts || row.amount > posting.remaining {
            return Err(Fault::HoldMustKeepRemainder);
        }
        self.undo.note(|| Undo::HoldRemaining {
            hold: id,
            posting: row.posting,
            remaining: posting.remaining,
        });
        posting.remaining -= row.amount;
        Ok(())
    }

    /// A row of a refund or reversal, against what remains of the parent if it is admitted: a
    /// replay admits none.
    fn take_from_parent(
        &mut self,
        sequence: u64,
        row: &Movement,
        id: TransactionId,
    ) -> Result<(), Fault> {
        if row.kind != MovementKind::Post {
            return Err(Fault::RowMustFit);
        }
        let Some(parent) = self.parents.get_mut(&id) else {
            return Ok(());
        };
        let fault = Fault::ParentMustKeepRemainder { parent: id };
        let Some(at) = parent.find(row.posting) else {
            return Err(fault);
        };
        let posting = &mut parent.postings[at];
        let mirrored = posting.debit == row.credit && posting.credit == row.debit;
        if !mirrored || row.amount > posting.remaining {
            return Err(fault);
        }
        self.undo.note(|| Undo::ParentRemaining {
            parent: id,
            at,
            remaining: posting.remaining,
            touched: parent.touched,
        });
        posting.remaining -= row.amount;
        parent.touched = sequence;
        Ok(())
    }

    /// A row of the reversal of a refund, to what remains of the refunded transaction.
    fn give_to_parent(
        &mut self,
        sequence: u64,
        row: &Movement,
        id: TransactionId,
    ) -> Result<(), Fault> {
        let Some(parent) = self.parents.get_mut(&id) else {
            return Ok(());
        };
        let fault = Fault::ParentMustKeepRemainder { parent: id };
        let Some(at) = parent.find(row.posting) else {
            return Err(fault);
        };
        let posting = &mut parent.postings[at];
        let same_accounts = posting.debit == row.debit && posting.credit == row.credit;
        if !same_accounts || row.amount > posting.amount - posting.remaining {
            return Err(fault);
        }
        self.undo.note(|| Undo::ParentRemaining {
            parent: id,
            at,
            remaining: posting.remaining,
            touched: parent.touched,
        });
        posting.remaining += row.amount;
        parent.touched = sequence;
        Ok(())
    }

    /// The sums of every commodity, added up from all accounts, after comparing them with those
    /// kept along the way. Cost: a walk over all accounts.
    ///
    /// # Errors
    ///
    /// [`Corruption`] at the last sequence, if debits differ from credits or the sums from those
    /// kept.
    pub fn trial_balance(&self) -> Result<Vec<(CommodityIndex, Sums)>, Corruption> {
        let corruption = Fault::DebitsMustEqualCredits.at(self.next_sequence() - 1);
        let mut totals = vec![Sums::default(); self.commodities.len()];
        for account in &self.accounts {
            let total = &mut totals[account.commodity.at()];
            *total = total
                .shift(&Sums::default(), &account.sums)
                .ok_or_else(|| corruption.clone())?;
        }
        let kept = self.commodities.iter().map(|state| &state.totals);
        if !totals.iter().all(Sums::is_balanced) || !totals.iter().eq(kept) {
            return Err(corruption);
        }
        Ok((0..).map(CommodityIndex).zip(totals).collect())
    }
}

/// A row of a plain posting: they are numbered without a gap.
fn take_post(row: &Movement, last: Option<(u16, MovementKind)>) -> Result<(), Fault> {
    let expected = last.map_or(0, |(posting, _)| usize::from(posting) + 1);
    if row.kind != MovementKind::Post || usize::from(row.posting) != expected {
        return Err(Fault::RowMustFit);
    }
    Ok(())
}

/// The sums of one account after a row, which must agree with the balance the row states.
fn sums_after(account: &Account, row: &Movement, side: Side, stated: i128) -> Result<Sums, Fault> {
    if account.state == AccountState::Closed {
        return Err(Fault::AccountMustBeOpen);
    }
    let sums = account
        .sums
        .book(row.kind, side, row.amount)
        .ok_or(Fault::SumsMustFit)?;
    if sums.posted() != stated {
        return Err(Fault::BalanceMustMatch);
    }
    Ok(sums)
}
