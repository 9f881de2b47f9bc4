//! What happens around every request.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use testkit::together;
use web::Role;

use crate::toy::{self, Waiting};

#[tokio::test]
async fn every_refusal_is_a_problem_with_the_request_id() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    let things = "/toy/v1/things";
    let put = app
        .call(Method::PUT, things)
        .caller(Role::Operator, "alice");
    let options = app.call(Method::OPTIONS, things);
    let post = || app.post(things).caller(Role::Operator, "alice");
    let cases = [
        (app.get("/"), 404, "route_must_exist"),
        (app.get("/toy/v1/other"), 404, "route_must_exist"),
        (app.get("/toy/v1/things/"), 404, "route_must_exist"),
        (put, 405, "method_must_be_allowed"),
        (options, 405, "method_must_be_allowed"),
        (app.get(things), 401, "token_missing"),
        (
            post().body("text/plain", "x"),
            415,
            "content_type_must_be_supported",
        ),
        (
            post().body("application/json", "{"),
            400,
            "body_must_be_json",
        ),
        (
            post().json(&json!({"name": "x", "y": 1})),
            422,
            "body_must_match_schema",
        ),
        (
            post().body("application/json", vec![b' '; (1 << 20) + 1]),
            413,
            "body_must_fit_limit",
        ),
        (
            app.get(&format!("/{}", "x".repeat(9000))),
            414,
            "target_must_fit_limit",
        ),
    ];
    for (index, (call, status, code)) in cases.into_iter().enumerate() {
        let id = format!("request-{index}");
        let answer = call.header("x-request-id", &id).send().await.expect(status);
        assert_eq!(answer.code(), code);
        assert_eq!(answer.json["status"], status);
        assert_eq!(answer.json["instance"], id);
        assert_eq!(answer.header("x-request-id"), id);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_wrong_method_hears_which_are_right() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    let answer = app
        .call(Method::PUT, "/toy/v1/things")
        .send()
        .await
        .expect(405);
    assert_eq!(answer.header("allow"), "GET, POST, DELETE, HEAD");
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    app.call(Method::HEAD, "/toy/v1/things")
        .send()
        .await
        .expect(401);
    let call = app
        .call(Method::HEAD, "/toy/v1/things")
        .caller(Role::Auditor, "ann");
    assert_eq!(call.send().await.expect(200).text, "");
}

#[tokio::test]
async fn a_panic_is_a_500_without_its_words_and_the_service_goes_on() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    let answer = app
        .get("/toy/v1/panic")
        .caller(Role::Operator, "alice")
        .send()
        .await;
    assert_eq!(answer.code(), "internal_error");
    let answer = answer.expect(500);
    assert!(!answer.text.contains("4111"), "{}", answer.text);
    app.get("/toy/v1/things")
        .caller(Role::Operator, "alice")
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_answered_all_the_same() {
    let mut world = toy::world().await;
    world.settings.request_timeout = Duration::from_millis(20);
    let app = world.start(vec![toy::service()]).await;
    let answer = app
        .get("/toy/v1/wait")
        .caller(Role::Operator, "alice")
        .send()
        .await
        .expect(504);
    assert_eq!(answer.code(), "request_must_end_in_time");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn beyond_the_limit_requests_are_shed_and_probes_are_not() {
    let mut world = toy::world().await;
    world.settings.requests_max = 1;
    let waiting = Waiting::default();
    let app = world.start(vec![toy::waiting(&waiting)]).await;
    let long = app
        .get("/toy/v1/wait")
        .caller(Role::Operator, "alice")
        .send();
    let others = async {
        waiting.entered.notified().await;
        let shed = app
            .get("/toy/v1/things")
            .caller(Role::Operator, "alice")
            .send()
            .await;
        let probes =
            together(["/livez", "/readyz", "/metrics"].map(|path| app.get(path).send())).await;
        waiting.release.notify_one();
        (shed, probes)
    };
    let (long, (shed, probes)) = tokio::join!(long, others);
    assert_eq!(long.expect(200).text, "waited");
    assert_eq!(shed.code(), "load_must_be_within_limit");
    assert_eq!(shed.expect(503).header("retry-after"), "1");
    assert!(probes.iter().all(|probe| probe.status == 200));
    app.get("/toy/v1/things")
        .caller(Role::Operator, "alice")
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn http2_is_served_on_the_same_port() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    let client = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let response = client
        .get(format!("{}/livez", app.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    use tokio::io::AsyncReadExt as _;
    let mut world = toy::world().await;
    world.settings.head_timeout = Duration::from_millis(20);
    let app = world.start(vec![toy::service()]).await;
    let mut stream = tokio::net::TcpStream::connect(app.running().address())
        .await
        .unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /livez HTTP/1.1\r\n")
        .await
        .unwrap();
    let mut rest = Vec::new();
    // It ends: with an answer that says the head took too long, or with nothing.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!String::from_utf8_lossy(&rest).contains("live"));
}
