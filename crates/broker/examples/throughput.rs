//! A million messages of which one of a hundred fails, and what they leave behind:
//!
//! ```text
//! cargo run --release -p broker --example throughput -- 1000000
//! scripts/with-postgres cargo run --release -p broker --example throughput -- 100000 --postgres
//! scripts/with-rabbitmq sh -c 'cargo run --release -p broker --example throughput -- \
//!     100000 --carrier rabbitmq "$FLORIN_TEST_RABBITMQ"'
//! scripts/with-kafka sh -c 'cargo run --release -p broker --example throughput -- \
//!     100000 --carrier kafka "$FLORIN_TEST_KAFKA"'
//! ```
//!
//! Nine of ten messages are events, one is a task. A task that fails is reported, and sent again
//! for a little later, when it succeeds; an event that fails is parked with those of its key. All
//! the while every table, and every queue of RabbitMQ, must be within its bound (see
//! `docs/operations/store.md`), and at the end empty of what was handled. Else it panics.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use broker::{Carrier, Component, Consumer, Embedded, Kafka, KafkaSettings, Message, MessageId};
use broker::{Pattern, RabbitMq, RabbitMqSettings, Reaction, ReactionError, Relay, SHARDS};
use broker::{Settings, Topic};
use contracts::dead_letters::{FAILURES, Failure, FailureKind};
use kit::codes;
use kit::time::{Clock, SystemClock, Timestamp};
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use store::{Database, Envelope, Migration, OUTBOX_EVENTS_KEPT, OUTBOX_ROWS_MAX};
use store::{PARKED_ROWS_MAX, Schema, SqliteFile, Statement, Store, StoreError, Work};
use testkit::postgres::private_database;
use tokio::sync::watch;
use uuid::Uuid;

/// A relay, a consumer, or what the carrier does by itself.
type Running = broker::Future<'static, ()>;

type Outcome<T> = Result<T, Box<dyn Error>>;

const ORDERS: &str = "shop.orders";
const TASKS: &str = "till.tasks";

const NOTE: Statement = Statement {
    name: "till_note",
    sql: "INSERT INTO till_seen (key, version) VALUES (?1, ?2)",
};
const SEEN: Statement = Statement {
    name: "till_seen",
    sql: "SELECT count(*) FROM till_seen",
};
const TILL_ROWS: Statement = Statement {
    name: "till_rows",
    sql: "SELECT (SELECT count(*) FROM till_inbox), (SELECT count(*) FROM till_inbox_work), \
          (SELECT count(*) FROM till_parked), (SELECT count(*) FROM till_parked_topics), \
          (SELECT count(*) FROM till_cursors), (SELECT count(*) FROM till_leases)",
};
const LETTERS_ROWS: Statement = Statement {
    name: "letters_rows",
    sql: "SELECT (SELECT count(*) FROM letters_inbox), \
          (SELECT count(*) FROM letters_inbox_work), (SELECT count(*) FROM letters_parked), \
          (SELECT count(*) FROM letters_parked_topics), \
          (SELECT count(*) FROM letters_cursors), (SELECT count(*) FROM letters_leases)",
};
const SHOP: Schema = Schema {
    service: "shop",
    sqlite: &[],
    postgres: &[],
    statements: &[],
};
const TILL: Schema = Schema {
    service: "till",
    sqlite: &[Migration {
        name: "V1__till",
        sql: "CREATE TABLE till_seen (place INTEGER PRIMARY KEY, key TEXT, version INTEGER) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__till",
        sql: "CREATE TABLE till_seen (place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
              key text, version bigint)",
    }],
    statements: &[&NOTE, &SEEN, &TILL_ROWS],
};
const LETTERS: Schema = Schema {
    service: "letters",
    sqlite: &[],
    postgres: &[],
    statements: &[&LETTERS_ROWS],
};
const SCHEMAS: [(&Schema, &[&str]); 3] = [
    (&SHOP, &[ORDERS, TASKS]),
    (&TILL, &[FAILURES]),
    (&LETTERS, &[TASKS]),
];

/// How many orders there are, and how many messages one transaction publishes.
const KEYS: u64 = 1_000;
const PUBLISHED_AT_ONCE: u64 = 500;

/// How far publishing may be ahead of handling.
const AHEAD: u64 = 50_000;

/// How often tables are counted.
const LOOK: Duration = Duration::from_millis(500);

/// How long nothing may happen before the run is given up.
const LOOKS_WITHOUT_PROGRESS_MAX: u32 = 240;

/// A queue of RabbitMQ refuses a little late: what the calls under way hold.
const QUEUE_LATE_MAX: u32 = 5_000;

/// The newest work in an outbox stays with the embedded carrier: readers go on after it.
const WORK_KEPT: u64 = 1;

/// Beyond what the inbox remembers: 30 days.
const MONTH: Duration = Duration::from_secs(31 * 24 * 3_600);

fn topics() -> [Topic; 3] {
    let topic = |name: &str, pattern, publishers: &[&str], consumer: &str| Topic {
        name: name.to_owned(),
        pattern,
        publishers: publishers.iter().map(|name| (*name).to_owned()).collect(),
        consumers: vec![consumer.to_owned()],
    };
    [
        topic(ORDERS, Pattern::Events, &["shop"], "till"),
        topic(TASKS, Pattern::Work, &["shop", "letters"], "till"),
        topic(FAILURES, Pattern::Work, &["till"], "letters"),
    ]
}

/// Whether an order is one of the hundredth that fails.
fn fails(order: &str) -> bool {
    order.len() == "order-999".len() && order.ends_with("99") || order == "order-99"
}

/// One of ten is a task, about an order of which the hundredth part fails too.
fn is_task(number: u64) -> bool {
    number % 10 == 9
}

/// The events and the task of a number of messages, in their order.
fn portion(from: u64, until: u64, now: Timestamp) -> Outcome<(Vec<Envelope>, Vec<Work>)> {
    let (mut events, mut tasks) = (Vec::new(), Vec::new());
    for number in from..until {
        let id = MessageId::from_uuid(Uuid::from_u128(u128::from(number)));
        let data = serde_json::json!({ "number": number });
        // Of each kind the orders come in turn.
        let (of_kind, kind) = match is_task(number) {
            true => (number / 10, "till.do_task"),
            false => (number / 10 * 9 + number % 10, "shop.order_changed"),
        };
        let key = format!("order-{}", of_kind % KEYS);
        let mut message = Message::work(id, ("shop", &key), (kind, 1), now, &data)?;
        if is_task(number) {
            tasks.push(message.sending(TASKS, now, now)?);
        } else {
            message.aggregateversion = Some(of_kind / KEYS + 1);
            events.push(message.envelope(ORDERS)?);
        }
    }
    Ok((events, tasks))
}

async fn publish(shop: &Store, messages: u64, mut handled: watch::Receiver<u64>) -> Outcome<()> {
    let mut number = 0;
    while number < messages {
        handled
            .wait_for(|handled| number <= handled + AHEAD)
            .await?;
        let until = messages.min(number + PUBLISHED_AT_ONCE);
        let (events, tasks) = portion(number, until, SystemClock.now())?;
        let published = shop.write(move |tx| {
            tx.publish_many(&events)?;
            tx.send_many(&tasks)
        });
        published.await.map_err(|error: StoreError| error)?;
        number = until;
    }
    Ok(())
}

/// What the till does with an order or a task.
fn handle(topic: &str, handled: Arc<watch::Sender<u64>>) -> Reaction {
    Reaction::new(topic, move |tx, message| {
        handled.send_modify(|handled| *handled += 1);
        if fails(&message.subject) && message.attempt == 0 {
            let code = &codes::ROW_MUST_KEEP_CONSTRAINTS;
            return Err(ReactionError::refused(code, "one of a hundred fails"));
        }
        let version = i64::try_from(message.aggregateversion.unwrap_or_default()).unwrap_or(0);
        tx.execute(&NOTE, &[message.subject.as_str().into(), version.into()])?;
        Ok(())
    })
}

/// Sends a task that failed again, for a little later.
fn send_again() -> Reaction {
    Reaction::new(FAILURES, |tx, message| {
        let failure: Failure = message.data()?;
        if failure.kind == FailureKind::Work {
            let mut again = Message::parse(&failure.document)?;
            again.attempt = failure.attempt;
            let now = SystemClock.now();
            let due = now.checked_add(Duration::from_secs(1)).unwrap_or(now);
            tx.send(&again.sending(TASKS, now, due)?)?;
        }
        Ok(())
    })
}

/// Where the messages go, as the arguments say.
enum Way {
    Embedded(Embedded),
    RabbitMq(RabbitMq, String),
    Kafka(Kafka),
}

impl Way {
    fn parse(words: &[String], settings: &Arc<Settings>) -> Outcome<Self> {
        let Some(place) = words.iter().position(|word| word == "--carrier") else {
            return Ok(Self::Embedded(Embedded::new(settings.clone())));
        };
        let address = words.get(place + 2).ok_or("the carrier's address")?;
        Ok(match words[place + 1].as_str() {
            "rabbitmq" => {
                let carrier = RabbitMq::open(address, RabbitMqSettings::default())?;
                Self::RabbitMq(carrier, address.clone())
            }
            "kafka" => {
                let settings = KafkaSettings {
                    servers: vec![address.clone()],
                    ..KafkaSettings::default()
                };
                Self::Kafka(Kafka::new(settings, Arc::new(SystemClock)))
            }
            other => return Err(format!("rabbitmq or kafka, not {other}").into()),
        })
    }
}

impl Way {
    /// The server's queues, if it has any whose length can be asked for.
    async fn queues(&self) -> Outcome<Option<lapin::Channel>> {
        let Self::RabbitMq(_, url) = self else {
            return Ok(None);
        };
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        Ok(Some(connection.create_channel().await?))
    }
}

/// The longest that anything was seen to be.
#[derive(Clone, Copy, Debug, Default)]
struct Longest {
    outbox: u64,
    delayed: u64,
    inbox: i64,
    inbox_work: i64,
    parked: i64,
    cursors: i64,
    leases: i64,
    queue: u32,
}

/// What is watched.
struct Watched {
    stores: [Store; 3],
    /// How many tasks fail at most.
    failing_tasks: i64,
    tasks: i64,
    queues: Option<lapin::Channel>,
}

impl Watched {
    /// Counts everything and holds each to its bound.
    async fn look(&self, longest: &mut Longest) -> Outcome<()> {
        for store in &self.stores {
            let depth = store.outbox_depth().await?;
            longest.outbox = longest.outbox.max(depth.events).max(depth.work);
            longest.delayed = longest.delayed.max(depth.delayed);
        }
        for rows in [&TILL_ROWS, &LETTERS_ROWS] {
            let [inbox, work, parked, topics, cursors, leases] = self.count(rows).await?;
            longest.inbox = longest.inbox.max(inbox);
            longest.inbox_work = longest.inbox_work.max(work);
            longest.parked = longest.parked.max(parked);
            longest.cursors = longest.cursors.max(cursors);
            longest.leases = longest.leases.max(leases);
            assert!(
                topics <= 1,
                "one row per topic with parked events: {topics}"
            );
        }
        if let Some(channel) = &self.queues {
            for queue in queues() {
                let length = length(channel, &queue).await?;
                longest.queue = longest.queue.max(length);
            }
        }
        self.assert_bounds(longest);
        Ok(())
    }

    fn assert_bounds(&self, longest: &Longest) {
        assert!(longest.outbox <= OUTBOX_ROWS_MAX, "{longest:?}");
        let failing = u64::try_from(self.failing_tasks).unwrap_or(0);
        assert!(
            longest.delayed <= failing,
            "work that is sent again: {longest:?}"
        );
        assert!(
            longest.inbox <= i64::try_from(KEYS).unwrap_or(0),
            "a row per key: {longest:?}"
        );
        // Every task, and every report of one or of an event that is dead.
        let orders = i64::try_from(KEYS).unwrap_or(0);
        let remembered = self.tasks + 2 * self.failing_tasks + orders;
        assert!(
            longest.inbox_work <= remembered,
            "a row per work of 30 days: {longest:?}"
        );
        assert!(longest.parked <= i64::from(PARKED_ROWS_MAX), "{longest:?}");
        assert!(
            longest.cursors <= 3,
            "a row per producer and topic: {longest:?}"
        );
        assert!(longest.leases <= 1, "a row per name: {longest:?}");
        let queue_max = RabbitMqSettings::default().queue_length_max + QUEUE_LATE_MAX;
        assert!(longest.queue <= queue_max, "{longest:?}");
    }

    async fn count(&self, rows: &'static Statement) -> Outcome<[i64; 6]> {
        let [_, till, letters] = &self.stores;
        let store = if rows.name == TILL_ROWS.name {
            till
        } else {
            letters
        };
        let counted = store.read(move |tx| {
            let row = tx.query_one_opt(rows, &[])?;
            let row = row.expect("a count is one row");
            let mut counts = [0; 6];
            for (column, count) in counts.iter_mut().enumerate() {
                *count = row.int(column)?;
            }
            Ok(counts)
        });
        Ok(counted.await.map_err(|error: StoreError| error)?)
    }

    async fn seen(&self) -> Outcome<u64> {
        let seen = self.stores[1].read(|tx| {
            let row = tx.query_one_opt(&SEEN, &[])?;
            row.expect("a count is one row").int(0)
        });
        Ok(u64::try_from(
            seen.await.map_err(|error: StoreError| error)?,
        )?)
    }
}

fn queues() -> Vec<String> {
    let shards = (0..SHARDS).map(|shard| format!("{ORDERS}.till.{shard}"));
    let work = [TASKS, FAILURES].map(str::to_owned);
    shards.chain(work).collect()
}

async fn length(channel: &lapin::Channel, queue: &str) -> Outcome<u32> {
    let options = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::durable()
    };
    let declared = channel.queue_declare(queue.into(), options, FieldTable::default());
    Ok(declared.await?.message_count())
}

/// The stores, and what must live as long as they do.
async fn open(postgres: bool) -> Outcome<([Store; 3], Box<dyn std::any::Any>)> {
    let mut stores = Vec::new();
    let kept: Box<dyn std::any::Any> = if postgres {
        let private = private_database().await;
        for (schema, topics) in SCHEMAS {
            private.migrate(schema).await?;
            let database = private.database(schema.service).await;
            stores.push(Store::open(&database, schema, topics).await?);
        }
        Box::new(private)
    } else {
        let folder = tempfile::tempdir()?;
        let file = SqliteFile::open(&folder.path().join("florin.db")).await?;
        for (schema, topics) in SCHEMAS {
            let database = Database::Sqlite(file.clone());
            stores.push(Store::open(&database, schema, topics).await?);
        }
        Box::new(folder)
    };
    let stores = stores.try_into().ok().expect("a store for each schema");
    Ok((stores, kept))
}

/// Starts relays or upkeep, and the three consumers.
async fn start(
    way: Way,
    components: &[Component; 3],
    handled: &Arc<watch::Sender<u64>>,
    stopping: &watch::Receiver<bool>,
) -> Outcome<Vec<Running>> {
    let mut tasks: Vec<Running> = Vec::new();
    let carrier: Arc<dyn Carrier> = match way {
        Way::Embedded(embedded) => {
            for component in components {
                embedded.register(&component.name, &component.store);
            }
            let (upkeep, stopping) = (embedded.clone(), stopping.clone());
            tasks.push(Box::pin(async move {
                upkeep.upkeep(Arc::new(SystemClock), stopping).await;
            }));
            Arc::new(embedded)
        }
        Way::RabbitMq(carrier, _) => Arc::new(carrier),
        Way::Kafka(carrier) => Arc::new(carrier),
    };
    carrier.declare(&topics()).await?;
    if !carrier.reads_outboxes() {
        let (mover, until) = (carrier.clone(), stopping.clone());
        tasks.push(Box::pin(async move { mover.run(until).await }));
        for (number, component) in components.iter().enumerate() {
            let holder = Uuid::from_u128(number as u128);
            let relay = Relay::new(component.clone(), carrier.clone(), holder);
            tasks.push(Box::pin(relay.run(stopping.clone())));
        }
    }
    let [_, till, letters] = components;
    let [orders, work, failures] = topics();
    let consumers = [
        (till, orders, handle(ORDERS, handled.clone())),
        (till, work, handle(TASKS, handled.clone())),
        (letters, failures, send_again()),
    ];
    for (component, topic, reaction) in consumers {
        let consumer = Consumer::new(component.clone(), topic, reaction)?;
        tasks.push(Box::pin(consumer.run(carrier.clone(), stopping.clone())));
    }
    Ok(tasks)
}

/// Looks until every message is handled or parked, and says how long that took.
async fn watch_until_handled(
    watched: &Watched,
    messages: u64,
    longest: &mut Longest,
    handled: &watch::Sender<u64>,
) -> Outcome<Duration> {
    let started = SystemClock.now();
    let (mut before, mut idle) = (0, 0);
    loop {
        tokio::time::sleep(LOOK).await;
        watched.look(longest).await?;
        let parked = watched.count(&TILL_ROWS).await?[2];
        let done = watched.seen().await? + u64::try_from(parked)?;
        // Publishing goes by what is committed, not by what was tried.
        handled.send_modify(|handled| *handled = done);
        if done >= messages {
            assert_eq!(done, messages, "each once");
            return Ok(SystemClock.now().since(started).unwrap_or_default());
        }
        idle = if done == before { idle + 1 } else { 0 };
        assert!(
            idle < LOOKS_WITHOUT_PROGRESS_MAX,
            "stands at {done}: {longest:?}"
        );
        before = done;
    }
}

/// After everything is handled and a month has passed: what stays.
async fn look_at_the_end(watched: &Watched, is_embedded: bool) -> Outcome<()> {
    let (kept, work_kept) = match is_embedded {
        true => (u64::from(OUTBOX_EVENTS_KEPT), WORK_KEPT),
        false => (0, 0),
    };
    for store in &watched.stores {
        let month = SystemClock
            .now()
            .checked_add(MONTH)
            .ok_or("a month from now")?;
        let depth = store.outbox_depth().await?;
        println!("  outbox of {}: {depth:?}", store.service());
        assert!(depth.events <= kept, "{depth:?}");
        assert!(depth.work <= work_kept && depth.delayed == 0, "{depth:?}");
        while !store.trim(month).await?.complete {}
    }
    for rows in [&TILL_ROWS, &LETTERS_ROWS] {
        let [inbox, work, parked, _, cursors, leases] = watched.count(rows).await?;
        println!(
            "  {}: {parked} parked, {cursors} cursors, {leases} leases",
            rows.name
        );
        assert_eq!((inbox, work), (0, 0), "a month later nothing is remembered");
    }
    if let Some(channel) = &watched.queues {
        for queue in queues() {
            assert_eq!(length(channel, &queue).await?, 0, "{queue}");
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let messages: u64 = words.first().map_or(Ok(100_000), |count| count.parse())?;
    let settings = Arc::new(Settings::default());
    let way = Way::parse(&words, &settings)?;
    let (stores, _kept) = open(words.iter().any(|word| word == "--postgres")).await?;
    let components = stores.clone().map(|store| Component {
        name: store.service().into(),
        store,
        clock: Arc::new(SystemClock),
        settings: settings.clone(),
    });
    let is_embedded = matches!(way, Way::Embedded(_));
    let queues = way.queues().await?;
    let tasks = i64::try_from(messages / 10)?;
    let watched = Watched {
        tasks,
        failing_tasks: tasks / 100 + i64::try_from(KEYS)?,
        queues,
        stores,
    };
    let (stop, stopping) = watch::channel(false);
    let (tried, committed) = (Arc::new(watch::Sender::new(0)), watch::Sender::new(0));
    let running = start(way, &components, &tried, &stopping).await?;
    let measured = async {
        let measured = measure(&watched, messages, is_embedded, &committed).await;
        stop.send_replace(true);
        measured
    };
    let ((), measured) = tokio::join!(together(running), measured);
    let (longest, taken) = measured?;
    let rate = u128::from(messages) * 1_000_000 / taken.as_micros().max(1);
    println!("{messages} messages in {taken:?}: {rate} a second; the longest: {longest:?}");
    look_at_the_end(&watched, is_embedded).await
}

/// Publishes and looks until the last report was taken and every outbox is empty.
async fn measure(
    watched: &Watched,
    messages: u64,
    is_embedded: bool,
    committed: &watch::Sender<u64>,
) -> Outcome<(Longest, Duration)> {
    let mut longest = Longest::default();
    let ((), taken) = tokio::try_join!(
        publish(&watched.stores[0], messages, committed.subscribe()),
        watch_until_handled(watched, messages, &mut longest, committed),
    )?;
    let mut looks = 0;
    while !is_empty(watched, is_embedded).await? {
        looks += 1;
        assert!(
            looks < LOOKS_WITHOUT_PROGRESS_MAX,
            "outboxes are not emptied"
        );
        tokio::time::sleep(LOOK).await;
    }
    Ok((longest, taken))
}

/// Runs all of them side by side until the last has ended.
async fn together(mut running: Vec<Running>) {
    poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        match running.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

/// Whether nothing is on its way any more.
async fn is_empty(watched: &Watched, is_embedded: bool) -> Outcome<bool> {
    let mut left = 0;
    for store in &watched.stores {
        let depth = store.outbox_depth().await?;
        left += depth.delayed;
        left += match is_embedded {
            true => {
                let events = depth.events.saturating_sub(OUTBOX_EVENTS_KEPT.into());
                events + depth.work.saturating_sub(WORK_KEPT)
            }
            false => depth.events + depth.work,
        };
    }
    if let Some(channel) = &watched.queues {
        for queue in queues() {
            left += u64::from(length(channel, &queue).await?);
        }
    }
    Ok(left == 0)
}
