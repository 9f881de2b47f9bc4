//! The thread that decides.
//!
//! Why a thread: the book is one state in one memory, and everything is decided in one order; no
//! lock is held and nothing is awaited in between. Promises: a batch begins with the holds whose
//! time is over; each operation is judged against everything applied before it, durable or not;
//! what is refused or taken back leaves nothing. An idle book wakes for the next expiry.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use kit::limits::BULK_ITEMS_MAX;
use kit::time::{Clock, Timestamp, Zone, business_date};
use ledger_core::operation::{Action, Amounts, Operation};
use ledger_core::{Book, Entry, EntryBody, Now, Outcome, expire_next, validate};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::draft::Draft;
use super::flusher::Flush;
use super::recent::{Recent, metadata_at};
use super::{
    Alarm, Balance, Done, EngineError, Item, Job, Refusal, Rows, Shared, Write, Written, version,
};
use ledger_store::{JournalError, LedgerStore};

/// Most rows one request may write: what a bulk body of 16 MiB can hold of the shortest postings.
/// Without it a bulk of captures of large holds would be many times larger than its request.
const REQUEST_ROWS_MAX: usize = 262_144;

/// Longest wait for an expiry before looking at the clock again, which may have been set.
const WAKE_AT_LATEST: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    pub(super) book: Book,
    pub(super) store: Arc<dyn LedgerStore>,
    pub(super) recent: Recent,
    /// No id in the book is greater.
    pub(super) newest_id: u128,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) zone: Zone,
    /// When the last batch was booked; booking time never goes back.
    pub(super) booked_at: Timestamp,
    pub(super) flushes: SyncSender<Flush>,
}

/// What the writer wakes for.
enum Wake {
    Job(Job),
    Clock,
    Closed,
}

impl Writer {
    /// Decides until the queue is closed or the book has stopped.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let _alarm = Alarm(Arc::clone(&self.shared));
        loop {
            let first = match self.wait(jobs) {
                Wake::Job(job) => Some(job),
                Wake::Clock => None,
                Wake::Closed => return,
            };
            if self.shared.stopped().is_some() {
                return;
            }
            match self.decide_batch(first, jobs) {
                Ok(draft) => self.hand_over(draft),
                Err(error) => return stop(&self.shared, &error),
            }
        }
    }

    fn wait(&self, jobs: &Receiver<Job>) -> Wake {
        let Some(expires_at) = self.book.next_expiry() else {
            return jobs.recv().map_or(Wake::Closed, Wake::Job);
        };
        let wait = expires_at.since(self.clock.now()).unwrap_or(Duration::ZERO);
        match jobs.recv_timeout(wait.min(WAKE_AT_LATEST)) {
            Ok(job) => Wake::Job(job),
            Err(RecvTimeoutError::Timeout) => Wake::Clock,
            Err(RecvTimeoutError::Disconnected) => Wake::Closed,
        }
    }

    fn decide_batch(
        &mut self,
        first: Option<Job>,
        jobs: &Receiver<Job>,
    ) -> Result<Draft, JournalError> {
        let durable = self.shared.durable();
        self.recent.retire(durable);
        self.book.retire_parents(durable);
        let booked_at = self.clock.now().max(self.booked_at);
        let today = business_date(booked_at, &self.zone);
        let mut draft = Draft::new(Now { booked_at, today });
        self.expire(&mut draft);
        let mut next = first;
        while let Some(job) = next {
            match job {
                Job::Write(write, answer, permit) => {
                    draft.operations += write.items.len();
                    self.write(write, &mut draft, (answer, permit))?;
                }
                Job::Read(look) => {
                    draft.operations += 1;
                    draft.releases.push(look(&self.book));
                }
            }
            next = match draft.operations < BULK_ITEMS_MAX {
                true => jobs.try_recv().ok(),
                false => None,
            };
        }
        Ok(draft)
    }

    /// Ends the holds whose time is over, a batch of them at most; the rest follow in the next.
    fn expire(&mut self, draft: &mut Draft) {
        while draft.entries.len() < BULK_ITEMS_MAX {
            let Some(bodies) = expire_next(&self.book, draft.now) else {
                return;
            };
            self.apply(bodies, draft);
        }
    }

    fn apply(&mut self, bodies: Vec<EntryBody>, draft: &mut Draft) -> u64 {
        let first = self.book.next_sequence();
        for body in bodies {
            let entry = Entry {
                sequence: self.book.next_sequence(),
                body,
            };
            self.book.apply(&entry);
            draft.entries.push(entry);
        }
        first
    }

    fn write(
        &mut self,
        write: Write,
        draft: &mut Draft,
        (answer, permit): (
            oneshot::Sender<Result<Written, EngineError>>,
            OwnedSemaphorePermit,
        ),
    ) -> Result<(), JournalError> {
        let start = draft.mark();
        let mark = (write.atomic || write.dry_run).then(|| self.book.mark());
        let mut results = Vec::with_capacity(write.items.len());
        for item in write.items {
            let room = REQUEST_ROWS_MAX - draft.since(&start).len();
            let result = self.decide(item, draft, room, write.rows)?;
            let refused = result.is_err();
            results.push(result);
            if refused && write.atomic {
                break;
            }
        }
        let refused = write.atomic && results.last().is_some_and(Result::is_err);
        let balances = match write.dry_run && !refused {
            true => self.balances(draft.since(&start)),
            false => Vec::new(),
        };
        if let Some(mark) = mark {
            if write.dry_run || refused {
                self.book.rollback(mark);
                draft.rollback(&start);
            } else {
                self.book.release(mark);
            }
        }
        let written = Written {
            results,
            balances,
            sequence: self.book.next_sequence() - 1,
        };
        draft.releases.push(Box::new(move |durable| {
            // Whoever asked may have gone: then nobody needs the answer.
            let _ = answer.send(durable.map(|()| written));
            drop(permit);
        }));
        Ok(())
    }

    fn decide(
        &mut self,
        item: Item,
        draft: &mut Draft,
        room: usize,
        rows: bool,
    ) -> Result<Result<Done, Refusal>, JournalError> {
        let existing = self.find_existing(&item.operation, draft)?;
        if existing.is_none() {
            self.admit_parents(&item.operation, draft)?;
            if let Err(refusal) = self.compare_currencies(&item) {
                return Ok(Err(refusal));
            }
        }
        let outcome = validate(&self.book, &item.operation, existing, draft.now);
        let bodies = match outcome {
            // What is as asked already is what a caller wants whose answer was lost.
            Ok(Outcome::AlreadyApplied { sequence }) => {
                return Ok(Ok(Done {
                    sequence,
                    already_applied: true,
                    rows: None,
                }));
            }
            _ if let Some(refusal) = self.compare_versions(&item) => return Ok(Err(refusal)),
            Ok(Outcome::Apply(bodies)) if bodies.len() > room => {
                return Ok(Err(Refusal::rows(REQUEST_ROWS_MAX)));
            }
            Ok(Outcome::Apply(bodies)) => bodies,
            Err(reject) => return Ok(Err(Refusal::of(&reject, &self.book, &item))),
        };
        let metadata = self.metadata_of(item.metadata, &item.operation, draft)?;
        let count = bodies.len();
        let sequence = self.apply(bodies, draft);
        if let Operation::Transact(transaction) = &item.operation {
            draft.note(transaction.id, sequence);
        }
        let rows = rows.then(|| {
            let entries = draft.entries[draft.entries.len() - count..].to_vec();
            self.rows(entries, draft.now.booked_at, metadata.clone().flatten())
        });
        if let Some(metadata) = metadata {
            draft.metadata.push((sequence, metadata));
        }
        Ok(Ok(Done {
            sequence,
            already_applied: false,
            rows,
        }))
    }

    /// What must stand beside the entry an operation makes: nothing, or the text behind its
    /// digest. A changed account that keeps its metadata takes it along.
    fn metadata_of(
        &self,
        stated: Option<String>,
        operation: &Operation,
        draft: &Draft,
    ) -> Result<Option<Option<String>>, JournalError> {
        let Operation::ChangeAccount(change) = operation else {
            return Ok(stated.map(Some));
        };
        if change.metadata_digest.is_some() {
            return Ok(stated.map(Some));
        }
        let Some(index) = self.book.find_account(&change.path) else {
            return Ok(None);
        };
        let account = self.book.account(index);
        if account.settings().metadata_digest.is_none() {
            return Ok(None);
        }
        let changed = account.changed();
        let on_the_way =
            metadata_at(&draft.metadata, changed).or_else(|| self.recent.find_metadata(changed));
        match on_the_way {
            Some(metadata) => Ok(Some(metadata)),
            None => Ok(Some(self.store.find_metadata(changed)?)),
        }
    }

    /// A change of an account is refused if it was made for another version of it (RFC 9110,
    /// section 13.1.1). Compared here, where nobody can change it in between.
    fn compare_versions(&self, item: &Item) -> Option<Refusal> {
        let Operation::ChangeAccount(change) = &item.operation else {
            return None;
        };
        let seen = item.seen?;
        let account = self.book.account(self.book.find_account(&change.path)?);
        let now = version(account);
        (seen != now).then(|| Refusal::version(seen, now))
    }

    /// A portion must be stated in what its posting moves; that there is such a posting is for
    /// the core to say.
    fn compare_currencies(&self, item: &Item) -> Result<(), Refusal> {
        let Operation::Transact(transaction) = &item.operation else {
            return Ok(());
        };
        let (Action::Capture {
            parent,
            amounts: Amounts::Each(portions),
            ..
        }
        | Action::Refund {
            parent,
            amounts: Amounts::Each(portions),
        }
        | Action::Reverse {
            parent,
            amounts: Amounts::Each(portions),
        }) = &transaction.action
        else {
            return Ok(());
        };
        for (at, (portion, stated)) in portions.iter().zip(&item.currencies).enumerate() {
            let held = self.book.find_hold(*parent);
            let held = held.and_then(|hold| hold.postings().get(usize::from(portion.posting)));
            let moved = self.book.find_parent(*parent).and_then(|parent| {
                parent
                    .postings()
                    .iter()
                    .find(|posting| posting.posting == portion.posting)
            });
            let account = held
                .map(|held| held.debit)
                .or(moved.map(|moved| moved.debit));
            let Some(account) = account else { continue };
            let commodity = self.book.account(account).commodity();
            let expected = self.book.commodity(commodity).commodity().code();
            if expected != *stated {
                return Err(Refusal::currency(at, expected));
            }
        }
        Ok(())
    }

    fn rows(&self, entries: Vec<Entry>, booked_at: Timestamp, metadata: Option<String>) -> Rows {
        let mut names = HashMap::new();
        for index in touched(&entries) {
            let account = self.book.account(index);
            let commodity = self.book.commodity(account.commodity()).commodity();
            names.insert(index, (account.path().clone(), commodity));
        }
        Rows {
            entries,
            booked_at,
            names,
            metadata,
        }
    }

    fn balances(&self, entries: &[Entry]) -> Vec<Balance> {
        let touched = touched(entries);
        touched
            .into_iter()
            .map(|index| Balance::of(&self.book, index))
            .collect()
    }

    fn hand_over(&mut self, draft: Draft) {
        let applied = self.book.next_sequence() - 1;
        // Nothing to write and nothing on its way: the answers depend on durable things only.
        if draft.entries.is_empty() && self.shared.durable() == applied {
            for release in draft.releases {
                release(Ok(()));
            }
            return;
        }
        let entries = Arc::new(draft.entries);
        let metadata = Arc::new(draft.metadata);
        if !entries.is_empty() {
            self.booked_at = draft.now.booked_at;
            self.recent
                .push(Arc::clone(&entries), draft.ids, Arc::clone(&metadata));
        }
        let booked_at = draft.now.booked_at;
        let flush = Flush {
            booked_at,
            entries,
            metadata,
            releases: draft.releases,
        };
        // Waits while the batch before is being flushed. The flusher is gone only after a panic,
        // which stops the book; the answers are then dropped, which says the same.
        let _ = self.flushes.send(flush);
    }
}

/// Stops a book whose store failed it.
pub(super) fn stop(shared: &Shared, error: &JournalError) {
    let kind = match error {
        JournalError::Damaged(_) => EngineError::Damaged,
        JournalError::Unavailable(_) => EngineError::Stopped,
    };
    shared.stop(kind, &error.to_string());
}

fn touched(entries: &[Entry]) -> BTreeSet<ledger_core::AccountIndex> {
    let mut touched = BTreeSet::new();
    for entry in entries {
        match &entry.body {
            EntryBody::Movement(row) => touched.extend([row.debit, row.credit]),
            EntryBody::AccountOpened(opened) => touched.extend([opened.index]),
            EntryBody::AccountChanged(changed) => touched.extend([changed.account]),
            EntryBody::CommodityAdded(_) => {}
        }
    }
    touched
}
