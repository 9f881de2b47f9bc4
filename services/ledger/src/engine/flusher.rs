//! The thread that makes batches durable, and then lets the answers go.
//!
//! Why a thread: a flush waits for the disk, and the writer uses that time for the next batch.
//! Promises: batches are sealed and appended in the order in which they come; answers go only
//! after the batch they came with, and so after all before it; after one failure nothing is
//! appended any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use kit::time::Timestamp;
use ledger_core::{Chain, Entry};

use super::{Alarm, EngineError, Release, Shared};
use ledger_store::{Batch, LedgerStore};

/// A batch and the answers that wait for it. Without entries the answers wait for the batch before.
pub(super) struct Flush {
    pub(super) booked_at: Timestamp,
    pub(super) entries: Arc<Vec<Entry>>,
    pub(super) metadata: Arc<Vec<(u64, Option<String>)>>,
    pub(super) releases: Vec<Release>,
}

pub(super) struct Flusher {
    pub(super) store: Arc<dyn LedgerStore>,
    pub(super) shared: Arc<Shared>,
    pub(super) chain: Chain,
    pub(super) epoch: u64,
}

impl Flusher {
    /// Flushes until the writer has gone.
    pub(super) fn run(mut self, flushes: &Receiver<Flush>) {
        let _alarm = Alarm(Arc::clone(&self.shared));
        while let Ok(flush) = flushes.recv() {
            if !flush.entries.is_empty() && self.shared.stopped().is_none() {
                self.flush(&flush);
            }
            let durable = self.shared.stopped().map_or(Ok(()), Err);
            for release in flush.releases {
                release(durable);
            }
        }
    }

    fn flush(&mut self, flush: &Flush) {
        let header = self.chain.seal(&flush.entries, flush.booked_at, self.epoch);
        let batch = Batch {
            header,
            entries: Arc::clone(&flush.entries),
            metadata: Arc::clone(&flush.metadata),
        };
        if let Err(error) = self.store.append(&batch) {
            self.shared
                .stop(EngineError::Stopped, &format!("a flush failed: {error}"));
            return;
        }
        self.shared.learn_commodities(&flush.entries);
        self.shared
            .durable
            .store(header.last_sequence, Ordering::Release);
    }
}
