//! Transactions: what holds for all of them, and those that name their accounts themselves.

use kit::time::Timestamp;

use super::draft::{Draft, Row};
use super::{DATE_MIN, Now, linked};
use crate::book::Book;
use crate::entry::{EntryBody, Head, MovementKind, TransactionKind};
use crate::hash::Digest;
use crate::id::{AccountIndex, TransactionId};
use crate::limits::POSTINGS_MAX;
use crate::operation::{Action, Posting, Transaction};
use crate::reject::{Place, Reject};
use crate::text::AccountPath;

/// What a transaction of a new id would write.
pub(super) fn transact(
    book: &Book,
    transaction: &Transaction,
    request_hash: Digest,
    now: Now,
) -> Result<Vec<EntryBody>, Reject> {
    let date = transaction.date.unwrap_or(now.today);
    if date > now.today {
        return Err(Reject::DateMustNotBeInFuture { today: now.today });
    }
    if date < DATE_MIN {
        return Err(Reject::DateMustBeInRange);
    }
    let (draft, kind) = draft(book, transaction, now)?;
    draft.finish(Head {
        code: transaction.code,
        date,
        reference: transaction.reference.clone(),
        kind,
        metadata_digest: transaction.metadata_digest,
        request_hash,
        rows: 0,
    })
}

fn draft<'a>(
    book: &'a Book,
    transaction: &Transaction,
    now: Now,
) -> Result<(Draft<'a>, TransactionKind), Reject> {
    let id = transaction.id;
    if transaction.action.parent() == Some(id) {
        return Err(Reject::ParentMustBeAnother);
    }
    match &transaction.action {
        Action::Post { postings } => {
            let kind = TransactionKind::Post;
            Ok((post(book, id, postings, MovementKind::Post)?, kind))
        }
        &Action::Hold {
            ref postings,
            expires_at,
        } => {
            ensure_hold(book, expires_at, now)?;
            let kind = TransactionKind::Hold { expires_at };
            Ok((post(book, id, postings, MovementKind::Hold)?, kind))
        }
        &Action::Capture {
            parent,
            ref amounts,
            is_final,
        } => {
            let hold = linked::open_hold(book, parent, now)?;
            let draft = linked::capture(Draft::new(book, id, 1), hold, amounts, is_final)?;
            Ok((draft, TransactionKind::Capture { parent, is_final }))
        }
        &Action::Void { parent } => {
            let hold = linked::open_hold(book, parent, now)?;
            let draft = linked::release(Draft::new(book, id, hold.postings().len()), hold)?;
            Ok((draft, TransactionKind::Void { parent }))
        }
        &Action::Refund {
            parent,
            ref amounts,
        } => {
            let posted = linked::refundable(book, parent)?;
            let draft = linked::give_back(Draft::new(book, id, 1), posted, amounts)?;
            Ok((draft, TransactionKind::Refund { parent }))
        }
        &Action::Reverse {
            parent,
            ref amounts,
        } => {
            let (posted, restores) = linked::reversible(book, parent)?;
            let draft = linked::give_back(Draft::new(book, id, 1), posted, amounts)?;
            Ok((draft, TransactionKind::Reversal { parent, restores }))
        }
    }
}

/// One more hold, that ends after now.
fn ensure_hold(book: &Book, expires_at: Option<Timestamp>, now: Now) -> Result<(), Reject> {
    if expires_at.is_some_and(|expires_at| expires_at <= now.booked_at) {
        return Err(Reject::HoldExpiryMustBeInFuture);
    }
    let limit = book.limits.open_holds_max;
    let open = u32::try_from(book.holds.len()).unwrap_or(u32::MAX);
    if open >= limit {
        return Err(Reject::BookMustHaveRoom {
            of: "open_holds",
            limit,
        });
    }
    Ok(())
}

/// Drafts postings that name their accounts.
fn post<'a>(
    book: &'a Book,
    id: TransactionId,
    postings: &[Posting],
    kind: MovementKind,
) -> Result<Draft<'a>, Reject> {
    if postings.is_empty() {
        return Err(Reject::TransactionMustHavePostings {
            at: Place::Field("postings"),
        });
    }
    if postings.len() > POSTINGS_MAX {
        return Err(Reject::PostingsMustFitLimit {
            found: postings.len(),
        });
    }
    let mut draft = Draft::new(book, id, postings.len());
    for (posting, number) in postings.iter().zip(0..) {
        if posting.amount <= 0 {
            return Err(Reject::AmountMustBePositive {
                at: Place::Posting(number, "amount"),
            });
        }
        let debit = resolve(
            book,
            posting,
            &posting.debit,
            Place::Posting(number, "debit"),
        )?;
        let credit = resolve(
            book,
            posting,
            &posting.credit,
            Place::Posting(number, "credit"),
        )?;
        if debit == credit {
            return Err(Reject::AccountsMustDiffer {
                at: Place::Posting(number, "credit"),
            });
        }
        draft.post(Row {
            kind,
            posting: number,
            debit,
            credit,
            amount: posting.amount,
        })?;
    }
    Ok(draft)
}

/// The account of this name, which must count what the posting moves.
fn resolve(
    book: &Book,
    posting: &Posting,
    path: &AccountPath,
    at: Place,
) -> Result<AccountIndex, Reject> {
    let index = book
        .find_account(path)
        .ok_or_else(|| Reject::AccountMustExist {
            account: path.clone(),
            at,
        })?;
    let counted = book.commodity(book.account(index).commodity).commodity;
    if counted.code() == posting.commodity {
        return Ok(index);
    }
    // Rare, so the look-up that tells the two reasons apart is made only here.
    if book.find_commodity(posting.commodity).is_none() {
        let at = match at {
            Place::Posting(number, _) => Place::Posting(number, "commodity"),
            other => other,
        };
        return Err(Reject::CommodityMustExist { at });
    }
    Err(Reject::AccountCommodityMustMatch {
        account: path.clone(),
        at,
    })
}
