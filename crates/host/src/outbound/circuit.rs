//! When to leave a callee alone.
//!
//! Promises: after so many failures in a row nothing is sent for a while, and callers hear so at
//! once; then one call tries, and its outcome decides. It knows nothing of what failed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kit::time::Timestamp;

/// The state of one target.
pub(super) struct Circuit {
    failures_max: u32,
    open_for: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    opened: Option<Timestamp>,
    probing: bool,
}

/// What changed, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Same,
    Opened,
    Closed,
}

/// Leave to try once; given back when it is dropped without an outcome.
pub(super) struct Leave<'a> {
    circuit: &'a Circuit,
    probe: bool,
}

impl Circuit {
    pub(super) fn new(failures_max: u32, open_for: Duration) -> Self {
        Self {
            failures_max,
            open_for,
            state: Mutex::new(State::default()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before the lock is let go.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave to try now, none while the circuit is open or somebody else tries whether it must be.
    pub(super) fn admit(&self, now: Timestamp) -> Option<Leave<'_>> {
        let mut state = self.lock();
        let mut probe = false;
        if let Some(opened) = state.opened {
            // A clock that was set back must not keep it open: it counts as over.
            let over = now.since(opened).is_none_or(|gone| gone >= self.open_for);
            if !over || state.probing {
                return None;
            }
            state.probing = true;
            probe = true;
        }
        Some(Leave {
            circuit: self,
            probe,
        })
    }
}

impl Leave<'_> {
    /// The callee answered.
    pub(super) fn answered(self) -> Turn {
        let mut state = self.circuit.lock();
        let was_open = state.opened.take().is_some();
        state.failures = 0;
        if was_open { Turn::Closed } else { Turn::Same }
    }

    /// It did not.
    pub(super) fn failed(self, now: Timestamp) -> Turn {
        let mut state = self.circuit.lock();
        state.failures = state.failures.saturating_add(1);
        let was_open = state.opened.is_some();
        // Calls that were under way when it opened do not keep it open longer.
        if self.probe || (!was_open && state.failures >= self.circuit.failures_max) {
            state.opened = Some(now);
        }
        let opens = !was_open && state.opened.is_some();
        if opens { Turn::Opened } else { Turn::Same }
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.circuit.lock().probing = false;
        }
    }
}
