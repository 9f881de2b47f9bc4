//! An account: what it is, what it allows, and its four sums.
//!
//! The arithmetic of every balance is here and nowhere else: [`Sums::book`] is what `validate`
//! uses to foresee a movement and what `apply` uses to make it.

use crate::entry::MovementKind;
use crate::hash::Digest;
use crate::id::CommodityIndex;
use crate::text::AccountPath;

/// Which of the five kinds an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountKind {
    /// What is owned. Debit-normal.
    Asset,
    /// What was spent. Debit-normal.
    Expense,
    /// What is owed. Credit-normal.
    Liability,
    /// What belongs to the owners. Credit-normal.
    Equity,
    /// What was earned. Credit-normal.
    Revenue,
}

impl AccountKind {
    /// The side on which the balance grows.
    #[must_use]
    pub const fn normal_side(self) -> Side {
        match self {
            Self::Asset | Self::Expense => Side::Debit,
            Self::Liability | Self::Equity | Self::Revenue => Side::Credit,
        }
    }
}

/// One of the two sides of an account, and of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left one.
    Debit,
    /// The right one.
    Credit,
}

/// How far below zero what is available may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overdraft {
    /// Not at all.
    None,
    /// By so many minor units, more than zero.
    Limit(i64),
    /// As far as it likes: accounts that stand for the world outside.
    Unlimited,
}

impl Overdraft {
    /// The least that may be available, `None` if there is no least.
    #[must_use]
    pub fn floor(self) -> Option<i128> {
        match self {
            Self::None => Some(0),
            Self::Limit(limit) => Some(-i128::from(limit)),
            Self::Unlimited => None,
        }
    }
}

/// Which movements an account refuses for now. Voids and expiries always pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Freeze {
    /// None.
    None,
    /// Those that would raise its balance.
    In,
    /// Those that would lower its balance.
    Out,
    /// All.
    Both,
}

/// Whether an account takes movements at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// It does.
    Open,
    /// It never will again. Its sums are zero, net of each other, and nothing is pending.
    Closed,
}

/// What can be changed about an open account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How far below zero it may go.
    pub overdraft: Overdraft,
    /// What it refuses.
    pub freeze: Freeze,
    /// BLAKE3 of its metadata, which the service keeps. Boxed because most have none.
    pub metadata_digest: Option<Box<Digest>>,
}

/// The four sums of an account, in minor units, none of them ever negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Posted on the left, over the account's life.
    pub posted_debits: i128,
    /// Posted on the right, over the account's life.
    pub posted_credits: i128,
    /// Reserved by open holds on the left, now.
    pub pending_debits: i128,
    /// Reserved by open holds on the right, now.
    pub pending_credits: i128,
}

impl Sums {
    /// Posted debits less posted credits.
    #[must_use]
    pub const fn posted(&self) -> i128 {
        // Neither is negative, so the difference fits.
        self.posted_debits - self.posted_credits
    }

    /// Whether the posted sums cancel out and nothing is pending.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.posted() == 0 && self.pending_debits == 0 && self.pending_credits == 0
    }

    /// The sums after a movement of `amount` on `side`; `None` where a sum would overflow or a
    /// pending sum would become negative.
    #[must_use]
    pub fn book(self, kind: MovementKind, side: Side, amount: i64) -> Option<Self> {
        let amount = i128::from(amount);
        let mut after = self;
        let (posted, pending) = match side {
            Side::Debit => (&mut after.posted_debits, &mut after.pending_debits),
            Side::Credit => (&mut after.posted_credits, &mut after.pending_credits),
        };
        match kind {
            MovementKind::Post => *posted = posted.checked_add(amount)?,
            MovementKind::Hold => *pending = pending.checked_add(amount)?,
            MovementKind::Capture => {
                *posted = posted.checked_add(amount)?;
                *pending = pending.checked_sub(amount)?;
            }
            MovementKind::Release => *pending = pending.checked_sub(amount)?,
        }
        let in_range = *posted >= 0 && *pending >= 0;
        in_range.then_some(after)
    }

    /// The sums of a commodity, after one of its accounts went from `before` to `after`.
    pub(crate) fn shift(self, before: &Self, after: &Self) -> Option<Self> {
        let moved = |sum: i128, from: i128, to: i128| sum.checked_add(to - from);
        Some(Self {
            posted_debits: moved(
                self.posted_debits,
                before.posted_debits,
                after.posted_debits,
            )?,
            posted_credits: moved(
                self.posted_credits,
                before.posted_credits,
                after.posted_credits,
            )?,
            pending_debits: moved(
                self.pending_debits,
                before.pending_debits,
                after.pending_debits,
            )?,
            pending_credits: moved(
                self.pending_credits,
                before.pending_credits,
                after.pending_credits,
            )?,
        })
    }

    /// Whether debits equal credits, posted and pending.
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        self.posted_debits == self.posted_credits && self.pending_debits == self.pending_credits
    }
}

/// An account as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub(crate) path: AccountPath,
    pub(crate) kind: AccountKind,
    pub(crate) commodity: CommodityIndex,
    pub(crate) settings: Settings,
    pub(crate) state: AccountState,
    pub(crate) sums: Sums,
    /// Sequence of its newest movement, 0 for none.
    pub(crate) newest: u64,
    /// Sequence of the entry that opened it.
    pub(crate) opened: u64,
    /// Sequence of the entry that opened or last changed it.
    pub(crate) changed: u64,
}

impl Account {
    /// Its name.
    #[must_use]
    pub const fn path(&self) -> &AccountPath {
        &self.path
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> AccountKind {
        self.kind
    }

    /// What it counts.
    #[must_use]
    pub const fn commodity(&self) -> CommodityIndex {
        self.commodity
    }

    /// Overdraft, freeze, digest of the metadata.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Open or closed.
    #[must_use]
    pub const fn state(&self) -> AccountState {
        self.state
    }

    /// The four sums.
    #[must_use]
    pub const fn sums(&self) -> &Sums {
        &self.sums
    }

    /// Sequence of its newest movement, the head of its account chain; 0 for none.
    #[must_use]
    pub const fn newest(&self) -> u64 {
        self.newest
    }

    /// Sequence of the entry that opened it.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// Sequence of the entry that opened it or last changed its settings.
    #[must_use]
    pub const fn changed(&self) -> u64 {
        self.changed
    }

    /// The posted balance, positive on the account's normal side. Minor units.
    #[must_use]
    pub const fn posted(&self) -> i128 {
        match self.kind.normal_side() {
            Side::Debit => self.sums.posted(),
            Side::Credit => -self.sums.posted(),
        }
    }

    /// What open holds would add to the balance. Minor units, never negative.
    #[must_use]
    pub const fn pending_in(&self) -> i128 {
        match self.kind.normal_side() {
            Side::Debit => self.sums.pending_debits,
            Side::Credit => self.sums.pending_credits,
        }
    }

    /// What open holds would take from the balance. Minor units, never negative.
    #[must_use]
    pub const fn pending_out(&self) -> i128 {
        match self.kind.normal_side() {
            Side::Debit => self.sums.pending_credits,
            Side::Credit => self.sums.pending_debits,
        }
    }

    /// What may still leave the account, without its overdraft: posted less pending out. What is
    /// pending in does not count until it is captured. Minor units.
    #[must_use]
    pub const fn available(&self) -> i128 {
        self.available_with(&self.sums)
    }

    /// What would be available if the sums were these.
    pub(crate) const fn available_with(&self, sums: &Sums) -> i128 {
        match self.kind.normal_side() {
            Side::Debit => sums.posted() - sums.pending_credits,
            Side::Credit => -sums.posted() - sums.pending_debits,
        }
    }
}
