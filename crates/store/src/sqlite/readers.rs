//! A few read-only connections to the file.
//!
//! Promises: a read is one snapshot; at most [`READERS`] run at once, the others wait, for a
//! bounded time; a closure cannot write.
//! Does not: see what is not committed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::failure;
use super::link::{Access, Link};
use crate::WAIT_MS;
use crate::error::StoreError;
use crate::service::Service;
use crate::tx::Tx;

/// How many reads run at once: reads of a local file are short and mostly from memory, so more
/// would only fight for the cores.
const READERS: u32 = 4;

/// The pool.
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Link>>>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let links = (0..READERS)
            .map(|_| Link::open(path, Access::Read))
            .collect::<Result<_, _>>();
        Ok(Self {
            idle: Arc::new(Mutex::new(links?)),
            permits: Arc::new(Semaphore::new(READERS as usize)),
        })
    }

    pub(crate) async fn read<T, E, F>(&self, service: Arc<Service>, closure: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = tokio::time::timeout(
            Duration::from_millis(WAIT_MS),
            self.permits.clone().acquire_owned(),
        )
        .await
        .map_err(|_| StoreError::Busy)?
        .map_err(|_| StoreError::Closed)?;
        let idle = self.idle.clone();
        crate::blocking(move || {
            // The permit travels along: a caller that goes away must not free the place while
            // the closure still runs.
            let _permit = permit;
            let link = lock(&idle).pop().ok_or(StoreError::Closed)?;
            let outcome = read_on(&link, &service, closure);
            lock(&idle).push(link);
            outcome
        })
        .await?
    }

    /// Waits for the reads that run, then closes the connections.
    pub(crate) async fn close(&self) {
        // Fails only when it was closed before; there is nothing left to wait for then.
        let _all = self.permits.acquire_many(READERS).await;
        self.permits.close();
        lock(&self.idle).clear();
    }
}

fn lock(idle: &Mutex<Vec<Link>>) -> std::sync::MutexGuard<'_, Vec<Link>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_on<T, E: From<StoreError>>(
    link: &Link,
    service: &Service,
    closure: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    link.command("BEGIN")
        .map_err(|error| failure("begin", &error))?;
    let outcome = link.run(service, |tx| crate::judged(closure(tx), tx));
    // Nothing was written: how a read transaction ends makes no difference to the result.
    if let Err(error) = link.command("ROLLBACK") {
        tracing::warn!(%error, "a read transaction did not end");
    }
    outcome?
}
