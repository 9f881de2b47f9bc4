//! The one seam beneath the engine: where journals are kept.
//!
//! A [`LedgerStore`] keeps the journal of one book: it appends batches, gives them back, and finds
//! rows. Stores differ in how they write, never in what a row means. Promises asked of every
//! implementation stand at the methods; [`sqlite`] is the first. Nothing here decides anything.

mod append;
mod replay;
mod rows;
mod sqlite;
mod statements;

use std::path::Path;
use std::sync::Arc;

use kit::time::{Timestamp, Zone};
use ledger_core::{
    AccountIndex, AccountOpened, BatchHeader, Chain, CommodityIndex, Entry, TransactionId,
};
use money::Commodity;

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
pub enum StoreError {
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
pub trait LedgerStores: Send + Sync {
    /// The names of all books, in order.
    fn list(&self) -> Result<Vec<String>, StoreError>;

    /// Makes a book with its first batch, both or neither; durable on return.
    fn create(&self, record: &BookRecord, first: &Batch) -> Result<(), StoreError>;

    /// Opens a book for one writer. A second process that tries is refused.
    fn open(&self, name: &str) -> Result<Arc<dyn LedgerStore>, StoreError>;
}

/// The journal of one book. Reads may run while an append does, and see all that was appended
/// before they began.
pub trait LedgerStore: Send + Sync {
    /// What is fixed about the book.
    fn record(&self) -> &BookRecord;

    /// Appends the next batch, all of it or nothing; durable on return. After an error nobody
    /// knows which: the caller must stop and replay.
    fn append(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Gives every batch to `visit`, in order, until it refuses. With `thorough`, also compares
    /// what is found beside the journal (ids, references, links, metadata) both ways.
    fn replay(&self, thorough: bool, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// The first row of a transaction.
    fn find_transaction(&self, id: TransactionId) -> Result<Option<u64>, StoreError>;

    /// The greatest transaction id there is, as bits; 0 for none.
    fn newest_id(&self) -> Result<u128, StoreError>;

    /// The row of this sequence if it is a movement.
    fn find_row(&self, sequence: u64) -> Result<Option<Entry>, StoreError>;

    /// All rows of the transaction whose first row this is.
    fn load_rows(&self, first_sequence: u64) -> Result<Vec<Entry>, StoreError>;

    /// First rows of transactions that name this parent, after a sequence, ascending.
    fn list_links(
        &self,
        parent: TransactionId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, StoreError>;

    /// First rows of transactions that carry this reference, after a sequence, ascending.
    fn list_references(
        &self,
        reference: &str,
        after: u64,
        limit: u32,
    ) -> Result<Vec<u64>, StoreError>;

    /// First rows of transactions after a sequence, ascending, in the order of the journal.
    fn list_transactions(&self, after: u64, limit: u32) -> Result<Vec<u64>, StoreError>;

    /// When the entry of this sequence was booked.
    fn load_booked_at(&self, sequence: u64) -> Result<Timestamp, StoreError>;

    /// The metadata that came with an entry; `None` if it came without, or it was erased.
    fn find_metadata(&self, sequence: u64) -> Result<Option<String>, StoreError>;

    /// An account as it was opened.
    fn load_account(&self, index: AccountIndex) -> Result<AccountOpened, StoreError>;

    /// A commodity.
    fn load_commodity(&self, index: CommodityIndex) -> Result<Commodity, StoreError>;
}

/// What [`LedgerStore::replay`] gives its batches to.
pub type Visit<'a> = dyn FnMut(&BatchHeader, &[Entry]) -> Result<(), Damage> + 'a;

/// Journals as SQLite files in a folder, one per book: `main.db`.
#[must_use]
pub fn sqlite(folder: &Path) -> Arc<dyn LedgerStores> {
    Arc::new(sqlite::Folder::new(folder))
}

/// One SQLite journal, for reading only: nothing is locked, nothing changed. For `verify`.
pub(crate) fn sqlite_reader(
    folder: &Path,
    name: &str,
) -> Result<Arc<dyn LedgerStore>, StoreError> {
    Ok(Arc::new(sqlite::Journal::open_to_read(folder, name)?))
}
