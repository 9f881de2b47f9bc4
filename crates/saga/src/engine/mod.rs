//! The durable engine: sagas as rows, inputs as transactions.
//!
//! Promises: an input, its change of the saga, its lines of history and the command it sends are
//! one transaction, so a crash loses none of them; a saga is changed only over the revision it
//! was loaded at. An answer costs four statements: one `SELECT`, one `UPDATE`, one `INSERT` into
//! the history and one into the outbox; a repeat costs the `SELECT`. Many at once share the first,
//! which asks only for the revisions of sagas that the process has saved a moment ago.
//!
//! Does not receive or run by itself: a service hands it the messages of [`crate::wire::EVENTS`]
//! ([`Engine::handle_many`], then [`Engine::remember`]) and calls [`Engine::tick`] by a timer. Does
//! not recognise repeated messages either: the consumer does, and what slips through fits nowhere.

mod batch;
mod error;
mod heard;
mod made;
mod recent;
mod store;
mod views;

use std::sync::Arc;
use std::time::Duration;

use ::store::{StoreError, Tx};
use broker::{ManyError, Message};
use kit::id::IdSource;
use kit::name::Subject;
use kit::time::Timestamp;

use crate::definition::{Definition, Definitions};
use crate::instance::SagaId;
use crate::line::Fit;
use crate::step::Input;
use batch::Batch;
use heard::Said;
use made::Made;
use recent::Recent;

pub use error::Error;
pub use heard::Heard;
pub use store::{SCHEMA, STATEMENTS};
pub use views::{
    Count, Entry, Filter, Handled, Misfit, Outcome, Registration, Stored, Summary, Ticked,
};

/// Most sagas that one transaction of [`Engine::tick`] looks at: some tens of milliseconds.
pub const TICK_ROWS_MAX: u32 = 200;
/// Most rows of a page of sagas or of a history, and of counts.
pub const PAGE_ROWS_MAX: u32 = 1_000;
/// Most sagas deleted in one transaction, as the store's own housekeeping.
pub const TRIM_ROWS_MAX: u32 = 500;
/// How long a saga that has ended is kept at least, 31 days: longer than the 30 that inboxes and
/// participants remember, so that no message can start an old saga anew.
pub const KEPT_DAYS_MIN: u32 = 31;
/// Longest reason an operator gives: a sentence or two.
pub const REASON_BYTES_MAX: usize = 500;
/// When a saga whose definition the process does not have is looked at again.
const UNKNOWN_AGAIN: Duration = Duration::from_secs(60);

/// The engine of a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    definitions: Arc<Definitions>,
    ids: IdSource,
    recent: Recent,
}

impl Engine {
    /// An engine that follows these definitions.
    #[must_use]
    pub fn new(definitions: Arc<Definitions>, ids: IdSource) -> Self {
        Self {
            definitions,
            ids,
            recent: Recent::default(),
        }
    }

    /// The definitions.
    #[must_use]
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// Keeps what every version says, once when the process starts.
    ///
    /// # Errors
    ///
    /// [`Error::VersionMustNotChange`] if one says something else than when it was first seen by
    /// any process; [`Error::DefinitionMustBeKnown`] if sagas are on a version that is not here.
    pub fn pin(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<(), Error> {
        for definition in self.definitions.iter() {
            let first = store::pin(tx, definition, now)?;
            if first.is_some_and(|hash| hash != definition.hash) {
                return Err(Error::VersionMustNotChange {
                    definition: definition.name.clone(),
                    version: definition.version,
                });
            }
        }
        for (definition, version) in store::list_versions(tx, PAGE_ROWS_MAX)? {
            self.definition(&definition, version)?;
        }
        Ok(())
    }

    /// Handles a message of the topic [`crate::wire::EVENTS`]: a start, or an answer.
    ///
    /// # Errors
    ///
    /// A message that is not one of these, of a saga or a definition that is not known, or a start
    /// that is refused. An answer that fits nowhere is no error.
    pub fn handle(
        &self,
        tx: &mut Tx<'_>,
        message: &Message,
        now: Timestamp,
    ) -> Result<Handled, Error> {
        let heard = Heard::read(message)?;
        let (id, mut batch) = (heard.id(), Batch::new(self, now));
        batch.load(tx, &[id])?;
        let fit = self.take(tx, &mut batch, &heard)?;
        let handled = batch.handled(id, fit);
        batch.write(tx)?;
        handled
    }

    /// Reads a message of the topic [`crate::wire::EVENTS`], and what it makes of its saga if this
    /// process has saved that a moment ago. For [`Self::handle_many`], before its transaction.
    ///
    /// # Errors
    ///
    /// If its data is not what [`crate::wire::Said`] is.
    pub fn hear(&self, message: &Message, now: Timestamp) -> Result<Heard, Error> {
        let mut heard = Heard::read(message)?;
        // What is refused here is refused again there, in its order.
        heard.ahead = match &heard.said {
            Said::Answer(id, answered) => self.recent.find(*id).and_then(|saved| {
                let input = Input::Answered(answered.clone());
                self.make(&saved.instance, input, now).ok()
            }),
            Said::Start(start) => self.begin(start, now).ok(),
        };
        heard.ahead = heard.ahead.map(Made::written);
        Ok(heard)
    }

    /// Handles messages of the topic [`crate::wire::EVENTS`], with the outcome of [`Self::handle`]
    /// for each in this order; several may be of one saga. For a [`broker::Reaction::many`] that
    /// reads with [`Self::hear`].
    ///
    /// Costs one `SELECT` for some tens of sagas, one `UPDATE` for each saga, and one `INSERT`
    /// into the history and one into the outbox for each message that changes one. The next costs
    /// less if [`Self::remember`] is told of the outcome once the transaction is kept.
    ///
    /// # Errors
    ///
    /// As of [`Self::handle`], with the place of the first message that fails; then nothing was
    /// written.
    pub fn handle_many(
        &self,
        tx: &mut Tx<'_>,
        messages: &[&Heard],
        now: Timestamp,
    ) -> Result<Outcome, ManyError> {
        let ids: Vec<SagaId> = messages.iter().map(|heard| heard.id()).collect();
        let mut batch = Batch::new(self, now);
        batch.load(tx, &ids)?;
        let mut misfits = Vec::new();
        for (place, heard) in messages.iter().enumerate() {
            let fit = self.take(tx, &mut batch, heard);
            let fit = fit.map_err(|error| ManyError::at(place, error))?;
            if let (Fit::Noted(note), Some(it)) = (fit, batch.find(heard.id())) {
                misfits.push(Misfit {
                    saga: heard.id(),
                    definition: it.definition.clone(),
                    state: it.state.clone(),
                    event: heard.event.clone(),
                    note,
                });
            }
        }
        let saved = batch.write(tx)?;
        Ok(Outcome { misfits, saved })
    }

    /// Takes note of what was saved, so that the next message of these sagas need not load them.
    /// Only once the transaction is kept, as it is believed as long as the revision is the same.
    pub fn remember(&self, outcome: &Outcome) {
        outcome
            .saved
            .iter()
            .for_each(|saved| self.recent.add(saved));
    }

    /// Starts a saga. The same again is the same saga, and changes nothing.
    ///
    /// # Errors
    ///
    /// If the id was used for another, the definition is not known, or is not started by `by`.
    pub fn register(
        &self,
        tx: &mut Tx<'_>,
        registration: Registration,
        now: Timestamp,
    ) -> Result<Handled, Error> {
        let id = registration.id;
        let mut batch = Batch::new(self, now);
        batch.load(tx, &[id])?;
        let fit = batch.register(tx, &registration, None)?;
        let handled = batch.handled(id, fit);
        batch.write(tx)?;
        handled
    }

    /// Cancels a saga: what it did is undone, if that can still be. See [`Handled::fit`].
    ///
    /// # Errors
    ///
    /// If there is no such saga, or the reason is empty or longer than [`REASON_BYTES_MAX`].
    pub fn cancel(
        &self,
        tx: &mut Tx<'_>,
        id: SagaId,
        (by, reason): (Subject, &str),
        now: Timestamp,
    ) -> Result<Handled, Error> {
        if !(1..=REASON_BYTES_MAX).contains(&reason.trim().len()) {
            let bytes_max = REASON_BYTES_MAX;
            return Err(Error::ReasonMustFit { bytes_max });
        }
        let reason = reason.to_owned();
        self.input(tx, id, Input::CancelAsked { by, reason }, now)
    }

    /// Has a saga send its current command at once, and as often again as its table says.
    ///
    /// # Errors
    ///
    /// If there is no such saga.
    pub fn retry(
        &self,
        tx: &mut Tx<'_>,
        id: SagaId,
        by: Subject,
        now: Timestamp,
    ) -> Result<Handled, Error> {
        self.input(tx, id, Input::RetryAsked { by }, now)
    }

    /// Moves what is due on, at most `limit` sagas and [`TICK_ROWS_MAX`].
    pub fn tick(&self, tx: &mut Tx<'_>, now: Timestamp, limit: u32) -> Result<Ticked, Error> {
        let (mut ticked, mut batch) = (Ticked::default(), Batch::new(self, now));
        for loaded in store::list_due(tx, now, limit.min(TICK_ROWS_MAX))? {
            let it = &loaded.instance;
            let (id, was_stuck) = (it.id, it.stuck);
            if self.definitions.find(&it.definition, it.version).is_none() {
                // Left where it is, it would stand before all others for ever.
                let again = now.checked_add(UNKNOWN_AGAIN).unwrap_or(Timestamp::MAX);
                store::postpone(tx, id, again)?;
                ticked.unknown += 1;
                continue;
            }
            batch.put(loaded);
            batch.input(id, || Input::Tick, None)?;
            let is_stuck = batch.find(id).is_some_and(|it| it.stuck);
            ticked.stuck += u32::from(is_stuck && !was_stuck);
            ticked.handled += 1;
        }
        batch.write(tx)?;
        Ok(ticked)
    }

    /// When the next saga is due; none if none waits for time to pass. One indexed read.
    pub fn next_due(&self, tx: &mut Tx<'_>) -> Result<Option<Timestamp>, StoreError> {
        store::next_due(tx)
    }

    /// The saga, if it is kept.
    pub fn find(&self, tx: &mut Tx<'_>, id: SagaId) -> Result<Option<Stored>, StoreError> {
        store::find(tx, id)
    }

    /// The sagas with ids below `before`, the newest id first, at most [`PAGE_ROWS_MAX`].
    pub fn list(
        &self,
        tx: &mut Tx<'_>,
        filter: &Filter,
        before: SagaId,
        limit: u32,
    ) -> Result<Vec<Summary>, StoreError> {
        store::list(tx, filter, before, limit.min(PAGE_ROWS_MAX))
    }

    /// What happened to a saga after the revision `after`, at most [`PAGE_ROWS_MAX`] changes.
    pub fn timeline(
        &self,
        tx: &mut Tx<'_>,
        id: SagaId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        store::list_history(tx, id, after, limit.min(PAGE_ROWS_MAX))
    }

    /// How many sagas that have not ended are where. Reads each of them once: for a metric every
    /// some seconds, not for a request.
    pub fn counts(&self, tx: &mut Tx<'_>) -> Result<Vec<Count>, StoreError> {
        store::count(tx, PAGE_ROWS_MAX)
    }

    /// Deletes sagas that ended more than `kept_days` ago, and at least [`KEPT_DAYS_MIN`]; says
    /// how many. [`TRIM_ROWS_MAX`] at once: as many means that there may be more.
    pub fn trim(&self, tx: &mut Tx<'_>, now: Timestamp, kept_days: u32) -> Result<u64, StoreError> {
        let days = u64::from(kept_days.max(KEPT_DAYS_MIN));
        let kept = Duration::from_secs(days * 24 * 60 * 60);
        let before = now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        store::trim(tx, before, TRIM_ROWS_MAX)
    }

    fn input(
        &self,
        tx: &mut Tx<'_>,
        id: SagaId,
        input: Input,
        now: Timestamp,
    ) -> Result<Handled, Error> {
        let mut batch = Batch::new(self, now);
        batch.load(tx, &[id])?;
        let fit = batch.input(id, || input, None)?;
        let handled = batch.handled(id, fit);
        batch.write(tx)?;
        handled
    }

    fn take(&self, tx: &mut Tx<'_>, batch: &mut Batch<'_>, heard: &Heard) -> Result<Fit, Error> {
        let ahead = heard.ahead.as_ref();
        match &heard.said {
            Said::Answer(id, answered) => {
                batch.input(*id, || Input::Answered(answered.clone()), ahead)
            }
            Said::Start(start) => {
                let newest = self.newest(&start.definition)?;
                if newest.transitions[newest.start()].event != heard.event {
                    return Err(starter(start));
                }
                batch.register(tx, start, ahead)
            }
        }
    }

    /// Refuses a start by another component than the definition's own.
    fn check_starter(&self, registration: &Registration) -> Result<(), Error> {
        let definition = self.newest(&registration.definition)?;
        if definition.starter() == registration.by {
            Ok(())
        } else {
            Err(starter(registration))
        }
    }

    fn definition(&self, name: &str, version: u32) -> Result<&Arc<Definition>, Error> {
        let definition = self.definitions.find(name, version);
        definition.ok_or_else(|| Error::DefinitionMustBeKnown {
            definition: name.to_owned(),
            version,
        })
    }

    fn newest(&self, name: &str) -> Result<&Arc<Definition>, Error> {
        let newest = self.definitions.newest(name);
        newest.ok_or_else(|| Error::DefinitionMustBeKnown {
            definition: name.to_owned(),
            version: 0,
        })
    }
}

fn starter(registration: &Registration) -> Error {
    Error::StarterMustBeItsOwn {
        definition: registration.definition.clone(),
        by: registration.by.clone(),
    }
}
