//! What is not declared, or has no address, is refused by name.

use host::outbound::{Address, Reach, Request, Trouble};
use host::{CallError, Edges, Service, Topology};
use kit::codes;
use utoipa_axum::router::OpenApiRouter;

use super::{CALLEE, Callee, FEED, TOPOLOGY, component, feed, here, ok, once, to_feed, world};

#[tokio::test]
async fn a_call_that_is_not_declared_is_refused_by_name_and_nothing_is_sent() {
    let callee = Callee::start(vec![ok()]).await;
    let outbound = to_feed(&callee, once()).await;
    let undeclared = [
        (
            outbound.call("callee", Request::get("/x", &[])).await,
            "calls callee",
        ),
        (
            outbound.call("feed", Request::get("/x", &[])).await,
            "calls feed",
        ),
        (
            outbound
                .reach("evil.example", Request::get("/x", &[]))
                .await,
            "outside evil.example",
        ),
        (
            outbound.reach("callee", Request::get("/x", &[])).await,
            "outside callee",
        ),
    ];
    for (outcome, named) in undeclared {
        let error = outcome.unwrap_err();
        let expected = format!("edge must be declared in the topology: caller {named}");
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.code(), &codes::EDGE_MUST_BE_DECLARED);
    }
    assert_eq!(callee.heard().len(), 0);
    outbound
        .reach("feed", Request::get("/x", &[]))
        .await
        .unwrap();
    assert_eq!(callee.heard().len(), 1);
}

#[tokio::test]
async fn there_is_no_way_out_for_what_is_not_declared_or_has_no_address() {
    let check = async |edges: &Edges, reach: Reach, expected: &str| {
        let refused = world().await.outbound("caller", edges, reach).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    };
    let somewhere = || Address::parse("http://127.0.0.1:9").unwrap();
    let undeclared = Edges {
        outside: &["feed", "evil.example"],
        ..FEED
    };
    let expected = "edge must be declared in the topology: caller outside evil.example";
    check(&undeclared, feed(somewhere(), once()), expected).await;
    let undeclared = Edges {
        calls: &["caller"],
        ..CALLEE
    };
    let expected = "edge must be declared in the topology: caller calls caller";
    check(&undeclared, here(&["caller"]), expected).await;
    let expected = "outside host must have an address in the configuration: caller outside feed";
    check(&FEED, component("callee", somewhere(), once()), expected).await;
    let expected = "component must run here or have an address in the configuration: \
                    caller calls callee";
    check(&CALLEE, feed(somewhere(), once()), expected).await;
}

#[tokio::test]
async fn a_service_starts_only_with_the_way_out_that_its_edges_need() {
    let service = |edges: Edges| Service::new("caller", OpenApiRouter::new()).edges(edges);
    let check = async |service: Service, expected: &str| {
        let refused = world().await.try_start(vec![service]).await;
        let refused = refused.map(drop).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    };
    let expected = "service must be given its way out: caller calls callee";
    check(service(CALLEE), expected).await;
    let expected = "service must be given its way out: caller calls feed";
    check(service(FEED), expected).await;

    let reach = || here(&["callee", "toy"]);
    let outbound = world().await.outbound("caller", &CALLEE, reach()).unwrap();
    let expected = "service must have the way out that was made for its edges: caller";
    let more = Edges {
        calls: &["callee", "toy"],
        ..CALLEE
    };
    check(service(more).outbound(&outbound), expected).await;
    check(service(Edges::default()).outbound(&outbound), expected).await;
    let other = Edges {
        calls: &["toy"],
        ..CALLEE
    };
    check(service(other).outbound(&outbound), expected).await;
    let feeding = feed(Address::parse("http://127.0.0.1:9").unwrap(), once());
    let feeding = world().await.outbound("caller", &FEED, feeding).unwrap();
    check(service(CALLEE).outbound(&feeding), expected).await;
    let theirs = Service::new("toy", OpenApiRouter::new()).outbound(&outbound);
    let expected = "service must have the way out that was made for its edges: toy";
    check(theirs, expected).await;

    let expected = "component must run in this process: caller calls callee";
    check(service(CALLEE).outbound(&outbound), expected).await;
    let callee = Service::new("callee", OpenApiRouter::new());
    let both = vec![service(CALLEE).outbound(&outbound), callee];
    let app = world().await.start(both).await;
    app.get("/livez").send().await.expect(200);
}

#[test]
fn calls_and_outside_hosts_are_the_same_both_ways() {
    let topology = Topology::parse(TOPOLOGY).unwrap();
    let all = Edges {
        calls: &["callee", "toy"],
        ..FEED
    };
    assert_eq!(topology.check("caller", &all), Ok(()));
    assert_eq!(topology.check_used("caller", &all), Ok(()));
    let check = |edges: Edges, used: bool, expected: &str| {
        let checked = match used {
            true => topology.check_used("caller", &edges),
            false => topology.check("caller", &edges),
        };
        assert_eq!(checked.unwrap_err().to_string(), expected);
    };
    let less = Edges {
        calls: &["callee"],
        ..all
    };
    check(less, true, "declared edge must exist: caller calls toy");
    let less = Edges {
        outside: &[],
        ..all
    };
    check(less, true, "declared edge must exist: caller outside feed");
    let more = Edges {
        calls: &["callee", "caller"],
        ..all
    };
    let expected = "edge must be declared in the topology: caller calls caller";
    check(more, false, expected);
    let more = Edges {
        outside: &["feed", "food"],
        ..all
    };
    let expected = "edge must be declared in the topology: caller outside food";
    check(more, false, expected);
}

#[test]
fn an_address_is_a_host_and_at_most_a_path() {
    for good in [
        "http://127.0.0.1:8420",
        "https://feed.example.org",
        "https://feed.example.org:444/v2/prices",
        "http://[::1]:8420",
    ] {
        assert_eq!(Address::parse(good).unwrap().to_string(), good);
        let slash = Address::parse(&format!("{good}/")).unwrap();
        assert_eq!(slash.to_string(), good);
    }
    for bad in [
        "",
        "feed.example.org",
        "//feed.example.org",
        "ftp://feed.example.org",
        "http://",
        "http:///v2",
        "http://user:password@feed.example.org",
        "http://user@feed.example.org",
        "http://feed.example.org?key=1",
        "http://feed.example.org/#x",
        "http://feed.example.org/a/../b",
        "http://feed.example.org//evil.example",
        "http://feed.example.org\\@evil.example",
        "http://feed example.org",
    ] {
        assert!(Address::parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn what_fills_a_path_cannot_leave_its_place() {
    let callee = Callee::start(vec![ok()]).await;
    let outbound = to_feed(&callee, once()).await;
    let nasty = "../../a?b#c%2e d/é\r\nx: y";
    let request = Request::get("/v1/prices/{isin}/on/{day}", &[nasty, "2025-06-02"]);
    let request = request.query("q&", "a=b&c ").query("second", nasty);
    outbound.reach("feed", request).await.unwrap();
    let escaped = "..%2F..%2Fa%3Fb%23c%252e%20d%2F%C3%A9%0D%0Ax%3A%20y";
    let line = format!(
        "GET /v1/prices/{escaped}/on/2025-06-02?q%26=a%3Db%26c%20&second={escaped} HTTP/1.1\r\n"
    );
    assert!(callee.heard()[0].starts_with(&line), "{:?}", callee.heard());

    let long = "x".repeat(9000);
    let refused = [
        (Request::get("/v1/{a}", &[".."]), "must not be empty"),
        (Request::get("/v1/{a}", &["."]), "must not be empty"),
        (Request::get("/v1/{a}", &[""]), "must not be empty"),
        (Request::get("/v1/{a}", &[]), "one value for each gap"),
        (
            Request::get("/v1/{a}", &["x", "y"]),
            "one value for each gap",
        ),
        (Request::get("/v1/{a", &["x"]), "one value for each gap"),
        (Request::get("v1", &[]), "one value for each gap"),
        (Request::get("/v1?a=b", &[]), "one value for each gap"),
        (Request::get("/v1/{a}", &[&long]), "at most 8192 bytes"),
        (Request::post("/v1", &[]).key("a\r\nb"), "idempotency-key"),
        (Request::post("/v1", &[]).key(""), "idempotency-key"),
        (
            Request::post("/v1", &[]).key(&"k".repeat(129)),
            "idempotency-key",
        ),
        (Request::put("/v1", &[]).if_match("a\nb"), "if-match"),
        (
            Request::put("/v1", &[]).json(&"x".repeat(17 << 20)),
            "body must be at most",
        ),
    ];
    for (request, says) in refused {
        let error = outbound.reach("feed", request).await.unwrap_err();
        assert_eq!(error.code(), &codes::CALL_MUST_BE_WELL_FORMED);
        assert!(matches!(error, CallError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error} {says}");
    }
    assert_eq!(callee.heard().len(), 1);
}

#[tokio::test]
async fn a_network_whose_process_does_not_serve_says_so() {
    let outbound = world().await.outbound("caller", &CALLEE, here(&["callee"]));
    let error = outbound
        .unwrap()
        .call("callee", Request::post("/x", &[]))
        .await
        .unwrap_err();
    let CallError::Unavailable { trouble, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(trouble, Trouble::NotServing);
}
