//! Problem documents: the form of RFC 9457, and nothing of a server's inside.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use kit::codes;
use kit::id::IdSource;
use kit::random::SeededRandom;
use kit::time::{ManualClock, Timestamp};
use serde_json::{Value, json};
use web::{Problem, RequestId};

fn id() -> RequestId {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1)));
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", "r-1".parse().unwrap());
    RequestId::of(
        &headers,
        &IdSource::new(clock, Arc::new(SeededRandom::new(1))),
    )
}

async fn document(response: Response) -> Value {
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 16)
        .await
        .unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_problem_has_every_member_and_the_request_id() {
    let code = &codes::BODY_MUST_MATCH_SCHEMA;
    let problem = Problem::new(code)
        .detail("no")
        .field("/a", &codes::FIELD_MUST_BE_KNOWN, "what");
    let response = web::problem::complete(problem.into_response(), &id());
    assert_eq!(response.status(), 422);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let expected = json!({
        "type": "urn:florin:problem:body_must_match_schema",
        "title": code.title,
        "status": 422,
        "code": "body_must_match_schema",
        "detail": "no",
        "remedy": code.remedy,
        "instance": "r-1",
        "errors": [{"pointer": "/a", "code": "field_must_be_known", "detail": "what"}],
    });
    assert_eq!(document(response).await, expected);
}

#[tokio::test]
async fn a_server_error_shows_nothing_of_its_inside() {
    let problem = Problem::new(&codes::INTERNAL_ERROR)
        .detail("password=hunter2")
        .field("/x", &codes::INTERNAL_ERROR, "password=hunter2");
    let response = web::problem::complete(problem.into_response(), &id());
    assert!(!document(response).await.to_string().contains("hunter2"));
}

#[tokio::test]
async fn any_error_answer_becomes_a_problem() {
    let cases = [
        (404, "route_must_exist"),
        (405, "method_must_be_allowed"),
        (413, "body_must_fit_limit"),
        (415, "content_type_must_be_supported"),
        (400, "request_must_be_well_formed"),
        (422, "request_must_be_well_formed"),
        (500, "internal_error"),
        (502, "internal_error"),
        (503, "load_must_be_within_limit"),
        (504, "request_must_end_in_time"),
    ];
    for (status, code) in cases {
        let bare = (StatusCode::from_u16(status).unwrap(), "inside: hunter2").into_response();
        let response = web::problem::complete(bare, &id());
        let shown = response.status().as_u16();
        let document = document(response).await;
        assert_eq!(document["code"], code, "{status}");
        assert_eq!(document["status"], shown);
        assert!(!document.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn other_answers_pass_unchanged() {
    let response = web::problem::complete((StatusCode::CREATED, "made").into_response(), &id());
    assert_eq!(response.status(), 201);
    assert_eq!(
        axum::body::to_bytes(response.into_body(), 64)
            .await
            .unwrap(),
        "made"
    );
}

#[test]
fn headers_of_a_problem_reach_the_answer() {
    let problem = Problem::new(&codes::LOAD_MUST_BE_WITHIN_LIMIT)
        .header(header::RETRY_AFTER, "1".parse().unwrap());
    assert_eq!(problem.into_response().headers()[header::RETRY_AFTER], "1");
}
