//! The whole path: toy services, their relays or the embedded carrier, and their consumers.
//!
//! A rig runs on one carrier and one store; [`on_every_rig`] runs a test on all there are.
//! RabbitMQ and Kafka take part when `scripts/with-rabbitmq` and `scripts/with-kafka` name them in
//! the environment, and must when it says `FLORIN_TEST_CARRIERS=required`.

use std::sync::Arc;
use std::time::Duration;

use broker::{Carrier, Component, Consumer, Embedded, Reaction, Relay, Settings};
use contracts::dead_letters::{DECISIONS, FAILURES};
use kit::random::{Random, SystemRandom};
use kit::time::{Clock, SystemClock};
use store::{Envelope, Schema, Store, StoreError, Work};
pub use testkit::carriers::{Kind, kinds, namespace};
use testkit::{TestDatabase, for_each_database};
use tokio::sync::{RwLockReadGuard, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::faulty::{Faults, Faulty};
use crate::servers;
use crate::toys::{self, Mood, ORDERS, TASKS};

/// How long anything may take before a test gives up: many times what the slowest takes on a busy
/// machine, as it is waited for only by a test that fails.
pub const WAIT_MAX: Duration = Duration::from_secs(240);

/// How long a condition is believed before it is looked at again unasked.
const LOOK_MS: u64 = 10;

/// Toy services on one carrier and one database.
pub struct Rig {
    pub carrier: Arc<dyn Carrier>,
    pub faults: Arc<Faults>,
    pub embedded: Option<Embedded>,
    pub shop: Component,
    pub till: Component,
    pub letters: Component,
    pub mood: Mood,
    pub stopping: watch::Sender<bool>,
    pub tasks: JoinSet<()>,
    /// Names this process to other relays.
    holder: Uuid,
    _database: Option<TestDatabase>,
    _server: Option<RwLockReadGuard<'static, ()>>,
}

/// Milliseconds where people have seconds.
pub fn settings() -> Settings {
    let ms = Duration::from_millis;
    Settings {
        batch_max: 50,
        ladder: vec![ms(10), ms(15), ms(20)],
        parked_poll: ms(5),
        backoff_first: ms(5),
        backoff_max: ms(50),
        outbox_poll: ms(10),
        upkeep: ms(50),
        ..Settings::default()
    }
}

/// Runs a test on every carrier, over SQLite and over PostgreSQL.
pub async fn on_every_rig(test: impl AsyncFn(Rig)) {
    for kind in kinds() {
        for_each_database(async |database| {
            println!("over {kind:?}");
            test(Rig::open(kind, database).await).await;
        })
        .await;
    }
}

fn random_id() -> Uuid {
    let mut bytes = [0; 16];
    SystemRandom.fill(&mut bytes);
    Uuid::from_bytes(bytes)
}

/// The stores of the toys, each with what it may publish to.
pub const SCHEMAS: [(&Schema, &[&str]); 3] = [
    (&toys::SHOP, &[ORDERS, TASKS]),
    (&toys::TILL, &[FAILURES]),
    (&toys::LETTERS, &[TASKS, DECISIONS]),
];

/// The toys' stores in a database of a test.
pub async fn stores(database: &TestDatabase) -> [Store; 3] {
    let [shop, till, letters] = SCHEMAS;
    [
        database.open(shop.0, shop.1).await,
        database.open(till.0, till.1).await,
        database.open(letters.0, letters.1).await,
    ]
}

/// The carrier beneath, and the embedded one if it is that.
pub async fn carrier(
    kind: Kind,
    settings: Settings,
    namespace: String,
) -> (Arc<dyn Carrier>, Option<Embedded>, Arc<Faults>) {
    let faults = Arc::new(Faults::default());
    let (inner, embedded): (Arc<dyn Carrier>, _) = match kind {
        Kind::Embedded => {
            let embedded = Embedded::new(Arc::new(settings));
            (Arc::new(embedded.clone()), Some(embedded))
        }
        Kind::RabbitMq => (crate::servers::rabbitmq(), None),
        Kind::Kafka => (crate::servers::kafka(&namespace), None),
    };
    let namespace = match kind {
        Kind::Embedded => String::new(),
        _ => format!("{namespace}."),
    };
    let carrier = Faulty::new(inner, namespace, faults.clone());
    (Arc::new(carrier), embedded, faults)
}

impl Rig {
    pub async fn open(kind: Kind, database: TestDatabase) -> Self {
        Self::open_with(kind, database, settings()).await
    }

    pub async fn open_with(kind: Kind, database: TestDatabase, settings: Settings) -> Self {
        let server = servers::together(kind).await;
        let stores = stores(&database).await;
        Self {
            _database: Some(database),
            _server: server,
            ..Self::over(kind, stores, settings, &namespace()).await
        }
    }

    /// Over stores that others may have too. Whoever calls this holds the server.
    pub async fn over(kind: Kind, stores: [Store; 3], settings: Settings, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        let (carrier, embedded, faults) = carrier(kind, settings.clone(), namespace).await;
        let shared = Arc::new(settings);
        let component = |store: Store| Component {
            name: store.service().into(),
            store,
            clock: Arc::new(SystemClock),
            settings: shared.clone(),
        };
        let [shop, till, letters] = stores.map(component);
        if let Some(embedded) = &embedded {
            for component in [&shop, &till, &letters] {
                embedded.register(&component.name, &component.store);
            }
        }
        carrier.declare(&toys::topics()).await.unwrap();
        Self {
            carrier,
            faults,
            embedded,
            shop,
            till,
            letters,
            mood: Mood::good(),
            stopping: watch::Sender::new(false),
            tasks: JoinSet::new(),
            holder: random_id(),
            _database: None,
            _server: None,
        }
    }

    /// Starts everything: relays or upkeep, the till's three consumers, the letters.
    pub fn start(&mut self) {
        self.start_carrying();
        self.start_till();
        self.start_letters(false);
    }

    pub fn start_carrying(&mut self) {
        if let Some(embedded) = self.embedded.clone() {
            let stopping = self.stopping.subscribe();
            self.tasks.spawn(async move {
                embedded.upkeep(Arc::new(SystemClock), stopping).await;
            });
            return;
        }
        let (carrier, stopping) = (self.carrier.clone(), self.stopping.subscribe());
        self.tasks.spawn(async move { carrier.run(stopping).await });
        for component in [&self.shop, &self.till, &self.letters] {
            let relay = Relay::new(component.clone(), self.carrier.clone(), self.holder);
            self.tasks.spawn(relay.run(self.stopping.subscribe()));
        }
    }

    pub fn start_till(&mut self) {
        for name in [ORDERS, TASKS] {
            self.consume(self.till.clone(), self.mood.reaction(name));
        }
        self.consume(
            self.till.clone(),
            Reaction::decisions("till", Arc::new(SystemClock)),
        );
    }

    pub fn start_letters(&mut self, retrying: bool) {
        let reaction = toys::keep_failures(retrying, self.mood.runs.clone());
        self.consume(self.letters.clone(), reaction);
    }

    /// A consumer, on a task of its own.
    pub fn consume(&mut self, component: Component, reaction: Reaction) {
        let consumer = self.consumer(component, reaction);
        self.tasks
            .spawn(consumer.run(self.carrier.clone(), self.stopping.subscribe()));
    }

    pub fn consumer(&self, component: Component, reaction: Reaction) -> Consumer {
        let topic = toys::topic(reaction.topic());
        Consumer::new(component, topic, reaction).unwrap()
    }

    /// Stops everything in order.
    pub async fn stop(&mut self) {
        self.stopping.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        tokio::time::timeout(WAIT_MAX, ended)
            .await
            .expect("everything stops in time");
        self.stopping.send_replace(false);
    }

    /// Ends everything in the middle: the futures are dropped where they are.
    pub async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Publishes events in one transaction of the shop.
    pub async fn publish(&self, orders: &[(&str, u64)]) {
        let now = SystemClock.now();
        let orders = orders
            .iter()
            .map(|(key, version)| toys::order(key, *version, now));
        let events: Vec<Envelope> = orders
            .map(|order| order.envelope(ORDERS).unwrap())
            .collect();
        let published: Result<(), StoreError> = self
            .shop
            .store
            .write(move |tx| tx.publish_many(&events))
            .await;
        published.unwrap();
    }

    /// Sends tasks in one transaction of the shop.
    pub async fn send(&self, tasks: &[(u128, &str)]) {
        let now = SystemClock.now();
        let tasks = tasks
            .iter()
            .map(|(number, about)| toys::task(*number, about, now));
        let work: Vec<Work> = tasks
            .map(|task| task.sending(TASKS, now, now).unwrap())
            .collect();
        let sent: Result<(), StoreError> =
            self.shop.store.write(move |tx| tx.send_many(&work)).await;
        sent.unwrap();
    }

    /// Waits until the condition holds.
    pub async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let mut runs = self.mood.runs.subscribe();
        let waiting = async {
            while !condition().await {
                // Something ran, or a while has passed: look again.
                let _ = tokio::time::timeout(Duration::from_millis(LOOK_MS), runs.changed()).await;
            }
        };
        if tokio::time::timeout(WAIT_MAX, waiting).await.is_err() {
            let orders = toys::seen_count(&self.till.store, ORDERS).await;
            let tasks = toys::seen_count(&self.till.store, TASKS).await;
            panic!("{what} did not come about; {orders} orders and {tasks} tasks were noted");
        }
    }

    /// Waits until the till has noted so much of a topic.
    pub async fn until_seen(&self, topic: &'static str, count: i64) {
        let what = format!("{count} messages of {topic}");
        self.until(&what, async || {
            toys::seen_count(&self.till.store, topic).await >= count
        })
        .await;
    }

    /// Waits until so many failures were reported.
    pub async fn until_failures(&self, count: usize) {
        self.until("failures", async || {
            toys::failures(&self.letters.store).await.len() >= count
        })
        .await;
    }

    /// How many events of orders are parked.
    pub async fn parked(&self) -> u64 {
        let count = self.till.store.read(|tx| tx.parked_topic_count(ORDERS));
        count.await.map_err(|error: StoreError| error).unwrap()
    }

    /// What the till noted of one order, in its order.
    pub async fn versions(&self, key: &str) -> Vec<i64> {
        let seen = toys::seen(&self.till.store, ORDERS).await;
        let of_key = seen.into_iter().filter(|(of, _)| of == key);
        of_key.map(|(_, version)| version).collect()
    }
}
