//! Threads that read journals, so that no request waits on a disk in an async task.
//!
//! Why threads of its own: a read of history is a walk over a file, which must not stand in the way
//! of the tasks that serve other requests, and tasks may not block. Promises: at most
//! [`THREADS`] reads at once and [`WAITING_MAX`] waiting, over all books; beyond that a read is
//! refused. Reads are short: whoever needs much asks for it in pages.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::EngineError;

/// Reads at once: enough to keep a disk busy while one of them is a long page.
const THREADS: usize = 4;

/// Reads waiting: at a millisecond each the last one waits a quarter of a second.
const WAITING_MAX: usize = 1_024;

type Job = Box<dyn FnOnce() + Send>;

/// The threads, as seen by who asks. They end when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Readers {
    jobs: SyncSender<Job>,
}

impl Readers {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// The system has no threads left.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(WAITING_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for number in 0..THREADS {
            let waiting = Arc::clone(&waiting);
            thread::Builder::new()
                .name(format!("ledger-reader-{number}"))
                .spawn(move || read_all(&waiting))?;
        }
        Ok(Self { jobs })
    }

    /// Runs `read` on one of the threads.
    ///
    /// # Errors
    ///
    /// [`EngineError::Busy`] if too many wait, [`EngineError::Stopped`] if the read panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Whoever asked may have gone: then nobody needs the answer.
            let _ = answer.send(read());
        });
        match self.jobs.try_send(job) {
            Ok(()) => answered.await.map_err(|_| EngineError::Stopped),
            Err(TrySendError::Full(_)) => Err(EngineError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(EngineError::Stopped),
        }
    }
}

fn read_all(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = next else { return };
        // A read that panics must not take the thread with it; its asker sees the channel close.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a read panicked");
        }
    }
}
