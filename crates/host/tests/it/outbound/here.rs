//! Calls between components: in memory, over the network, as whom, and in which trace.

use std::sync::Arc;

use axum::http::HeaderMap;
use host::outbound::{Address, OutsideHost, Place, Reach, Request, Trouble};
use host::{CallError, Edges, Outbound, Service, Topology};
use serde_json::json;
use testkit::{TestApp, World};
use tracing::Instrument as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{AccessTable, Principal};

use super::{CALLEE, Callee, FEED, TOPOLOGY, component, here, ok, once, to_callee, to_feed};

const ACCESS: &str = r#"
[[route]]
method = "POST"
path = "/callee/v1/echo"
roles = ["service"]

[[route]]
method = "GET"
path = "/callee/v1/panic"
roles = ["service"]

[[route]]
method = "GET"
path = "/callee/v1/people"
roles = ["operator"]
"#;

#[utoipa::path(post, path = "/callee/v1/echo", responses((status = 200)))]
async fn echo(
    principal: Principal,
    headers: HeaderMap,
    body: String,
) -> axum::Json<serde_json::Value> {
    let header = |name: &str| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    axum::Json(json!({
        "caller": principal.subject.as_str(),
        "key": header("idempotency-key"),
        "trace": header("traceparent"),
        "body": body,
    }))
}

#[utoipa::path(get, path = "/callee/v1/panic", responses((status = 200)))]
async fn fall() {
    panic!("the card number is 4111111111111111");
}

#[utoipa::path(get, path = "/callee/v1/people", responses((status = 200)))]
async fn people() {}

fn callee() -> Service {
    let router = OpenApiRouter::new()
        .routes(routes!(echo))
        .routes(routes!(fall));
    Service::new("callee", router.routes(routes!(people)))
}

async fn world() -> World {
    let mut world = World::sqlite().await;
    world.access = Box::leak(Box::new(AccessTable::parse(ACCESS).unwrap()));
    world.topology = Arc::new(Topology::parse(TOPOLOGY).unwrap());
    world
}

/// Both in one process.
async fn together() -> (TestApp, Outbound) {
    let world = world().await;
    let outbound = world
        .outbound("caller", &CALLEE, here(&["callee"]))
        .unwrap();
    let caller = Service::new("caller", OpenApiRouter::new());
    let caller = caller.edges(CALLEE).outbound(&outbound);
    (world.start(vec![callee(), caller]).await, outbound)
}

fn remote(app: &TestApp) -> Address {
    Address::parse(&app.url()).unwrap()
}

fn request() -> Request {
    Request::post("/callee/v1/echo", &[])
        .key("k-1")
        .json(&"hello")
}

async fn echoes(outbound: &Outbound) {
    let answer = outbound.call("callee", request()).await.unwrap();
    let told: serde_json::Value = answer.json().unwrap();
    assert_eq!(told["caller"], "caller");
    assert_eq!(told["key"], "k-1");
    assert_eq!(told["body"], "\"hello\"");
}

#[tokio::test]
async fn a_component_calls_another_in_its_process_and_elsewhere_alike() {
    let (app, inside) = together().await;
    echoes(&inside).await;
    let reach = component("callee", remote(&app), once());
    let outside = app.world.outbound("caller", &CALLEE, reach).unwrap();
    echoes(&outside).await;
    // Who runs here is called here, whatever address others have for it.
    let nowhere = Address::parse("http://127.0.0.1:9").unwrap();
    let reach = Reach {
        here: here(&["callee"]).here,
        ..component("callee", nowhere, once())
    };
    let world = world().await;
    let both = world.outbound("caller", &CALLEE, reach).unwrap();
    let caller = Service::new("caller", OpenApiRouter::new()).edges(CALLEE);
    let _app = world.start(vec![callee(), caller.outbound(&both)]).await;
    echoes(&both).await;
}

#[tokio::test]
async fn the_gate_is_the_same_in_memory_and_so_is_what_a_failure_says() {
    let (app, inside) = together().await;
    let reach = component("callee", remote(&app), once());
    let outside = app.world.outbound("caller", &CALLEE, reach).unwrap();
    for outbound in [&inside, &outside] {
        let get = |path| outbound.call("callee", Request::get(path, &[]));
        let refused = get("/callee/v1/people").await.unwrap_err();
        assert!(
            refused.refusal().unwrap().is(&kit::codes::ROLE_NOT_ALLOWED),
            "{refused}"
        );
        let missing = get("/callee/v1/nothing").await.unwrap_err();
        assert!(
            missing.refusal().unwrap().is(&kit::codes::ROUTE_MUST_EXIST),
            "{missing}"
        );
        let fallen = get("/callee/v1/panic").await.unwrap_err();
        assert!(
            fallen.to_string().ends_with("it answered with status 500"),
            "{fallen}"
        );
    }
}

#[tokio::test]
async fn a_process_that_has_ended_is_not_called_and_holds_nothing() {
    let (app, outbound) = together().await;
    echoes(&outbound).await;
    app.stop().await;
    let error = outbound.call("callee", request()).await.unwrap_err();
    let CallError::Unavailable { trouble, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(trouble, Trouble::NotServing);
    let (app, outbound) = together().await;
    drop(app.kill());
    let error = outbound.call("callee", request()).await.unwrap_err();
    assert!(
        error.to_string().ends_with("this process does not serve"),
        "{error}"
    );
}

#[tokio::test]
async fn a_token_for_one_callee_is_refused_by_every_other() {
    let (app, _) = together().await;
    // The address of `toy` leads to `callee`: what is shown there says that it is for `toy`.
    let edges = Edges {
        calls: &["toy"],
        ..CALLEE
    };
    let reach = component("toy", remote(&app), once());
    let outbound = app.world.outbound("caller", &edges, reach).unwrap();
    let error = outbound.call("toy", request()).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.status(), 401);
    assert!(refusal.is(&kit::codes::TOKEN_AUDIENCE_WRONG), "{error}");
}

#[tokio::test]
async fn a_component_can_play_an_outside_host() {
    let world = world().await;
    let host = OutsideHost {
        place: Place::PlayedBy {
            component: "callee".to_owned(),
            base: "/callee/v1".to_owned(),
        },
        secret: None,
        authorities_pem: None,
    };
    let mut reach = here(&["callee"]);
    reach.outside.insert("feed".to_owned(), host);
    let outbound = world.outbound("caller", &FEED, reach.clone()).unwrap();
    let caller = Service::new("caller", OpenApiRouter::new()).edges(FEED);
    let app = world
        .start(vec![callee(), caller.outbound(&outbound)])
        .await;
    let ask = async |outbound: &Outbound| {
        let request = Request::post("/echo", &[]).json(&"prices");
        let answer = outbound.reach("feed", request).await.unwrap();
        let told: serde_json::Value = answer.json().unwrap();
        assert_eq!(
            (&told["caller"], &told["body"]),
            (&json!("caller"), &json!("\"prices\""))
        );
    };
    ask(&outbound).await;
    reach.here.clear();
    reach.components.insert("callee".to_owned(), remote(&app));
    ask(&app.world.outbound("caller", &FEED, reach).unwrap()).await;
}

#[tokio::test]
async fn the_trace_goes_on_and_each_host_is_shown_what_is_its_own() {
    // There is no trace without a subscriber; nobody reads what it writes.
    let settings = telemetry::Settings {
        filter: "info".to_owned(),
        service: "test",
        collector: None,
    };
    let (subscriber, _telemetry) = telemetry::subscriber(&settings, std::io::sink).unwrap();
    let _ = tracing::subscriber::set_global_default(subscriber);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let sent = format!("00-{trace}-00f067aa0ba902b7-01");
    let span = telemetry::request_span(&telemetry::Request {
        id: "req-1",
        method: "GET",
        route: None,
        parent: telemetry::TraceParent::parse(&sent),
    });
    let own = span.in_scope(telemetry::current_traceparent).unwrap();
    let continues = |parent: &str| {
        assert_eq!(parent.split('-').nth(1), Some(trace), "{parent}");
        assert!(
            parent != own && parent != sent,
            "the call has a span of its own: {parent}"
        );
    };

    let listener = Callee::start(vec![ok()]).await;
    let feed = to_feed(&listener, once()).await;
    let asked = feed
        .reach("feed", Request::get("/x", &[]))
        .instrument(span.clone());
    asked.await.unwrap();
    let component = to_callee(&listener, once()).await;
    let asked = component
        .call("callee", Request::get("/x", &[]))
        .instrument(span.clone());
    asked.await.unwrap();
    let heard = listener.heard();
    for request in &heard {
        let parent = request
            .lines()
            .find_map(|line| line.strip_prefix("traceparent: "));
        continues(parent.unwrap());
        assert_eq!(request.matches("authorization: ").count(), 1, "{request}");
        assert!(!request.contains("accept-encoding"), "{request}");
    }
    assert!(
        heard[0].contains("authorization: Bearer s3cret\r\n"),
        "{}",
        heard[0]
    );
    assert!(!heard[1].contains("s3cret"), "{}", heard[1]);

    let (_app, inside) = together().await;
    let answer = inside
        .call("callee", request())
        .instrument(span.clone())
        .await;
    let told: serde_json::Value = answer.unwrap().json().unwrap();
    continues(told["trace"].as_str().unwrap());
}
