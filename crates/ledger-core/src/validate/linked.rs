//! Transactions that name a parent: captures, voids, refunds, reversals; and expiries.

use super::Now;
use super::draft::{Draft, Row};
use crate::book::Book;
use crate::entry::{EntryBody, Head, MovementKind, TransactionKind};
use crate::hash::Digest;
use crate::hold::Hold;
use crate::id::TransactionId;
use crate::limits::POSTINGS_MAX;
use crate::operation::{Amounts, Portion};
use crate::parent::Parent;
use crate::reject::{Place, Reject};
use crate::text::TransactionCode;

/// The transaction code of every expiry.
const EXPIRY_CODE: TransactionCode = match TransactionCode::parse("expiry") {
    Ok(code) => code,
    Err(_) => panic!("the code of expiries is well formed"),
};

/// The rows that end the hold whose time is over longest, `None` if there is none such.
///
/// For the start of a batch: apply them, and ask again. The rows belong to the hold's own
/// transaction. A hold that is due but has no such rows yet can be neither captured nor voided,
/// so it does not matter how many of them a batch takes on.
#[must_use]
pub fn expire_next(book: &Book, now: Now) -> Option<Vec<EntryBody>> {
    let (expires_at, id) = book.holds.soonest()?;
    if expires_at > now.booked_at {
        return None;
    }
    let hold = book.holds.get(id).expect("a hold that expires is open");
    let draft = release(Draft::new(book, id, hold.postings.len()), hold);
    let head = Head {
        code: EXPIRY_CODE,
        date: now.today,
        reference: None,
        kind: TransactionKind::Expiry { parent: id },
        metadata_digest: None,
        request_hash: Digest::ZERO,
        rows: 0,
    };
    let bodies = draft.and_then(|draft| draft.finish(head));
    Some(bodies.expect("a release passes freezes and takes nothing from what is available"))
}

/// The hold of this id, if it is open and its time is not over.
pub(super) fn open_hold(book: &Book, id: TransactionId, now: Now) -> Result<&Hold, Reject> {
    if let Some(hold) = book.holds.get(id) {
        return if hold.is_due(now.booked_at) {
            Err(Reject::HoldMustBeOpen)
        } else {
            Ok(hold)
        };
    }
    let parent = book
        .parents
        .get(&id)
        .ok_or(Reject::ParentMustExist { parent: id })?;
    match parent.kind {
        TransactionKind::Hold { .. } => Err(Reject::HoldMustBeOpen),
        _ => Err(Reject::ParentMustAllowLink { parent: id }),
    }
}

/// The transaction of this id, if it can be refunded.
pub(super) fn refundable(book: &Book, id: TransactionId) -> Result<&Parent, Reject> {
    let parent = find_parent(book, id)?;
    match parent.kind {
        TransactionKind::Post | TransactionKind::Capture { .. } => Ok(parent),
        _ => Err(Reject::ParentMustAllowLink { parent: id }),
    }
}

/// The transaction of this id, if it can be reversed, and of which other one that restores the
/// remainder.
pub(super) fn reversible(
    book: &Book,
    id: TransactionId,
) -> Result<(&Parent, Option<TransactionId>), Reject> {
    let parent = find_parent(book, id)?;
    match parent.kind {
        TransactionKind::Post | TransactionKind::Capture { .. } => Ok((parent, None)),
        TransactionKind::Refund { parent: refunded } => {
            find_parent(book, refunded)?;
            Ok((parent, Some(refunded)))
        }
        _ => Err(Reject::ParentMustAllowLink { parent: id }),
    }
}

fn find_parent(book: &Book, id: TransactionId) -> Result<&Parent, Reject> {
    match book.parents.get(&id) {
        Some(parent) => Ok(parent),
        None if book.holds.get(id).is_some() => Err(Reject::ParentMustAllowLink { parent: id }),
        None => Err(Reject::ParentMustExist { parent: id }),
    }
}

/// Drafts a capture: what is asked of each posting, and if it is final the release of the rest.
pub(super) fn capture<'a>(
    mut draft: Draft<'a>,
    hold: &Hold,
    amounts: &Amounts,
    is_final: bool,
) -> Result<Draft<'a>, Reject> {
    let numbered = hold.postings.iter().zip(0..);
    let remains: Vec<(u16, i64)> = numbered
        .map(|(posting, number)| (number, posting.remaining))
        .collect();
    let asked = asked(amounts, &remains)?;
    for (&(number, remaining), (held, captured)) in
        remains.iter().zip(hold.postings.iter().zip(asked))
    {
        let rest = if is_final { remaining - captured } else { 0 };
        for (kind, amount) in [
            (MovementKind::Capture, captured),
            (MovementKind::Release, rest),
        ] {
            if amount > 0 {
                let (debit, credit) = (held.debit, held.credit);
                draft.follow(Row {
                    kind,
                    posting: number,
                    debit,
                    credit,
                    amount,
                })?;
            }
        }
    }
    Ok(draft)
}

/// Drafts the release of all that is left of a hold.
pub(super) fn release<'a>(mut draft: Draft<'a>, hold: &Hold) -> Result<Draft<'a>, Reject> {
    for (held, number) in hold.postings.iter().zip(0..) {
        if held.remaining > 0 {
            draft.follow(Row {
                kind: MovementKind::Release,
                posting: number,
                debit: held.debit,
                credit: held.credit,
                amount: held.remaining,
            })?;
        }
    }
    Ok(draft)
}

/// Drafts a refund or reversal: the parent's postings with their sides swapped.
pub(super) fn give_back<'a>(
    mut draft: Draft<'a>,
    parent: &Parent,
    amounts: &Amounts,
) -> Result<Draft<'a>, Reject> {
    let remains: Vec<(u16, i64)> = parent
        .postings
        .iter()
        .map(|posting| (posting.posting, posting.remaining))
        .collect();
    let asked = asked(amounts, &remains)?;
    for (posting, amount) in parent.postings.iter().zip(asked) {
        if amount > 0 {
            draft.follow(Row {
                kind: MovementKind::Post,
                posting: posting.posting,
                debit: posting.credit,
                credit: posting.debit,
                amount,
            })?;
        }
    }
    Ok(draft)
}

/// How much of each posting is asked for: one amount for each of `remains`, which holds numbers
/// and what is left, in the order of the numbers. At least one is above zero.
fn asked(amounts: &Amounts, remains: &[(u16, i64)]) -> Result<Vec<i64>, Reject> {
    let portions = match amounts {
        Amounts::All if remains.iter().all(|&(_, remaining)| remaining == 0) => {
            let at = Place::Field("parent");
            return Err(Reject::AmountMustNotExceedRemainder { at, remains: 0 });
        }
        Amounts::All => return Ok(remains.iter().map(|&(_, remaining)| remaining).collect()),
        Amounts::Each(portions) => portions,
    };
    if portions.is_empty() {
        return Err(Reject::TransactionMustHavePostings {
            at: Place::Field("amounts"),
        });
    }
    if portions.len() > POSTINGS_MAX {
        return Err(Reject::PostingsMustFitLimit {
            found: portions.len(),
        });
    }
    let mut asked = vec![0; remains.len()];
    for (&Portion { posting, amount }, place) in portions.iter().zip(0..) {
        if amount <= 0 {
            return Err(Reject::AmountMustBePositive {
                at: Place::Portion(place, "amount"),
            });
        }
        let number_at = Place::Portion(place, "posting");
        let at = remains
            .binary_search_by_key(&posting, |&(number, _)| number)
            .map_err(|_| Reject::PostingMustExistInParent { at: number_at })?;
        if asked[at] != 0 {
            return Err(Reject::PostingMustBeNamedOnce { at: number_at });
        }
        let remaining = remains[at].1;
        if amount > remaining {
            let at = Place::Portion(place, "amount");
            return Err(Reject::AmountMustNotExceedRemainder {
                at,
                remains: remaining,
            });
        }
        asked[at] = amount;
    }
    Ok(asked)
}
