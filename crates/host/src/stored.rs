//! What every service with a store has: a readiness check, the trimming of what expired, and a
//! place where refusals are recorded.
//!
//! Promises: refusals on the service's routes are lines in its own audit log; expired idempotency
//! records, events and inbox entries are deleted in bounded batches. It does not open the store.

use std::sync::Arc;
use std::time::Duration;

use kit::time::Clock;
use serde_json::json;
use store::{AuditEntry, Store, StoreError};
use web::{Denial, DenialSink};

use crate::service::{Readiness, Service, WorkError};
use crate::timers::Timer;

/// How often what expired is deleted: one call deletes at most `store::TRIM_BATCHES_MAX` batches,
/// so the rate of expiry it keeps up with is known.
const TRIM_EVERY: Duration = Duration::from_secs(60);

impl Service {
    /// Gives the service its store: readiness `store`, timer `trim`, refusals in the audit log.
    #[must_use]
    pub fn stored(self, store: &Store, clock: &Arc<dyn Clock>) -> Self {
        let mut service = self;
        service.store = Some(store.clone());
        let ready = store.clone();
        let (trimmed, clock) = (store.clone(), Arc::clone(clock));
        service
            .denials(denial_sink(store.clone()))
            .ready(Readiness::new("store", move || {
                let store = ready.clone();
                async move { store.check().await.map_err(WorkError::from) }
            }))
            .timer(Timer::new("trim", TRIM_EVERY, move || {
                let (store, now) = (trimmed.clone(), clock.now());
                async move {
                    let trimmed = store.trim(now).await?;
                    if trimmed.rows > 0 {
                        tracing::info!(rows = trimmed.rows, complete = trimmed.complete, "trimmed");
                    }
                    Ok(())
                }
            }))
    }
}

/// Records refusals in the audit log of one service.
fn denial_sink(store: Store) -> DenialSink {
    Arc::new(move |denial| {
        let store = store.clone();
        let entry = entry(&denial);
        Box::pin(async move {
            let written = store.write(move |tx| tx.audit(&entry)).await;
            written.map_err(|error: StoreError| error.to_string())
        })
    })
}

fn entry(denial: &Denial) -> AuditEntry {
    AuditEntry {
        recorded: denial.at,
        actor: denial
            .subject
            .clone()
            .unwrap_or_else(|| "unknown".to_owned()),
        action: denial.code.to_owned(),
        subject: denial.route.clone(),
        detail: json!({ "request_id": denial.request_id, "count": denial.count }),
    }
}
