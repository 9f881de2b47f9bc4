//! What a service may not do it is not started with: the refusal names it.

use std::collections::{BTreeMap, BTreeSet};

use host::outbound::{Address, OutsideHost, Place, Reach};
use host::{Edges, Service, StartError};
use testkit::World;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::toy;

async fn refusal(world: World, services: Vec<Service>) -> StartError {
    match world.try_start(services).await {
        Ok(_) => panic!("the host started"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn an_undeclared_edge_of_any_kind_is_refused_by_name() {
    let none = Edges::default();
    let cases = [
        (
            Edges {
                publishes: &["toy.secrets"],
                ..none
            },
            "toy publishes toy.secrets",
        ),
        (
            Edges {
                consumes: &["toy.secrets"],
                ..none
            },
            "toy consumes toy.secrets",
        ),
        (
            Edges {
                calls: &["ledger"],
                ..none
            },
            "toy calls ledger",
        ),
        (
            Edges {
                outside: &["evil.example.org"],
                ..none
            },
            "toy outside evil.example.org",
        ),
        (
            Edges {
                publishes: &["toy.things", "toy.more"],
                ..none
            },
            "toy publishes toy.more",
        ),
    ];
    for (edges, named) in cases {
        let error = refusal(toy::world().await, vec![toy::service().edges(edges)]).await;
        let expected = format!("edge must be declared in the topology: {named}");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_declared_edge_is_allowed() {
    // Topics are in `messages`: who publishes or consumes needs a store.
    let edges = Edges {
        calls: &["toy"],
        outside: &["api.example.org"],
        ..Edges::default()
    };
    let world = toy::world().await;
    let host = OutsideHost {
        place: Place::At(Address::parse("https://api.example.org").unwrap()),
        secret: None,
        authorities_pem: None,
    };
    let reach = Reach {
        here: BTreeSet::from(["toy".to_owned()]),
        outside: BTreeMap::from([("api.example.org".to_owned(), host)]),
        ..Reach::default()
    };
    let outbound = world.outbound("toy", &edges, reach).unwrap();
    let service = toy::service().edges(edges).outbound(&outbound);
    let app = world.start(vec![service]).await;
    app.get("/livez").send().await.expect(200);
}

#[tokio::test]
async fn a_service_that_is_no_component_is_refused() {
    let stranger = Service::new("stranger", OpenApiRouter::new());
    let error = refusal(toy::world().await, vec![stranger]).await;
    assert_eq!(
        error.to_string(),
        "service must be a component of the topology: stranger"
    );
}

#[utoipa::path(get, path = "/toy/v1/forgotten", responses((status = 200)))]
async fn forgotten() {}

#[utoipa::path(get, path = "/other/v1/things", responses((status = 200)))]
async fn elsewhere() {}

#[tokio::test]
async fn a_route_without_a_row_or_outside_its_service_is_refused() {
    let router = OpenApiRouter::new().routes(routes!(forgotten));
    let error = refusal(toy::world().await, vec![Service::new("toy", router)]).await;
    assert_eq!(
        error.to_string(),
        "route must be in the access table: GET /toy/v1/forgotten"
    );
    let router = OpenApiRouter::new().routes(routes!(elsewhere));
    let error = refusal(toy::world().await, vec![Service::new("toy", router)]).await;
    let expected = "route must begin with /toy/v and a number: GET /other/v1/things";
    assert_eq!(error.to_string(), expected);
}

/// A route that the OpenAPI document does not know is in no comparison; it is still served to
/// nobody, because the gate knows only the table.
#[tokio::test]
async fn a_route_hidden_from_the_document_is_served_to_nobody() {
    let hidden =
        OpenApiRouter::new().route("/toy/v1/hidden", axum::routing::get(|| async { "secret" }));
    let app = toy::world()
        .await
        .start(vec![Service::new("toy", hidden)])
        .await;
    let answer = app
        .get("/toy/v1/hidden")
        .caller(web::Role::Admin, "root")
        .send()
        .await;
    assert_eq!(answer.expect(404).code(), "route_must_exist");
}

#[tokio::test]
async fn a_name_or_an_address_twice_is_refused() {
    let error = refusal(toy::world().await, vec![toy::service(), toy::service()]).await;
    assert_eq!(error.to_string(), "service must be started once: toy");
    let app = toy::world().await.start(vec![toy::service()]).await;
    let mut world = toy::world().await;
    world.settings.listen = app.running().address();
    let error = refusal(world, vec![toy::service()]).await;
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
}
