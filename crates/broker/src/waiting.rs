//! Waits that a stop ends.
//!
//! Promises: whoever waits here hears of a stop at once, also when the one who would say it is
//! gone.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;

use crate::settings::Settings;

/// Ends when the process stops.
pub(crate) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that nobody is left to say it, which is a stop too.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Waits between attempts: twice as long each time, up to a most.
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            first: settings.backoff_first,
            max: settings.backoff_max,
            next: settings.backoff_first,
        }
    }

    /// It went well: the next wait is the first again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }

    /// Waits; whether to go on.
    pub(crate) async fn wait(&mut self, stopping: &mut watch::Receiver<bool>) -> bool {
        let wait = self.next;
        self.next = (wait * 2).min(self.max);
        tokio::time::timeout(wait, stopped(stopping)).await.is_err()
    }
}

/// Runs these futures side by side within this one, which spawns no task; answers in their order.
pub(crate) async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| (Box::pin(future), None))
        .collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, output) in &mut running {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *output = Some(value),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, output)| output)
        .collect()
}
