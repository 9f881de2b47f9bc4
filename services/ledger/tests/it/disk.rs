//! A disk in the hand of a test: it can be slow, and it can fail.
//!
//! Wraps the store seam of the service, where disks fail in life; what is beneath is the real one.

use std::sync::{Arc, Condvar, Mutex};

use kit::time::Timestamp;
use ledger_core::{AccountIndex, AccountOpened, BatchHeader, CommodityIndex, Entry, TransactionId};
use ledger_store::{Batch, BookRecord, JournalError, Journals, LedgerStore, Visit};
use money::Commodity;
use tokio::sync::watch;

/// What happens to the next append.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Working,
    /// Appends wait until the disk works or fails.
    Slow,
    /// Appends fail before anything is written.
    Full,
    /// Appends are written, and then fail: the disk lost its answer.
    Mute,
}

/// Journals on such a disk.
pub struct Disk {
    inner: Arc<dyn Journals>,
    hand: Arc<Hand>,
}

/// What the test holds.
pub struct Hand {
    mood: Mutex<Mood>,
    moved: Condvar,
    appends: watch::Sender<u64>,
}

/// A disk over real journals, and the hand on it.
pub fn disk(inner: Arc<dyn Journals>) -> (Arc<dyn Journals>, Arc<Hand>) {
    let hand = Arc::new(Hand {
        mood: Mutex::new(Mood::Working),
        moved: Condvar::new(),
        appends: watch::Sender::new(0),
    });
    (
        Arc::new(Disk {
            inner,
            hand: Arc::clone(&hand),
        }),
        hand,
    )
}

impl Hand {
    fn set(&self, mood: Mood) {
        *self.mood.lock().expect("no test thread panics in here") = mood;
        self.moved.notify_all();
    }

    pub fn hold_on(&self) {
        self.set(Mood::Slow);
    }

    pub fn let_go(&self) {
        self.set(Mood::Working);
    }

    pub fn fail(&self) {
        self.set(Mood::Full);
    }

    pub fn fail_after_writing(&self) {
        self.set(Mood::Mute);
    }

    /// Waits until this many appends have reached the disk since the start.
    pub async fn reached(&self, appends: u64) {
        let mut seen = self.appends.subscribe();
        seen.wait_for(|count| *count >= appends)
            .await
            .expect("the disk is there");
    }

    /// How many appends have reached the disk.
    pub fn appends(&self) -> u64 {
        *self.appends.borrow()
    }

    fn enter(&self) -> Mood {
        self.appends.send_modify(|count| *count += 1);
        let mood = self.mood.lock().expect("no test thread panics in here");
        *self
            .moved
            .wait_while(mood, |mood| *mood == Mood::Slow)
            .expect("no test thread panics in here")
    }
}

impl Journals for Disk {
    fn list(&self) -> Result<Vec<String>, JournalError> {
        self.inner.list()
    }

    fn create(&self, record: &BookRecord, first: &Batch) -> Result<(), JournalError> {
        self.inner.create(record, first)
    }

    fn open(&self, name: &str) -> Result<Arc<dyn LedgerStore>, JournalError> {
        let inner = self.inner.open(name)?;
        Ok(Arc::new(Journal {
            inner,
            hand: Arc::clone(&self.hand),
        }))
    }
}

struct Journal {
    inner: Arc<dyn LedgerStore>,
    hand: Arc<Hand>,
}

impl LedgerStore for Journal {
    fn append(&self, batch: &Batch) -> Result<(), JournalError> {
        let broken = || JournalError::Unavailable("no space left on device".to_owned());
        match self.hand.enter() {
            Mood::Full => Err(broken()),
            Mood::Mute => {
                self.inner.append(batch)?;
                Err(broken())
            }
            Mood::Working | Mood::Slow => self.inner.append(batch),
        }
    }

    fn record(&self) -> &BookRecord {
        self.inner.record()
    }

    fn replay(&self, thorough: bool, visit: &mut Visit<'_>) -> Result<(), JournalError> {
        self.inner.replay(thorough, visit)
    }

    fn find_transaction(&self, id: TransactionId) -> Result<Option<u64>, JournalError> {
        self.inner.find_transaction(id)
    }

    fn newest_id(&self) -> Result<u128, JournalError> {
        self.inner.newest_id()
    }

    fn find_row(&self, sequence: u64) -> Result<Option<Entry>, JournalError> {
        self.inner.find_row(sequence)
    }

    fn load_rows(&self, first_sequence: u64) -> Result<Vec<Entry>, JournalError> {
        self.inner.load_rows(first_sequence)
    }

    fn list_links(
        &self,
        parent: TransactionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, JournalError> {
        self.inner.list_links(parent, after, limit)
    }

    fn list_references(
        &self,
        reference: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, JournalError> {
        self.inner.list_references(reference, after, limit)
    }

    fn list_rows(&self, from: u64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.inner.list_rows(from, limit)
    }

    fn load_first_row(&self, sequence: u64) -> Result<Entry, JournalError> {
        self.inner.load_first_row(sequence)
    }

    fn load_head(&self) -> Result<BatchHeader, JournalError> {
        self.inner.load_head()
    }

    fn list_parents(
        &self,
        after: Option<TransactionId>,
        limit: u32,
    ) -> Result<Vec<TransactionId>, JournalError> {
        self.inner.list_parents(after, limit)
    }

    fn load_booked_at(&self, sequence: u64) -> Result<Timestamp, JournalError> {
        self.inner.load_booked_at(sequence)
    }

    fn find_metadata(&self, sequence: u64) -> Result<Option<String>, JournalError> {
        self.inner.find_metadata(sequence)
    }

    fn load_account(&self, index: AccountIndex) -> Result<AccountOpened, JournalError> {
        self.inner.load_account(index)
    }

    fn load_commodity(&self, index: CommodityIndex) -> Result<Commodity, JournalError> {
        self.inner.load_commodity(index)
    }
}
