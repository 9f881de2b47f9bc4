//! What a service answers whose own calls go wrong.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use host::outbound::{Address, Limits, OutsideHost, Place, Reach, Request};
use host::{Edges, Outbound, Service, Topology};
use kit::codes;
use testkit::World;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use web::{AccessTable, Path, Problem};

use super::{OPERATOR, Seen};

const ACCESS: &str = r#"
[[route]]
method = "POST"
path = "/asker/v1/asked/{what}"
roles = ["operator"]

[[route]]
method = "POST"
path = "/asked/v1/silence"
roles = ["service"]
"#;

const TOPOLOGY: &str = r#"
[[component]]
name = "asker"
why = "asks"
calls = [{ to = "asked", why = "it may answer" }]
outside = [{ to = "feed", why = "it is not there" }]

[[component]]
name = "asked"
why = "does not answer"
"#;

const EDGES: Edges = Edges {
    publishes: &[],
    consumes: &[],
    calls: &["asked"],
    outside: &["feed"],
};

#[utoipa::path(post, path = "/asker/v1/asked/{what}", params(("what" = String, Path)),
    responses((status = 204)))]
async fn ask(
    State(outbound): State<Outbound>,
    Path(what): Path<String>,
) -> Result<axum::http::StatusCode, Problem> {
    let silence = Request::post("/asked/v1/silence", &[]);
    match what.as_str() {
        "undeclared" => outbound.call("ledger", silence).await?,
        "malformed" => outbound.call("asked", silence.key("")).await?,
        "refused" => {
            outbound
                .call("asked", Request::get("/asked/v1", &[]))
                .await?
        }
        "unavailable" => outbound.reach("feed", silence).await?,
        _ => outbound.call("asked", silence).await?,
    };
    Ok(axum::http::StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/asked/v1/silence", responses((status = 204)))]
async fn silence() {
    pending().await
}

/// A port at which nobody listens.
fn nobody() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Address::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

pub async fn refused(seen: &mut Seen) {
    let mut world = World::sqlite().await;
    world.access = Box::leak(Box::new(AccessTable::parse(ACCESS).unwrap()));
    world.topology = Arc::new(Topology::parse(TOPOLOGY).unwrap());
    let host = OutsideHost {
        place: Place::At(nobody()),
        secret: None,
        authorities_pem: None,
    };
    let reach = Reach {
        here: ["asked".to_owned()].into(),
        outside: BTreeMap::from([("feed".to_owned(), host)]),
        limits: Limits {
            attempt: Duration::from_millis(100),
            ..Limits::default()
        },
        ..Reach::default()
    };
    let outbound = world.outbound("asker", &EDGES, reach).unwrap();
    let asker = OpenApiRouter::new().routes(routes!(ask));
    let asker = Service::new("asker", asker.with_state(outbound.clone()));
    let asked = OpenApiRouter::new().routes(routes!(silence));
    let services = vec![
        asker.edges(EDGES).outbound(&outbound),
        Service::new("asked", asked),
    ];
    let app = world.start(services).await;
    for (what, code) in [
        ("undeclared", &codes::EDGE_MUST_BE_DECLARED),
        ("malformed", &codes::CALL_MUST_BE_WELL_FORMED),
        ("refused", &codes::CALLEE_MUST_ACCEPT_CALL),
        ("unavailable", &codes::CALLEE_MUST_BE_AVAILABLE),
        ("unknown", &codes::CALL_OUTCOME_UNKNOWN),
    ] {
        let call = app.post(&format!("/asker/v1/asked/{what}"));
        let answer = call.caller(OPERATOR.0, OPERATOR.1).send().await;
        seen.note(&answer, code);
        let waits = answer.header("retry-after");
        assert_eq!(waits == "1", code.status == 503, "{what}: {waits}");
        // What is wrong among ourselves is in the log, for no caller to see.
        assert!(answer.json["detail"].is_null(), "{}", answer.text);
    }
}
