//! The durable engine: sagas as rows, inputs as transactions.
//!
//! Promises: an input, its change of the saga, its lines of history and the command it sends are
//! one transaction, so a crash loses none of them; a saga is changed only over the revision it
//! was loaded at. An answer costs four statements: one `SELECT`, one `UPDATE`, one `INSERT` into
//! the history and one into the outbox; a repeat costs the `SELECT`.
//!
//! Does not receive or run by itself: a service hands it the messages of [`crate::wire::EVENTS`]
//! ([`Engine::handle`]) and calls [`Engine::tick`] by a timer. Does not recognise repeated
//! messages either: the consumer does, and what slips through fits nowhere.

mod error;
mod store;

use std::sync::Arc;
use std::time::Duration;

use ::store::{StoreError, Tx};
use broker::Message;
use kit::id::IdSource;
use kit::name::Subject;
use kit::time::Timestamp;

use crate::context::Fields;
use crate::definition::{Definition, Definitions, SAGAS, Undo};
use crate::instance::{Instance, SagaId};
use crate::line::{Fit, Line};
use crate::step::{Answered, Command, Input, Step, step};
use crate::wire;

pub use error::Error;
pub use store::{SCHEMA, STATEMENTS};

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
/// Longest trace that is kept: version 00 of W3C Trace Context has 55, later ones may add some.
const TRACEPARENT_BYTES_MAX: usize = 128;
/// When a saga whose definition the process does not have is looked at again.
const UNKNOWN_AGAIN: Duration = Duration::from_secs(60);

/// The engine of a process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    definitions: Arc<Definitions>,
    ids: IdSource,
}

/// A saga that is to be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its id, chosen by the starter: the same id is the same saga.
    pub id: SagaId,
    /// The definition it follows, in its newest version.
    pub definition: String,
    /// The component that starts it.
    pub by: String,
    /// What the starter says to the participants.
    pub fields: Fields,
    /// The trace that the saga belongs to, as W3C Trace Context writes it.
    pub traceparent: Option<String>,
}

/// A saga as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How often it has changed.
    pub revision: i64,
    /// The saga.
    pub instance: Instance,
}

/// A saga in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: SagaId,
    /// Its definition.
    pub definition: String,
    /// The version it is on.
    pub version: u32,
    /// Its state.
    pub state: String,
    /// Which way it goes: `forward`, `compensating`, `ended`.
    pub phase: String,
    /// Whether somebody should look at it.
    pub stuck: bool,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// Which sagas a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this definition.
    pub definition: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// In this phase.
    pub phase: Option<String>,
    /// Only stuck ones.
    pub stuck: bool,
    /// Started at this time or later.
    pub since: Option<Timestamp>,
}

/// What one input did to a saga.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The revision it led to.
    pub revision: i64,
    /// When.
    pub at: Timestamp,
    /// What happened, in order.
    pub lines: Vec<Line>,
}

/// How many sagas that have not ended are where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Of this definition.
    pub definition: String,
    /// In this state.
    pub state: String,
    /// In this phase.
    pub phase: String,
    /// Stuck or not.
    pub stuck: bool,
    /// So many.
    pub sagas: u64,
}

/// What became of an input: for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The saga as it stands.
    pub instance: Instance,
    /// How the input fitted.
    pub fit: Fit,
}

/// What a run of [`Engine::tick`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Sagas that were due and moved. As many as asked for: there may be more.
    pub handled: u32,
    /// Sagas that became stuck.
    pub stuck: u32,
    /// Sagas whose definition the process does not have; they are looked at again in a minute.
    pub unknown: u32,
}

impl Engine {
    /// An engine that follows these definitions.
    #[must_use]
    pub fn new(definitions: Arc<Definitions>, ids: IdSource) -> Self {
        Self { definitions, ids }
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

    /// Handles a message of the topic [`wire::EVENTS`]: a start, or an answer. For a reaction.
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
        let said: wire::Said = message.data()?;
        let participant = wire::component(&message.source).unwrap_or_default();
        if let Some(step) = said.step {
            let answered = Answered {
                event: message.kind.clone(),
                step,
                participant: participant.to_owned(),
                acted: said.acted,
                fields: said.data,
            };
            return self.input(tx, said.saga_id, Input::Answered(answered), now);
        }
        let registration = Registration {
            id: said.saga_id,
            definition: said.definition.unwrap_or_default(),
            by: participant.to_owned(),
            fields: said.data,
            traceparent: message.traceparent.clone(),
        };
        let newest = self.newest(&registration.definition)?;
        if newest.transitions[newest.start()].event != message.kind {
            return Err(starter(&registration));
        }
        self.register(tx, registration, now)
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
        let digest = digest(&registration);
        let definition = self.newest(&registration.definition)?;
        if definition.starter() != registration.by {
            return Err(starter(&registration));
        }
        let Registration { id, fields, .. } = registration;
        let mut instance = Instance::new(id, definition, fields, now)?;
        let trace = registration.traceparent;
        instance.traceparent = trace.filter(|trace| trace.len() <= TRACEPARENT_BYTES_MAX);
        let made = step(definition, &instance, Input::Started, now);
        if !store::add(tx, &made.instance, digest)? {
            let first = store::find_registered(tx, id)?;
            if first.is_some_and(|first| first != digest) {
                return Err(Error::SagaMustBeTheSame { saga: id });
            }
            let instance = self.load(tx, id)?.instance;
            let fit = Fit::Repeated;
            return Ok(Handled { instance, fit });
        }
        store::add_history(tx, (id, 1), &made.history, now)?;
        self.send(tx, definition, &made, now)?;
        Ok(handled(made))
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
        let mut ticked = Ticked::default();
        for loaded in store::list_due(tx, now, limit.min(TICK_ROWS_MAX))? {
            let it = &loaded.instance;
            let Some(definition) = self.definitions.find(&it.definition, it.version) else {
                // Left where it is, it would stand before all others for ever.
                let again = now.checked_add(UNKNOWN_AGAIN).unwrap_or(Timestamp::MAX);
                store::postpone(tx, it.id, again)?;
                ticked.unknown += 1;
                continue;
            };
            let made = step(definition, it, Input::Tick, now);
            ticked.stuck += u32::from(made.instance.stuck && !it.stuck);
            ticked.handled += 1;
            self.keep(tx, (definition, &loaded), &made, now)?;
        }
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
        let loaded = self.load(tx, id)?;
        let it = &loaded.instance;
        let definition = self.definition(&it.definition, it.version)?;
        let made = step(definition, it, input, now);
        self.keep(tx, (definition, &loaded), &made, now)?;
        Ok(handled(made))
    }

    fn load(&self, tx: &mut Tx<'_>, saga: SagaId) -> Result<Stored, Error> {
        store::find(tx, saga)?.ok_or(Error::SagaMustExist { saga })
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

    /// Saves what a step changed and sends what it says; what changed nothing costs nothing.
    fn keep(
        &self,
        tx: &mut Tx<'_>,
        (definition, loaded): (&Definition, &Stored),
        made: &Step,
        now: Timestamp,
    ) -> Result<(), Error> {
        let quiet = made.history.is_empty() && made.sends.is_empty();
        if quiet && made.instance == loaded.instance {
            return Ok(());
        }
        if !store::update(tx, &made.instance, loaded.revision)? {
            // Transactions are serializable, so only a broken store gets here.
            return Err(StoreError::Contended { attempts: 1 }.into());
        }
        if !made.history.is_empty() {
            let place = (made.instance.id, loaded.revision + 1);
            store::add_history(tx, place, &made.history, now)?;
        }
        self.send(tx, definition, made, now)
    }

    fn send(
        &self,
        tx: &mut Tx<'_>,
        definition: &Definition,
        made: &Step,
        now: Timestamp,
    ) -> Result<(), Error> {
        for command in &made.sends {
            let asked = asked(definition, &made.instance, command);
            let about = (SAGAS, &*command.saga.to_string());
            let kind = (command.command.as_str(), wire::SCHEMA_VERSION);
            let mut message = Message::work(self.ids.next(), about, kind, now, &asked)?;
            message.traceparent.clone_from(&made.instance.traceparent);
            let topic = wire::commands(&command.receiver);
            tx.send(&message.sending(&topic, now, now)?)?;
        }
        Ok(())
    }
}

/// What a command says.
fn asked(definition: &Definition, instance: &Instance, command: &Command) -> wire::Asked {
    let place = instance.step(&command.step);
    let via = instance.steps[place.expect("a command is of a step of its saga")].via;
    let undo = match &definition.plan(via).undo {
        Undo::Compensation { done, .. } if command.undo => Some(done.clone()),
        _ => None,
    };
    wire::Asked {
        saga_id: command.saga,
        step: command.step.clone(),
        command: command.command.clone(),
        undo,
        cause: instance.cause.clone(),
        context: instance.context.clone(),
    }
}

fn handled(made: Step) -> Handled {
    Handled {
        instance: made.instance,
        fit: made.fit,
    }
}

fn starter(registration: &Registration) -> Error {
    Error::StarterMustBeItsOwn {
        definition: registration.definition.clone(),
        by: registration.by.clone(),
    }
}

/// What tells one start from another with the same id: BLAKE3 of who starts what with which
/// words, each preceded by its length. The trace is not part of it, nor is the layout of objects.
fn digest(registration: &Registration) -> [u8; 32] {
    let fields = serde_json::to_value(&registration.fields).unwrap_or_default();
    let fields = fields.to_string();
    let mut hasher = blake3::Hasher::new();
    for text in [&registration.definition, &registration.by, &fields] {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}
