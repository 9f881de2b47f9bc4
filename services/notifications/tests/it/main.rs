//! Notifications as its callers see it, over HTTP, on both databases.
//!
//! Every test has its own world: database, clock, service. `scripts/with-postgres cargo test -p
//! notifications` runs them.

mod access;
mod concurrency;
mod flow;
mod http;
mod openapi;
mod refusals;
mod statements;

use std::time::Duration;

use notifications::{Deps, EDGES, Retention, SCHEMA, service};
use serde_json::{Value, json};
use store::Store;
use testkit::{Answer, TestApp, TestDatabase, World};
use web::Role;

/// Days that messages are kept in these tests.
const MESSAGE_DAYS: u32 = 30;

/// The paths that most tests use.
const TEMPLATES: &str = "/notifications/v1/templates";
const MESSAGES: &str = "/notifications/v1/messages";

/// The service of one test, and its tables.
struct Running {
    app: TestApp,
    store: Store,
    deps: Deps,
}

/// Starts the service on a database of its own.
async fn start(database: &TestDatabase) -> Running {
    let opened = database
        .database(&SCHEMA)
        .await
        .expect("the migrations apply");
    let world = World::over(opened);
    let store = Store::open(&world.database, &SCHEMA, EDGES.publishes).await;
    let store = store.expect("every statement fits the tables");
    let deps = Deps {
        store: store.clone(),
        clock: world.clock(),
        ids: world.ids.clone(),
        retention: Retention {
            message_days: MESSAGE_DAYS,
        },
    };
    let app = world.start(vec![service(deps.clone())]).await;
    Running { app, store, deps }
}

impl Running {
    /// A write by this caller; the answer whatever it is.
    async fn write(&self, caller: (Role, &str), path: &str, key: &str, body: &Value) -> Answer {
        self.app
            .post(path)
            .caller(caller.0, caller.1)
            .key(key)
            .json(body)
            .send()
            .await
    }

    /// A write without a body.
    async fn act(&self, caller: (Role, &str), path: &str, key: &str) -> Answer {
        self.app
            .post(path)
            .caller(caller.0, caller.1)
            .key(key)
            .send()
            .await
    }

    /// A read by this caller.
    async fn read(&self, caller: (Role, &str), path: &str) -> Answer {
        self.app.get(path).caller(caller.0, caller.1).send().await
    }

    /// Moves the clock.
    fn advance(&self, time: Duration) {
        self.app.world.clock.advance(time);
    }

    /// A template `greeting` in use.
    async fn with_greeting(self) -> Self {
        self.write(
            OPERATOR,
            TEMPLATES,
            "greeting",
            &greeting("Hello {{ name }}!"),
        )
        .await
        .expect(201);
        self
    }

    /// The `type` and `subject` of every event in the outbox, in order.
    async fn events(&self) -> Vec<(String, String)> {
        let outbox = self
            .store
            .list_outbox()
            .await
            .expect("the outbox can be read");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let event = |payload: &Value| (text(&payload["type"]), text(&payload["subject"]));
        outbox
            .iter()
            .map(|envelope| {
                let document = serde_json::from_str(&envelope.document);
                event(&document.expect("an event is a JSON document"))
            })
            .collect()
    }

    /// The action, actor and subject of every line of the audit log, in order.
    async fn audit(&self) -> Vec<(String, String, String)> {
        let lines = self
            .store
            .list_audit(0)
            .await
            .expect("the audit log can be read");
        lines
            .into_iter()
            .map(|line| (line.action, line.actor, line.subject))
            .collect()
    }
}

/// Who calls in most tests.
const OPERATOR: (Role, &str) = (Role::Operator, "ops-1");
const DEALS: (Role, &str) = (Role::Service, "deals");
const ANN: (Role, &str) = (Role::Customer, "cus_ann");
const BOB: (Role, &str) = (Role::Customer, "cus_bob");
const SUPPORT: (Role, &str) = (Role::Support, "sup-1");

/// A template with one parameter.
fn greeting(body: &str) -> Value {
    json!({
        "key": "greeting",
        "subject": "For {{ name }}",
        "body": body,
        "parameters": [{ "name": "name", "kind": "text", "required": true }],
    })
}

/// A message to Ann from that template.
fn hello() -> Value {
    json!({
        "recipient": "cus_ann",
        "template_key": "greeting",
        "parameters": { "name": "Ann" },
    })
}

/// `base` with some members replaced or added.
fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut members), Value::Object(changes)) = (base, changes) else {
        panic!("both must be objects");
    };
    members.extend(changes);
    Value::Object(members)
}
