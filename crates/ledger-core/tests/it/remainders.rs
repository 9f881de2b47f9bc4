//! The naive model's half that follows parents to their children: what is left of a hold, and of
//! what was moved.

use ledger_core::operation::{Action, Amounts};
use ledger_core::{Now, TransactionId};

use crate::model::{Done, Model, Moved};

impl Model {
    /// What is left of each posting of an open hold, zeros included.
    pub fn held(&self, id: TransactionId, now: Now, wrong: &mut Vec<&str>) -> Option<Vec<Moved>> {
        let Some(hold) = self.find_done(id) else {
            wrong.push("transaction_must_exist");
            return None;
        };
        let Action::Hold { expires_at, .. } = hold.request.action else {
            wrong.push("parent_must_allow_link");
            return None;
        };
        let left = self.left_of_hold(hold);
        if hold.expired
            || left.iter().all(|of| of.amount == 0)
            || expires_at.is_some_and(|time| time <= now.booked_at)
        {
            wrong.push("hold_must_be_open");
            return None;
        }
        Some(left)
    }

    /// What is left of each posting of a hold that has not expired, zeros included.
    pub fn left_of_hold(&self, hold: &Done) -> Vec<Moved> {
        let mut left = hold.moved.clone();
        for child in &self.done {
            let (Action::Capture { parent, .. } | Action::Void { parent }) = child.request.action
            else {
                continue;
            };
            if parent == hold.request.id {
                for moved in &child.moved {
                    left[usize::from(moved.posting)].amount -= moved.amount;
                }
            }
        }
        left
    }

    pub fn mirror(
        &self,
        id: TransactionId,
        amounts: &Amounts,
        is_reversal: bool,
        wrong: &mut Vec<&str>,
    ) -> Vec<Moved> {
        let Some(parent) = self.find_done(id) else {
            wrong.push("transaction_must_exist");
            return Vec::new();
        };
        let fits = match parent.request.action {
            Action::Post { .. } | Action::Capture { .. } => true,
            Action::Refund { .. } => is_reversal,
            _ => false,
        };
        if !fits {
            wrong.push("parent_must_allow_link");
            return Vec::new();
        }
        let left = self.left_of_posted(parent);
        let asked = portions(&left, amounts, wrong);
        let mirrored = left.into_iter().zip(asked).map(|(of, amount)| Moved {
            debit: of.credit,
            credit: of.debit,
            posting: of.posting,
            amount,
            reserves: 0,
            posts: true,
        });
        mirrored.filter(|moved| moved.amount != 0).collect()
    }

    /// What is left to give back of each posting that was moved, zeros included: less refunds and
    /// reversals, plus what reversals of those refunds gave back.
    pub fn left_of_posted(&self, parent: &Done) -> Vec<Moved> {
        let mut left: Vec<_> = parent
            .moved
            .iter()
            .filter(|moved| moved.posts)
            .cloned()
            .collect();
        for child in &self.done {
            let sign = match child.request.action {
                Action::Refund { parent: of, .. } | Action::Reverse { parent: of, .. }
                    if of == parent.request.id =>
                {
                    -1
                }
                Action::Reverse { parent: of, .. } if self.is_refund_of(of, parent) => 1,
                _ => continue,
            };
            for moved in &child.moved {
                let of = left.iter_mut().find(|of| of.posting == moved.posting);
                of.expect("a child names postings of its parent").amount += sign * moved.amount;
            }
        }
        left
    }

    fn is_refund_of(&self, id: TransactionId, parent: &Done) -> bool {
        let refund = self.find_done(id).map(|refund| &refund.request.action);
        matches!(refund, Some(Action::Refund { parent: of, .. }) if *of == parent.request.id)
    }
}

/// How much of each posting is asked for, and what is wrong with that.
pub fn portions(left: &[Moved], amounts: &Amounts, wrong: &mut Vec<&str>) -> Vec<i64> {
    let Amounts::Each(portions) = amounts else {
        if left.iter().all(|of| of.amount == 0) {
            wrong.push("amount_must_not_exceed_remainder");
        }
        return left.iter().map(|of| of.amount).collect();
    };
    if portions.is_empty() {
        wrong.push("transaction_must_have_postings");
    }
    let mut asked = vec![0; left.len()];
    let mut named = vec![false; left.len()];
    for portion in portions {
        if portion.amount <= 0 {
            wrong.push("amount_must_be_positive");
        }
        let Some(at) = left.iter().position(|of| of.posting == portion.posting) else {
            wrong.push("posting_must_exist_in_parent");
            continue;
        };
        if named[at] {
            wrong.push("posting_must_be_named_once");
        }
        if portion.amount > left[at].amount {
            wrong.push("amount_must_not_exceed_remainder");
        }
        named[at] = true;
        asked[at] = portion.amount;
    }
    asked
}
