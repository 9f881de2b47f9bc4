//! Dead letters as its callers see it, over HTTP and over the embedded carrier, on both databases;
//! and, in `carried`, over every carrier there is.
//!
//! Every test has its own world: database, clock, services. `scripts/with-postgres cargo test -p
//! dead-letters` runs them, `make test-servers` those over servers.

mod access;
mod carried;
mod http;
mod openapi;
mod parked;
mod queues;
mod refusals;
mod rehearsals;
mod reports;
mod statements;
mod timers;
mod toys;

use std::sync::Arc;
use std::time::Duration;

use broker::Message;
use contracts::dead_letters::{
    FAILURE_SCHEMA_VERSION, FAILURES, Failure, FailureKind, MessageId, REPORT_FAILURE,
};
use dead_letters::{Deps, SCHEMA, Settings, service};
use host::{Messages, Topology};
use kit::time::Timestamp;
use serde_json::{Value, json};
use store::{Statement, Store, StoreError, Work};
use testkit::{Answer, START, TestApp, TestDatabase, World};
use toys::Toys;
use web::Role;

/// Days that closed letters are kept in these tests.
const LETTER_DAYS: u32 = 30;
/// Most open letters in these tests.
const LETTERS_OPEN_MAX: u32 = 120;

/// The paths that most tests use.
const LETTERS: &str = "/dead-letters/v1/letters";
const REDRIVES: &str = "/dead-letters/v1/redrives";
const CONFIGS: &str = "/dead-letters/v1/event-configs";

/// The longest way of a message in these tests: asked, failed, reported, decided, handled.
const HOPS_MAX: usize = 4;

const HORIZON: Statement = Statement {
    name: "horizon",
    sql: "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, \
          pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
};

/// Who calls in most tests.
const OPERATOR: (Role, &str) = (Role::Operator, "ops-1");
const AUDITOR: (Role, &str) = (Role::Auditor, "aud-1");

/// The service of one test with a consumer beside it, and the tables of both.
struct Running {
    postgres: bool,
    app: TestApp,
    store: Store,
    deps: Deps,
    toys: Toys,
}

/// Starts the service, and toys, on a database of their own.
async fn start(database: &TestDatabase) -> Running {
    let messages = Messages {
        settings: Arc::new(settings()),
        ..Messages::default()
    };
    let ladder = dead_letters::Settings::default().ladder;
    start_over(messages, ladder, database).await
}

/// As [`start`], over any carrier.
async fn start_over(messages: Messages, ladder: Vec<Duration>, database: &TestDatabase) -> Running {
    let opened = database.database(&SCHEMA).await;
    let mut world = World::over(opened.expect("the migrations apply"));
    world.topology = Arc::new(topology());
    world.messages = messages;
    let store = Store::open(&world.database, &SCHEMA, toys::LETTERS_PUBLISH).await;
    let store = store.expect("every statement fits the tables");
    let deps = Deps {
        store: store.clone(),
        clock: world.clock(),
        ids: world.ids.clone(),
        topics: toys::LETTERS_PUBLISH,
        settings: Settings {
            ladder,
            letter_days: LETTER_DAYS,
            letters_open_max: LETTERS_OPEN_MAX,
            rehearsals: true,
        },
    };
    let toys = Toys::open(database, &world).await;
    let letters = service(deps.clone()).edges(toys::LETTERS_EDGES);
    let app = world.start(vec![letters, toys.service()]).await;
    Running {
        postgres: database.postgres().is_some(),
        app,
        store,
        deps,
        toys,
    }
}

/// The topology, with toys in it.
fn topology() -> Topology {
    let known = include_str!("../../../../topology.toml");
    let decides = "publishes = [\n    { to = \"dead-letters.decisions\"";
    let again = format!("publishes = [\n    {}\n{}", toys::AGAIN, &decides[14..]);
    assert!(
        known.contains(decides),
        "dead letters publishes decisions first"
    );
    let text = format!("{}{}", known.replace(decides, &again), toys::TOPOLOGY);
    Topology::parse(&text).expect("the topology takes one more component")
}

/// What people wait for in seconds takes milliseconds here.
fn settings() -> broker::Settings {
    let quick = Duration::from_millis(2);
    broker::Settings {
        parked_poll: quick,
        backoff_first: quick,
        backoff_max: quick,
        outbox_poll: Duration::from_millis(5),
        // Once, at the start: a test that fills an outbox is not put right.
        upkeep: Duration::from_secs(60 * 60),
        ..broker::Settings::default()
    }
}

impl Running {
    /// A write by this caller; the answer whatever it is.
    async fn write(&self, caller: (Role, &str), path: &str, key: &str, body: &Value) -> Answer {
        let call = self.app.post(path).caller(caller.0, caller.1);
        call.key(key).json(body).send().await
    }

    /// What an operator does to a letter, with a reason.
    async fn decide(&self, letter: &str, verb: &str, key: &str) -> Answer {
        let path = format!("{LETTERS}/{letter}/{verb}");
        self.write(OPERATOR, &path, key, &because()).await
    }

    /// An edit of a letter by an operator who read it.
    async fn edit(&self, letter: &str, document: &str, key: &str) -> Answer {
        let path = format!("{LETTERS}/{letter}");
        let etag = self.read(OPERATOR, &path).await.expect(200);
        let body = with(because(), json!({ "document": document }));
        let call = self.app.post(&format!("{path}/edit")).key(key).json(&body);
        let call = call.header("if-match", etag.header("etag"));
        call.caller(OPERATOR.0, OPERATOR.1).send().await
    }

    /// A read by this caller.
    async fn read(&self, caller: (Role, &str), path: &str) -> Answer {
        self.app.get(path).caller(caller.0, caller.1).send().await
    }

    /// The letter as an operator reads it.
    async fn letter(&self, id: &str) -> Value {
        let read = self.read(OPERATOR, &format!("{LETTERS}/{id}")).await;
        read.expect(200).json
    }

    /// The letters in a state, newest first.
    async fn letters(&self, state: &str) -> Vec<Value> {
        let path = format!("{LETTERS}?limit=200&state={state}");
        let page = self.read(OPERATOR, &path).await.expect(200).json;
        page["items"].as_array().expect("a list").clone()
    }

    /// The only letter in a state.
    async fn only(&self, state: &str) -> Value {
        let letters = self.letters(state).await;
        assert_eq!(letters.len(), 1, "{state}: {letters:?}");
        letters[0].clone()
    }

    /// Says how often messages of a type are tried again.
    async fn configure(&self, name: &str, max_retries: u32) {
        let body = json!({ "max_retries": max_retries });
        let call = self
            .app
            .call(reqwest::Method::PUT, &format!("{CONFIGS}/{name}"));
        let call = call.caller(OPERATOR.0, OPERATOR.1).key(name).json(&body);
        call.send().await.expect(201);
    }

    /// Waits until what was published is handled, and what that published, and so on.
    async fn settle(&self) {
        for _ in 0..HOPS_MAX {
            if self.postgres {
                self.pass_horizon().await;
            }
            self.app.settle().await;
        }
    }

    /// Waits until PostgreSQL shows what is committed now: outboxes are read in the order of
    /// commits, which a transaction of any test on the server holds back while it runs.
    async fn pass_horizon(&self) {
        let (_, next) = self.horizon().await;
        while self.horizon().await.0 < next {
            tokio::task::yield_now().await;
        }
    }

    /// The oldest transaction that runs, and the next one.
    async fn horizon(&self) -> (i64, i64) {
        let row = self.store.read(|tx| tx.query_one_opt(&HORIZON, &[])).await;
        let row: Option<store::Row> = row.map_err(|error: StoreError| error).expect("it reads");
        let row = row.expect("one row");
        let number = |column| row.int(column).expect("a number");
        (number(0), number(1))
    }

    /// Moves the clock and brings what is due.
    async fn wait(&self, seconds: u64) {
        self.app.world.clock.advance(Duration::from_secs(seconds));
        let released = self.store.release_due(self.deps.clock.now(), 1_000).await;
        released.expect("the store works");
        self.settle().await;
    }

    /// Reports a failure, as a consumer does, and waits until it is handled.
    async fn report(&self, failure: &Failure) {
        self.send_report(failure).await;
        self.settle().await;
    }

    /// Reports a failure and does not wait.
    async fn send_report(&self, failure: &Failure) {
        let now = self.deps.clock.now();
        let from = ("toys", failure.subject.as_str());
        let kind = (REPORT_FAILURE, FAILURE_SCHEMA_VERSION);
        let report = Message::work(self.deps.ids.next(), from, kind, now, failure);
        let report = report.expect("a failure is JSON");
        self.send(report.id, FAILURES, report.document()).await;
    }

    /// Puts a document on a topic, whatever it says.
    async fn send(&self, id: MessageId, topic: &str, document: String) {
        let now = self.deps.clock.now();
        let work = Work {
            id: id.uuid(),
            topic: topic.to_owned(),
            key: REPORT_FAILURE.to_owned(),
            document,
            created: now,
            due: now,
        };
        let sent = self.store.write(move |tx| tx.send(&work)).await;
        sent.map_err(|error: StoreError| error).expect("it is sent");
    }

    /// The action, actor and subject of every line of the audit log, in order.
    async fn audit(&self) -> Vec<(String, String, String)> {
        let lines = self.store.list_audit(0).await;
        let lines = lines.expect("the audit log can be read");
        let line = |line: store::AuditEntry| (line.action, line.actor, line.subject);
        lines.into_iter().map(line).collect()
    }
}

/// The reason of most decisions.
fn because() -> Value {
    json!({ "reason": "the supplier answers again" })
}

/// A failure of work that nobody sent: a new message each time.
fn failure(it: &Running) -> Failure {
    let id = it.deps.ids.next();
    let message = Message::work(
        id,
        ("deals", "toy-1"),
        ("pass", 1),
        START,
        &json!({ "toy": 1 }),
    );
    let message = message.expect("it is JSON");
    Failure {
        kind: FailureKind::Work,
        consumer: "toys".to_owned(),
        topic: "toys.commands".to_owned(),
        message_id: Some(id),
        message_type: Some("pass".to_owned()),
        subject: "toy-1".to_owned(),
        attempt: 1,
        code: "toy_must_exist".to_owned(),
        reason: "no such toy".to_owned(),
        document: message.document(),
        failed_at: it.deps.clock.now(),
    }
}

/// A time as it goes over the wire, so many seconds after the start.
fn after_start(seconds: u64) -> String {
    let later: Option<Timestamp> = START.checked_add(Duration::from_secs(seconds));
    later.expect("it is near").to_string()
}

/// A member of a letter as text.
fn text(letter: &Value, member: &str) -> String {
    letter[member].as_str().expect("a text").to_owned()
}

/// `base` with some members replaced or added.
fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base, changes) else {
        panic!("both must be objects");
    };
    members.extend(changes);
    Value::Object(members)
}
