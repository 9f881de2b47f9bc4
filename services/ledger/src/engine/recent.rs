//! What was decided and is not durable yet, so that it can be found before the store can.
//!
//! Promises: a transaction is found here from the moment it is applied until it is durable. Holds
//! at most the batch that is being flushed and the one that waits for it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ledger_core::{Entry, EntryBody, Existing, TransactionId};

/// One batch on its way to the disk.
struct OnTheWay {
    entries: Arc<Vec<Entry>>,
    ids: HashMap<TransactionId, u64>,
    metadata: Arc<Vec<(u64, Option<String>)>>,
}

/// The batches on their way.
#[derive(Default)]
pub(super) struct Recent {
    batches: VecDeque<OnTheWay>,
}

impl Recent {
    /// Takes a batch on.
    pub(super) fn push(
        &mut self,
        entries: Arc<Vec<Entry>>,
        ids: HashMap<TransactionId, u64>,
        metadata: Arc<Vec<(u64, Option<String>)>>,
    ) {
        self.batches.push_back(OnTheWay {
            entries,
            ids,
            metadata,
        });
    }

    /// Lets go of what is durable, which the store now finds.
    pub(super) fn retire(&mut self, durable: u64) {
        let is_durable = |batch: &OnTheWay| {
            batch
                .entries
                .last()
                .is_none_or(|entry| entry.sequence <= durable)
        };
        while self.batches.front().is_some_and(is_durable) {
            self.batches.pop_front();
        }
    }

    /// The rows of a transaction.
    pub(super) fn find(&self, id: TransactionId) -> Option<&[Entry]> {
        self.batches.iter().find_map(|batch| {
            let sequence = batch.ids.get(&id)?;
            rows_at(&batch.entries, *sequence)
        })
    }

    /// The metadata that came with a sequence, if that is on its way.
    pub(super) fn find_metadata(&self, sequence: u64) -> Option<Option<String>> {
        self.batches
            .iter()
            .find_map(|batch| metadata_at(&batch.metadata, sequence))
    }
}

/// The rows of the transaction whose first row has this sequence.
pub(super) fn rows_at(entries: &[Entry], sequence: u64) -> Option<&[Entry]> {
    let at = usize::try_from(sequence - entries.first()?.sequence).ok()?;
    let EntryBody::Movement(movement) = &entries.get(at)?.body else {
        return None;
    };
    let rows = usize::from(movement.head.as_deref()?.rows);
    entries.get(at..at + rows)
}

/// The metadata of this sequence in a list that ascends.
pub(super) fn metadata_at(
    metadata: &[(u64, Option<String>)],
    sequence: u64,
) -> Option<Option<String>> {
    let at = metadata
        .binary_search_by_key(&sequence, |(sequence, _)| *sequence)
        .ok()?;
    Some(metadata[at].1.clone())
}

/// What the rows of a transaction say of its id.
pub(super) fn existing(rows: &[Entry]) -> Option<Existing> {
    let first = rows.first()?;
    let EntryBody::Movement(movement) = &first.body else {
        return None;
    };
    let head = movement.head.as_deref()?;
    Some(Existing {
        request_hash: head.request_hash,
        sequence: first.sequence,
    })
}
