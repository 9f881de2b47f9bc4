//! What services do by the clock.
//!
//! Promises: the runs of one timer never overlap; the next run begins `every` after the one before
//! ended, the first `every` after the start; a failure is logged and counted, and the timer goes
//! on; a panic is a failure. Stopping lets a run that has begun end, within the drain's deadline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kit::time::Clock;
use metrics::{counter, histogram};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::service::{Service, Work, WorkError, work};

/// Work that is repeated.
#[derive(Clone)]
pub struct Timer {
    /// What it is, such as `send_due`; unique in its service.
    pub name: &'static str,
    /// How long between the end of a run and the next.
    pub every: Duration,
    pub(crate) run: Work,
}

impl Timer {
    /// Work to be repeated. A run must do a bounded amount of work: it is not cut off.
    pub fn new<F, R>(name: &'static str, every: Duration, run: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), WorkError>> + Send + 'static,
    {
        Self {
            name,
            every,
            run: work(run),
        }
    }
}

/// Why a run asked for by name did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum FireError {
    /// No service has a timer of this name.
    #[error("timer must exist: {0}")]
    Unknown(String),
    /// The run failed.
    #[error("timer must succeed: {timer}: {source}")]
    Failed {
        /// The timer.
        timer: String,
        /// What it failed with.
        source: WorkError,
    },
}

/// One timer of one service, with the lock that keeps its runs apart.
struct Slot {
    every: Duration,
    run: Work,
    running: Mutex<()>,
}

/// All timers of the process, by `service.timer`.
#[derive(Clone)]
pub(crate) struct Timers {
    clock: Arc<dyn Clock>,
    slots: Arc<BTreeMap<String, Slot>>,
}

impl Timers {
    pub(crate) fn new(services: &[Service], clock: &Arc<dyn Clock>) -> Self {
        let mut slots = BTreeMap::new();
        for service in services {
            for timer in &service.timers {
                let slot = Slot {
                    every: timer.every,
                    run: timer.run.clone(),
                    running: Mutex::new(()),
                };
                slots.insert(format!("{}.{}", service.name, timer.name), slot);
            }
        }
        Self {
            clock: clock.clone(),
            slots: Arc::new(slots),
        }
    }

    /// Runs one timer now and waits for it; a run that is under way is waited for first.
    pub(crate) async fn fire(&self, name: &str) -> Result<(), FireError> {
        let slot = self
            .slots
            .get(name)
            .ok_or_else(|| FireError::Unknown(name.to_owned()))?;
        self.run_once(name, slot)
            .await
            .map_err(|source| FireError::Failed {
                timer: name.to_owned(),
                source,
            })
    }

    /// Starts all timers; they end after `stopping` becomes true.
    pub(crate) fn spawn(&self, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for name in self.slots.keys() {
            let (name, timers, mut stopping) = (name.clone(), self.clone(), stopping.clone());
            tasks.spawn(async move {
                let slot = &timers.slots[&name];
                loop {
                    tokio::select! {
                        biased;
                        _ = stopping.wait_for(|stop| *stop) => return,
                        () = tokio::time::sleep(slot.every) => {}
                    }
                    if let Err(error) = timers.run_once(&name, slot).await {
                        tracing::error!(timer = name, %error, "timer failed");
                    }
                }
            });
        }
        tasks
    }

    async fn run_once(&self, name: &str, slot: &Slot) -> Result<(), WorkError> {
        let _alone = slot.running.lock().await;
        let started = self.clock.now();
        let span = telemetry::timer_span(name);
        // Spawned, so that a panic ends this run and not the timer.
        let outcome = match tokio::spawn((slot.run)().instrument(span)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(WorkError::from("the run panicked")),
        };
        let result = if outcome.is_ok() { "ok" } else { "failed" };
        let elapsed = self.clock.now().since(started).unwrap_or_default();
        counter!("florin_timer_runs_total", "timer" => name.to_owned(), "result" => result)
            .increment(1);
        histogram!("florin_timer_seconds", "timer" => name.to_owned()).record(elapsed);
        outcome
    }
}
