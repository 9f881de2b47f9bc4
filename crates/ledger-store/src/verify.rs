//! Proving a journal: everything that is stored is read, and everything that follows from it is
//! computed anew and compared.
//!
//! Promises: reads only, beside a running service or without one. What is compared: every column
//! of every row by its strict reading; every leaf hash through the Merkle root of its batch; every
//! header through its own hash and through the next one's `previous_hash`; every account chain,
//! balance and remainder of a hold; debits with credits per commodity after every row, and added
//! up from all accounts at the end; ids, references, links and metadata with the rows they belong
//! to, both ways; refunds and reversals with what their parents moved. Cannot find: a journal cut
//! off at the end of a batch, or written anew from some batch on, by somebody who knows how: for
//! that, keep the head (`GET …/journal`) elsewhere.

use std::path::Path;

use ledger_core::{Book, Digest, Parent, digest, limits::Limits, replay_batch};

use crate::store::Journal;
use crate::{Damage, JournalError, LedgerStore};

/// Parents looked at at a time.
const PARENTS_PAGE: u32 = 1_000;

/// What a journal that is in order comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How many entries it has.
    pub sequence: u64,
    /// In how many batches.
    pub batches: u64,
    /// The hash of the last header.
    pub head: Digest,
    /// The digest of the state it comes to.
    pub state: Digest,
}

/// Proves the journal of the book `name` in a folder of SQLite journals. Nothing is locked and
/// nothing changed; a ledger may be writing it. Cost: a walk over all of it, and a few look-ups
/// per transaction.
///
/// # Errors
///
/// [`JournalError::Damaged`] with the first bad batch; [`JournalError::Unavailable`] if it is not
/// there or cannot be read.
pub fn verify(folder: &Path, name: &str) -> Result<Proof, JournalError> {
    prove(&Journal::open_to_read(folder, name)?)
}

fn prove(store: &dyn LedgerStore) -> Result<Proof, JournalError> {
    let mut book = Book::new(Limits::default());
    let mut chain = store.record().chain();
    let mut batches = 0;
    let mut last = 1;
    store.replay(true, &mut |header, entries| {
        replay_batch(&mut book, &mut chain, header, entries).map_err(|corruption| Damage {
            batch: header.first_sequence,
            what: format!("entry {}: {}", corruption.sequence, corruption.fault),
        })?;
        batches += 1;
        last = header.first_sequence;
        Ok(())
    })?;
    book.trial_balance().map_err(|corruption| Damage {
        batch: last,
        what: corruption.fault.to_string(),
    })?;
    verify_parents(store, chain.next_sequence())?;
    Ok(Proof {
        sequence: chain.next_sequence() - 1,
        batches,
        head: chain.hash(),
        state: digest(&book),
    })
}

/// Refunds and reversals give back no more than was moved. Holds are proved by the replay.
fn verify_parents(store: &dyn LedgerStore, next_sequence: u64) -> Result<(), JournalError> {
    let mut after = None;
    loop {
        let parents = store.list_parents(after, PARENTS_PAGE)?;
        for &parent in &parents {
            let missing = || Damage {
                batch: next_sequence,
                what: format!("transaction {parent} must be in the journal"),
            };
            let first = store.find_transaction(parent)?.ok_or_else(missing)?;
            let own = store.load_rows(first)?;
            let mut children = Vec::new();
            let mut seen = 0;
            loop {
                let page = store.list_links(parent, seen, PARENTS_PAGE)?;
                let Some(&last) = page.last() else { break };
                // A child that came after the replay is for the next proof.
                for &sequence in page.iter().filter(|&&sequence| sequence < next_sequence) {
                    children.extend(store.load_rows(sequence)?);
                }
                seen = last;
            }
            Parent::collect(parent, &own, &children).map_err(|error| Damage {
                batch: first,
                what: error.to_string(),
            })?;
        }
        match parents.last() {
            Some(&last) => after = Some(last),
            None => return Ok(()),
        }
    }
}
