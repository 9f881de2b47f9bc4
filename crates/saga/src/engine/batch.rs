//! Inputs of one transaction: sagas are loaded together, changed in memory, and saved together.
//!
//! Promises: what is written is what one transaction per input, in the same order, would have
//! written: every input that changes its saga has a revision and its lines of history; commands
//! are sent in the order of the inputs. A saga is saved only over the revision it was loaded at.
//! Does not: write before [`Batch::write`], so an input that is refused has changed nothing.

use std::collections::HashMap;
use std::sync::Arc;

use ::store::{StoreError, Tx, Work};
use kit::time::Timestamp;

use super::error::Error;
use super::made::Made;
use super::recent::Saved;
use super::{Engine, Handled, Registration, Stored, store};
use crate::instance::{Instance, SagaId};
use crate::line::Fit;
use crate::step::Input;

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
    /// How it is written, if that is known.
    document: Option<String>,
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
            document: None,
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

    /// Starts a saga; see [`Engine::register`]. `ahead` is what [`Engine::begin`] made of it.
    pub(super) fn register(
        &mut self,
        tx: &mut Tx<'_>,
        registration: &Registration,
        ahead: Option<&Made>,
    ) -> Result<Fit, Error> {
        let registered = digest(registration);
        let id = registration.id;
        let Some(place) = self.places.get(&id) else {
            let made = match ahead {
                Some(made) => made.clone(),
                None => self.engine.begin(registration, self.now)?,
            };
            self.places.insert(id, self.sagas.len());
            self.sagas.push(Standing {
                instance: made.instance.clone(),
                document: None,
                revision: 0,
                loaded: None,
                registered,
            });
            return Ok(self.take(self.sagas.len() - 1, made));
        };
        self.engine.check_starter(registration)?;
        let standing = &self.sagas[*place];
        let first = match standing.loaded {
            Some(_) => store::find_registered(tx, id)?,
            None => Some(standing.registered.to_vec()),
        };
        if first.is_some_and(|first| first != registered) {
            return Err(Error::SagaMustBeTheSame { saga: id });
        }
        Ok(Fit::Repeated)
    }

    /// Gives a saga its input; what changes nothing costs nothing. `ahead` is what
    /// [`Engine::make`] made of it, of whatever it was.
    pub(super) fn input(
        &mut self,
        id: SagaId,
        input: impl FnOnce() -> Input,
        ahead: Option<&Made>,
    ) -> Result<Fit, Error> {
        let place = self.places.get(&id).copied();
        let place = place.ok_or(Error::SagaMustExist { saga: id })?;
        let it = &self.sagas[place].instance;
        let made = match ahead.filter(|made| made.is_of(it)) {
            Some(made) => made.clone(),
            None => self.engine.make(it, input(), self.now)?,
        };
        if made.is_quiet() {
            return Ok(made.fit);
        }
        Ok(self.take(place, made))
    }

    /// Takes over what an input made of a saga. Nothing can be refused here.
    fn take(&mut self, place: usize, made: Made) -> Fit {
        let standing = &mut self.sagas[place];
        standing.revision += 1;
        standing.instance = made.instance;
        standing.document = made.document;
        if let Some(lines) = made.lines {
            let at = (standing.instance.id, standing.revision);
            self.history.push(store::history_row(at, lines, made.at));
        }
        self.sends.extend(made.sends);
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
            let document = standing.document;
            let document = document.unwrap_or_else(|| store::document(&standing.instance));
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
