//! A journal, batch by batch, back into a book.

use crate::book::Book;
use crate::chain::{BatchHeader, Chain};
use crate::corruption::{Corruption, Fault};
use crate::entry::Entry;

/// Checks a batch against the chain and applies it: the root, the header before, the booking time,
/// every sequence, account chain, balance and remainder, and that no transaction is cut off.
///
/// # Errors
///
/// [`Corruption`], which names the first sequence that is wrong. Book and chain must then be
/// dropped.
pub fn replay_batch(
    book: &mut Book,
    chain: &mut Chain,
    header: &BatchHeader,
    entries: &[Entry],
) -> Result<(), Corruption> {
    chain.check(header, entries)?;
    for entry in entries {
        book.replay(entry)?;
    }
    if !book.is_between_transactions() {
        return Err(Fault::TransactionMustBeComplete.at(header.last_sequence));
    }
    Ok(())
}
