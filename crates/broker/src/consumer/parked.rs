//! Events that could not be handled, and those of their keys behind them: the ladder.
//!
//! Promises: of each key only the oldest is tried, in a transaction of its own in which it is also
//! taken from the parked; so a key catches up in its order, while keys do not wait for each
//! other. Exhausted, an event stays where it is and blocks its key, and is reported once.
//! Does not: decide what becomes of a dead letter; see [`crate::Reaction::decisions`].

use std::sync::Arc;

use contracts::dead_letters::FailureKind;
use kit::time::Timestamp;
use store::{Parked, StoreError, Tx};
use tokio::sync::watch;

use super::Running;
use crate::failure::{self, Failed, report_id};
use crate::message::Message;
use crate::reaction::{Afterwards, Cause, Handed, ReactionError, Stopped};
use crate::waiting::{stopped, together};

/// How many keys are tried at the same time: their commits share flushes on SQLite, and are few
/// enough to leave PostgreSQL's connections to others.
const KEYS_AT_ONCE: usize = 4;

/// How many keys one look finds: what a minute's failure of everything leaves is worked off in
/// portions, and what came due meanwhile gets its turn.
const KEYS_MAX: usize = 200;

/// How many events of one key are handled before other keys get their turn.
const EVENTS_OF_KEY_MAX: usize = 1_000;

/// Where a parked event stands.
pub(super) struct Standing {
    pub(super) attempts: u32,
    pub(super) due: Timestamp,
    pub(super) dead: bool,
    pub(super) error: String,
}

impl Standing {
    /// Behind another of its key: it has not been tried, and is due when it comes first.
    pub(super) fn behind(now: Timestamp) -> Self {
        Self {
            attempts: 0,
            due: now,
            dead: false,
            error: String::new(),
        }
    }
}

/// Where an event stands that failed `attempts` times before and now again. On the last rung it
/// is dead, and reported in this transaction.
pub(super) fn climb(
    running: &Running,
    tx: &mut Tx<'_>,
    message: &Message,
    failed: &Failed<'_>,
    attempts: u32,
) -> Result<Standing, StoreError> {
    let rung = running.component.settings.ladder.get(attempts as usize);
    let attempts = attempts.saturating_add(1);
    if rung.is_none() {
        // An event can be exhausted again after it was redriven; then the time is another.
        let mut what = message.id.uuid().as_bytes().to_vec();
        what.extend(failed.now.micros().to_be_bytes());
        let id = report_id(failed.consumer, failed.topic, &what, attempts);
        failure::send(tx, id, &failed.of(message, FailureKind::Event, attempts))?;
    }
    Ok(Standing {
        attempts,
        due: rung
            .and_then(|rung| failed.now.checked_add(*rung))
            .unwrap_or(failed.now),
        dead: rung.is_none(),
        error: format!("{}: {}", failed.cause.code.name, failed.cause.reason),
    })
}

/// Tries what is due until the process stops.
pub(super) async fn retry(running: &Arc<Running>, mut stopping: watch::Receiver<bool>) {
    let poll = running.component.settings.parked_poll;
    while tokio::time::timeout(poll, stopped(&mut stopping))
        .await
        .is_err()
    {
        if let Err(error) = look(running, &stopping).await {
            tracing::warn!(
                %error, topic = running.topic.name, consumer = &*running.component.name,
                "parked events must wait for the store"
            );
        }
    }
}

/// Tries every key that is due, a few at a time.
async fn look(
    running: &Arc<Running>,
    stopping: &watch::Receiver<bool>,
) -> Result<(), ReactionError> {
    let (topic, now) = (running.topic.name.clone(), running.component.clock.now());
    let (count, heads) = running
        .component
        .store
        .read(move |tx| {
            let count = tx.parked_topic_count(&topic)?;
            let heads = match count {
                0 => Vec::new(),
                _ => tx.parked_due(&topic, now, KEYS_MAX)?,
            };
            Ok::<_, StoreError>((count, heads))
        })
        .await?;
    let shown = u32::try_from(count).unwrap_or(u32::MAX);
    running.meters.parked_events.set(shown);
    let mut heads = heads.into_iter();
    let mut outcome = Ok(());
    loop {
        let next: Vec<_> = heads.by_ref().take(KEYS_AT_ONCE).collect();
        if next.is_empty() || *stopping.borrow() {
            return outcome;
        }
        let tries = next
            .into_iter()
            .map(|head| catch_up(running, head, stopping));
        for tried in together(tries).await {
            outcome = outcome.and(tried);
        }
    }
}

/// Handles the events of a key from its head on, until one fails or none is due.
async fn catch_up(
    running: &Arc<Running>,
    mut head: Parked,
    stopping: &watch::Receiver<bool>,
) -> Result<(), ReactionError> {
    for _ in 0..EVENTS_OF_KEY_MAX {
        if *stopping.borrow() {
            return Ok(());
        }
        let tried = Arc::new(head);
        let cause = match handle(running, tried.clone()).await {
            Ok(Some(next)) if !next.dead && next.due <= running.component.clock.now() => {
                head = next;
                continue;
            }
            Ok(_) => return Ok(()),
            Err(Stopped::Waiting(error)) => return Err(error),
            Err(Stopped::Refused(cause)) => cause,
        };
        return Ok(put_back(running, tried, cause).await?);
    }
    Ok(())
}

/// Runs the reaction and takes the event from the parked; answers the next of its key.
async fn handle(running: &Arc<Running>, head: Arc<Parked>) -> Result<Option<Parked>, Stopped> {
    let message = read(&head).map_err(|error| Stopped::Waiting(error.into()))?;
    let reading = running.reaction.read(&message);
    let (store, running) = (&running.component.store, running.clone());
    let handled = store.write(move |tx| {
        if !is_head(tx, &head)? {
            return Ok((None, Afterwards::default()));
        }
        let handed = Handed::of(&running.reaction, &message, &reading);
        let reacted = running.reaction.run(tx, &[handed]);
        let afterwards = reacted.map_err(|(_, stopped)| Refusal(stopped))?;
        tx.unpark(head.id)?;
        Ok((tx.parked_next(&head.topic, &head.key)?, afterwards))
    });
    let (next, afterwards) = handled.await.map_err(|Refusal(stopped)| stopped)?;
    afterwards.happen();
    Ok(next)
}

/// The event failed again: on to the next rung.
async fn put_back(
    running: &Arc<Running>,
    head: Arc<Parked>,
    cause: Cause,
) -> Result<(), StoreError> {
    let (store, running) = (&running.component.store, running.clone());
    let message = read(&head)?;
    let put_back = store.write(move |tx| {
        if !is_head(tx, &head)? {
            return Ok(());
        }
        let failed = Failed {
            consumer: &running.component.name,
            topic: &head.topic,
            document: &head.document,
            cause: &cause,
            now: running.component.clock.now(),
        };
        let standing = climb(&running, tx, &message, &failed, head.attempts)?;
        if standing.dead {
            tx.parked_dead(head.id, &standing.error).map(drop)
        } else {
            let Standing {
                attempts,
                due,
                error,
                ..
            } = standing;
            tx.parked_retry(head.id, attempts, due, &error).map(drop)
        }
    });
    put_back.await
}

/// It was a message when it was parked, and when it was edited.
fn read(parked: &Parked) -> Result<Message, StoreError> {
    let read = Message::parse_event(&parked.document);
    let read = read.map_err(|error| StoreError::Damaged {
        reason: format!("a parked event is not what it was: {error}"),
    });
    Ok(read?.0)
}

/// Whether nobody else has tried it since it was read.
fn is_head(tx: &mut Tx<'_>, head: &Parked) -> Result<bool, StoreError> {
    let first = tx.parked_next(&head.topic, &head.key)?;
    Ok(first.is_some_and(|first| {
        (first.id, first.attempts, first.due, first.dead)
            == (head.id, head.attempts, head.due, false)
    }))
}

/// Why a transaction of one parked event was undone.
struct Refusal(Stopped);

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self(Stopped::of(error))
    }
}
