//! Many sagas at once, undisturbed: for measurements.
//!
//! Promises: the same engine, toys and definition as in a play, over any carrier, by the clock of
//! the machine and with timers, in one process or each component in a process of its own; nothing
//! goes wrong by intent. It does not measure: whoever starts sagas looks at a clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::store::{Database, Store, StoreError};
use host::{Host, Messages, Running, Service, Settings};
use kit::id::IdSource;
use kit::random::SystemRandom;
use kit::time::{Clock, SystemClock, Timestamp};
use saga::{Definition, Definitions, SagaId};
use web::TokenVerifier;

use super::store::{DONE, ENDED, TRANSACTIONS};
use super::toys::{self, Props, Refused, Toy};
use super::{Build, Engine};
use crate::app::AUDIENCE;
use crate::{TestDatabase, World};

/// The component that runs sagas.
const ENGINE: &str = "sagas";

/// Where each component of a definition has its tables, by its name.
pub type Databases = BTreeMap<String, Database>;

/// Where the components of a definition have their tables, made for them.
pub async fn databases(database: &TestDatabase, definition: &Definition) -> Databases {
    let mut all = Databases::new();
    let opened = database.database(&saga::SCHEMA).await;
    all.insert(ENGINE.to_owned(), opened.expect("the migrations apply"));
    for toy in toys::cast(definition) {
        let opened = database.database(toy.effects.schema).await;
        all.insert(toy.name.to_owned(), opened.expect("the migrations apply"));
    }
    all
}

/// Which components a process runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// This one.
    One(String),
}

impl Part {
    fn has(&self, component: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => name == component,
        }
    }
}

/// A process in which many sagas run, or a part of them.
pub struct Crowd {
    running: Running,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    definition: Definition,
    /// Of those components whose tables were given.
    stores: BTreeMap<&'static str, Store>,
    cast: Vec<Toy>,
}

/// What there is of sagas when all have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sagas that ended in the last state of the definition's way.
    pub ended: u64,
    /// Steps that participants did.
    pub done: u64,
    /// Different steps among them.
    pub steps: u64,
}

impl Crowd {
    /// Starts the components of the part, on these tables and over this carrier.
    pub async fn open(
        databases: &Databases,
        (definition, build): (Definition, Build),
        part: &Part,
        messages: Messages,
    ) -> Self {
        let cast = toys::cast(&definition);
        let stage = toys::stage(&cast);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids = IdSource::new(clock.clone(), Arc::new(SystemRandom));
        let (mut services, mut stores) = (Vec::new(), BTreeMap::new());
        if let Some(database) = databases.get(ENGINE) {
            let store = Store::open(database, &saga::SCHEMA, stage.edges.publishes).await;
            let store = store.expect("the store opens");
            stores.insert(ENGINE, store.clone());
            if part.has(ENGINE) {
                let mut definitions = Definitions::new();
                let added = definitions.add(definition.clone());
                added.expect("it is the first of its name");
                let engine = Engine {
                    store,
                    clock: clock.clone(),
                    ids: ids.clone(),
                    definitions: Arc::new(definitions),
                    edges: stage.edges,
                };
                services.push(build(engine).await);
            }
        }
        for toy in &cast {
            let Some(database) = databases.get(toy.name) else {
                continue;
            };
            let store = Store::open(database, toy.effects.schema, toy.edges.publishes).await;
            let store = store.expect("the store opens");
            stores.insert(toy.name, store.clone());
            if part.has(toy.name) {
                services.push(toy.service(props(&clock, &ids, store)));
            }
        }
        let home = databases.values().next().expect("there are tables");
        let mut world = World::over(home.clone());
        world.topology = stage.topology;
        world.messages = messages;
        Self {
            running: running(&world, services, (&clock, &ids)).await,
            clock,
            ids,
            definition,
            stores,
            cast,
        }
    }

    /// Starts a saga in a transaction of the starter; answers once that is durable.
    pub async fn start(&self) -> SagaId {
        let starter = self.cast.iter().find(|toy| toy.name == self.starter());
        let starter = starter.expect("the starter is one of the cast");
        let store = self.stores[starter.name].clone();
        let id = self.ids.next();
        let props = props(&self.clock, &self.ids, store);
        starter.start(&self.definition, &props, id).await;
        id
    }

    fn starter(&self) -> &str {
        self.definition.starter()
    }

    /// The sagas that ended at `since` or later, each with when, the oldest first, 10,000 at most.
    pub async fn ended(&self, since: Timestamp) -> Vec<(SagaId, Timestamp)> {
        let ended = self.stores[ENGINE].read(move |tx| {
            let rows = tx.query(&ENDED, &[since.into()])?;
            let ended = rows.iter().map(|row| Ok((row.id(0)?, row.timestamp(1)?)));
            ended.collect::<Result<_, StoreError>>()
        });
        ended.await.expect("the engine's store can be read")
    }

    /// Counts what there is, in the tables of all components.
    pub async fn totals(&self, state: &str) -> Totals {
        let mut totals = Totals::default();
        for (name, store) in &self.stores {
            let effects = self.cast.iter().find(|toy| toy.name == *name);
            let (effects, state) = (effects.map(|toy| toy.effects), state.to_owned());
            let counted = store.read(move |tx| match effects {
                Some(effects) => effects.count(tx),
                None => {
                    let row = tx.query_one_opt(&DONE, &[state.into()])?;
                    let ended = row.map_or(Ok(0), |row| row.int(0))?;
                    Ok::<_, StoreError>((ended, 0, 0))
                }
            });
            let (ended, done, steps) = counted.await.expect("the stores can be read");
            let number = |number: i64| u64::try_from(number).unwrap_or_default();
            totals.ended += number(ended);
            totals.done += number(done);
            totals.steps += number(steps);
        }
        totals
    }

    /// On PostgreSQL: transactions of the database that were committed and rolled back so far, as
    /// far as the server has counted them.
    pub async fn transactions(&self) -> (u64, u64) {
        let counted = self.stores[ENGINE].read(|tx| {
            let row = tx.query_one_opt(&TRANSACTIONS, &[])?;
            let row = row.map(|row| Ok::<_, StoreError>((row.int(0)?, row.int(1)?)));
            row.transpose()
        });
        let counted = counted.await.expect("the server says so");
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        counted.map_or((0, 0), |(kept, undone)| (number(kept), number(undone)))
    }

    /// Stops in order.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

fn props(clock: &Arc<dyn Clock>, ids: &IdSource, store: Store) -> Props {
    Props {
        store,
        clock: clock.clone(),
        ids: ids.clone(),
        refused: Refused::default(),
    }
}

/// The process, as it is in production: by the clock of the machine, and with timers.
async fn running(
    world: &World,
    services: Vec<Service>,
    (clock, ids): (&Arc<dyn Clock>, &IdSource),
) -> Running {
    let issuer = world.issuer.trusted().expect("an Ed25519 key verifies");
    let host = Host {
        services,
        topology: world.topology.clone(),
        access: world.access,
        verifier: TokenVerifier::new(vec![issuer], vec![AUDIENCE.to_owned()], clock.clone()),
        jwks: Some(world.issuer.jwks()),
        ids: ids.clone(),
        messages: world.messages.clone(),
        clock: clock.clone(),
        settings: Settings {
            timers: true,
            ..world.settings.clone()
        },
    };
    host.start().await.expect("the services start")
}
