//! The record of every refusal: 401 counted, 403 written one by one.
//!
//! Promises: a 403 is handed to the sink before it is answered; 401s, which anybody can cause, are
//! counted per (route, code) in a map of bounded size that [`DenialLog::flush`] hands over, so that
//! a flood costs a row per route and reason, not a row per request. If the sink fails, the refusal
//! stands, the failure is logged, and counts are kept for the next flush.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use kit::time::{Clock, Timestamp};

/// Most (route, code) pairs counted between two flushes; more share the route `(other)`. Routes ×
/// codes of one process stay below it.
const COUNTED_MAX: usize = 4096;

/// A refusal, or many alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// When it was refused; of many, the first.
    pub at: Timestamp,
    /// Method and matched path, such as `POST /ledger/v1/books`.
    pub route: String,
    /// The code of the answer, such as `role_not_allowed`.
    pub code: &'static str,
    /// Who was refused; nobody is known for a 401.
    pub subject: Option<String>,
    /// The request's id; of many, the first.
    pub request_id: String,
    /// How many refusals this stands for.
    pub count: u64,
}

/// The work of recording; what went wrong is for the log.
pub type Recording = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Where refusals are recorded: the host gives one that writes the audit table of the service the
/// route belongs to.
pub type DenialSink = Arc<dyn Fn(Denial) -> Recording + Send + Sync>;

/// Hands refusals to a [`DenialSink`]. Clones share their counts.
#[derive(Clone)]
pub struct DenialLog {
    sink: DenialSink,
    clock: Arc<dyn Clock>,
    counted: Arc<Mutex<HashMap<(String, &'static str), Denial>>>,
}

impl DenialLog {
    /// A log that writes to `sink`.
    #[must_use]
    pub fn new(sink: DenialSink, clock: Arc<dyn Clock>) -> Self {
        Self {
            sink,
            clock,
            counted: Arc::default(),
        }
    }

    /// Counts a refusal of somebody unknown (401).
    pub(crate) fn count(&self, route: &str, code: &'static str, request_id: &str) {
        let mut denial = self.denial(route, code, request_id);
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (route.to_owned(), code);
        if counted.len() >= COUNTED_MAX && !counted.contains_key(&key) {
            key.0 = "(other)".to_owned();
            denial.route.clone_from(&key.0);
        }
        counted
            .entry(key)
            .and_modify(|known| known.count += 1)
            .or_insert(denial);
    }

    /// Writes a refusal of a known subject (403), and returns when it is written.
    pub(crate) async fn write(
        &self,
        route: &str,
        code: &'static str,
        request_id: &str,
        subject: &str,
    ) {
        let mut denial = self.denial(route, code, request_id);
        denial.subject = Some(subject.to_owned());
        if let Err(error) = (self.sink)(denial).await {
            tracing::error!(route, code, error, "refusal not recorded");
        }
    }

    /// Hands over what was counted since the last flush; the host calls it from a timer and once
    /// before it stops. The first failure ends the flush; what was not handed over is kept.
    pub async fn flush(&self) -> Result<(), String> {
        let drained: Vec<Denial> = {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.drain().map(|(_, denial)| denial).collect()
        };
        let mut outcome = Ok(());
        for denial in drained {
            if outcome.is_ok() {
                outcome = (self.sink)(denial.clone()).await;
            }
            if outcome.is_err() {
                self.keep(denial);
            }
        }
        outcome
    }

    fn keep(&self, denial: Denial) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (denial.route.clone(), denial.code);
        let newer = counted.remove(&key).map_or(0, |known| known.count);
        counted.insert(
            key,
            Denial {
                count: denial.count + newer,
                ..denial
            },
        );
    }

    fn denial(&self, route: &str, code: &'static str, request_id: &str) -> Denial {
        Denial {
            at: self.clock.now(),
            route: route.to_owned(),
            code,
            subject: None,
            request_id: request_id.to_owned(),
            count: 1,
        }
    }
}
