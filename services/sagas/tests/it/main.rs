//! Sagas as its callers see it, over HTTP, on both databases; and with participants that meet
//! every fault there is.
//!
//! Every test has its own world: database, clock, service. `scripts/with-postgres cargo test -p
//! sagas` runs them.

mod access;
mod definitions;
mod flow;
mod http;
mod kit;
mod openapi;
mod refusals;

use std::sync::Arc;
use std::time::Duration;

use broker::Message;
use saga::{Catalogue, Definition, Definitions};
use sagas::{Deps, SCHEMA, service};
use serde_json::{Value, json};
use store::{Row, Statement, Store, StoreError};
use testkit::sagas::Stage;
use testkit::{Answer, TestApp, TestDatabase, World};
use web::Role;

/// The paths that most tests use.
const REGISTER: &str = "/sagas/v1/register";
const SAGAS: &str = "/sagas/v1/sagas";

/// The definition that most tests use, and its name.
const ORDER: &str = include_str!("definitions/manual_create_order.toml");
const ORDERS: &str = "manual_create_order";
/// A saga of five steps and four participants, one of which cannot be undone.
const SHIPMENT: &str = include_str!("definitions/shipment.toml");

/// Who calls in most tests.
const DEALS: (Role, &str) = (Role::Service, "deals");
const OPERATOR: (Role, &str) = (Role::Operator, "ops-1");
const AUDITOR: (Role, &str) = (Role::Auditor, "aud-1");

/// By the table: on PostgreSQL a carrier waits for the oldest transaction of the whole server.
const SENT: Statement = Statement {
    name: "sent",
    sql: "SELECT document FROM sagas_outbox_work ORDER BY position LIMIT 1000",
};

/// How long a saga is kept: not what it is when nobody says so, and not the least.
const KEPT_DAYS: u32 = 40;

/// What the participants of both definitions take and send.
fn catalogue() -> Catalogue {
    let portfolios = ["ORDER_APPROVED", "ORDER_REJECTED", "ORDER_CANCELLED"];
    let deals = ["REGISTER", "DEAL_UPDATED", "DEAL_CANCELLED"];
    let approves = ["APPROVE_DEAL", "REJECT_DEAL", "CANCEL_DEAL"];
    let reserves = ["GOODS_RESERVED", "GOODS_MISSING", "GOODS_RELEASED"];
    let paid = [
        "CHARGED",
        "CARD_REFUSED",
        "REFUNDED",
        "PAID_OUT",
        "PAYOUT_REFUSED",
    ];
    let books = ["CARRIER_BOOKED", "CARRIER_FULL", "CARRIER_CANCELLED"];
    Catalogue::new()
        .with(
            "portfolios",
            &["APPROVE_ORDER", "CANCEL_ORDER"],
            &portfolios,
        )
        .with("deals", &approves, &deals)
        .with("notifications", &["NOTIFY"], &["NOTIFIED"])
        .with("shop", &[], &["ORDERED"])
        .with("stock", &["RESERVE_GOODS", "RELEASE_GOODS"], &reserves)
        .with("till", &["CHARGE", "REFUND", "PAY_OUT"], &paid)
        .with("carrier", &["BOOK_CARRIER", "CANCEL_CARRIER"], &books)
        .with("office", &["INVOICE"], &["INVOICED"])
}

fn load(text: &str) -> Definition {
    Definition::load(text, &catalogue()).expect("the definition keeps every rule")
}

/// The service of one test, and its tables.
struct Running {
    app: TestApp,
    store: Store,
    deps: Deps,
}

/// What the service is built with in a test with this definition.
async fn deps(database: &TestDatabase, world: &World, definition: Definition) -> (Deps, Stage) {
    let stage = testkit::sagas::stage(&definition);
    let store = Store::open(&world.database, &SCHEMA, stage.edges.publishes).await;
    assert!(database.sqlite().is_some() != database.postgres().is_some());
    let mut definitions = Definitions::new();
    definitions
        .add(definition)
        .expect("it is the first of its name");
    let deps = Deps {
        store: store.expect("every statement fits the tables"),
        clock: world.clock(),
        ids: world.ids.clone(),
        definitions: Arc::new(definitions),
        topics: stage.edges.publishes,
        kept_days: KEPT_DAYS,
    };
    (deps, stage)
}

/// Starts the service on a database of its own, without participants.
async fn start(database: &TestDatabase) -> Running {
    let opened = database.database(&SCHEMA).await;
    let world = World::over(opened.expect("the migrations apply"));
    start_in(database, world).await
}

async fn start_in(database: &TestDatabase, world: World) -> Running {
    start_keeping(KEPT_DAYS, database, world).await
}

/// As [`start_in`], with sagas that are kept for so many days.
async fn start_keeping(kept_days: u32, database: &TestDatabase, mut world: World) -> Running {
    let (deps, stage) = deps(database, &world, load(ORDER)).await;
    let deps = Deps { kept_days, ..deps };
    world.topology = stage.topology;
    let service = service(deps.clone())
        .await
        .expect("every definition is there");
    let app = world.start(vec![service.edges(stage.edges)]).await;
    let store = deps.store.clone();
    Running { app, store, deps }
}

impl Running {
    /// A write by this caller; the answer whatever it is.
    async fn write(&self, caller: (Role, &str), path: &str, key: &str, body: &Value) -> Answer {
        let call = self.app.post(path).caller(caller.0, caller.1);
        call.key(key).json(body).send().await
    }

    /// A write without a body.
    async fn act(&self, caller: (Role, &str), path: &str, key: &str) -> Answer {
        let call = self.app.post(path).caller(caller.0, caller.1);
        call.key(key).send().await
    }

    /// A read by this caller.
    async fn read(&self, caller: (Role, &str), path: &str) -> Answer {
        self.app.get(path).caller(caller.0, caller.1).send().await
    }

    /// A saga of the definition that most tests use; its path.
    async fn with_saga(&self, key: &str) -> String {
        let begun = self.write(DEALS, REGISTER, key, &order()).await.expect(201);
        format!("{SAGAS}/{}", begun.json["id"].as_str().expect("an id"))
    }

    /// Lets time pass, and what is due be moved.
    async fn pass(&self, time: Duration) {
        self.app.world.clock.advance(time);
        let ticked = self.app.fire("sagas.tick").await;
        ticked.expect("the timer runs");
    }

    /// The type of each command that was sent and is not received, in order.
    async fn commands(&self) -> Vec<String> {
        let sent = self.store.read(|tx| {
            let rows = tx.query(&SENT, &[])?;
            let document = |row: &Row| row.text(0);
            rows.iter().map(document).collect::<Result<Vec<_>, _>>()
        });
        let sent: Result<Vec<String>, StoreError> = sent.await;
        let kind = |text: &String| Message::parse(text).expect("a message").kind;
        sent.expect("the outbox can be read")
            .iter()
            .map(kind)
            .collect()
    }

    /// The action, actor and subject of every line of the audit log, in order.
    async fn audit(&self) -> Vec<(String, String, String)> {
        let lines = self.store.list_audit(0).await;
        let lines = lines.expect("the audit log can be read");
        lines
            .into_iter()
            .map(|line| (line.action, line.actor, line.subject))
            .collect()
    }
}

/// A start of an order.
fn order() -> Value {
    json!({ "definition": ORDERS, "context": { "deal": "deal_1", "total": "110.00" } })
}

/// Why a saga is cancelled.
fn because() -> Value {
    json!({ "reason": "the client withdrew" })
}

/// `base` with some members replaced or added.
fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base, changes) else {
        panic!("both must be objects");
    };
    members.extend(changes);
    Value::Object(members)
}
