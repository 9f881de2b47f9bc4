//! All books of the process: opening, making, finding, closing.
//!
//! Promises: book `main` exists from the start; a book is made with its first batch or not at all;
//! each book is replayed on its own thread, and answers once that is done. A journal that cannot
//! be replayed stops its book and ends the process.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread;

use kit::time::{Clock, Zone, business_date};
use ledger_core::limits::Limits;
use ledger_core::operation::Operation;
use ledger_core::{Book, Chain, Entry, Now, Outcome, replay_batch, validate};
use money::Commodity;
use tokio::sync::{Semaphore, watch};

use super::flusher::{Flush, Flusher};
use super::recent::Recent;
use super::writer::{Writer, stop};
use super::{Engine, Fatal, Job, QUEUE_OPERATIONS_MAX, Shared};
use ledger_store::{Batch, BookRecord, Damage, JournalError, Journals, LedgerStore};

/// The book that exists from the start.
const MAIN: &str = "main";

/// Longest name of a book: short enough for a path and a file on every system.
const NAME_BYTES_MAX: usize = 32;

/// Most books of a process: each is a legal entity with two threads and a file.
const BOOKS_MAX: usize = 64;

/// The epoch of the batch that makes a book.
const FIRST_EPOCH: u64 = 1;

/// What books are opened with.
#[derive(Clone)]
pub(crate) struct Setup {
    /// Where the journals are.
    pub(crate) journals: Arc<dyn Journals>,
    /// Tells the booking time.
    pub(crate) clock: Arc<dyn Clock>,
    /// The zone of book `main` if it must be made.
    pub(crate) zone: Zone,
    /// How much a book takes on.
    pub(crate) limits: Limits,
    /// Set once a book has stopped: the process must then end, with a failure.
    pub(crate) fatal: Fatal,
}

/// The running books.
#[derive(Clone)]
pub(crate) struct Books {
    inner: Arc<Inner>,
}

struct Inner {
    setup: Setup,
    running: RwLock<BTreeMap<String, Arc<Engine>>>,
    /// Held while a book is made.
    making: Mutex<()>,
}

/// What came of making a book.
pub(crate) enum Made {
    /// It is new.
    New(Arc<Engine>),
    /// It is there, in the same zone.
    Already(Arc<Engine>),
    /// It is there, in another zone.
    Differs,
    /// There are as many already as there may be.
    NoRoom(usize),
}

impl Books {
    /// Opens every book there is, and makes book `main` if it is not there.
    ///
    /// # Errors
    ///
    /// A journal that another process writes, or that cannot be opened at all. One that can be
    /// opened and is damaged stops its book later.
    pub(crate) fn open(setup: Setup) -> Result<Self, JournalError> {
        let names = setup.journals.list()?;
        let zone = setup.zone.clone();
        let running = RwLock::new(BTreeMap::new());
        let books = Self {
            inner: Arc::new(Inner {
                setup,
                running,
                making: Mutex::new(()),
            }),
        };
        for name in &names {
            books.start(name)?;
        }
        books.make(MAIN, &zone)?;
        Ok(books)
    }

    /// Ends all books once everything sent before is answered, and gives their files back.
    pub(crate) fn close(&self) {
        let mut running = self
            .inner
            .running
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for engine in std::mem::take(&mut *running).into_values() {
            engine.close();
        }
    }

    /// The book of this name.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Engine>> {
        let running = self
            .inner
            .running
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        running.get(name).cloned()
    }

    /// Books whose name is greater than `after`, in order.
    pub(crate) fn list(&self, after: Option<&str>, limit: usize) -> Vec<Arc<Engine>> {
        let running = self
            .inner
            .running
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let greater = running
            .iter()
            .filter(|(name, _)| after.is_none_or(|after| name.as_str() > after));
        greater
            .map(|(_, engine)| Arc::clone(engine))
            .take(limit)
            .collect()
    }

    /// The first book that does not answer, with the reason.
    pub(crate) fn find_unready(&self) -> Option<String> {
        let running = self
            .inner
            .running
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (name, engine) = running.iter().find(|(_, engine)| !engine.is_ready())?;
        let reason = engine
            .stop_reason()
            .unwrap_or("the journal is being replayed");
        Some(format!("book {name}: {reason}"))
    }

    /// Makes a book. Waits for the disk.
    pub(crate) fn make(&self, name: &str, zone: &Zone) -> Result<Made, JournalError> {
        let _alone = self
            .inner
            .making
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = self.find(name) {
            let same = engine.store().record().zone == *zone;
            // Whoever finds `main` in its own zone has what was asked for.
            return Ok(if same {
                Made::Already(engine)
            } else {
                Made::Differs
            });
        }
        let running = self
            .inner
            .running
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len();
        if running >= BOOKS_MAX {
            return Ok(Made::NoRoom(BOOKS_MAX));
        }
        let created_at = self.inner.setup.clock.now();
        let record = BookRecord {
            name: name.to_owned(),
            zone: zone.clone(),
            created_at,
        };
        self.inner
            .setup
            .journals
            .create(&record, &first_batch(&record))?;
        self.start(name).map(Made::New)
    }

    fn start(&self, name: &str) -> Result<Arc<Engine>, JournalError> {
        let setup = &self.inner.setup;
        let store = setup.journals.open(name)?;
        let engine = Arc::new(start(store, setup)?);
        let mut running = self
            .inner
            .running
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        running.insert(name.to_owned(), Arc::clone(&engine));
        Ok(engine)
    }
}

/// Whether a book may have this name: 1 to 32 characters `a`–`z`, `0`–`9` and `-`, the first a
/// letter.
pub(crate) fn is_book_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(allowed)
}

/// The batch that a book begins with: the currencies of ISO 4217.
fn first_batch(record: &BookRecord) -> Batch {
    let booked_at = record.created_at;
    let now = Now {
        booked_at,
        today: business_date(booked_at, &record.zone),
    };
    let mut book = Book::new(Limits::default());
    let mut entries = Vec::new();
    for commodity in Commodity::iso_all() {
        let outcome = validate(&book, &Operation::AddCommodity(commodity), None, now);
        let Ok(Outcome::Apply(bodies)) = outcome else {
            unreachable!("a new book takes every currency once");
        };
        for body in bodies {
            let entry = Entry {
                sequence: book.next_sequence(),
                body,
            };
            book.apply(&entry);
            entries.push(entry);
        }
    }
    let header = record.chain().seal(&entries, booked_at, FIRST_EPOCH);
    Batch {
        header,
        entries: Arc::new(entries),
        metadata: Arc::default(),
    }
}

fn start(store: Arc<dyn LedgerStore>, setup: &Setup) -> Result<Engine, JournalError> {
    let shared = Arc::new(Shared {
        durable: AtomicU64::new(0),
        stopped: OnceLock::new(),
        commodities: RwLock::new(HashMap::new()),
        replayed: watch::Sender::new(false),
        fatal: setup.fatal.clone(),
    });
    let (jobs, waiting) = sync_channel(QUEUE_OPERATIONS_MAX);
    let name = store.record().name.clone();
    let (own_store, own_shared, own_setup) =
        (Arc::clone(&store), Arc::clone(&shared), setup.clone());
    let thread = thread::Builder::new()
        .name(format!("ledger-{name}"))
        .spawn(move || {
            let _alarm = super::Alarm(Arc::clone(&own_shared));
            if let Err(error) = run(own_store, &own_shared, &own_setup, &waiting) {
                stop(&own_shared, &error);
            }
        })
        .map_err(|error| JournalError::Unavailable(error.to_string()))?;
    Ok(Engine {
        store,
        shared,
        jobs: Mutex::new(Some(jobs)),
        room: Arc::new(Semaphore::new(QUEUE_OPERATIONS_MAX)),
        threads: Mutex::new(vec![thread]),
    })
}

/// The life of a book's writer: replay, then decide until the queue is closed.
fn run(
    store: Arc<dyn LedgerStore>,
    shared: &Arc<Shared>,
    setup: &Setup,
    waiting: &Receiver<Job>,
) -> Result<(), JournalError> {
    let (book, chain) = replay(store.as_ref(), shared, setup.limits)?;
    let (flushes, flushing) = sync_channel::<Flush>(0);
    let flusher = Flusher {
        store: Arc::clone(&store),
        shared: Arc::clone(shared),
        epoch: chain.epoch() + 1,
        chain,
    };
    let flusher_thread = thread::Builder::new()
        .name(format!("ledger-{}-flush", store.record().name))
        .spawn(move || flusher.run(&flushing))
        .map_err(|error| JournalError::Unavailable(error.to_string()))?;
    let writer = Writer {
        book,
        newest_id: store.newest_id()?,
        zone: store.record().zone.clone(),
        store,
        recent: Recent::default(),
        shared: Arc::clone(shared),
        clock: Arc::clone(&setup.clock),
        booked_at: chain.booked_at(),
        flushes,
    };
    shared.replayed.send_replace(true);
    writer.run(waiting);
    // The writer has gone and with it the way to the flusher, which ends after the last batch.
    let _ = flusher_thread.join();
    Ok(())
}

fn replay(
    store: &dyn LedgerStore,
    shared: &Shared,
    limits: Limits,
) -> Result<(Book, Chain), JournalError> {
    let mut book = Book::new(limits);
    let mut chain = store.record().chain();
    store.replay(false, &mut |header, entries| {
        replay_batch(&mut book, &mut chain, header, entries).map_err(|corruption| Damage {
            batch: header.first_sequence,
            what: format!("entry {}: {}", corruption.sequence, corruption.fault),
        })?;
        shared.learn_commodities(entries);
        Ok(())
    })?;
    shared.durable.store(
        chain.next_sequence() - 1,
        std::sync::atomic::Ordering::Release,
    );
    Ok((book, chain))
}
