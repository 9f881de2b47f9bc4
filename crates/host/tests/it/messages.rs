//! Services hear of each other: over every carrier whose server is there, in the trace of what
//! caused it, and only where the topology says so.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use broker::Reaction;
use contracts::Event;
use host::{Change, Edges, Service, StartError, Topology};
use kit::id::IdSource;
use kit::name::Subject;
use kit::time::Clock;
use serde::{Deserialize, Serialize};
use store::{Migration, Schema, Statement, Store, StoreError};
use testkit::World;
use testkit::carriers::kinds;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{AccessTable, Role};

/// How often it is looked whether something has come.
const LOOK: Duration = Duration::from_millis(10);
/// How long it may take on a machine that does much else.
const WAIT_MAX: Duration = Duration::from_secs(120);

const ACCESS: &str = r#"
[[route]]
method = "POST"
path = "/asker/v1/things"
roles = ["operator"]
"#;

/// Who makes things, and who keeps them.
pub const TOPOLOGY: &str = r#"
[[component]]
name = "asker"
why = "makes things"
publishes = [{ to = "asker.things", why = "the shelf keeps them" }]

[[component]]
name = "shelf"
why = "keeps things"
publishes = [{ to = "dead-letters.failures", why = "what it cannot keep is not lost" }]
consumes = [
    { to = "asker.things", why = "it keeps them" },
    { to = "dead-letters.decisions", why = "somebody decides about what it cannot keep" },
]

[[component]]
name = "dead-letters"
why = "keeps what failed"
publishes = [{ to = "dead-letters.decisions", why = "consumers carry them out" }]
consumes = [{ to = "dead-letters.failures", why = "it keeps them" }]

[[topic]]
name = "asker.things"
pattern = "events"
key = "thing"
why = "things that were made"

[[topic]]
name = "dead-letters.failures"
pattern = "work"
key = "message type"
why = "what failed"

[[topic]]
name = "dead-letters.decisions"
pattern = "events"
key = "component"
why = "what is to become of it"
"#;

#[derive(Serialize, Deserialize)]
struct ThingMade {
    name: String,
    revision: u32,
}

impl Event for ThingMade {
    const SOURCE: &'static str = "asker";
    const TOPIC: &'static str = "asker.things";
    const TYPE: &'static str = "asker.thing_made";
    const SCHEMA_VERSION: u16 = 1;

    fn key(&self) -> String {
        self.name.clone()
    }

    fn revision(&self) -> u32 {
        self.revision
    }
}

const ASKER: Schema = Schema {
    service: "asker",
    sqlite: &[],
    postgres: &[],
    statements: &[],
};

const KEEP: Statement = Statement {
    name: "keep",
    sql: "INSERT INTO shelf_things (name, trace) VALUES (?1, ?2)",
};
const KEPT: Statement = Statement {
    name: "kept",
    sql: "SELECT name, trace FROM shelf_things ORDER BY name LIMIT 10",
};
const SHELF: Schema = Schema {
    service: "shelf",
    sqlite: &[Migration {
        name: "V1__things",
        sql: "CREATE TABLE shelf_things (name TEXT PRIMARY KEY, trace TEXT NOT NULL) STRICT",
    }],
    postgres: &[],
    statements: &[&KEEP, &KEPT],
};

#[derive(Clone)]
struct Asker {
    store: Store,
    clock: Arc<dyn Clock>,
    ids: IdSource,
}

#[utoipa::path(post, path = "/asker/v1/things", responses((status = 204)))]
async fn make(State(asker): State<Asker>) -> axum::http::StatusCode {
    let by = Subject::parse("asker").unwrap();
    let change = Change::now(by, asker.clock.as_ref(), &asker.ids);
    let made = asker.store.write(move |tx| {
        let name = "lamp".to_owned();
        change.publish(tx, &ThingMade { name, revision: 1 })
    });
    let made: Result<(), StoreError> = made.await;
    made.unwrap();
    axum::http::StatusCode::NO_CONTENT
}

/// A world in which both may run.
async fn world() -> World {
    let mut world = World::sqlite().await;
    world.access = Box::leak(Box::new(AccessTable::parse(ACCESS).unwrap()));
    world.topology = Arc::new(Topology::parse(TOPOLOGY).unwrap());
    world
}

async fn asker(world: &World) -> Service {
    let topics = &["asker.things"];
    let store = Store::open(&world.database, &ASKER, topics).await.unwrap();
    let asker = Asker {
        store: store.clone(),
        clock: world.clock(),
        ids: world.ids.clone(),
    };
    let router = OpenApiRouter::new().routes(routes!(make)).with_state(asker);
    let edges = Edges {
        publishes: topics,
        ..Edges::default()
    };
    Service::new("asker", router)
        .edges(edges)
        .stored(&store, &world.clock())
}

const SHELF_EDGES: Edges = Edges {
    publishes: &["dead-letters.failures"],
    consumes: &["asker.things", "dead-letters.decisions"],
    calls: &[],
    outside: &[],
};

/// Keeps each thing with the trace that its reaction ran in.
fn keeping() -> Reaction {
    Reaction::new("asker.things", |tx, message| {
        let made: ThingMade = message.data()?;
        let trace = telemetry::current_traceparent().unwrap_or_default();
        tx.execute(&KEEP, &[made.name.as_str().into(), trace.into()])?;
        Ok(())
    })
}

async fn shelf(world: &World, edges: Edges) -> (Service, Store) {
    let store = Store::open(&world.database, &SHELF, edges.publishes).await;
    let store = store.unwrap();
    let service = Service::new("shelf", OpenApiRouter::new())
        .edges(edges)
        .stored(&store, &world.clock());
    (service, store)
}

async fn refusal(services: Vec<Service>, world: World) -> String {
    match world.try_start(services).await {
        Ok(_) => panic!("the host started"),
        Err(error) => {
            assert!(matches!(error, StartError::Reaction { .. }), "{error}");
            error.to_string()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_its_consumer_once_in_the_trace_of_the_request_over_every_carrier() {
    // There is no trace without a subscriber; nobody reads what it writes.
    let settings = telemetry::Settings {
        filter: "info".to_owned(),
        service: "test",
        collector: None,
    };
    let (subscriber, _telemetry) = telemetry::subscriber(&settings, std::io::sink).unwrap();
    let _ = tracing::subscriber::set_global_default(subscriber);
    for kind in kinds() {
        println!("over {kind:?}");
        let mut world = world().await;
        world.messages = kind.messages(broker::Settings::default());
        let asking = asker(&world).await;
        let (keeps, store) = shelf(&world, SHELF_EDGES).await;
        let app = world.start(vec![asking, keeps.reacts(keeping())]).await;
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        app.post("/asker/v1/things")
            .caller(Role::Operator, "ops-1")
            .header("traceparent", &format!("00-{trace}-00f067aa0ba902b7-01"))
            .send()
            .await
            .expect(204);
        let kept = kept(&store).await;
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].text(0).unwrap(), "lamp");
        let reacted = kept[0].text(1).unwrap();
        assert_eq!(reacted.split('-').nth(1), Some(trace), "{reacted}");
    }
}

/// What the shelf keeps, once it keeps something.
async fn kept(store: &Store) -> Vec<store::Row> {
    let kept = async {
        let mut ticks = tokio::time::interval(LOOK);
        loop {
            ticks.tick().await;
            let kept = store.read(|tx| tx.query(&KEPT, &[])).await;
            let kept: Vec<store::Row> = kept.map_err(|error: StoreError| error).unwrap();
            if !kept.is_empty() {
                return kept;
            }
        }
    };
    let kept = tokio::time::timeout(WAIT_MAX, kept).await;
    kept.expect("the event arrives in time")
}

#[tokio::test]
async fn a_reaction_and_its_declaration_are_the_same_both_ways() {
    let check = async |edges: Edges, reactions: Vec<Reaction>, expected: &str| {
        let world = world().await;
        let (mut service, _) = shelf(&world, edges).await;
        for reaction in reactions {
            service = service.reacts(reaction);
        }
        assert_eq!(refusal(vec![service], world).await, expected);
    };
    let undeclared = Reaction::new("dead-letters.failures", |_, _| Ok(()));
    let expected = "topic must be declared where it is reacted to: shelf dead-letters.failures";
    check(SHELF_EDGES, vec![keeping(), undeclared], expected).await;
    let expected = "topic must be reacted to where it is declared: shelf asker.things";
    check(SHELF_EDGES, vec![], expected).await;
    let expected = "topic must be reacted to once: shelf asker.things";
    check(SHELF_EDGES, vec![keeping(), keeping()], expected).await;
    let silent = Edges {
        publishes: &[],
        ..SHELF_EDGES
    };
    let expected = "topic must be published to by who consumes: shelf dead-letters.failures";
    check(silent, vec![keeping()], expected).await;
    let deaf = Edges {
        consumes: &["asker.things"],
        ..SHELF_EDGES
    };
    let expected = "topic must be consumed by who consumes events: shelf dead-letters.decisions";
    check(deaf, vec![keeping()], expected).await;
}

#[tokio::test]
async fn who_publishes_or_consumes_has_a_store() {
    let world = world().await;
    let edges = Edges {
        publishes: &["asker.things"],
        ..Edges::default()
    };
    let service = Service::new("asker", OpenApiRouter::new()).edges(edges);
    let expected = "topic must have the service's store: asker asker.things";
    assert_eq!(refusal(vec![service], world).await, expected);
}
