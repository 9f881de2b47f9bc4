//! The naive model: it keeps every transaction there ever was in a `Vec`, and adds up whatever it
//! is asked from the beginning. It shares no code with the core but the types of its interface.

use kit::time::{Date, Timestamp};
use ledger_core::operation::{Action, ChangeAccount, OpenAccount, Operation, Posting, Transaction};
use ledger_core::{AccountKind, AccountPath, DATE_MIN, Freeze, Now, Overdraft, TransactionId};
use money::CommodityCode;

use crate::remainders::portions;

/// One movement: so much of a posting from one account to another.
#[derive(Clone, Debug)]
pub struct Moved {
    pub debit: AccountPath,
    pub credit: AccountPath,
    pub posting: u16,
    pub amount: i64,
    pub reserves: i64,
    pub posts: bool,
}

/// A transaction that was accepted, with what it moved.
#[derive(Clone, Debug)]
pub struct Done {
    pub request: Transaction,
    pub moved: Vec<Moved>,
    pub expired: bool,
}

#[derive(Clone, Debug)]
pub struct ModelAccount {
    pub asked: OpenAccount,
    pub closed: bool,
}

/// Everything that ever happened.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub commodities: Vec<(CommodityCode, u8)>,
    pub accounts: Vec<ModelAccount>,
    pub done: Vec<Done>,
}

/// What the model says of an operation.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Apply,
    AlreadyApplied,
    /// The codes of all that is wrong with it, in no order.
    Refuse(Vec<&'static str>),
}

/// Posted, pending in, pending out: positive on the account's own side.
pub struct Balance {
    pub posted: i128,
    pub pending_in: i128,
    pub pending_out: i128,
}

impl Model {
    pub fn submit(&mut self, operation: &Operation, now: Now) -> Verdict {
        match operation {
            Operation::AddCommodity(commodity) => {
                let known = self
                    .commodities
                    .iter()
                    .find(|(code, _)| *code == commodity.code());
                match known {
                    Some((_, exponent)) if *exponent == commodity.exponent() => {
                        Verdict::AlreadyApplied
                    }
                    Some(_) => Verdict::Refuse(vec!["commodity_must_not_change"]),
                    None => {
                        self.commodities
                            .push((commodity.code(), commodity.exponent()));
                        Verdict::Apply
                    }
                }
            }
            Operation::OpenAccount(open) => self.open(open),
            Operation::ChangeAccount(change) => self.change(change),
            Operation::Transact(transaction) => self.transact(transaction, now),
        }
    }

    fn open(&mut self, open: &OpenAccount) -> Verdict {
        if !self
            .commodities
            .iter()
            .any(|(code, _)| *code == open.commodity)
        {
            return Verdict::Refuse(vec!["commodity_must_exist"]);
        }
        match self.find(&open.path) {
            Some(account) if !account.closed && account.asked == *open => Verdict::AlreadyApplied,
            Some(_) => Verdict::Refuse(vec!["account_must_not_exist"]),
            None => {
                self.accounts.push(ModelAccount {
                    asked: open.clone(),
                    closed: false,
                });
                Verdict::Apply
            }
        }
    }

    fn change(&mut self, change: &ChangeAccount) -> Verdict {
        let Some(account) = self.find(&change.path) else {
            return Verdict::Refuse(vec!["account_must_exist"]);
        };
        let mut after = account.clone();
        after.asked.overdraft = change.overdraft.unwrap_or(after.asked.overdraft);
        after.asked.freeze = change.freeze.unwrap_or(after.asked.freeze);
        after.asked.metadata_digest = change
            .metadata_digest
            .unwrap_or(after.asked.metadata_digest);
        after.closed |= change.close;
        if after.asked == account.asked && after.closed == account.closed {
            return Verdict::AlreadyApplied;
        }
        if account.closed {
            return Verdict::Refuse(vec!["account_must_be_open"]);
        }
        let balance = self.balance(&change.path);
        let busy = balance.posted != 0 || balance.pending_in != 0 || balance.pending_out != 0;
        if change.close && busy {
            return Verdict::Refuse(vec!["account_must_be_empty"]);
        }
        let at = self
            .accounts
            .iter()
            .position(|known| known.asked.path == change.path);
        self.accounts[at.expect("found above")] = after;
        Verdict::Apply
    }

    fn transact(&mut self, request: &Transaction, now: Now) -> Verdict {
        if let Some(done) = self.find_done(request.id) {
            return if done.request == *request {
                Verdict::AlreadyApplied
            } else {
                Verdict::Refuse(vec!["transaction_id_must_not_be_reused"])
            };
        }
        let mut wrong = Vec::new();
        if request.date.is_some_and(|date: Date| date > now.today) {
            wrong.push("effective_date_must_not_be_in_future");
        }
        if request.date.is_some_and(|date| date < DATE_MIN) {
            wrong.push("effective_date_must_be_in_range");
        }
        if request.action.parent() == Some(request.id) {
            wrong.push("parent_must_be_another");
        }
        let moved = self.movements(request, now, &mut wrong);
        self.judge_states(&moved, &mut wrong);
        // Only what is otherwise right has a sum that means something.
        if wrong.is_empty() {
            self.judge_funds(&moved, &mut wrong);
        }
        if wrong.is_empty() {
            self.done.push(Done {
                request: request.clone(),
                moved,
                expired: false,
            });
            return Verdict::Apply;
        }
        Verdict::Refuse(wrong)
    }

    /// What a transaction would move, and what is wrong with it by itself.
    fn movements(&self, request: &Transaction, now: Now, wrong: &mut Vec<&str>) -> Vec<Moved> {
        match &request.action {
            Action::Post { postings } => self.named(postings, true, wrong),
            Action::Hold {
                postings,
                expires_at,
            } => {
                if expires_at.is_some_and(|time| time <= now.booked_at) {
                    wrong.push("hold_expiry_must_be_in_future");
                }
                self.named(postings, false, wrong)
            }
            Action::Capture {
                parent,
                amounts,
                is_final,
            } => {
                let Some(left) = self.held(*parent, now, wrong) else {
                    return Vec::new();
                };
                let asked = portions(&left, amounts, wrong);
                let mut moved = Vec::new();
                for (of, amount) in left.iter().zip(asked) {
                    moved.push(Moved {
                        amount,
                        reserves: -amount,
                        posts: true,
                        ..of.clone()
                    });
                    if *is_final {
                        let rest = of.amount.saturating_sub(amount);
                        moved.push(Moved {
                            amount: rest,
                            reserves: -rest,
                            posts: false,
                            ..of.clone()
                        });
                    }
                }
                moved.retain(|moved| moved.amount != 0);
                moved
            }
            Action::Void { parent } => {
                let left = self.held(*parent, now, wrong).unwrap_or_default();
                let release = |of: Moved| Moved {
                    reserves: -of.amount,
                    posts: false,
                    ..of
                };
                left.into_iter()
                    .filter(|of| of.amount != 0)
                    .map(release)
                    .collect()
            }
            Action::Refund { parent, amounts } => self.mirror(*parent, amounts, false, wrong),
            Action::Reverse { parent, amounts } => self.mirror(*parent, amounts, true, wrong),
        }
    }

    /// Movements of postings that name their accounts.
    fn named(&self, postings: &[Posting], posts: bool, wrong: &mut Vec<&str>) -> Vec<Moved> {
        if postings.is_empty() {
            wrong.push("transaction_must_have_postings");
        }
        for posting in postings {
            if posting.amount <= 0 {
                wrong.push("amount_must_be_positive");
            }
            if posting.debit == posting.credit {
                wrong.push("accounts_must_differ");
            }
            let known = self
                .commodities
                .iter()
                .any(|(code, _)| *code == posting.commodity);
            if !known {
                wrong.push("commodity_must_exist");
            }
            for path in [&posting.debit, &posting.credit] {
                match self.find(path) {
                    None => wrong.push("account_must_exist"),
                    Some(account) if account.asked.commodity != posting.commodity => {
                        wrong.push("account_commodity_must_match");
                    }
                    Some(_) => {}
                }
            }
        }
        let moved = postings.iter().zip(0..).map(|(posting, number)| Moved {
            debit: posting.debit.clone(),
            credit: posting.credit.clone(),
            posting: number,
            amount: posting.amount,
            reserves: if posts { 0 } else { posting.amount },
            posts,
        });
        moved.collect()
    }

    /// Closed accounts take nothing, frozen ones not in that direction.
    fn judge_states(&self, moved: &[Moved], wrong: &mut Vec<&str>) {
        let releases = |moved: &Moved| moved.reserves < 0 && !moved.posts;
        for moved in moved.iter().filter(|moved| !releases(moved)) {
            for (path, is_debit) in [(&moved.debit, true), (&moved.credit, false)] {
                let Some(account) = self.find(path) else {
                    continue;
                };
                if account.closed {
                    wrong.push("account_must_be_open");
                }
                let goes_in = is_debit == is_debit_normal(account.asked.kind);
                let frozen = match account.asked.freeze {
                    Freeze::None => false,
                    Freeze::In => goes_in,
                    Freeze::Out => !goes_in,
                    Freeze::Both => true,
                };
                if frozen {
                    wrong.push("account_must_not_be_frozen");
                }
            }
        }
    }

    /// Nobody falls below the overdraft by all of it together.
    fn judge_funds(&self, moved: &[Moved], wrong: &mut Vec<&str>) {
        for account in &self.accounts {
            let floor = match account.asked.overdraft {
                Overdraft::None => 0,
                Overdraft::Limit(limit) => -i128::from(limit),
                Overdraft::Unlimited => continue,
            };
            let path = &account.asked.path;
            let before = self.balance(path).available();
            let after = self.sum(path, moved).plus(self.balance(path)).available();
            if after < before && after < floor {
                wrong.push("funds_must_suffice");
            }
        }
    }

    /// Lets the holds expire whose time is over.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        let mut expired = 0;
        for at in 0..self.done.len() {
            let Action::Hold {
                expires_at: Some(expires_at),
                ..
            } = self.done[at].request.action
            else {
                continue;
            };
            let left = self.left_of_hold(&self.done[at]);
            let open = !self.done[at].expired && left.iter().any(|of| of.amount != 0);
            if open && expires_at <= now {
                self.done[at].expired = true;
                expired += 1;
            }
        }
        expired
    }

    /// The balance of an account, from the beginning of time.
    pub fn balance(&self, path: &AccountPath) -> Balance {
        let mut balance = Balance {
            posted: 0,
            pending_in: 0,
            pending_out: 0,
        };
        for done in &self.done {
            balance = balance.plus(self.sum(path, &done.moved));
            if done.expired {
                let left = self.left_of_hold(done);
                let released: Vec<_> = left
                    .into_iter()
                    .map(|of| Moved {
                        reserves: -of.amount,
                        ..of
                    })
                    .collect();
                balance = balance.plus(self.sum(path, &released));
            }
        }
        balance
    }

    fn sum(&self, path: &AccountPath, moved: &[Moved]) -> Balance {
        let is_debit_normal = is_debit_normal(self.find(path).expect("open").asked.kind);
        let mut balance = Balance {
            posted: 0,
            pending_in: 0,
            pending_out: 0,
        };
        for moved in moved {
            for (account, is_debit) in [(&moved.debit, true), (&moved.credit, false)] {
                if account != path {
                    continue;
                }
                let amount = if moved.posts {
                    i128::from(moved.amount)
                } else {
                    0
                };
                if is_debit == is_debit_normal {
                    balance.posted += amount;
                    balance.pending_in += i128::from(moved.reserves);
                } else {
                    balance.posted -= amount;
                    balance.pending_out += i128::from(moved.reserves);
                }
            }
        }
        balance
    }

    pub fn find(&self, path: &AccountPath) -> Option<&ModelAccount> {
        self.accounts
            .iter()
            .find(|account| account.asked.path == *path)
    }

    pub fn find_done(&self, id: TransactionId) -> Option<&Done> {
        self.done.iter().find(|done| done.request.id == id)
    }
}

impl Balance {
    pub fn available(&self) -> i128 {
        self.posted - self.pending_out
    }

    fn plus(self, other: Self) -> Self {
        Self {
            posted: self.posted + other.posted,
            pending_in: self.pending_in + other.pending_in,
            pending_out: self.pending_out + other.pending_out,
        }
    }
}

fn is_debit_normal(kind: AccountKind) -> bool {
    matches!(kind, AccountKind::Asset | AccountKind::Expense)
}
