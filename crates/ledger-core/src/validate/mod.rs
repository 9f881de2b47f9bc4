//! Deciding: what an operation would write, or why it is refused. Changes nothing.

mod accounts;
mod draft;
mod linked;
mod transaction;

use kit::time::{Date, Timestamp};

use crate::book::Book;
use crate::codec::encode_request;
use crate::entry::EntryBody;
use crate::hash::{Digest, Domain, finish, start};
use crate::operation::{Operation, Transaction};
use crate::reject::Reject;

pub use linked::expire_next;

/// The earliest effective date. Nothing on a living book is older, and a year that lost its first
/// digits is a mistake worth refusing.
pub const DATE_MIN: Date = Date::constant(1900, 1, 1);

/// The time of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Its booking time: the clock's, but never before [`crate::Chain::booked_at`].
    pub booked_at: Timestamp,
    /// The day it is in the book's zone.
    pub today: Date,
}

/// What the journal says of a transaction id, whether durable or on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// [`crate::Head::request_hash`] of its transaction.
    pub request_hash: Digest,
    /// The sequence of its first row.
    pub sequence: u64,
}

/// What comes of an operation that is not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// These entries, 1 or more, are to be applied now, in this order, with the next sequences.
    Apply(Vec<EntryBody>),
    /// It was done before, or is as asked: nothing is to be applied.
    AlreadyApplied {
        /// The sequence of what was applied then.
        sequence: u64,
    },
}

/// Judges an operation against the state of the book, and says what is to be written.
///
/// `existing` is what the journal says of the operation's transaction id, `None` if it is new; and
/// what [`Book::missing_parent`] asks for must have been admitted. The entries hold for this very
/// state: apply them all before judging the next operation, or none of them (a dry run).
///
/// Cost: a look-up per account named, and for a transaction of n postings O(n log n).
///
/// # Errors
///
/// [`Reject`], by the first thing that is wrong.
pub fn validate(
    book: &Book,
    operation: &Operation,
    existing: Option<Existing>,
    now: Now,
) -> Result<Outcome, Reject> {
    match operation {
        Operation::AddCommodity(commodity) => accounts::add_commodity(book, *commodity),
        Operation::OpenAccount(open) => accounts::open_account(book, open),
        Operation::ChangeAccount(change) => accounts::change_account(book, change),
        Operation::Transact(transaction) => {
            let request_hash = request_hash(transaction);
            if let Some(existing) = existing {
                let sequence = existing.sequence;
                return if existing.request_hash == request_hash {
                    Ok(Outcome::AlreadyApplied { sequence })
                } else {
                    Err(Reject::TransactionIdMustNotBeReused { sequence })
                };
            }
            transaction::transact(book, transaction, request_hash, now).map(Outcome::Apply)
        }
    }
}

/// The hash of a request, by which a repeat of it is known: over all its fields as they were asked
/// (a date that was left out stays left out).
#[must_use]
pub fn request_hash(transaction: &Transaction) -> Digest {
    // A request of one posting has some 200 bytes.
    let mut buffer = start(Domain::Request, 255);
    encode_request(transaction, &mut buffer);
    finish(&buffer)
}
