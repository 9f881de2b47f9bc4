//! The state of a book: what is in memory, how to look at it, and how to go back.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use kit::time::Timestamp;
use money::{Commodity, CommodityCode};

use crate::account::{Account, Sums};
use crate::apply::OpenTransaction;
use crate::entry::TransactionKind;
use crate::hold::{Hold, Holds};
use crate::id::{AccountIndex, CommodityIndex, TransactionId};
use crate::limits::Limits;
use crate::operation::{Action, Operation};
use crate::parent::Parent;
use crate::text::AccountPath;
use crate::undo::{Mark, Undo, UndoLog};

/// All of a book that is in memory: commodities, accounts, open holds, admitted parents. Nothing
/// in it grows with history.
///
/// [`crate::validate`] reads it, [`Book::apply`] and [`Book::replay`] change it.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub(crate) limits: Limits,
    pub(crate) next_sequence: NextSequence,
    pub(crate) commodities: Vec<CommodityState>,
    pub(crate) codes: HashMap<CommodityCode, CommodityIndex>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) paths: HashMap<AccountPath, AccountIndex>,
    /// The same paths in order, for lists.
    pub(crate) ordered: BTreeMap<AccountPath, AccountIndex>,
    pub(crate) holds: Holds,
    pub(crate) parents: HashMap<TransactionId, Parent>,
    /// The transaction whose rows are not complete.
    pub(crate) open: Option<OpenTransaction>,
    pub(crate) undo: UndoLog,
}

/// The sequence of the next entry; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NextSequence(pub(crate) u64);

impl Default for NextSequence {
    fn default() -> Self {
        Self(1)
    }
}

/// A commodity of a book, and the sums over all its accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommodityState {
    pub(crate) commodity: Commodity,
    pub(crate) sequence: u64,
    pub(crate) totals: Sums,
}

impl CommodityState {
    /// Code and exponent.
    #[must_use]
    pub const fn commodity(&self) -> Commodity {
        self.commodity
    }

    /// Sequence of the entry that added it.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The sums over all accounts: debits equal credits.
    #[must_use]
    pub const fn totals(&self) -> &Sums {
        &self.totals
    }
}

impl Book {
    /// A book without anything.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// The sequence of the next entry.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next_sequence.0
    }

    /// The commodities, by their index.
    #[must_use]
    pub fn commodities(&self) -> &[CommodityState] {
        &self.commodities
    }

    /// The commodity of this code.
    #[must_use]
    pub fn find_commodity(&self, code: CommodityCode) -> Option<CommodityIndex> {
        self.codes.get(&code).copied()
    }

    /// The commodity at this index.
    ///
    /// # Panics
    ///
    /// If the index is not of this book.
    #[must_use]
    pub fn commodity(&self, index: CommodityIndex) -> &CommodityState {
        &self.commodities[index.at()]
    }

    /// The accounts, by their index.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The account of this name.
    #[must_use]
    pub fn find_account(&self, path: &AccountPath) -> Option<AccountIndex> {
        self.paths.get(path).copied()
    }

    /// The account at this index.
    ///
    /// # Panics
    ///
    /// If the index is not of this book.
    #[must_use]
    pub fn account(&self, index: AccountIndex) -> &Account {
        &self.accounts[index.at()]
    }

    /// Accounts whose path begins with `prefix` and is greater than `after`, in the order of their
    /// paths, byte by byte. The caller bounds them with `take`.
    pub fn list_accounts<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = AccountIndex> + 'a {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        self.ordered
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(move |(path, _)| path.as_str().starts_with(prefix))
            .map(|(_, &index)| index)
    }

    /// The hold of this id, while it is open.
    #[must_use]
    pub fn find_hold(&self, id: TransactionId) -> Option<&Hold> {
        self.holds.get(id)
    }

    /// How many holds are open.
    #[must_use]
    pub fn open_holds(&self) -> usize {
        self.holds.len()
    }

    /// When the next hold expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.holds.soonest().map(|(expires_at, _)| expires_at)
    }

    /// The transaction that must be admitted before this operation can be judged, `None` if the
    /// book knows all it needs.
    ///
    /// Ask again after each [`Book::admit`]: the reversal of a refund needs two. If the journal
    /// has no such transaction, go on to [`crate::validate`], which refuses.
    #[must_use]
    pub fn missing_parent(&self, operation: &Operation) -> Option<TransactionId> {
        let Operation::Transact(transaction) = operation else {
            return None;
        };
        let parent = transaction.action.parent()?;
        match (
            self.parents.get(&parent).map(Parent::kind),
            &transaction.action,
        ) {
            (Some(TransactionKind::Refund { parent: refunded }), Action::Reverse { .. }) => {
                (!self.parents.contains_key(&refunded)).then_some(refunded)
            }
            (Some(_), _) => None,
            (None, _) => self.holds.get(parent).is_none().then_some(parent),
        }
    }

    /// The parent of this id, while it is admitted.
    #[must_use]
    pub fn find_parent(&self, id: TransactionId) -> Option<&Parent> {
        self.parents.get(&id)
    }

    /// Takes a transaction of the journal into memory. It must be as the journal has it up to the
    /// last entry applied, which for one that [`Book::missing_parent`] asks for is what is durable
    /// and, where the transaction itself is not durable yet, its own rows.
    ///
    /// # Panics
    ///
    /// If it is admitted already: what is in memory may be newer.
    pub fn admit(&mut self, parent: Parent) {
        let id = parent.id;
        let before = self.parents.insert(id, parent);
        assert!(before.is_none(), "a parent must be admitted once");
        self.undo.note(|| Undo::ParentAdmitted { parent: id });
    }

    /// Lets go of the parents that the journal tells as much about: those that no entry after
    /// `durable_sequence` concerns. Cost: a walk over the admitted parents.
    ///
    /// # Panics
    ///
    /// If a mark is set.
    pub fn retire_parents(&mut self, durable_sequence: u64) {
        assert_eq!(
            self.undo.depth, 0,
            "parents must not be retired under a mark"
        );
        self.parents
            .retain(|_, parent| parent.touched > durable_sequence);
    }

    /// How many parents are admitted.
    #[must_use]
    pub fn admitted_parents(&self) -> usize {
        self.parents.len()
    }

    /// Sets a mark to come back to.
    ///
    /// # Panics
    ///
    /// If the rows of a transaction are not complete.
    pub fn mark(&mut self) -> Mark {
        assert!(
            self.open.is_none(),
            "a mark must stand between transactions"
        );
        self.undo.mark(self.next_sequence())
    }

    /// Keeps what was applied since the mark.
    ///
    /// # Panics
    ///
    /// If a later mark is still set.
    pub fn release(&mut self, mark: Mark) {
        self.undo.give_back(&mark);
    }

    /// Undoes everything since the mark, admitted parents included. Cost: as much as what was
    /// applied since.
    ///
    /// # Panics
    ///
    /// If a later mark is still set.
    pub fn rollback(&mut self, mark: Mark) {
        while let Some(undo) = self.undo.pop(&mark) {
            self.take_back(undo);
        }
        self.open = None;
        self.next_sequence = NextSequence(mark.next_sequence);
        self.undo.give_back(&mark);
    }

    fn take_back(&mut self, undo: Undo) {
        match undo {
            Undo::Commodity => {
                let state = self.commodities.pop().expect("the note is of a commodity");
                self.codes.remove(&state.commodity.code());
            }
            Undo::Account => {
                let account = self.accounts.pop().expect("the note is of an account");
                self.paths.remove(&account.path);
                self.ordered.remove(&account.path);
            }
            Undo::Settings {
                account,
                settings,
                state,
                changed,
            } => {
                let account = &mut self.accounts[account.at()];
                account.settings = settings;
                account.state = state;
                account.changed = changed;
            }
            Undo::Sums {
                account,
                sums,
                newest,
            } => {
                let account = &mut self.accounts[account.at()];
                account.sums = sums;
                account.newest = newest;
            }
            Undo::Totals { commodity, totals } => {
                self.commodities[commodity.at()].totals = totals;
            }
            Undo::HoldOpened { hold } => {
                self.holds.remove(hold);
            }
            Undo::HoldRemaining {
                hold,
                posting,
                remaining,
            } => {
                let hold = self
                    .holds
                    .get_mut(hold)
                    .expect("the note is of an open hold");
                hold.postings[usize::from(posting)].remaining = remaining;
            }
            Undo::HoldEnded { id, hold } => self.holds.insert(id, hold),
            Undo::ParentAdmitted { parent } => {
                self.parents.remove(&parent);
            }
            Undo::ParentRemaining {
                parent,
                at,
                remaining,
                touched,
            } => {
                let parent = self
                    .parents
                    .get_mut(&parent)
                    .expect("the note is of a parent");
                parent.postings[at].remaining = remaining;
                parent.touched = touched;
            }
        }
    }
}
