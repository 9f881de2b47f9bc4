//! Request ids, entity tags and idempotency keys.

use std::sync::Arc;

use axum::extract::FromRequestParts as _;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use axum::response::IntoResponse as _;
use kit::id::IdSource;
use kit::name::Subject;
use kit::random::SeededRandom;
use kit::time::{ManualClock, Timestamp};
use web::{Etag, IdempotencyKey, IfMatch, Principal, PrincipalKind, RequestId};

fn ids() -> IdSource {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1)));
    IdSource::new(clock, Arc::new(SeededRandom::new(1)))
}

fn headers(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    headers
}

#[test]
fn a_well_formed_request_id_is_kept_and_any_other_replaced() {
    let kept = "0af7651916cd43dd8448eb211c80319c.A_z-9";
    let id = RequestId::of(&headers("x-request-id", kept), &ids());
    assert_eq!(id.as_str(), kept);
    for sent in ["", "a b", "a\"b", "{x}", &"x".repeat(65)] {
        let id = RequestId::of(&headers("x-request-id", sent), &ids());
        assert!(id.as_str().starts_with("req_"), "{sent}: {}", id.as_str());
    }
    assert!(
        RequestId::of(&HeaderMap::new(), &ids())
            .as_str()
            .starts_with("req_")
    );
}

fn parts(headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::post("/toy/v1/x?y=1");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut parts = request.body(()).unwrap().into_parts().0;
    parts.extensions.insert(Principal {
        subject: Subject::parse("alice").unwrap(),
        kind: PrincipalKind::Person,
        roles: Default::default(),
        scopes: Default::default(),
    });
    parts
}

async fn if_match(values: &[&str]) -> Result<IfMatch, &'static str> {
    let headers: Vec<_> = values.iter().map(|value| ("if-match", *value)).collect();
    IfMatch::from_request_parts(&mut parts(&headers), &())
        .await
        .map_err(|it| it.code().name)
}

#[tokio::test]
async fn an_update_says_which_version_it_has_seen() {
    assert_eq!(if_match(&["\"7\""]).await, Ok(IfMatch::Version(7)));
    assert_eq!(if_match(&["*"]).await, Ok(IfMatch::Any));
    assert_eq!(if_match(&[]).await, Err("version_must_be_stated"));
    for wrong in ["7", "W/\"7\"", "\"7\", \"8\"", "\"\"", "\"x\""] {
        assert_eq!(
            if_match(&[wrong]).await,
            Err("request_must_be_well_formed"),
            "{wrong}"
        );
    }
    assert_eq!(
        if_match(&["\"7\"", "\"8\""]).await,
        Err("request_must_be_well_formed")
    );
    assert!(IfMatch::Version(7).check(7).is_ok());
    assert!(IfMatch::Any.check(7).is_ok());
    assert_eq!(
        IfMatch::Version(7).check(8).unwrap_err().status().as_u16(),
        412
    );
}

#[test]
fn an_etag_is_a_quoted_version() {
    let response = (Etag(7), "x").into_response();
    assert_eq!(response.headers()["etag"], "\"7\"");
}

async fn key(values: &[&str]) -> Result<IdempotencyKey, &'static str> {
    let headers: Vec<_> = values
        .iter()
        .map(|value| ("idempotency-key", *value))
        .collect();
    let key = IdempotencyKey::from_request_parts(&mut parts(&headers), &()).await;
    key.map_err(|it| it.code().name)
}

#[tokio::test]
async fn a_write_has_one_plain_key_of_its_caller_and_route() {
    let good = key(&["k-1"]).await.unwrap();
    assert_eq!(good.principal.as_str(), "alice");
    assert_eq!(good.route, "POST /toy/v1/x");
    assert_eq!(good.key, "k-1");
    assert!(key(&[&"x".repeat(128)]).await.is_ok());
    assert_eq!(
        key(&[]).await.unwrap_err(),
        "idempotency_key_must_be_present"
    );
    let malformed = "idempotency_key_must_be_well_formed";
    for wrong in ["", "a b", &"x".repeat(129)] {
        assert_eq!(key(&[wrong]).await.unwrap_err(), malformed, "{wrong}");
    }
    assert_eq!(key(&["a", "a"]).await.unwrap_err(), malformed);
}

#[tokio::test]
async fn without_a_verified_token_there_is_no_principal() {
    let mut parts = Request::get("/").body(()).unwrap().into_parts().0;
    let problem = Principal::from_request_parts(&mut parts, &())
        .await
        .unwrap_err();
    assert_eq!(problem.code().name, "token_missing");
}
