//! Requests that are not asked rightly.

use kit::codes;
use reqwest::Method;
use serde_json::json;
use testkit::{Call, TestApp};

use super::{OPERATOR, Seen, provoked};

const THINGS: &str = "/faults/v1/things";

fn post(app: &TestApp) -> Call<'_> {
    app.post(THINGS).caller(OPERATOR.0, OPERATOR.1)
}

fn get<'a>(app: &'a TestApp, rest: &str) -> Call<'a> {
    app.get(&format!("{THINGS}{rest}"))
        .caller(OPERATOR.0, OPERATOR.1)
}

pub async fn refused(app: &TestApp, seen: &mut Seen) {
    let put = |path: &str| app.call(Method::PUT, path).caller(OPERATOR.0, OPERATOR.1);
    let one = format!("{THINGS}/1");
    let elsewhere = get(app, "/and/elsewhere");
    seen.refused(elsewhere, &codes::ROUTE_MUST_EXIST).await;
    seen.refused(put(THINGS), &codes::METHOD_MUST_BE_ALLOWED)
        .await;
    let long = get(app, &format!("?{}", "x".repeat(9000)));
    seen.refused(long, &codes::TARGET_MUST_FIT_LIMIT).await;
    let unknown = provoked(app, "earthquake");
    seen.refused(unknown, &codes::PATH_MUST_MATCH_SCHEMA).await;
    let query = get(app, "?page=2");
    seen.refused(query, &codes::QUERY_MUST_MATCH_SCHEMA).await;
    let none = get(app, "?limit=0");
    seen.refused(none, &codes::PAGE_LIMIT_MUST_BE_IN_RANGE)
        .await;
    let cursor = get(app, "?cursor=!");
    seen.refused(cursor, &codes::CURSOR_MUST_BE_VALID).await;
    seen.refused(put(&one), &codes::VERSION_MUST_BE_STATED)
        .await;
    let malformed = put(&one).header("if-match", "seven");
    seen.refused(malformed, &codes::REQUEST_MUST_BE_WELL_FORMED)
        .await;
    let other = put(&one).header("if-match", "\"7\"");
    seen.refused(other, &codes::VERSION_MUST_MATCH).await;
    bodies(app, seen).await;
    keys(app, seen).await;
}

async fn bodies(app: &TestApp, seen: &mut Seen) {
    let json = |body: &str| post(app).key("1").body("application/json", body);
    let plain = post(app).key("1").body("text/plain", "x");
    seen.refused(plain, &codes::CONTENT_TYPE_MUST_BE_SUPPORTED)
        .await;
    let large = json(&" ".repeat((1 << 20) + 1));
    seen.refused(large, &codes::BODY_MUST_FIT_LIMIT).await;
    seen.refused(json("{"), &codes::BODY_MUST_BE_JSON).await;
    // Each has the code of its field beside that of the body.
    for body in [
        r#"{"id": 1, "body": "x", "size": 3}"#,
        r#"{"id": 1}"#,
        r#"{"id": 1, "id": 2, "body": "x"}"#,
        r#"{"id": "one", "body": "x"}"#,
    ] {
        seen.refused(json(body), &codes::BODY_MUST_MATCH_SCHEMA)
            .await;
    }
}

async fn keys(app: &TestApp, seen: &mut Seen) {
    let thing = json!({ "id": 1, "body": "x" });
    let none = post(app).json(&thing);
    seen.refused(none, &codes::IDEMPOTENCY_KEY_MUST_BE_PRESENT)
        .await;
    let long = post(app).key(&"k".repeat(129)).json(&thing);
    seen.refused(long, &codes::IDEMPOTENCY_KEY_MUST_BE_WELL_FORMED)
        .await;
    post(app).key("1").json(&thing).send().await.expect(201);
    let other = post(app).key("1").json(&json!({ "id": 2, "body": "x" }));
    seen.refused(other, &codes::IDEMPOTENCY_KEY_REUSED).await;
}
