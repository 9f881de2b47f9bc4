//! What notifications does by the clock: sending what is due, deleting what is old.
//!
//! Promises: a due message is sent once, however many processes run; a run does a bounded number
//! of transactions of bounded size and leaves the rest to the next. It does not decide what due
//! means.

use std::time::Duration;

use ::store::Tx;
use host::{Change, Timer, WorkError};
use kit::name::Subject;
use kit::time::Timestamp;

use crate::domain::message::{self, Command};
use crate::error::Error;
use crate::store;
use crate::{Deps, SCHEMA};

/// How often due messages are looked for: nobody waits for a scheduled text by the second.
const SEND_EVERY: Duration = Duration::from_secs(5);
/// How often old messages are looked for: retention counts in days.
const PURGE_EVERY: Duration = Duration::from_secs(60 * 60);
/// Messages sent in one transaction: some tens of milliseconds of the writer.
const SEND_BATCH_ROWS: u32 = 200;
/// Messages deleted in one transaction, as the store's own housekeeping.
const PURGE_BATCH_ROWS: u32 = 500;
/// Transactions of one run.
const BATCHES_MAX: u32 = 100;

/// The timers of the service.
pub fn timers(deps: Deps) -> [Timer; 2] {
    let purging = deps.clone();
    [
        Timer::new("send_due", SEND_EVERY, move || send_due(deps.clone())),
        Timer::new("purge_expired", PURGE_EVERY, move || {
            purge_expired(purging.clone())
        }),
    ]
}

/// Sends the messages whose time has come.
async fn send_due(deps: Deps) -> Result<(), WorkError> {
    let by = Subject::parse(SCHEMA.service).expect("a component's name is visible text");
    let change = Change::now(by, deps.clock.as_ref(), &deps.ids);
    for _ in 0..BATCHES_MAX {
        let batch = change.clone();
        let sent = deps.store.write(move |tx| send_batch(tx, &batch)).await?;
        metrics::counter!("notifications_messages_due_sent_total").increment(sent.into());
        if sent < SEND_BATCH_ROWS {
            break;
        }
    }
    Ok(())
}

fn send_batch(tx: &mut Tx<'_>, change: &Change) -> Result<u32, Error> {
    let mut sent = 0;
    for due in store::list_due(tx, change.at, SEND_BATCH_ROWS)? {
        let (message, events) = message::handle(Some(due), Command::SendDue, change.at)?;
        store::save_message(tx, change, &message, &events)?;
        sent += 1;
    }
    Ok(sent)
}

/// Deletes the messages that retention no longer keeps.
async fn purge_expired(deps: Deps) -> Result<(), WorkError> {
    let kept = Duration::from_secs(u64::from(deps.retention.message_days) * 24 * 60 * 60);
    let before = deps.clock.now().checked_sub(kept).unwrap_or(Timestamp::MIN);
    let mut purged = 0;
    for _ in 0..BATCHES_MAX {
        let purge = move |tx: &mut Tx<'_>| store::purge_messages(tx, before, PURGE_BATCH_ROWS);
        let rows = deps.store.write(purge).await?;
        metrics::counter!("notifications_messages_purged_total").increment(rows);
        purged += rows;
        if rows < u64::from(PURGE_BATCH_ROWS) {
            break;
        }
    }
    if purged > 0 {
        tracing::info!(messages = purged, before = %before, "expired messages deleted");
    }
    Ok(())
}
