//! The one seam beneath the ledger's engine: where journals are kept, and how one is proved.
//!
//! A [`LedgerStore`] keeps the journal of one book: it appends batches, gives them back, and finds
//! rows. Stores differ in how they write, never in what a row means. Promises asked of every
//! implementation stand at the methods; the SQLite one is the first. [`verify`] needs no running
//! ledger. Nothing here decides anything, serves anything, or knows who asks.

mod store;
mod verify;

use std::path::Path;
use std::sync::Arc;

use kit::time::{Timestamp, Zone};
use ledger_core::{
    AccountIndex, AccountOpened, BatchHeader, Chain, CommodityIndex, Entry, TransactionId,
};
use money::Commodity;

pub use self::verify::{Proof, verify};

/// What is fixed about a book for life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookRecord {
    /// Its name, in paths: `main`.
    pub name: String,
    /// The zone whose calendar says which day it is.
    pub zone: Zone,
    /// When it came into being.
    pub created_at: Timestamp,
}

impl BookRecord {
    /// The beginning of the book's chain: the hash covers all of the record.
    #[must_use]
    pub fn chain(&self) -> Chain {
        Chain::new(&format!("{} {} {}", self.name, self.zone, self.created_at))
    }
}

/// One batch, sealed: what becomes durable in one flush.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The header.
    pub header: BatchHeader,
    /// Its entries, shared with those who wait for them.
    pub entries: Arc<Vec<Entry>>,
    /// The metadata of every entry that carries a digest, by sequence, ascending; `None` for the
    /// unchanged metadata of a changed account that was erased before.
    pub metadata: Arc<Vec<(u64, Option<String>)>>,
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The journal contradicts itself.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The disk, or what stands before it, refused.
    #[error("journal must be readable and writable: {0}")]
    Unavailable(String),
}

/// Where a journal is damaged, and how.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("batch from sequence {batch} must be intact: {what}")]
pub struct Damage {
    /// The first sequence of the first bad batch.
    pub batch: u64,
    /// What must hold and does not.
    pub what: String,
}

/// The books of one place.
pub trait Journals: Send + Sync {
    /// The names of all books, in order.
    fn list(&self) -> Result<Vec<String>, JournalError>;

    /// Makes a book with its first batch, both or neither; durable on return.
    fn create(&self, record: &BookRecord, first: &Batch) -> Result<(), JournalError>;

    /// Opens a book for one writer. A second process that tries is refused.
    fn open(&self, name: &str) -> Result<Arc<dyn LedgerStore>, JournalError>;
}

/// The journal of one book. Reads may run while an append does, and see all that was appended
/// before they began.
pub trait LedgerStore: Send + Sync {
    /// What is fixed about the book.
    fn record(&self) -> &BookRecord;

    /// Appends the next batch, all of it or nothing; durable on return. After an error nobody
    /// knows which: the caller must stop and replay.
    fn append(&self, batch: &Batch) -> Result<(), JournalError>;

    /// Gives every batch to `visit`, in order, until it refuses. With `thorough`, also compares
    /// what is found beside the journal (ids, references, links, metadata) both ways.
    fn replay(&self, thorough: bool, visit: &mut Visit<'_>) -> Result<(), JournalError>;

    /// The first row of a transaction.
    fn find_transaction(&self, id: TransactionId) -> Result<Option<u64>, JournalError>;

    /// The greatest transaction id there is, as bits; 0 for none.
    fn newest_id(&self) -> Result<u128, JournalError>;

    /// The row of this sequence if it is a movement.
    fn find_row(&self, sequence: u64) -> Result<Option<Entry>, JournalError>;

    /// All rows of the transaction whose first row this is.
    fn load_rows(&self, first_sequence: u64) -> Result<Vec<Entry>, JournalError>;

    /// First rows of transactions that name this parent, after a sequence, ascending.
    fn list_links(
        &self,
        parent: TransactionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, JournalError>;

    /// First rows of transactions that carry this reference, after a sequence, ascending.
    fn list_references(
        &self,
        reference: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, JournalError>;

    /// Movements from a sequence on, ascending.
    fn list_rows(&self, from: u64, limit: u32) -> Result<Vec<Entry>, JournalError>;

    /// The first row of the transaction that a movement belongs to.
    fn load_first_row(&self, sequence: u64) -> Result<Entry, JournalError>;

    /// The header of the last batch.
    fn load_head(&self) -> Result<BatchHeader, JournalError>;

    /// Transactions that others name, after an id, ascending.
    fn list_parents(
        &self,
        after: Option<TransactionId>,
        limit: u32,
    ) -> Result<Vec<TransactionId>, JournalError>;

    /// When the entry of this sequence was booked.
    fn load_booked_at(&self, sequence: u64) -> Result<Timestamp, JournalError>;

    /// The metadata that came with an entry; `None` if it came without, or it was erased.
    fn find_metadata(&self, sequence: u64) -> Result<Option<String>, JournalError>;

    /// An account as it was opened.
    fn load_account(&self, index: AccountIndex) -> Result<AccountOpened, JournalError>;

    /// A commodity.
    fn load_commodity(&self, index: CommodityIndex) -> Result<Commodity, JournalError>;
}

/// What [`LedgerStore::replay`] gives its batches to.
pub type Visit<'a> = dyn FnMut(&BatchHeader, &[Entry]) -> Result<(), Damage> + 'a;

/// Journals as SQLite files in a folder, one per book: `main.db`.
#[must_use]
pub fn sqlite(folder: &Path) -> Arc<dyn Journals> {
    Arc::new(store::Folder::new(folder))
}
