//! What dead letters does with reports of failure, and by the clock.
//!
//! Promises: a report is handled in one transaction: the letter, its history, and the message on
//! its way again. A report that cannot be handled is tried again where it stands, without end and
//! with the log saying why: it is never reported, as that report would come here. What comes and
//! is no report becomes a letter itself.
//! Does not: decide what becomes of a failure.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::store::{INBOX_RETENTION_HOURS, StoreError, Tx};
use broker::{Message, Reaction, ReactionError, UNREADABLE_BYTES_MAX};
use contracts::dead_letters::{FAILURES, Failure, FailureKind, REPORT_FAILURE};
use host::{Change, Timer, WorkError};
use kit::codes;
use kit::name::Subject;
use kit::time::Timestamp;

use crate::domain::ladder::Ladder;
use crate::domain::letter::{self, Command, Report, State, Ways};
use crate::error::Error;
use crate::store;
use crate::{Deps, SCHEMA};

/// How often open letters are counted for the metric: as often as a graph is drawn.
const MEASURE_EVERY: Duration = Duration::from_secs(15);
/// Most pairs of topic and consumer in the metric: a hundred components with ten topics each.
const MEASURED_ROWS: u32 = 1_000;
/// How often old letters are looked for: retention counts in days.
const PURGE_EVERY: Duration = Duration::from_secs(60 * 60);
/// Letters deleted in one transaction, as the store's own housekeeping.
const PURGE_BATCH_ROWS: u32 = 500;
/// Transactions of one run.
const BATCHES_MAX: u32 = 100;

/// What is decided with.
pub fn ways(deps: &Deps) -> Ways {
    Ways {
        ladder: Ladder::new(deps.settings.ladder.iter().copied()),
        topics: deps.topics,
    }
}

/// The reaction to reports of failure.
pub fn failures(deps: Deps) -> Reaction {
    let ways = ways(&deps);
    Reaction::new(FAILURES, move |tx, message| {
        let error = match take(tx, &deps, &ways, message) {
            Ok(()) => return Ok(()),
            Err(Error::Store(error)) if error.passes() => return Err(error.into()),
            Err(error) => error,
        };
        // To refuse it would be to report it, to ourselves.
        tracing::error!(
            %error, code = error.code().name, report = %message.id,
            "a report of failure must be handled, all others wait for it"
        );
        metrics::counter!("florin_dead_letters_reports_waiting_total").increment(1);
        let reason = error.to_string();
        Err(ReactionError::Wait { reason })
    })
}

/// The timers of the service.
pub fn timers(deps: Deps) -> [Timer; 2] {
    let purging = deps.clone();
    let shown = std::sync::Arc::new(Mutex::new(BTreeMap::new()));
    [
        Timer::new("measure", MEASURE_EVERY, move || {
            measure(deps.clone(), shown.clone())
        }),
        Timer::new("purge_closed", PURGE_EVERY, move || {
            purge_closed(purging.clone())
        }),
    ]
}

/// Takes a report in.
fn take(tx: &mut Tx<'_>, deps: &Deps, ways: &Ways, message: &Message) -> Result<(), Error> {
    let failure = read(message, deps.clock.now());
    let message_type = failure.message_type.as_deref().unwrap_or_default();
    let config = store::find_event_config(tx, message_type)?;
    let retries_max = config.map(|config| config.max_retries);
    let report = Report::new(deps.ids.next(), message.id, failure, retries_max);
    let before = store::find_letter_of_message(tx, &report.about)?;
    let was_open = matches!(before, Some(ref it) if matches!(it.state, State::Open { .. }));
    let change = Change::now(own_name(), deps.clock.as_ref(), &deps.ids);
    let command = Command::Report(Box::new(report));
    let (letter, events) = letter::handle(before, command, ways, change.at)?;
    let opens = !was_open && matches!(letter.state, State::Open { .. }) && !events.is_empty();
    if opens {
        let max = deps.settings.letters_open_max;
        if store::count_open(tx)? >= max {
            return Err(Error::LettersMustHaveRoom { max });
        }
    }
    store::save_letter(tx, &change, was_open, &letter, &events)?;
    Ok(())
}

/// The report that a message is; what is none is a failure to read it.
fn read(message: &Message, now: Timestamp) -> Failure {
    let unread = |reason: String| {
        let document = message.document();
        Failure {
            kind: FailureKind::Unreadable,
            consumer: SCHEMA.service.to_owned(),
            topic: FAILURES.to_owned(),
            message_id: None,
            message_type: None,
            subject: String::new(),
            attempt: 1,
            code: codes::BODY_MUST_MATCH_SCHEMA.name.to_owned(),
            reason,
            document: document[..document.floor_char_boundary(UNREADABLE_BYTES_MAX)].to_owned(),
            failed_at: now,
        }
    };
    if message.kind != REPORT_FAILURE {
        return unread(format!("the type must be {REPORT_FAILURE}"));
    }
    message
        .data()
        .unwrap_or_else(|error| unread(error.to_string()))
}

fn own_name() -> Subject {
    Subject::parse(SCHEMA.service).expect("a component's name is visible text")
}

/// What the metric shows, by topic and consumer.
type Shown = std::sync::Arc<Mutex<BTreeMap<(String, String), u32>>>;

/// Shows how many letters are open; a pair that is no longer among those shown is shown as zero.
async fn measure(deps: Deps, shown: Shown) -> Result<(), WorkError> {
    let counts = deps
        .store
        .read(|tx| store::list_open_counts(tx, MEASURED_ROWS));
    let counts: Vec<_> = counts.await.map_err(|error: StoreError| error)?;
    let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
    shown.values_mut().for_each(|letters| *letters = 0);
    for (topic, consumer, letters) in counts {
        shown.insert((topic, consumer), letters);
    }
    for ((topic, consumer), letters) in &*shown {
        let labels = [("topic", topic.clone()), ("consumer", consumer.clone())];
        metrics::gauge!("florin_dead_letters_open", &labels).set(*letters);
    }
    shown.retain(|_, letters| *letters > 0);
    Ok(())
}

/// Deletes the letters that retention no longer keeps.
async fn purge_closed(deps: Deps) -> Result<(), WorkError> {
    let now = deps.clock.now();
    let before = |hours: u64| {
        now.checked_sub(Duration::from_secs(hours * 60 * 60))
            .unwrap_or(Timestamp::MIN)
    };
    let closed = before(u64::from(deps.settings.letter_days) * 24);
    // What the ladder sent can come back for as long as its consumer takes it.
    let retried = before(INBOX_RETENTION_HOURS);
    let mut purged = 0;
    for _ in 0..BATCHES_MAX {
        let purge =
            move |tx: &mut Tx<'_>| store::purge_letters(tx, closed, retried, PURGE_BATCH_ROWS);
        let rows = deps.store.write(purge).await?;
        metrics::counter!("florin_dead_letters_purged_total").increment(rows);
        purged += rows;
        if rows < u64::from(PURGE_BATCH_ROWS) {
            break;
        }
    }
    if purged > 0 {
        tracing::info!(letters = purged, before = %closed, "closed letters deleted");
    }
    Ok(())
}
