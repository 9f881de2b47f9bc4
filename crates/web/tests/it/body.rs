//! Bodies are read strictly; what is wrong is named by its JSON pointer.

use axum::extract::{FromRequest as _, Request};
use axum::http::header;
use serde::Deserialize;
use serde_json::Value;
use web::{Body, BulkBody, Problem, RequestId};

/// A wire type that forgot `deny_unknown_fields`: strictness must not depend on it.
#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only whether it can be read matters")]
struct Order {
    amount: i64,
    note: Option<String>,
    #[serde(default)]
    lines: Vec<Line>,
    kind: Option<Kind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only whether it can be read matters")]
struct Line {
    quantity: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code, reason = "only whether it can be read matters")]
enum Kind {
    Sale { price: i64 },
}

fn request(media_type: Option<&str>, body: impl Into<axum::body::Body>) -> Request {
    let mut builder = Request::builder().method("POST").uri("/");
    if let Some(media_type) = media_type {
        builder = builder.header(header::CONTENT_TYPE, media_type);
    }
    builder.body(body.into()).unwrap()
}

async fn document(problem: Problem) -> Value {
    let ids = kit::id::IdSource::new(
        std::sync::Arc::new(kit::time::SystemClock),
        std::sync::Arc::new(kit::random::SystemRandom),
    );
    let id = RequestId::of(&axum::http::HeaderMap::new(), &ids);
    let response = axum::response::IntoResponse::into_response(problem);
    let response = web::problem::complete(response, &id);
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[track_caller]
fn check(document: &Value, status: u16, code: &str, pointer: &str, field: &str) {
    assert_eq!(document["status"], status, "{document}");
    assert_eq!(document["code"], code, "{document}");
    assert_eq!(document["errors"][0]["pointer"], pointer, "{document}");
    assert_eq!(document["errors"][0]["code"], field, "{document}");
}

#[tokio::test]
async fn a_body_that_fits_is_read_with_its_bytes() {
    let text = r#"{"amount": 5, "lines": [{"quantity": 2}], "kind": {"sale": {"price": 7}}}"#;
    let body = Body::<Order>::from_request(request(Some("application/json"), text), &()).await;
    let body = body.unwrap();
    assert_eq!(body.value.amount, 5);
    assert_eq!(body.bytes, text.as_bytes());
}

/// The refusal of a body, which is the same whichever way it is taken.
async fn refused(text: &str) -> Value {
    let sent = || request(Some("application/json"), text.to_owned());
    let one = Body::<Order>::from_request(sent(), &()).await;
    let bulk = BulkBody::<Order>::from_request(sent(), &()).await;
    let mut documents = [
        document(one.unwrap_err()).await,
        document(bulk.unwrap_err()).await,
    ];
    for document in &mut documents {
        document["instance"].take();
    }
    let [one, bulk] = documents;
    assert_eq!(one, bulk);
    one
}

#[tokio::test]
async fn a_wrong_field_is_named_by_its_pointer() {
    let (known, present) = ("field_must_be_known", "field_must_be_present");
    let (repeat, matching) = ("field_must_not_repeat", "field_must_match_schema");
    let cases = [
        (r#"{"amount":1,"extra":2}"#, "/extra", known),
        (r#"{"amount":1,"a/b~c":2}"#, "/a~1b~0c", known),
        (
            r#"{"amount":1,"lines":[{"quantity":1},{"quantity":1,"x":1}]}"#,
            "/lines/1/x",
            known,
        ),
        (
            r#"{"amount":1,"kind":{"sale":{"price":1,"tip":2}}}"#,
            "/kind/sale/tip",
            known,
        ),
        (r#"{"note":"x"}"#, "/amount", present),
        (r#"{"amount":1,"lines":[{}]}"#, "/lines/0/quantity", present),
        (r#"{"amount":1,"amount":2}"#, "/amount", repeat),
        (r#"{"amount":"1"}"#, "/amount", matching),
        (r#"{"amount":1.5}"#, "/amount", matching),
        (
            r#"{"amount":1,"lines":[{"quantity":-1}]}"#,
            "/lines/0/quantity",
            matching,
        ),
        (r#"[1]"#, "", matching),
    ];
    for (text, pointer, field) in cases {
        check(
            &refused(text).await,
            422,
            "body_must_match_schema",
            pointer,
            field,
        );
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_without_repeating_the_value() {
    for (text, expected) in [
        ("4111111111111111", "expected struct Order"),
        (r#"{"amount":"4111111111111111"}"#, "expected i64"),
        (
            r#"{"amount":"a, expected 4111111111111111"}"#,
            "expected i64",
        ),
        (
            r#"{"amount":1,"kind":{"4111111111111111":{}}}"#,
            "expected `sale`",
        ),
        (
            r#"{"amount":1,"lines":[{"quantity":4111111111111111}]}"#,
            "expected u32",
        ),
    ] {
        let document = refused(text).await;
        let detail = document["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with(expected), "{text}: {detail}");
        assert!(!document.to_string().contains("4111"), "{document}");
    }
}

#[tokio::test]
async fn text_that_is_not_json_is_named_by_the_pointer_reached() {
    let cases = [
        (r#"{"amount":}"#, "/amount"),
        (r#"{"amount":1"#, ""),
        (r#"{"amount":1} {}"#, ""),
        ("", ""),
        ("{\"note\":\"\u{0}\"}", "/note"),
    ];
    for (text, pointer) in cases {
        let code = "body_must_be_json";
        check(&refused(text).await, 400, code, pointer, code);
    }
}

#[tokio::test]
async fn nesting_is_bounded() {
    #[derive(Debug, Deserialize)]
    struct Any {
        #[allow(dead_code, reason = "only whether it can be read matters")]
        deep: Value,
    }
    let text = format!("{{\"deep\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let request = request(Some("application/json"), text);
    let problem = Body::<Any>::from_request(request, &()).await.unwrap_err();
    assert_eq!(problem.code().name, "body_must_be_json");
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused() {
    let bytes = b"{\"note\":\"\xff\",\"amount\":1}".to_vec();
    let request = request(Some("application/json"), bytes);
    let problem = Body::<Order>::from_request(request, &()).await.unwrap_err();
    assert_eq!(problem.status().as_u16(), 400);
}

#[tokio::test]
async fn another_media_type_is_refused() {
    let refused = [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("json"),
    ];
    let latin = [Some("application/json; charset=latin1")];
    for media_type in refused.into_iter().chain(latin) {
        let sent = || request(media_type, r#"{"amount":1}"#);
        let problem = Body::<Order>::from_request(sent(), &()).await.unwrap_err();
        assert_eq!(problem.status().as_u16(), 415, "{media_type:?}");
        let problem = BulkBody::<Order>::from_request(sent(), &()).await;
        assert_eq!(problem.unwrap_err().status().as_u16(), 415);
    }
    for media_type in [
        "application/json",
        "Application/JSON; charset=\"UTF-8\"",
        "application/merge-patch+json",
    ] {
        let request = request(Some(media_type), r#"{"amount":1}"#);
        assert!(
            Body::<Order>::from_request(request, &()).await.is_ok(),
            "{media_type}"
        );
    }
}

fn padded(bytes: usize) -> String {
    let frame = r#"{"amount":1,"note":""}"#.len();
    format!(r#"{{"amount":1,"note":"{}"}}"#, "x".repeat(bytes - frame))
}

#[tokio::test]
async fn a_body_is_bounded_with_and_without_a_declared_length() {
    let bytes_max = kit::limits::BODY_BYTES_MAX;
    let fits = request(Some("application/json"), padded(bytes_max));
    assert!(Body::<Order>::from_request(fits, &()).await.is_ok());
    let over = request(Some("application/json"), padded(bytes_max + 1));
    let problem = Body::<Order>::from_request(over, &()).await.unwrap_err();
    assert_eq!(problem.code().name, "body_must_fit_limit");
    let mut declared = request(Some("application/json"), "{}");
    let length = (bytes_max + 1).into();
    declared
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    let problem = Body::<Order>::from_request(declared, &())
        .await
        .unwrap_err();
    assert_eq!(problem.code().name, "body_must_fit_limit");
    let bulk = request(Some("application/json"), padded(bytes_max + 1));
    assert!(BulkBody::<Order>::from_request(bulk, &()).await.is_ok());
    let bytes_max = kit::limits::BULK_BODY_BYTES_MAX;
    let over = request(Some("application/json"), padded(bytes_max + 1));
    let problem = BulkBody::<Order>::from_request(over, &()).await;
    assert_eq!(problem.unwrap_err().code().name, "body_must_fit_limit");
}
