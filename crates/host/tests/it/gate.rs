//! Who comes in: every role against every route, every wrong token, every refusal recorded.

use std::sync::Arc;

use host::Service;
use kit::time::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use store::{AuditState, Schema, Store};
use testkit::{START, TestApp};
use web::{Grant, LOCAL_ISSUER, Role};

use crate::toy;

const SCHEMA: Schema = Schema {
    service: "toy",
    sqlite: &[],
    postgres: &[],
    statements: &[],
};

/// The toy's table once more, as an auditor would write it down.
fn may(role: Role, method: &Method) -> bool {
    match *method {
        Method::GET => matches!(role, Role::Operator | Role::Auditor | Role::Customer),
        Method::POST => matches!(role, Role::Operator | Role::Service),
        _ => role == Role::Admin,
    }
}

#[tokio::test]
async fn every_role_reaches_its_routes_and_no_others() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    for role in Role::ALL {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let call = app
                .call(method.clone(), "/toy/v1/things")
                .caller(role, "somebody");
            let call = if method == Method::POST {
                call.json(&json!({"name": "x"}))
            } else {
                call
            };
            let answer = call.send().await;
            if may(role, &method) {
                assert!(answer.status < 300, "{role} {method}: {}", answer.text);
            } else {
                assert_eq!(answer.code(), "role_not_allowed", "{role} {method}");
                let _ = answer.expect(403);
            }
        }
    }
}

#[tokio::test]
async fn a_machine_client_comes_in_by_its_scope() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    let token = |scope: &str| {
        app.mint(&Grant {
            subject: "robot".into(),
            roles: Vec::new(),
            scopes: vec![scope.to_owned()],
            audience: "florin".into(),
            lifetime: std::time::Duration::from_secs(60),
        })
    };
    let delete = |scope| {
        app.call(Method::DELETE, "/toy/v1/things")
            .token(&token(scope))
            .send()
    };
    delete("toy.delete").await.expect(204);
    delete("toy.read").await.expect(403);
}

fn claims(changes: &Value) -> Value {
    let now_s = START.micros() / 1_000_000;
    let mut claims = json!({
        "iss": LOCAL_ISSUER, "sub": "alice", "aud": "florin", "iat": now_s,
        "exp": now_s + 600, "roles": ["operator"],
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn tampered(token: &str) -> String {
    let (rest, _) = token.rsplit_once('.').unwrap();
    format!("{rest}.AAAA")
}

#[tokio::test]
async fn every_wrong_token_is_a_401_with_a_challenge() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    let now_s = START.micros() / 1_000_000;
    let sign = |changes: Value| app.issuer().sign(&claims(&changes)).unwrap();
    let good = sign(json!({}));
    let stranger = web::TokenIssuer::new(&kit::random::SeededRandom::new(99), app.world.clock());
    let stranger = stranger.unwrap().sign(&claims(&json!({}))).unwrap();
    // {"alg":"none"} and {"alg":"HS256"} with the kid of the real key.
    let body = good.split('.').nth(1).unwrap();
    let cases = [
        ("x".to_owned(), "token_malformed"),
        ("x".repeat(9000), "token_too_long"),
        (
            sign(json!({"iss": "https://elsewhere"})),
            "token_issuer_wrong",
        ),
        (stranger, "token_key_unknown"),
        (format!("eyJhbGciOiJub25lIn0.{body}."), "token_key_unknown"),
        (tampered(&good), "token_signature_invalid"),
        (sign(json!({"exp": now_s - 30})), "token_expired"),
        (sign(json!({"nbf": now_s + 31})), "token_not_yet_valid"),
        (
            sign(json!({"exp": now_s + 90_000})),
            "token_lifetime_too_long",
        ),
        (sign(json!({"aud": "elsewhere"})), "token_audience_wrong"),
        (sign(json!({"roles": ["service"]})), "token_audience_wrong"),
        (
            sign(json!({"roles": ["service"], "aud": "other"})),
            "token_audience_wrong",
        ),
    ];
    for (token, code) in cases {
        let answer = app
            .get("/toy/v1/things")
            .token(&token)
            .send()
            .await
            .expect(401);
        assert_eq!(answer.code(), code);
        let challenge = "Bearer realm=\"florin\", error=\"invalid_token\"";
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    let answer = app.get("/toy/v1/things").send().await.expect(401);
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"florin\"");
    app.get("/toy/v1/things")
        .token(&good)
        .send()
        .await
        .expect(200);
}

async fn stored() -> (TestApp, Store) {
    let world = toy::world().await;
    let store = Store::open(&world.database, &SCHEMA, &[]).await.unwrap();
    let clock: Arc<dyn Clock> = world.clock();
    let service: Service = toy::service().stored(&store, &clock);
    (world.start(vec![service]).await, store)
}

async fn audited(store: &Store) -> u64 {
    match store.verify_audit().await.unwrap() {
        AuditState::Intact { rows, .. } => rows,
        broken => panic!("{broken:?}"),
    }
}

#[tokio::test]
async fn a_403_is_in_the_audit_log_before_it_is_answered() {
    let (app, store) = stored().await;
    app.get("/toy/v1/wait")
        .caller(Role::Customer, "mallory")
        .send()
        .await
        .expect(403);
    assert_eq!(audited(&store).await, 1);
}

#[tokio::test]
async fn a_flood_of_401_is_a_row_when_it_is_flushed() {
    let (app, store) = stored().await;
    for _ in 0..100 {
        app.get("/toy/v1/things").send().await.expect(401);
    }
    assert_eq!(audited(&store).await, 0);
    app.fire("host.denials").await.unwrap();
    assert_eq!(audited(&store).await, 1);
}

#[tokio::test]
async fn what_was_only_counted_is_written_when_the_host_stops() {
    let (app, store) = stored().await;
    app.get("/toy/v1/things").send().await.expect(401);
    app.stop().await;
    assert_eq!(audited(&store).await, 1);
}

#[tokio::test]
async fn if_the_audit_log_is_gone_the_refusal_stands() {
    let (app, _store) = stored().await;
    if let store::Database::Sqlite(file) = &app.world.database {
        file.close().await;
    }
    app.get("/toy/v1/wait")
        .caller(Role::Customer, "mallory")
        .send()
        .await
        .expect(403);
}

#[tokio::test]
async fn nothing_is_open_but_the_probes_and_the_keys() {
    let app = toy::world().await.start(vec![toy::service()]).await;
    for (method, path) in web::access::OPEN {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        app.call(method, path).send().await.expect(200);
    }
    for (method, path) in app.world.access.rows().map(|(route, _)| route) {
        let path = path.replace("{*path}", "x");
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        app.call(method, &path).send().await.expect(401);
    }
}
