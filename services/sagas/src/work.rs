//! What sagas does with messages and by the clock: starts and answers, deadlines and retries,
//! counting, deleting what is old.
//!
//! Promises: a message or a due saga is handled in one transaction with the command it leads to;
//! a run of a timer does a bounded number of transactions of bounded size and leaves the rest to
//! the next. An answer that fits nowhere is counted, and stops nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::store::{StoreError, Tx};
use broker::{Afterwards, Arrived, Message, Reaction};
use contracts::sagas::EVENTS;
use host::{Timer, WorkError};
use metrics::{counter, gauge};
use saga::engine::{Heard, Misfit, TICK_ROWS_MAX, TRIM_ROWS_MAX};

use crate::Shared;

/// How often it is looked whether a saga is due: half the shortest first retry of our own
/// definitions, at the cost of one indexed read.
const TICK_EVERY: Duration = Duration::from_millis(100);
/// How often sagas are counted for the metrics: as often as a graph is drawn.
const MEASURE_EVERY: Duration = Duration::from_secs(15);
/// How often old sagas are looked for: retention counts in days.
const PURGE_EVERY: Duration = Duration::from_secs(60 * 60);
/// Transactions of one run.
const BATCHES_MAX: u32 = 100;

/// The reaction to starts and answers.
pub fn events(shared: Shared) -> Reaction {
    let it = shared.clone();
    let hear = move |message: &Message| Ok(it.engine.hear(message, it.clock.now())?);
    Reaction::many(EVENTS, hear, move |tx, arrived| {
        let heard: Vec<&Heard> = arrived.iter().map(Arrived::read).collect();
        let (engine, now) = (shared.engine.clone(), shared.clock.now());
        let outcome = engine.handle_many(tx, &heard, now)?;
        Ok(Afterwards::run(move || {
            engine.remember(&outcome);
            outcome.misfits.iter().for_each(tell);
        }))
    })
}

/// Counts what fits nowhere, and says so in the log.
fn tell(misfit: &Misfit) {
    let labels = [
        ("definition", misfit.definition.clone()),
        ("note", misfit.note.name().to_owned()),
    ];
    counter!("florin_sagas_misfits_total", &labels).increment(1);
    tracing::warn!(
        saga = %misfit.saga, definition = misfit.definition, state = misfit.state,
        event = misfit.event, note = misfit.note.name(),
        "what a participant says does not fit its saga"
    );
}

/// The timers of the service.
pub fn timers(shared: Shared) -> [Timer; 3] {
    let (ticking, purging) = (shared.clone(), shared.clone());
    let shown = Arc::new(Mutex::new(Shown::default()));
    [
        Timer::new("tick", TICK_EVERY, move || tick(ticking.clone())),
        Timer::new("measure", MEASURE_EVERY, move || {
            measure(shared.clone(), shown.clone())
        }),
        Timer::new("purge_ended", PURGE_EVERY, move || {
            purge_ended(purging.clone())
        }),
    ]
}

/// Moves the sagas that are due on.
async fn tick(shared: Shared) -> Result<(), WorkError> {
    for _ in 0..BATCHES_MAX {
        let (engine, now) = (shared.engine.clone(), shared.clock.now());
        let next = shared.store.read(move |tx| engine.next_due(tx)).await;
        let next: Option<_> = next.map_err(|error: StoreError| error)?;
        // A saga that only waits for its time costs no transaction that writes.
        if next.is_none_or(|due| due > now) {
            break;
        }
        let engine = shared.engine.clone();
        let tick = move |tx: &mut Tx<'_>| engine.tick(tx, now, TICK_ROWS_MAX);
        let ticked = shared.store.write(tick).await?;
        if ticked.stuck > 0 {
            tracing::warn!(sagas = ticked.stuck, "sagas became stuck");
        }
        if ticked.unknown > 0 {
            tracing::error!(
                sagas = ticked.unknown,
                "sagas must wait for a process that has their definition"
            );
        }
    }
    Ok(())
}

/// What the gauges show: sagas by definition and state, stuck ones by definition.
#[derive(Default)]
struct Shown {
    sagas: BTreeMap<(String, String), u64>,
    stuck: BTreeMap<String, u64>,
}

/// Shows how many sagas are where; what is no longer there is shown as zero once.
async fn measure(shared: Shared, shown: Arc<Mutex<Shown>>) -> Result<(), WorkError> {
    let engine = shared.engine.clone();
    let counts = shared.store.read(move |tx| engine.counts(tx)).await;
    let counts: Vec<_> = counts.map_err(|error: StoreError| error)?;
    let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
    shown.sagas.values_mut().for_each(|sagas| *sagas = 0);
    shown.stuck.values_mut().for_each(|sagas| *sagas = 0);
    for count in counts {
        if count.stuck {
            *shown.stuck.entry(count.definition.clone()).or_default() += count.sagas;
        }
        let place = (count.definition, count.state);
        *shown.sagas.entry(place).or_default() += count.sagas;
    }
    for ((definition, state), sagas) in &shown.sagas {
        let labels = [("definition", definition.clone()), ("state", state.clone())];
        gauge!("florin_sagas", &labels).set(small(*sagas));
    }
    for (definition, sagas) in &shown.stuck {
        let labels = [("definition", definition.clone())];
        gauge!("florin_sagas_stuck", &labels).set(small(*sagas));
    }
    shown.sagas.retain(|_, sagas| *sagas > 0);
    shown.stuck.retain(|_, sagas| *sagas > 0);
    Ok(())
}

/// A number as a gauge takes it exactly.
fn small(sagas: u64) -> u32 {
    u32::try_from(sagas).unwrap_or(u32::MAX)
}

/// Deletes the sagas that retention no longer keeps.
async fn purge_ended(shared: Shared) -> Result<(), WorkError> {
    let mut purged = 0;
    for _ in 0..BATCHES_MAX {
        let (engine, now) = (shared.engine.clone(), shared.clock.now());
        let kept_days = shared.kept_days;
        let trim = move |tx: &mut Tx<'_>| engine.trim(tx, now, kept_days);
        let rows = shared.store.write(trim).await;
        let rows = rows.map_err(|error: StoreError| error)?;
        purged += rows;
        if rows < u64::from(TRIM_ROWS_MAX) {
            break;
        }
    }
    counter!("florin_sagas_purged_total").increment(purged);
    if purged > 0 {
        tracing::info!(sagas = purged, "old sagas deleted");
    }
    Ok(())
}
