//! A consumer that fails on request: the seed's queues pass, fail and fail-then-pass as types of
//! work, and events whose key can be broken and repaired.
//!
//! Each message that is handled is a row, so that a test sees how often its effect happened.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use broker::{Message, Reaction, ReactionError};
use contracts::dead_letters::{DECISIONS, FAILURES};
use host::{Edges, Service};
use kit::codes;
use kit::id::IdSource;
use kit::time::Clock;
use serde_json::{Value, json};
use store::{Migration, Schema, Statement, Store, StoreError, Tx};
use testkit::{TestDatabase, World};
use utoipa_axum::router::OpenApiRouter;

/// The topic of work.
pub const COMMANDS: &str = "toys.commands";
/// The topic of events.
pub const EVENTS: &str = "toys.events";

/// The topic of rehearsals.
pub const REHEARSALS: &str = "dead-letters.rehearsals";

/// What dead letters publishes where there are toys.
pub const LETTERS_PUBLISH: &[&str] = &[DECISIONS, FAILURES, REHEARSALS, COMMANDS];
/// The edges of dead letters where there are toys.
pub const LETTERS_EDGES: Edges = Edges {
    publishes: LETTERS_PUBLISH,
    consumes: &[FAILURES, REHEARSALS],
    calls: &[],
    outside: &[],
};
/// The edge by which it sends work again.
pub const AGAIN: &str = "{ to = \"toys.commands\", why = \"what failed\", again = true },";
/// The component, as the topology takes it.
pub const TOPOLOGY: &str = r#"
[[component]]
name = "toys"
why = "fails on request"
store = "toys"
publishes = [
    { to = "toys.commands", why = "it asks itself" },
    { to = "toys.events", why = "it tells itself" },
    { to = "dead-letters.failures", why = "what it cannot handle is not lost" },
]
consumes = [
    { to = "toys.commands", why = "it does what it asks" },
    { to = "toys.events", why = "it hears what it tells" },
    { to = "dead-letters.decisions", why = "somebody decides about what it parked" },
]

[[topic]]
name = "toys.commands"
pattern = "work"
key = "type"
why = "work that passes or fails"

[[topic]]
name = "toys.events"
pattern = "events"
key = "toy"
why = "events that pass or fail"
"#;

const EDGES: Edges = Edges {
    publishes: &[COMMANDS, EVENTS, FAILURES],
    consumes: &[COMMANDS, EVENTS, DECISIONS],
    calls: &[],
    outside: &[],
};

const HANDLE: Statement = Statement {
    name: "handle",
    sql: "INSERT INTO toys_handled (subject, said) VALUES (?1, ?2)",
};
const HANDLED: Statement = Statement {
    name: "handled",
    sql: "SELECT subject, said FROM toys_handled ORDER BY place LIMIT 1000",
};
const SCHEMA: Schema = Schema {
    service: "toys",
    sqlite: &[Migration {
        name: "V1__handled",
        sql: "CREATE TABLE toys_handled (place INTEGER PRIMARY KEY AUTOINCREMENT, \
              subject TEXT NOT NULL, said TEXT NOT NULL) STRICT",
    }],
    postgres: &[Migration {
        name: "V1__handled",
        sql: "CREATE TABLE toys_handled (place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
              subject TEXT NOT NULL, said TEXT NOT NULL)",
    }],
    statements: &[&HANDLE, &HANDLED],
};

/// The consumer. Clones are the same.
#[derive(Clone)]
pub struct Toys {
    pub store: Store,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    repaired: Arc<Mutex<BTreeSet<String>>>,
}

impl Toys {
    pub async fn open(database: &TestDatabase, world: &World) -> Self {
        Self {
            store: database.open(&SCHEMA, EDGES.publishes).await,
            clock: world.clock(),
            ids: world.ids.clone(),
            repaired: Arc::default(),
        }
    }

    pub fn service(&self) -> Service {
        let (work, events) = (self.clone(), self.clone());
        Service::new("toys", OpenApiRouter::new())
            .edges(EDGES)
            .stored(&self.store, &self.clock)
            .reacts(Reaction::new(COMMANDS, move |tx, it| work.react(tx, it)))
            .reacts(Reaction::new(EVENTS, move |tx, it| events.react(tx, it)))
    }

    /// From now on messages of this type, and events about this toy, are handled.
    pub fn repair(&self, what: &str) {
        self.repaired
            .lock()
            .expect("no test panics with it")
            .insert(what.to_owned());
    }

    fn react(&self, tx: &mut Tx<'_>, message: &Message) -> Result<(), ReactionError> {
        let said: Value = message.data()?;
        let repaired = self.repaired.lock().expect("no test panics with it");
        let fails = match message.kind.as_str() {
            "fail_then_pass" => message.attempt < 2,
            "fail" => !repaired.contains("fail"),
            "toys.moved" => said == "broken" && !repaired.contains(&message.subject),
            _ => false,
        };
        if fails {
            let reason = format!("attempt {} failed", message.attempt + 1);
            return Err(ReactionError::refused(&codes::RESOURCE_MUST_EXIST, reason));
        }
        let said = said.to_string();
        tx.execute(&HANDLE, &[message.subject.as_str().into(), said.into()])?;
        Ok(())
    }

    /// Asks for work of this type about this toy.
    pub async fn ask(&self, kind: &str, toy: &str) {
        self.ask_for(kind, toy, &json!("do it")).await;
    }

    /// Asks for work that says this.
    pub async fn ask_for(&self, kind: &str, toy: &str, said: &Value) {
        let (id, now) = (self.ids.next(), self.clock.now());
        let work = Message::work(id, ("toys", toy), (kind, 1), now, said);
        let work = work.expect("it is JSON").sending(COMMANDS, now, now);
        let work = work.expect("it is small");
        let sent = self.store.write(move |tx| tx.send(&work)).await;
        sent.map_err(|error: StoreError| error).expect("it is sent");
    }

    /// Tells of the n-th change of a toy.
    pub async fn tell(&self, toy: &str, version: u64, said: &str) {
        let (id, now) = (self.ids.next(), self.clock.now());
        let event = Message::work(id, ("toys", toy), ("toys.moved", 1), now, &said);
        let mut event = event.expect("it is JSON");
        event.aggregateversion = Some(version);
        let event = event.envelope(EVENTS).expect("it has a version");
        let told = self.store.write(move |tx| tx.publish(&event)).await;
        told.map_err(|error: StoreError| error).expect("it is told");
    }

    /// How often the first parked event of toy-1 has failed, and whether that was the last time;
    /// nothing if none is parked.
    pub async fn parked(&self) -> Option<(u32, bool)> {
        let head = self.store.read(|tx| tx.parked_next(EVENTS, "toy-1")).await;
        let head = head.map_err(|error: StoreError| error);
        let head: Option<store::Parked> = head.expect("it can be read");
        head.map(|head| (head.attempts, head.dead))
    }

    /// What was handled, in order: about which toy, and what was said.
    pub async fn handled(&self) -> Vec<(String, String)> {
        let rows = self.store.read(|tx| tx.query(&HANDLED, &[])).await;
        let rows: Vec<store::Row> = rows
            .map_err(|error: StoreError| error)
            .expect("the table can be read");
        let row = |row: &store::Row| Ok::<_, StoreError>((row.text(0)?, row.text(1)?));
        let rows: Result<_, _> = rows.iter().map(row).collect();
        rows.expect("both are texts")
    }
}
