//! The one thread that writes to the file.
//!
//! A thread of its own because SQLite takes one writer at a time and a commit waits for the disk:
//! one owner of the connection needs no locks, keeps its prepared statements, and gathers what
//! arrived during one flush into the next commit (group commit).
//!
//! Promises: closures run in the order they were accepted, each in a savepoint of its own, so one
//! that fails takes nothing with it; no caller hears anything before the `COMMIT` of its group
//! has been flushed; when that fails, every caller of the group gets the error, also those
//! whose closure returned one, as they may have decided on what is not kept. After a flush failed
//! the thread writes nothing more until the process starts anew: what the operating system then
//! holds in memory is not what is on the disk.
//! Does not: wait for callers. One that goes away has its write done all the same.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::ErrorCode;
use tokio::sync::{mpsc, oneshot};

use super::guard::Mode;
use super::link::Link;
use super::{SqliteCounts, failure};
use crate::WAIT_MS;
use crate::drain::Changed;
use crate::error::StoreError;
use crate::service::Service;
use crate::tx::Tx;

/// How many closures may wait: some hundred milliseconds' work.
const QUEUE_CLOSURES_MAX: usize = 1_024;

/// How many closures share a commit at most: enough to make the flush cheap per closure, few
/// enough that the first does not wait long for the last.
pub const GROUP_CLOSURES_MAX: usize = 256;

enum Message {
    Write(Box<dyn Job>),
    /// Something that needs the connection for itself: migrations.
    Exclusive(Box<dyn FnOnce(&mut Link) + Send>),
    Stop(oneshot::Sender<()>),
}

/// A closure on its way through the writer.
trait Job: Send {
    /// Runs it; whether its writes are to be kept.
    fn run(&mut self, link: &Link) -> bool;
    /// Tells the caller: the closure's own outcome if the group was committed, else the error.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Write<F, T, E> {
    service: Arc<Service>,
    closure: F,
    outcome: Result<T, E>,
    /// What the commit changes for those who read the outbox.
    changed: Changed,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Write<F, T, E>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, link: &Link) -> bool {
        let closure = &self.closure;
        let ran = link.run(&self.service, |tx| {
            let outcome = crate::judged(closure(tx), tx);
            let changed = outcome.is_ok().then(|| std::mem::take(tx.changed()));
            (outcome, changed.unwrap_or_default())
        });
        (self.outcome, self.changed) =
            ran.unwrap_or_else(|error| (Err(error.into()), Changed::default()));
        self.outcome.is_ok()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        // Also when the commit failed: it may be there all the same, and looking in vain is cheap.
        self.service.outbox.tick(&self.changed);
        let outcome = match committed {
            Ok(()) => self.outcome,
            Err(error) => Err(error.into()),
        };
        // The caller may have gone away; the write is done or not done all the same.
        let _ = self.reply.send(outcome);
    }
}

/// The way to the thread.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    commits: AtomicU64,
    closures: AtomicU64,
    halted: AtomicBool,
}

impl Writer {
    /// Starts the thread. It keeps the process lock as long as it has the connection.
    pub(crate) fn start(link: Link, lock: Arc<File>) -> std::io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE_CLOSURES_MAX);
        let shared = Arc::new(Shared::default());
        let thread = Thread {
            link,
            messages,
            shared: shared.clone(),
            lock,
        };
        std::thread::Builder::new()
            .name("florin-store-writer".into())
            .spawn(move || thread.serve())?;
        Ok(Self { queue, shared })
    }

    pub(crate) async fn write<T, E, F>(&self, service: Arc<Service>, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, outcome) = oneshot::channel();
        let not_run = Err(StoreError::Closed.into());
        self.send(Message::Write(Box::new(Write {
            service,
            closure,
            outcome: not_run,
            changed: Changed::default(),
            reply,
        })))
        .await?;
        // The thread drops what it did not get to when it stops.
        outcome
            .await
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    pub(crate) async fn exclusive<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Link) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, outcome) = oneshot::channel();
        let run = move |link: &mut Link| drop(reply.send(task(link)));
        self.send(Message::Exclusive(Box::new(run))).await?;
        outcome.await.map_err(|_| StoreError::Closed)
    }

    pub(crate) async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        // Both fail only when the thread has ended, which is what is wanted.
        if self.queue.send(Message::Stop(reply)).await.is_ok() {
            let _ = stopped.await;
        }
    }

    pub(crate) fn counts(&self) -> SqliteCounts {
        SqliteCounts {
            commits: self.shared.commits.load(Ordering::Relaxed),
            closures: self.shared.closures.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.queue.is_closed() {
            Err(StoreError::Closed)
        } else if self.shared.halted.load(Ordering::Relaxed) {
            Err(halted())
        } else {
            Ok(())
        }
    }

    async fn send(&self, message: Message) -> Result<(), StoreError> {
        use mpsc::error::SendTimeoutError;
        match self
            .queue
            .send_timeout(message, Duration::from_millis(WAIT_MS))
            .await
        {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Timeout(_)) => Err(StoreError::Busy),
            Err(SendTimeoutError::Closed(_)) => Err(StoreError::Closed),
        }
    }
}

fn halted() -> StoreError {
    StoreError::Unavailable {
        reason: "a flush failed; the process must start anew".into(),
    }
}

struct Thread {
    link: Link,
    messages: mpsc::Receiver<Message>,
    shared: Arc<Shared>,
    /// Keeps the file this process's own as long as the connection is open.
    lock: Arc<File>,
}

impl Thread {
    fn serve(mut self) {
        let mut next = self.messages.blocking_recv();
        while let Some(message) = next.take() {
            match message {
                Message::Write(job) if self.shared.halted.load(Ordering::Relaxed) => {
                    job.finish(Err(halted()));
                }
                Message::Write(job) => next = self.group(job),
                Message::Exclusive(task) => self.exclusive(task),
                Message::Stop(stopped) => return self.stop(stopped),
            }
            next = next.or_else(|| self.messages.blocking_recv());
        }
    }

    fn exclusive(&mut self, task: Box<dyn FnOnce(&mut Link) + Send>) {
        let link = &mut self.link;
        if catch_unwind(AssertUnwindSafe(|| task(link))).is_err() {
            tracing::error!("a migration panicked");
            self.link.guard.set(Mode::Store);
            self.roll_back();
        }
    }

    /// Runs the first closure and those that are waiting behind it, commits once, then tells all.
    /// Answers the message that came next and was not a write.
    fn group(&mut self, first: Box<dyn Job>) -> Option<Message> {
        if let Err(error) = self.link.command("BEGIN IMMEDIATE") {
            first.finish(Err(failure("begin", &error)));
            return None;
        }
        let mut jobs: Vec<Box<dyn Job>> = Vec::new();
        let mut next = Some(Message::Write(first));
        while let Some(Message::Write(mut job)) = next {
            let kept = self.in_savepoint(job.as_mut());
            if self.link.connection.is_autocommit() {
                // The disk was full, or a statement said ROLLBACK: all is undone, not only this.
                job.finish(if kept {
                    Err(StoreError::GroupRolledBack)
                } else {
                    Ok(())
                });
                finish_all(jobs, &Err(StoreError::GroupRolledBack));
                return None;
            }
            jobs.push(job);
            next = if jobs.len() < GROUP_CLOSURES_MAX {
                self.messages.try_recv().ok()
            } else {
                None
            };
        }
        let committed = self.commit(jobs.len());
        finish_all(jobs, &committed);
        next
    }

    /// Runs one closure so that it alone can be undone; whether it is kept.
    fn in_savepoint(&self, job: &mut dyn Job) -> bool {
        let run = |job: &mut dyn Job| -> rusqlite::Result<bool> {
            self.link.command("SAVEPOINT closure")?;
            let kept = job.run(&self.link);
            if self.link.connection.is_autocommit() {
                return Ok(kept);
            }
            if !kept {
                self.link.command("ROLLBACK TO closure")?;
            }
            self.link.command("RELEASE closure")?;
            Ok(kept)
        };
        run(job).unwrap_or_else(|error| {
            tracing::error!(%error, "a savepoint failed");
            self.roll_back();
            true
        })
    }

    fn commit(&self, closures: usize) -> Result<(), StoreError> {
        let Err(error) = self.link.command("COMMIT") else {
            self.shared.commits.fetch_add(1, Ordering::Relaxed);
            self.shared
                .closures
                .fetch_add(closures as u64, Ordering::Relaxed);
            return Ok(());
        };
        tracing::error!(%error, closures, "a commit failed");
        self.roll_back();
        if error.sqlite_error_code() != Some(ErrorCode::SystemIoFailure) {
            return Err(failure("commit", &error));
        }
        self.shared.halted.store(true, Ordering::Relaxed);
        Err(StoreError::CommitOutcomeUnknown {
            reason: error.to_string(),
        })
    }

    fn roll_back(&self) {
        if self.link.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.link.command("ROLLBACK") {
            tracing::error!(%error, "a rollback failed");
        }
    }

    fn stop(self, stopped: oneshot::Sender<()>) {
        let Self {
            link,
            messages,
            lock,
            ..
        } = self;
        drop(messages);
        // Closing the last connection folds the log into the file; if it cannot, the next start
        // does it.
        if let Err((_, error)) = link.connection.close() {
            tracing::warn!(%error, "the database file was not closed");
        }
        // Before the caller hears of it, as it may open the file again at once.
        drop(lock);
        let _ = stopped.send(());
    }
}

fn finish_all(jobs: Vec<Box<dyn Job>>, committed: &Result<(), StoreError>) {
    for job in jobs {
        job.finish(committed.clone());
    }
}
