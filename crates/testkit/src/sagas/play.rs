//! One saga after the other on one database, each with its fault.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use ::store::{Store, StoreError};
use host::{Carrying, Messages};
use kit::time::Clock as _;
use saga::definition::Undo;
use saga::engine::PAGE_ROWS_MAX;
use saga::{Definition, Definitions, Instance, Line, Note, SagaId, Status};
use serde_json::json;
use tokio::time::timeout;
use web::Role;

use super::post::Post;
use super::toys::{self, Props, Refused, Toy};
use super::{Build, Engine, Fault, Stage};
use crate::{TestApp, TestDatabase, World};

/// How long something may take that must happen: on a busy machine, a second.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How often it is looked at what nobody tells: that a relay has forgotten what it published.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Most times that a saga is given time, or released: each retry of each step, and then some.
const ROUNDS_MAX: u32 = 400;
/// How often a saga is given time before what is held back is released: past all retries and the
/// deadline of a step, and into those of its compensation.
const PATIENCE: u32 = 40;
/// After how many looks a lease is given time to end.
const LOOKS_A_LEASE: u32 = 50;
/// A lease that a killed process leaves is over at once.
const LEASE: Duration = Duration::from_millis(1);

/// How a saga ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// Along these steps, each with what became of it, in this state.
    pub(super) path: Vec<String>,
    /// After so many messages.
    pub(super) messages: u32,
}

/// One process after the other, on one database.
pub(super) struct Play<'a> {
    database: &'a TestDatabase,
    definition: Definition,
    definitions: Arc<Definitions>,
    build: Build,
    toys: Vec<Toy>,
    stage: Stage,
    post: Post,
    refused: Refused,
    engine: saga::Engine,
    running: Option<Process>,
}

/// What lives as long as a process.
struct Process {
    app: TestApp,
    sagas: Store,
    /// Of the toys, in their order.
    stores: Vec<Store>,
}

impl<'a> Play<'a> {
    /// Starts the first process.
    pub(super) async fn open(
        database: &'a TestDatabase,
        definition: Definition,
        build: Build,
    ) -> Self {
        let toys = toys::cast(&definition);
        let stage = toys::stage(&toys);
        let opened = database.database(&saga::SCHEMA).await;
        let world = World::over(opened.expect("the migrations apply"));
        let mut definitions = Definitions::new();
        let added = definitions.add(definition.clone());
        added.expect("it is the first of its name");
        let definitions = Arc::new(definitions);
        let mut play = Self {
            database,
            definitions: definitions.clone(),
            build,
            toys,
            stage,
            post: Post::new(world.ids.clone(), toys::undone(&definition)),
            refused: Refused::default(),
            engine: saga::Engine::new(definitions, world.ids.clone()),
            definition,
            running: None,
        };
        play.start(world).await;
        play
    }

    pub(super) fn definition(&self) -> &Definition {
        &self.definition
    }

    fn process(&self) -> &Process {
        self.running
            .as_ref()
            .expect("a process runs but while it is replaced")
    }

    /// Starts a process.
    async fn start(&mut self, mut world: World) {
        world.topology = self.stage.topology.clone();
        world.messages = Messages {
            carrying: Carrying::Server(Arc::new(self.post.clone())),
            settings: Arc::new(broker::Settings {
                backoff_first: LOOK_EVERY,
                backoff_max: LOOK_EVERY,
                outbox_poll: LOOK_EVERY,
                lease: LEASE,
                ..broker::Settings::default()
            }),
        };
        let sagas = self
            .database
            .open(&saga::SCHEMA, self.stage.edges.publishes)
            .await;
        let engine = Engine {
            store: sagas.clone(),
            clock: world.clock(),
            ids: world.ids.clone(),
            definitions: self.definitions.clone(),
            edges: self.stage.edges,
        };
        let mut services = vec![(self.build)(engine).await];
        let mut stores = Vec::new();
        for toy in &self.toys {
            let store = self.database.open(toy.effects.schema, toy.edges.publishes);
            let store = store.await;
            services.push(toy.service(self.props(&world, store.clone())));
            stores.push(store);
        }
        let app = world.start(services).await;
        self.running = Some(Process { app, sagas, stores });
    }

    fn props(&self, world: &World, store: Store) -> Props {
        Props {
            store,
            clock: world.clock(),
            ids: world.ids.clone(),
            refused: self.refused.clone(),
        }
    }

    /// Kills the process and starts another.
    async fn restart(&mut self) {
        let process = self.running.take().expect("a process runs");
        let world = process.app.kill();
        let gone = async {
            while self.post.feeds() > 0 {
                let _ = timeout(LOOK_EVERY, self.post.changed()).await;
            }
        };
        let gone = timeout(WAIT_MAX, gone).await;
        gone.expect("a killed process lets go of its messages");
        self.post.take_kill();
        world.clock.advance(LEASE * 2);
        self.start(world).await;
    }

    pub(super) async fn stop(mut self) {
        let process = self.running.take().expect("a process runs");
        process.app.stop().await;
    }

    /// Plays a saga; where the fault must not show, it ends on this path.
    pub(super) async fn run_expecting(&mut self, fault: &Fault, path: &[String]) {
        let ended = self.run(fault).await;
        if fault.is_hidden() {
            assert_eq!(ended.path, path, "{fault:?} must not show");
        }
    }

    /// Plays a saga to its end, which must be a clean one.
    pub(super) async fn run(&mut self, fault: &Fault) -> Ended {
        println!("{fault:?}");
        self.post.begin(fault);
        let refuses = match fault {
            Fault::Refuse(command) => command.clone(),
            _ => String::new(),
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refuses;
        let id: SagaId = self.process().app.world.ids.next();
        self.register(id).await;
        let (mut patience, mut cancelled) = (PATIENCE, false);
        for _ in 0..ROUNDS_MAX {
            self.quiet().await;
            if self.post.take_kill() {
                self.restart().await;
                continue;
            }
            let it = self.find(id).await;
            let over = it.as_ref().is_none_or(|it| it.ended.is_some());
            if matches!(fault, Fault::Cancel(_)) && it.is_some() && !cancelled {
                cancelled = true;
                self.cancel(id).await;
            } else if over || patience == 0 || it.as_ref().is_some_and(|it| it.stuck) {
                if self.post.release() {
                    continue;
                }
                if over {
                    break;
                }
            }
            let due = it.and_then(|it| it.due());
            if let Some(due) = due.filter(|_| !cancelled || patience < PATIENCE) {
                self.pass_to(due).await;
            }
            patience = patience.saturating_sub(1);
        }
        self.check(id, fault).await
    }

    /// The starter starts a saga.
    async fn register(&self, id: SagaId) {
        let process = self.process();
        let starter = self.definition.starter();
        let place = self.toys.iter().position(|toy| toy.name == starter);
        let place = place.expect("the starter is one of the cast");
        let props = self.props(&process.app.world, process.stores[place].clone());
        self.toys[place].start(&self.definition, &props, id).await;
    }

    /// Moves the clock to what the saga waits for.
    async fn pass_to(&self, due: kit::time::Timestamp) {
        let app = &self.process().app;
        let now = app.world.clock.now();
        app.world.clock.set(now.max(due));
        let ticked = app.fire("sagas.tick").await;
        ticked.expect("what is due is moved");
    }

    /// An operator cancels; it may be too late.
    async fn cancel(&self, id: SagaId) {
        let path = format!("/sagas/v1/sagas/{id}/cancel");
        let call = self.process().app.post(&path);
        let call = call.caller(Role::Operator, "ops-1").key("1");
        let answer = call.json(&json!({ "reason": "a test" })).send().await;
        assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
    }

    /// Waits until everything that was sent is handled, but for what is held back; or until the
    /// process is to be killed.
    async fn quiet(&self) {
        let quiet = async {
            let mut looks = 0_u32;
            while !self.post.wants_kill() && !self.is_sent().await {
                let _ = timeout(LOOK_EVERY, self.post.changed()).await;
                looks += 1;
                if looks.is_multiple_of(LOOKS_A_LEASE) {
                    // A process that was killed while it renewed its lease holds it a little
                    // longer, and the clock stands still.
                    self.process().app.world.clock.advance(LEASE * 2);
                }
            }
        };
        let quiet = timeout(WAIT_MAX, quiet).await;
        quiet.expect("what was sent is handled in time");
    }

    /// Whether every outbox is empty and nothing is on its way, and nothing moved meanwhile.
    async fn is_sent(&self) -> bool {
        let Some(before) = self.post.idle() else {
            return false;
        };
        let process = self.process();
        for store in process.stores.iter().chain([&process.sagas]) {
            let depth = store
                .outbox_depth()
                .await
                .expect("an outbox can be counted");
            if depth.events + depth.work + depth.delayed > 0 {
                return false;
            }
        }
        self.post.idle() == Some(before)
    }

    async fn find(&self, id: SagaId) -> Option<Instance> {
        let engine = self.engine.clone();
        let found = self.process().sagas.read(move |tx| engine.find(tx, id));
        let found: Result<_, StoreError> = found.await;
        found
            .expect("a saga can be read")
            .map(|stored| stored.instance)
    }

    /// What was done and undone at each step, by all participants.
    async fn effects(&self, id: SagaId) -> BTreeMap<String, (u32, u32)> {
        let mut counts = BTreeMap::<String, (u32, u32)>::new();
        for (toy, store) in self.toys.iter().zip(&self.process().stores) {
            let effects = toy.effects;
            let rows = store.read(move |tx| effects.list(tx, id)).await;
            let rows: Vec<_> = rows
                .map_err(|error: StoreError| error)
                .expect("a toy's rows can be read");
            for (step, change) in rows {
                let count = counts.entry(step).or_default();
                count.0 += u32::from(change > 0);
                count.1 += u32::from(change < 0);
            }
        }
        counts
    }

    /// The saga has ended, and what it says of each step is what its participant did.
    async fn check(&self, id: SagaId, fault: &Fault) -> Ended {
        let it = self.find(id).await;
        let it = it.unwrap_or_else(|| panic!("{fault:?}: there is no saga"));
        assert!(it.ended.is_some(), "{fault:?}: it must end: {it:?}");
        let mut effects = self.effects(id).await;
        for step in &it.steps {
            let (done, undone) = effects.remove(&step.name).unwrap_or_default();
            let said = format!("{fault:?}: {} done {done} undone {undone}", step.name);
            match step.status {
                Status::Succeeded => assert_eq!((done, undone), (1, 0), "{said}"),
                Status::Failed => assert_eq!((done, undone), (0, 0), "{said}"),
                Status::Undone { .. } => assert!(done <= 1 && undone == done, "{said}"),
                Status::Left => {
                    let plan = self.definition.plan(step.via);
                    assert!(matches!(plan.undo, Undo::Nothing { .. }), "{said}");
                    assert!(done <= 1 && undone == 0, "{said}");
                }
                Status::Waiting | Status::Owed | Status::Undoing => panic!("{said}: {it:?}"),
            }
        }
        assert!(
            effects.is_empty(),
            "{fault:?}: nobody asked for {effects:?}"
        );
        self.assert_no_contradiction(id, fault).await;
        assert_eq!(self.post.failures(), [""; 0], "{fault:?}: nothing fails");
        assert!(self.is_sent().await, "{fault:?}: outboxes are empty");
        let steps = it.steps.iter();
        let steps = steps.map(|step| format!("{} {:?}", step.name, step.status));
        Ended {
            path: steps.chain([it.state.clone()]).collect(),
            messages: self.post.delivered(),
        }
    }

    /// No participant has said one thing and then another.
    async fn assert_no_contradiction(&self, id: SagaId, fault: &Fault) {
        let engine = self.engine.clone();
        let lines = self.process().sagas.read(move |tx| {
            let entries = engine.timeline(tx, id, 0, PAGE_ROWS_MAX)?;
            Ok::<_, StoreError>(entries.into_iter().flat_map(|entry| entry.lines))
        });
        for line in lines.await.expect("a timeline can be read") {
            let note = match &line {
                Line::Noted { note, .. } => Some(*note),
                _ => None,
            };
            assert!(
                !matches!(note, Some(Note::Contradiction | Note::Stray)),
                "{fault:?}: {line:?}"
            );
        }
    }
}
