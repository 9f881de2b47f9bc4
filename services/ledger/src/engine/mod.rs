//! The engine of one book: one thread decides, another makes durable, nobody hears of a thing
//! before it is.
//!
//! ```text
//! requests ─▶ bounded queue ─▶ writer: decide, apply ─▶ flusher: append, commit ─▶ answers
//!                              (next batch)              (last batch)
//! ```
//!
//! Promises:
//! - **Durable before answered.** Every answer, of refusals, dry runs and reads too, waits until
//!   every batch it depended on is durable. So reads see all that was acknowledged before them.
//! - **One writer.** What is decided is decided in one order, against balances that include
//!   everything decided before.
//! - **Bounded.** At most [`QUEUE_OPERATIONS_MAX`] operations wait; beyond that they are refused.
//! - **Stops rather than guesses.** After a failed flush or on a damaged journal the book stops:
//!   nothing more is answered but that it has stopped, and the process is told to end. The flush
//!   is not tried again; replay decides what was durable.
//!
//! Does not parse and does not know HTTP.

mod books;
mod draft;
mod flusher;
mod parents;
mod readers;
mod recent;
mod refusal;
mod writer;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::JoinHandle;

use kit::limits::BULK_ITEMS_MAX;
use kit::time::Timestamp;
use ledger_core::operation::Operation;
use ledger_core::{Account, AccountIndex, AccountKind, AccountPath, Book, Entry, EntryBody};
use money::{Commodity, CommodityCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use ledger_store::LedgerStore;

pub(crate) use books::{Books, Setup};
pub(crate) use books::{Made, is_book_name};
pub(crate) use readers::Readers;
pub(crate) use refusal::Refusal;

/// Operations that may wait for one book: four full batches, so that the writer always finds one
/// ready, and a client waits at most for four flushes.
pub(crate) const QUEUE_OPERATIONS_MAX: usize = 4 * BULK_ITEMS_MAX;

/// What has happened to the process: `None` while it may go on, then why it must end.
pub type Fatal = watch::Sender<Option<String>>;

/// Why an engine gives no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EngineError {
    /// The queue is full.
    #[error("queue must have room")]
    Busy,
    /// The book has stopped.
    #[error("book must be running")]
    Stopped,
    /// The book's journal is damaged.
    #[error("journal must be intact")]
    Damaged,
}

/// One operation, with what the core does not see of it.
pub(crate) struct Item {
    /// What is asked.
    pub(crate) operation: Operation,
    /// The text behind its metadata digest.
    pub(crate) metadata: Option<String>,
    /// What the amounts of its portions were stated in, to be compared with the parent's.
    pub(crate) currencies: Vec<CommodityCode>,
    /// The version of the account that a change of it was made for; any if it is left out.
    pub(crate) seen: Option<i64>,
}

impl Item {
    /// An operation without metadata or portions.
    pub(crate) fn plain(operation: Operation) -> Self {
        Self {
            operation,
            metadata: None,
            currencies: Vec::new(),
            seen: None,
        }
    }
}

/// The version of an account's settings: the sequence of the entry that opened or last changed it.
pub(crate) fn version(account: &Account) -> i64 {
    i64::try_from(account.changed()).expect("a sequence is a key of SQLite, which has 63 bits")
}

/// Operations to be decided together.
pub(crate) struct Write {
    /// The operations, in order.
    pub(crate) items: Vec<Item>,
    /// Whether one refusal refuses all.
    pub(crate) atomic: bool,
    /// Whether to take everything back, and show the balances there would have been.
    pub(crate) dry_run: bool,
    /// Whether the rows written are wanted.
    pub(crate) rows: bool,
}

/// What came of a [`Write`].
pub(crate) struct Written {
    /// Per operation; for an atomic write that was refused only up to the refusal.
    pub(crate) results: Vec<Result<Done, Refusal>>,
    /// The balances of every account a dry run would have touched.
    pub(crate) balances: Vec<Balance>,
    /// The last sequence of the book when this was decided.
    pub(crate) sequence: u64,
}

/// What came of one operation.
pub(crate) struct Done {
    /// The sequence of its first entry.
    pub(crate) sequence: u64,
    /// Whether it was done before.
    pub(crate) already_applied: bool,
    /// The rows, if they were asked for and are new.
    pub(crate) rows: Option<Rows>,
}

/// The rows of a transaction with the names of what they touch.
pub(crate) struct Rows {
    /// All rows.
    pub(crate) entries: Vec<Entry>,
    /// When they were booked.
    pub(crate) booked_at: Timestamp,
    /// What their accounts are called.
    pub(crate) names: HashMap<AccountIndex, (AccountPath, Commodity)>,
    /// The metadata of the transaction.
    pub(crate) metadata: Option<String>,
}

/// What an account has.
#[derive(Clone, Debug)]
pub(crate) struct Balance {
    pub(crate) account: AccountPath,
    pub(crate) kind: AccountKind,
    pub(crate) commodity: Commodity,
    pub(crate) posted: i128,
    pub(crate) pending_in: i128,
    pub(crate) pending_out: i128,
    pub(crate) available: i128,
}

impl Balance {
    /// The balance of an account of a book.
    pub(crate) fn of(book: &Book, index: AccountIndex) -> Self {
        let account = book.account(index);
        Self {
            account: account.path().clone(),
            kind: account.kind(),
            commodity: book.commodity(account.commodity()).commodity(),
            posted: account.posted(),
            pending_in: account.pending_in(),
            pending_out: account.pending_out(),
            available: account.available(),
        }
    }
}

/// Called once what an answer depended on is durable, or never will be.
type Release = Box<dyn FnOnce(Result<(), EngineError>) + Send>;

/// Looks at the book and prepares an answer.
type Look = Box<dyn FnOnce(&Book) -> Release + Send>;

/// What waits in the queue.
enum Job {
    Write(
        Write,
        oneshot::Sender<Result<Written, EngineError>>,
        OwnedSemaphorePermit,
    ),
    Read(Look),
}

/// What the threads of a book share with those who ask.
pub(crate) struct Shared {
    /// The last durable sequence.
    durable: AtomicU64,
    /// Why the book has stopped, once it has.
    stopped: OnceLock<(EngineError, String)>,
    /// Every durable commodity, for reading amounts.
    commodities: RwLock<HashMap<CommodityCode, Commodity>>,
    /// Whether the journal was replayed, or never will be.
    replayed: watch::Sender<bool>,
    fatal: Fatal,
}

impl Shared {
    /// Stops the book for good, and tells the process to end. The first reason stays.
    pub(crate) fn stop(&self, error: EngineError, reason: &str) {
        if self.stopped.set((error, reason.to_owned())).is_ok() {
            tracing::error!(reason, "book stopped");
            self.replayed.send_replace(true);
            self.fatal.send_replace(Some(reason.to_owned()));
        }
    }

    /// Why nothing is answered any more.
    fn stopped(&self) -> Option<EngineError> {
        self.stopped.get().map(|(error, _)| *error)
    }

    /// Lets amounts be read in the commodities these entries add.
    fn learn_commodities(&self, entries: &[Entry]) {
        let added = entries.iter().filter_map(|entry| match &entry.body {
            EntryBody::CommodityAdded(added) => Some((added.commodity.code(), added.commodity)),
            _ => None,
        });
        let mut added = added.peekable();
        if added.peek().is_some() {
            self.commodities
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(added);
        }
    }

    fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }
}

/// Stops the book if its thread ends by a panic.
struct Alarm(Arc<Shared>);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0
                .stop(EngineError::Stopped, "a thread of the book panicked");
        }
    }
}

/// A running book.
pub(crate) struct Engine {
    store: Arc<dyn LedgerStore>,
    shared: Arc<Shared>,
    jobs: Mutex<Option<SyncSender<Job>>>,
    room: Arc<Semaphore>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Engine {
    /// The journal, to be read from.
    pub(crate) fn store(&self) -> &Arc<dyn LedgerStore> {
        &self.store
    }

    /// What the threads share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The commodity of this code, if the book has it and that is durable.
    pub(crate) fn find_commodity(&self, code: CommodityCode) -> Option<Commodity> {
        let commodities = self.shared.commodities.read();
        commodities
            .unwrap_or_else(PoisonError::into_inner)
            .get(&code)
            .copied()
    }

    /// The last durable sequence.
    pub(crate) fn durable_sequence(&self) -> u64 {
        self.shared.durable()
    }

    /// Whether the book answers.
    pub(crate) fn is_ready(&self) -> bool {
        *self.shared.replayed.borrow() && self.shared.stopped().is_none()
    }

    /// Waits until the journal was replayed: before that nothing can be said of the book.
    ///
    /// # Errors
    ///
    /// [`EngineError::Stopped`] or [`EngineError::Damaged`] if the book has stopped.
    pub(crate) async fn replayed(&self) -> Result<(), EngineError> {
        let mut replayed = self.shared.replayed.subscribe();
        let waited = replayed.wait_for(|done| *done).await;
        waited.map_err(|_| EngineError::Stopped)?;
        self.shared.stopped().map_or(Ok(()), Err)
    }

    /// Why the book has stopped, in words for operators.
    pub(crate) fn stop_reason(&self) -> Option<&str> {
        self.shared.stopped.get().map(|(_, reason)| reason.as_str())
    }

    /// Decides operations, in one batch with others; answers once they are durable.
    ///
    /// # Errors
    ///
    /// [`EngineError::Busy`] at once if the queue is full; [`EngineError::Stopped`] or
    /// [`EngineError::Damaged`] if the book has stopped: then nobody knows whether the operations
    /// were applied, and a repeat with the same ids will tell.
    pub(crate) async fn write(&self, write: Write) -> Result<Written, EngineError> {
        let permit = self.admit(write.items.len())?;
        let (answer, answered) = oneshot::channel();
        self.send(Job::Write(write, answer, permit))?;
        answered.await.unwrap_or_else(|_| Err(self.stopped_error()))
    }

    /// Looks at the book as it is after everything decided so far; answers once that is durable.
    /// `look` runs on the writer's thread and must be short.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Book) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let permit = self.admit(1)?;
        let (answer, answered) = oneshot::channel();
        self.send(Job::Read(Box::new(move |book| {
            let seen = look(book);
            Box::new(move |durable| {
                // Whoever asked may have gone: then nobody needs the answer.
                let _ = answer.send(durable.map(|()| seen));
                drop(permit);
            })
        })))?;
        answered.await.unwrap_or_else(|_| Err(self.stopped_error()))
    }

    fn admit(&self, operations: usize) -> Result<OwnedSemaphorePermit, EngineError> {
        if let Some(error) = self.shared.stopped() {
            return Err(error);
        }
        // What is larger than the queue takes all of it.
        let permits = u32::try_from(operations.clamp(1, QUEUE_OPERATIONS_MAX))
            .expect("the queue's limit fits 32 bits");
        let room = Arc::clone(&self.room);
        room.try_acquire_many_owned(permits)
            .map_err(|_| EngineError::Busy)
    }

    fn send(&self, job: Job) -> Result<(), EngineError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.as_ref().ok_or(EngineError::Stopped)?;
        // Every job holds a permit and there are as many places, so this is never full.
        jobs.try_send(job).map_err(|_| self.stopped_error())
    }

    fn stopped_error(&self) -> EngineError {
        self.shared.stopped().unwrap_or(EngineError::Stopped)
    }

    /// Ends the threads once everything sent before is answered, and waits for that.
    pub(crate) fn close(&self) {
        self.jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic has stopped the book already, see `Alarm`.
            let _ = thread.join();
        }
    }
}
