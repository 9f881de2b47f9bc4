//! A book with its journal in memory: does what an engine does around the core, and nothing more.
//!
//! It keeps a line between what is durable and what is not, so that parents are put together the
//! way an engine must: children from what is durable, a parent's own rows from anywhere.

use std::collections::HashMap;

use kit::time::{Date, Timestamp};
use ledger_core::limits::Limits;
use ledger_core::operation::Operation;
use ledger_core::{
    BatchHeader, Book, Chain, Entry, EntryBody, Existing, Mark, Movement, Now, Outcome, Parent,
    Reject, TransactionId, TransactionKind, decode, digest, encode, expire_next, replay_batch,
    validate,
};

/// The day and time at which every test begins.
pub const TODAY: Date = Date::constant(2026, 2, 28);
const BEGINNING: Timestamp = Timestamp::from_micros(1_772_236_800_000_000);

/// What came of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Applied,
    AlreadyApplied(u64),
}

pub struct Desk {
    pub book: Book,
    pub now: Now,
    pub entries: Vec<Entry>,
    pub batches: Vec<(BatchHeader, Vec<Entry>)>,
    chain: Chain,
    ids: HashMap<TransactionId, Existing>,
    /// Sequence of the last entry in a batch that is durable.
    durable: u64,
    /// The open group: its mark, and how many entries there were.
    group: Option<(Mark, usize)>,
}

impl Desk {
    pub fn new(limits: Limits) -> Self {
        Self {
            book: Book::new(limits),
            now: Now {
                booked_at: BEGINNING,
                today: TODAY,
            },
            entries: Vec::new(),
            batches: Vec::new(),
            chain: Chain::new("main"),
            ids: HashMap::new(),
            durable: 0,
            group: None,
        }
    }

    pub fn submit(&mut self, operation: &Operation) -> Result<Reply, Reject> {
        while let Some(id) = self.book.missing_parent(operation) {
            match self.load_parent(id) {
                Some(parent) => self.book.admit(parent),
                None => break,
            }
        }
        let existing = match operation {
            Operation::Transact(transaction) => self.ids.get(&transaction.id).copied(),
            _ => None,
        };
        match validate(&self.book, operation, existing, self.now)? {
            Outcome::AlreadyApplied { sequence } => Ok(Reply::AlreadyApplied(sequence)),
            Outcome::Apply(bodies) => {
                self.apply(bodies);
                Ok(Reply::Applied)
            }
        }
    }

    /// Time passes; holds expire only when [`Desk::expire`] is called.
    pub fn pass(&mut self, seconds: u64) {
        let later = self
            .now
            .booked_at
            .checked_add(std::time::Duration::from_secs(seconds));
        self.now.booked_at = later.expect("tests end before the year 9999");
    }

    /// Expires what is due; how many holds that were.
    pub fn expire(&mut self) -> usize {
        let mut expired = 0;
        while let Some(bodies) = expire_next(&self.book, self.now) {
            self.apply(bodies);
            expired += 1;
        }
        expired
    }

    /// Makes everything durable but the last `lag` batches, and lets go of parents.
    pub fn flush(&mut self, lag: usize) {
        let mut batches = self.batches.iter().rev().skip(lag);
        let durable = batches.next().map_or(0, |(header, _)| header.last_sequence);
        self.durable = self.durable.max(durable);
        self.book.retire_parents(self.durable);
    }

    pub fn begin_group(&mut self) {
        self.group = Some((self.book.mark(), self.entries.len()));
    }

    pub fn keep_group(&mut self) {
        let (mark, length) = self.group.take().expect("a group is open");
        self.book.release(mark);
        let batch = self.entries[length..].to_vec();
        self.seal(batch);
    }

    pub fn undo_group(&mut self) {
        let (mark, length) = self.group.take().expect("a group is open");
        self.book.rollback(mark);
        self.entries.truncate(length);
        let next_sequence = self.book.next_sequence();
        self.ids
            .retain(|_, existing| existing.sequence < next_sequence);
    }

    /// Reads every batch back through its bytes into a new book, which must be the same.
    pub fn check_replay(&self) {
        let mut book = Book::new(Limits::default());
        let mut chain = Chain::new("main");
        for (header, entries) in &self.batches {
            let header = BatchHeader::decode(&header.encode()).expect("a header reads back");
            let entries: Vec<Entry> = entries
                .iter()
                .map(|entry| decode(&encode(entry)).expect("reads back"))
                .collect();
            replay_batch(&mut book, &mut chain, &header, &entries).expect("a journal replays");
        }
        assert_eq!(
            digest(&book),
            digest(&self.book),
            "replay makes the same book"
        );
        assert_eq!(chain, self.chain, "replay comes to the same head");
        book.trial_balance().expect("debits equal credits");
    }

    fn apply(&mut self, bodies: Vec<EntryBody>) {
        let first = self.entries.len();
        for body in bodies {
            let entry = Entry {
                sequence: self.book.next_sequence(),
                body,
            };
            self.book.apply(&entry);
            self.entries.push(entry);
        }
        self.note_id(first);
        if self.group.is_none() {
            let batch = self.entries[first..].to_vec();
            self.seal(batch);
        }
    }

    /// Notes the id of the transaction that begins here. An expiry has none of its own.
    fn note_id(&mut self, first: usize) {
        let entry = &self.entries[first];
        let Some(row) = movement(entry) else { return };
        let head = row
            .head
            .as_deref()
            .expect("the first row of a transaction has a head");
        if matches!(head.kind, TransactionKind::Expiry { .. }) {
            return;
        }
        let existing = Existing {
            request_hash: head.request_hash,
            sequence: entry.sequence,
        };
        let before = self.ids.insert(row.transaction, existing);
        assert!(before.is_none(), "an id is accepted once");
    }

    fn seal(&mut self, batch: Vec<Entry>) {
        if !batch.is_empty() {
            let header = self.chain.seal(&batch, self.now.booked_at, 1);
            self.batches.push((header, batch));
        }
    }

    fn load_parent(&self, id: TransactionId) -> Option<Parent> {
        let first = self.ids.get(&id)?.sequence;
        let own = self
            .entries
            .iter()
            .filter(|entry| entry.sequence >= first)
            .filter(|entry| movement(entry).is_some_and(|row| row.transaction == id));
        let mut touches = false;
        let children = self.entries.iter().filter(|entry| {
            let Some(row) = movement(entry) else {
                return false;
            };
            if let Some(head) = &row.head {
                touches = head.kind.touches().any(|touched| touched == id);
            }
            touches && entry.sequence <= self.durable
        });
        Some(Parent::collect(id, own, children).expect("the journal agrees with itself"))
    }
}

fn movement(entry: &Entry) -> Option<&Movement> {
    match &entry.body {
        EntryBody::Movement(row) => Some(row),
        _ => None,
    }
}
