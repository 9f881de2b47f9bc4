//! Many sagas at once, undisturbed: for measurements.
//!
//! Promises: the same engine, toys and definition as in a play, in one process over any carrier;
//! nothing goes wrong by intent. It does not measure: whoever starts sagas looks at a clock.

use std::sync::Arc;

use ::store::{Store, StoreError};
use host::Messages;
use kit::time::Timestamp;
use saga::{Definition, Definitions, SagaId};

use super::store::ENDED;
use super::toys::{self, Props, Refused, Toy};
use super::{Build, Engine};
use crate::{TestApp, TestDatabase, World};

/// A process in which many sagas run.
pub struct Crowd {
    /// The process. Its clock stands still unless it is moved; nothing waits for time.
    pub app: TestApp,
    definition: Definition,
    sagas: Store,
    starter: Toy,
    props: Props,
}

impl Crowd {
    /// Starts the engine and the participants, over this carrier.
    pub async fn open(
        database: &TestDatabase,
        definition: Definition,
        build: Build,
        messages: Messages,
    ) -> Self {
        let cast = toys::cast(&definition);
        let stage = toys::stage(&cast);
        let opened = database.database(&saga::SCHEMA).await;
        let mut world = World::over(opened.expect("the migrations apply"));
        world.topology = stage.topology.clone();
        world.messages = messages;
        let mut definitions = Definitions::new();
        let added = definitions.add(definition.clone());
        added.expect("it is the first of its name");
        let sagas = database.open(&saga::SCHEMA, stage.edges.publishes).await;
        let engine = Engine {
            store: sagas.clone(),
            clock: world.clock(),
            ids: world.ids.clone(),
            definitions: Arc::new(definitions),
            edges: stage.edges,
        };
        let mut services = vec![build(engine).await];
        let mut starter = None;
        for toy in cast {
            let store = database.open(toy.effects.schema, toy.edges.publishes).await;
            let props = || Props {
                store: store.clone(),
                clock: world.clock(),
                ids: world.ids.clone(),
                refused: Refused::default(),
            };
            services.push(toy.service(props()));
            if toy.name == definition.starter() {
                starter = Some((toy.clone(), props()));
            }
        }
        let (starter, props) = starter.expect("the starter is one of the cast");
        Self {
            app: world.start(services).await,
            definition,
            sagas,
            starter,
            props,
        }
    }

    /// Starts a saga in a transaction of the starter; answers once that is durable.
    pub async fn start(&self) -> SagaId {
        let id = self.app.world.ids.next();
        self.starter.start(&self.definition, &self.props, id).await;
        id
    }

    /// The sagas that ended at `since` or later by the process's clock, 10,000 at most.
    pub async fn ended(&self, since: Timestamp) -> Vec<SagaId> {
        let ended = self.sagas.read(move |tx| {
            let rows = tx.query(&ENDED, &[since.into()])?;
            rows.iter().map(|row| row.id(0)).collect()
        });
        let ended: Result<_, StoreError> = ended.await;
        ended.expect("the engine's store can be read")
    }
}
