//! Waits: until a stop, between attempts, and for rows that are held back.
//!
//! Promises: whoever waits for a stop hears of it at once, also when the one who would say it is
//! gone. What is held back is looked for soon and often, then ever less often.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use store::Store;
use tokio::sync::watch;

use crate::settings::Settings;

/// The first wait for rows that are held back by another process; it doubles up to the poll. What
/// holds them back is usually a commit, which takes about as long, and timers count milliseconds.
const HELD_BACK_FIRST: Duration = Duration::from_millis(1);

/// After how many transactions of this process it is looked at once whether one of them had held
/// rows back: as many as there are connections of two services, so that it was one of them unless
/// one takes longer than others, and then a few milliseconds are little.
const ENDS_MAX: u32 = 16;

/// How often the wait doubles, so that it stays a number: the poll comes first.
const DOUBLINGS_MAX: u32 = 16;

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

/// When to look again for rows that are committed and held back by a transaction that still runs.
pub(crate) struct HeldBack {
    ended: watch::Receiver<u64>,
    poll: Duration,
    /// Since when something is: what was looked after in vain.
    vain: Option<Vain>,
}

#[derive(Clone, Copy, Default)]
struct Vain {
    ends: u32,
    waits: u32,
}

impl HeldBack {
    pub(crate) fn new(store: &Store, poll: Duration) -> Self {
        Self {
            ended: store.transactions_ended(),
            poll,
            vain: None,
        }
    }

    /// It is about to be looked.
    pub(crate) fn looking(&mut self) {
        self.ended.mark_unchanged();
    }

    /// It was looked: whether rows were held back, and whether others were found.
    pub(crate) fn looked(&mut self, held_back: bool, found: bool) {
        self.vain = match self.vain {
            _ if !held_back => None,
            Some(vain) if !found => Some(vain),
            _ => Some(Vain::default()),
        };
    }

    /// Waits until they may be shown: until a transaction of this process has ended, or for a
    /// while, for one of another. For ever if nothing is held back.
    pub(crate) async fn may_be_shown(&mut self) {
        let Some(vain) = &mut self.vain else {
            return std::future::pending().await;
        };
        let wait = HELD_BACK_FIRST * (1 << vain.waits.min(DOUBLINGS_MAX));
        tokio::select! {
            biased;
            Ok(()) = self.ended.changed(), if vain.ends < ENDS_MAX => vain.ends += 1,
            () = tokio::time::sleep(wait.min(self.poll)) => vain.waits += 1,
        }
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
