//! A service with one route for everything a host has to cope with.

use std::sync::Arc;

use axum::extract::State;
use host::{Service, Topology};
use serde::Deserialize;
use testkit::World;
use tokio::sync::Notify;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{AccessTable, Body, Path, Principal, Problem};

/// Who may call what.
const ACCESS: &str = r#"
[[route]]
method = "GET"
path = "/toy/v1/things"
roles = ["operator", "auditor", "customer"]

[[route]]
method = "POST"
path = "/toy/v1/things"
roles = ["operator", "service"]

[[route]]
method = "DELETE"
path = "/toy/v1/things"
roles = ["admin"]
scope = "toy.delete"

[[route]]
method = "GET"
path = "/toy/v1/files/{*path}"
roles = ["operator"]

[[route]]
method = "GET"
path = "/toy/v1/panic"
roles = ["operator"]

[[route]]
method = "GET"
path = "/toy/v1/wait"
roles = ["operator"]
"#;

/// What the toy may do.
const TOPOLOGY: &str = r#"
[[component]]
name = "toy"
why = "shows what the host does"
publishes = [{ to = "toy.things", why = "somebody may listen" }]
consumes = [{ to = "toy.things", why = "it listens to itself" }]
calls = [{ to = "toy", why = "it calls itself" }]
outside = [{ to = "api.example.org", why = "it asks the world" }]

[[topic]]
name = "toy.things"
pattern = "events"
key = "thing"
why = "what happens to things"
"#;

/// Lets a test wait for a request that waits for the test.
#[derive(Clone, Default)]
pub struct Waiting {
    /// The request has arrived.
    pub entered: Arc<Notify>,
    /// The request may go on.
    pub release: Arc<Notify>,
}

#[derive(Deserialize, ToSchema)]
struct Thing {
    name: String,
}

#[utoipa::path(get, path = "/toy/v1/things", responses((status = 200, body = String)))]
async fn read(principal: Principal) -> String {
    principal.subject.to_string()
}

#[utoipa::path(post, path = "/toy/v1/things", responses((status = 200, body = String)))]
async fn write(body: Body<Thing>) -> Result<String, Problem> {
    Ok(body.value.name)
}

#[utoipa::path(delete, path = "/toy/v1/things", responses((status = 204)))]
async fn delete() -> axum::http::StatusCode {
    axum::http::StatusCode::NO_CONTENT
}

#[utoipa::path(get, path = "/toy/v1/files/{*path}", params(("path" = String, Path)),
    responses((status = 200, body = String)))]
async fn file(Path(path): Path<String>) -> String {
    path
}

#[utoipa::path(get, path = "/toy/v1/panic", responses((status = 200)))]
async fn fail() {
    panic!("the card number is 4111111111111111");
}

#[utoipa::path(get, path = "/toy/v1/wait", responses((status = 200, body = String)))]
async fn wait(State(waiting): State<Waiting>) -> &'static str {
    waiting.entered.notify_one();
    waiting.release.notified().await;
    "waited"
}

/// The routes of the toy.
pub fn router(waiting: &Waiting) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(read, write, delete))
        .routes(routes!(file))
        .routes(routes!(fail))
        .routes(routes!(wait))
        .with_state(waiting.clone())
}

/// The toy.
pub fn service() -> Service {
    Service::new("toy", router(&Waiting::default()))
}

/// The toy whose `/wait` a test holds.
pub fn waiting(waiting: &Waiting) -> Service {
    Service::new("toy", router(waiting))
}

/// A world in which the toy may run.
pub async fn world() -> World {
    let mut world = World::sqlite().await;
    world.access = Box::leak(Box::new(AccessTable::parse(ACCESS).unwrap()));
    world.topology = Arc::new(Topology::parse(TOPOLOGY).unwrap());
    world
}
