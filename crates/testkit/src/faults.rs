//! A service that meets what a store, a body, a version or a handler can meet, on request.
//!
//! Promises: no route answers with an error of its own making: each does what leads to it, in the
//! store, in the conventions of `web` or in the host. [`World::with_faults`] lets it run next to
//! the services there are. It does nothing that anybody needs.

mod store;

use std::sync::Arc;

use ::store::{Database, Store, StoreError};
use axum::Json;
use axum::extract::State;
use host::{Call, Reply, Service, Topology, write_once};
use kit::time::Clock;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{AccessTable, Body, IdempotencyKey, IfMatch, PageQuery, Path, Principal, Problem};

use crate::World;

/// The rows and the component it needs beside those of the services.
const ACCESS: &str = r#"
[[route]]
method = "GET"
path = "/faults/v1/things"
roles = ["operator"]

[[route]]
method = "POST"
path = "/faults/v1/things"
roles = ["operator"]

[[route]]
method = "PUT"
path = "/faults/v1/things/{id}"
roles = ["operator"]

[[route]]
method = "POST"
path = "/faults/v1/provoked/{fault}"
roles = ["operator"]
"#;
const TOPOLOGY: &str = r#"
[[component]]
name = "faults"
why = "shows what callers see when something goes wrong"
store = "faults"
"#;

impl World {
    /// The same world, in which a [`Faults`] may run.
    #[must_use]
    pub fn with_faults(mut self) -> Self {
        let access = include_str!("../../web/access.toml");
        let access = AccessTable::parse(&format!("{access}{ACCESS}"));
        // A world's table lives as long as the embedded one.
        self.access = Box::leak(Box::new(access.expect("both tables are well formed")));
        let topology = format!("{}{TOPOLOGY}", include_str!("../../../topology.toml"));
        let topology = Topology::parse(&topology).expect("the topology takes one more component");
        self.topology = Arc::new(topology);
        self
    }
}

/// The service, and the way to hold its requests. Clones are the same.
#[derive(Clone)]
pub struct Faults {
    /// A held request has arrived.
    pub entered: Arc<Notify>,
    /// A held request may go on.
    pub release: Arc<Notify>,
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Faults {
    /// Opens its tables; on PostgreSQL they must have been migrated, see [`Faults::migrate`].
    pub async fn open(database: &Database, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        Ok(Self {
            entered: Arc::default(),
            release: Arc::default(),
            store: Store::open(database, &store::SCHEMA, &[store::TOPIC]).await?,
            clock,
        })
    }

    /// Makes its tables in a private database.
    pub async fn migrate(database: &crate::postgres::PrivateDatabase) -> Result<(), StoreError> {
        database.migrate(&store::SCHEMA).await
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> Service {
        let router = OpenApiRouter::new()
            .routes(routes!(list, write))
            .routes(routes!(replace))
            .routes(routes!(provoke))
            .with_state(self.clone());
        Service::new("faults", router).stored(&self.store, &self.clock)
    }
}

/// What a thing is made from.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
struct Thing {
    id: i64,
    body: String,
}

/// What can be asked for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Fault {
    Endless,
    HangUp,
    Hold,
    OldWork,
    OutboxFull,
    Overtaken,
    Panic,
    ParkedFull,
    Wait,
}

/// As every service does it: the code is the error's own.
fn problem(error: &StoreError) -> Problem {
    Problem::new(error.code()).detail(error.to_string())
}

/// A store's error on its way through `write_once`.
struct Failed(StoreError);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(error)
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Self {
        problem(&failed.0)
    }
}

#[utoipa::path(get, path = "/faults/v1/things", responses((status = 200)))]
async fn list(State(it): State<Faults>, _: PageQuery) -> Result<Json<Vec<String>>, Problem> {
    let listed = it.store.read(store::list).await;
    listed.map(Json).map_err(|error| problem(&error))
}

/// Answers with what was asked and what is kept, so the reply can be larger than the request.
#[utoipa::path(post, path = "/faults/v1/things", responses((status = 201)))]
async fn write(
    State(it): State<Faults>,
    principal: Principal,
    key: IdempotencyKey,
    body: Body<Thing>,
) -> Result<Reply, Problem> {
    let call = Call::new(&principal, &key, &body.bytes, it.clock.now());
    let thing = body.value;
    write_once::<Failed, _>(&it.store, call, move |tx| {
        store::insert(tx, thing.id, &thing.body)?;
        Ok(Reply::created(&(&thing, &thing.body)))
    })
    .await
}

#[utoipa::path(put, path = "/faults/v1/things/{id}", params(("id" = i64, Path)),
    responses((status = 200)))]
async fn replace(
    State(it): State<Faults>,
    Path(id): Path<i64>,
    seen: IfMatch,
) -> Result<(), Problem> {
    let version = it.store.read(move |tx| store::find_version(tx, id)).await;
    let version = version.map_err(|error| problem(&error))?;
    seen.check(version.unwrap_or_default())
}

#[utoipa::path(post, path = "/faults/v1/provoked/{fault}", params(("fault" = String, Path)),
    responses((status = 200)))]
async fn provoke(State(it): State<Faults>, Path(fault): Path<Fault>) -> Result<(), Problem> {
    let provoked = match fault {
        Fault::Endless => store::endless(&it.store).await,
        Fault::HangUp => store::hang_up(&it.store).await,
        Fault::Hold => store::hold(&it.store, it.entered, it.release).await,
        Fault::OldWork => store::old_work(&it.store, it.clock.now()).await,
        Fault::OutboxFull => store::outbox_full(&it.store, it.clock.now()).await,
        Fault::Overtaken => store::overtaken(&it.store).await,
        Fault::Panic => panic!("a handler that cannot go on"),
        Fault::ParkedFull => store::parked_full(&it.store, it.clock.now()).await,
        Fault::Wait => {
            it.entered.notify_one();
            it.release.notified().await;
            Ok(())
        }
    };
    provoked.map_err(|error| problem(&error))
}
