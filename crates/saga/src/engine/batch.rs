//! Inputs of one transaction: sagas are loaded together, changed in memory, and saved together.
//!
//! Promises: what is written is what one transaction per input, in the same order, would have
//! written: every input that changes its saga has a revision and its lines of history; commands
//! are sent in the order of the inputs. A saga is saved only over the revision it was loaded at.
//! Does not: write before [`Batch::write`], so an input that is refused has changed nothing.

use std::collections::HashMap;
use std::sync::Arc;

use ::store::{StoreError, Tx, Work};
use broker::Message;
use kit::time::Timestamp;
use serde::Serialize;

use super::error::Error;
use super::recent::Saved;
use super::{Engine, Handled, Registration, Stored, store};
use crate::context::Context;
use crate::definition::{Definition, SAGAS, Undo};
use crate::instance::{Cause, Instance, SagaId};
use crate::line::Fit;
use crate::step::{Command, Input, Step, step};
use crate::wire;

/// Longest trace that is kept: version 00 of W3C Trace Context has 55, later ones may add some.
const TRACEPARENT_BYTES_MAX: usize = 128;

/// The inputs of one transaction.
pub(super) struct Batch<'e> {
    engine: &'e Engine,
    now: Timestamp,
    /// By saga, its place in `sagas`.
    places: HashMap<SagaId, usize>,
    /// In the order they were met.
    sagas: Vec<Standing>,
    history: Vec<store::HistoryRow>,
    sends: Vec<Work>,
}

/// A saga as it stands after the inputs so far.
struct Standing {
    instance: Arc<Instance>,
    revision: i64,
    /// The revision in the table; none if the saga is new.
    loaded: Option<i64>,
    /// What a new saga was started with.
    registered: [u8; 32],
}

impl<'e> Batch<'e> {
    pub(super) fn new(engine: &'e Engine, now: Timestamp) -> Self {
        Self {
            engine,
            now,
            places: HashMap::new(),
            sagas: Vec::new(),
            history: Vec::new(),
            sends: Vec::new(),
        }
    }

    /// Loads those of these sagas that there are; each may be named several times. One that stands
    /// where this process saved it is not read again.
    pub(super) fn load(&mut self, tx: &mut Tx<'_>, ids: &[SagaId]) -> Result<(), StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let recent = ids.iter().filter_map(|id| self.engine.recent.find(*id));
        let recent: Vec<Saved> = recent.collect();
        let known: Vec<SagaId> = recent.iter().map(|saved| saved.instance.id).collect();
        let revisions = store::find_revisions(tx, &known)?;
        for saved in recent {
            if revisions.get(&saved.instance.id) == Some(&saved.revision) {
                self.stand(saved.instance, saved.revision);
            }
        }
        ids.retain(|id| !self.places.contains_key(id));
        for stored in store::find_many(tx, &ids)? {
            self.put(stored);
        }
        Ok(())
    }

    /// Adds a saga that was loaded.
    pub(super) fn put(&mut self, stored: Stored) {
        self.stand(Arc::new(stored.instance), stored.revision);
    }

    fn stand(&mut self, instance: Arc<Instance>, revision: i64) {
        self.places.insert(instance.id, self.sagas.len());
        self.sagas.push(Standing {
            instance,
            revision,
            loaded: Some(revision),
            registered: [0; 32],
        });
    }

    /// The saga as it stands, if it is there.
    pub(super) fn find(&self, id: SagaId) -> Option<&Instance> {
        let place = self.places.get(&id)?;
        Some(&self.sagas[*place].instance)
    }

    /// What became of an input to a saga.
    pub(super) fn handled(&self, id: SagaId, fit: Fit) -> Result<Handled, Error> {
        let instance = self.find(id).cloned();
        let instance = instance.ok_or(Error::SagaMustExist { saga: id })?;
        Ok(Handled { instance, fit })
    }

    /// Starts a saga; see [`Engine::register`].
    pub(super) fn register(
        &mut self,
        tx: &mut Tx<'_>,
        registration: &Registration,
    ) -> Result<Fit, Error> {
        let registered = digest(registration);
        let definition = self.engine.newest(&registration.definition)?;
        if definition.starter() != registration.by {
            return Err(super::starter(registration));
        }
        let id = registration.id;
        if let Some(place) = self.places.get(&id) {
            let standing = &self.sagas[*place];
            let first = match standing.loaded {
                Some(_) => store::find_registered(tx, id)?,
                None => Some(standing.registered.to_vec()),
            };
            if first.is_some_and(|first| first != registered) {
                return Err(Error::SagaMustBeTheSame { saga: id });
            }
            return Ok(Fit::Repeated);
        }
        let fields = registration.fields.clone();
        let mut instance = Instance::new(id, definition, fields, self.now)?;
        let trace = registration.traceparent.clone();
        instance.traceparent = trace.filter(|trace| trace.len() <= TRACEPARENT_BYTES_MAX);
        let made = step(definition, &instance, Input::Started, self.now);
        let works = self.works(definition, &made)?;
        self.places.insert(id, self.sagas.len());
        self.sagas.push(Standing {
            instance: Arc::new(instance),
            revision: 0,
            loaded: None,
            registered,
        });
        Ok(self.take(self.sagas.len() - 1, made, works))
    }

    /// Gives a saga its input; what changes nothing costs nothing.
    pub(super) fn input(&mut self, id: SagaId, input: Input) -> Result<Fit, Error> {
        let place = self.places.get(&id).copied();
        let place = place.ok_or(Error::SagaMustExist { saga: id })?;
        let it = &self.sagas[place].instance;
        let definition = self.engine.definition(&it.definition, it.version)?;
        let made = step(definition, it, input, self.now);
        let quiet = made.history.is_empty() && made.sends.is_empty();
        if quiet && made.instance == **it {
            return Ok(made.fit);
        }
        let works = self.works(definition, &made)?;
        Ok(self.take(place, made, works))
    }

    /// Takes over what a step changed. Nothing can be refused here.
    fn take(&mut self, place: usize, made: Step, works: Vec<Work>) -> Fit {
        let standing = &mut self.sagas[place];
        standing.revision += 1;
        standing.instance = Arc::new(made.instance);
        if !made.history.is_empty() {
            let at = (standing.instance.id, standing.revision);
            let row = store::history_row(at, &made.history, self.now);
            self.history.push(row);
        }
        self.sends.extend(works);
        made.fit
    }

    /// Saves what changed and sends what is to be sent; answers what was saved.
    pub(super) fn write(self, tx: &mut Tx<'_>) -> Result<Vec<Saved>, Error> {
        let (mut added, mut updated, mut saved) = (Vec::new(), Vec::new(), Vec::new());
        for standing in self.sagas {
            let revision = standing.revision;
            if standing.loaded == Some(revision) {
                continue;
            }
            let document = store::document(&standing.instance);
            saved.push(Saved {
                revision,
                instance: standing.instance.clone(),
                bytes: document.len(),
            });
            let columns = store::columns(&standing.instance, revision, document);
            match standing.loaded {
                None => added.push(store::added(
                    columns,
                    &standing.instance,
                    standing.registered,
                )),
                Some(loaded) => updated.push(store::updated(columns, loaded)),
            }
        }
        store::save(tx, &added, &updated)?;
        store::add_history(tx, &self.history)?;
        tx.send_many(&self.sends)?;
        Ok(saved)
    }

    fn works(&self, definition: &Definition, made: &Step) -> Result<Vec<Work>, Error> {
        let sends = made.sends.iter();
        let works = sends.map(|command| {
            let asking = asking(definition, &made.instance, command);
            let about = (SAGAS, &*command.saga.to_string());
            let kind = (command.command.as_str(), wire::SCHEMA_VERSION);
            let id = self.engine.ids.next();
            let mut message = Message::work(id, about, kind, self.now, &asking)?;
            message.traceparent.clone_from(&made.instance.traceparent);
            let topic = wire::commands(&command.receiver);
            Ok(message.sending(&topic, self.now, self.now)?)
        });
        works.collect()
    }
}

/// [`wire::Asked`], as it is written: without a copy of the context.
#[derive(Serialize)]
struct Asking<'a> {
    saga_id: SagaId,
    step: &'a str,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a Cause>,
    context: &'a Context,
}

/// What a command says.
fn asking<'a>(
    definition: &'a Definition,
    instance: &'a Instance,
    command: &'a Command,
) -> Asking<'a> {
    let place = instance.step(&command.step);
    let via = instance.steps[place.expect("a command is of a step of its saga")].via;
    let undo = match &definition.plan(via).undo {
        Undo::Compensation { done, .. } if command.undo => Some(done.as_str()),
        _ => None,
    };
    Asking {
        saga_id: command.saga,
        step: &command.step,
        command: &command.command,
        undo,
        cause: instance.cause.as_ref(),
        context: &instance.context,
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
