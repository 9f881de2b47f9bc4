//! Refusals are recorded: one by one where somebody is known, counted where nobody is.

use std::sync::{Arc, Mutex};

use axum::http::Request;
use axum::http::request::Parts;
use kit::random::SeededRandom;
use kit::time::{ManualClock, Timestamp};
use web::{
    AccessTable, Denial, DenialLog, DenialSink, Gate, Grant, Role, TokenIssuer, TokenVerifier,
};

const TABLE: &str = r#"
[[route]]
method = "GET"
path = "/toy/v1/x"
roles = ["operator"]
"#;

#[derive(Clone, Default)]
struct Sink {
    written: Arc<Mutex<Vec<Denial>>>,
    broken: Arc<Mutex<bool>>,
}

impl Sink {
    fn sink(&self) -> DenialSink {
        let own = self.clone();
        Arc::new(move |denial| {
            let own = own.clone();
            Box::pin(async move {
                if *own.broken.lock().unwrap() {
                    return Err("the database must be there".to_owned());
                }
                own.written.lock().unwrap().push(denial);
                Ok(())
            })
        })
    }
}

fn gate(sink: &Sink) -> (Gate, TokenIssuer) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(0)));
    let issuer = TokenIssuer::new(&SeededRandom::new(1), clock.clone()).unwrap();
    let trusted = vec![issuer.trusted().unwrap()];
    let verifier = TokenVerifier::new(trusted, vec!["florin".into()], clock.clone());
    let table = Box::leak(Box::new(AccessTable::parse(TABLE).unwrap()));
    (
        Gate::new(verifier, table, DenialLog::new(sink.sink(), clock)),
        issuer,
    )
}

fn parts(authorization: Option<&str>) -> Parts {
    let mut request = Request::get("/toy/v1/x");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    request.body(()).unwrap().into_parts().0
}

#[tokio::test]
async fn a_flood_of_unknown_callers_is_one_row_per_reason() {
    let sink = Sink::default();
    let (gate, _) = gate(&sink);
    for _ in 0..1000 {
        gate.admit(&parts(None), "/toy/v1/x").await.unwrap_err();
        gate.admit(&parts(Some("Bearer x")), "/toy/v1/x")
            .await
            .unwrap_err();
    }
    assert!(sink.written.lock().unwrap().is_empty());
    gate.denials().flush().await.unwrap();
    let mut written = sink.written.lock().unwrap().clone();
    written.sort_by_key(|denial| denial.code);
    let rows: Vec<_> = written
        .iter()
        .map(|row| (row.route.as_str(), row.code, row.count))
        .collect();
    let expected = [
        ("GET /toy/v1/x", "token_malformed", 1000),
        ("GET /toy/v1/x", "token_missing", 1000),
    ];
    assert_eq!(rows, expected);
    gate.denials().flush().await.unwrap();
    assert_eq!(sink.written.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_known_caller_is_written_before_the_answer() {
    let sink = Sink::default();
    let (gate, issuer) = gate(&sink);
    let grant = Grant {
        subject: "mallory".into(),
        roles: vec![Role::Customer],
        scopes: Vec::new(),
        audience: "florin".into(),
        lifetime: std::time::Duration::from_secs(60),
    };
    let token = format!("Bearer {}", issuer.mint(&grant).unwrap());
    let problem = gate
        .admit(&parts(Some(&token)), "/toy/v1/x")
        .await
        .unwrap_err();
    assert_eq!(problem.code().name, "role_not_allowed");
    let written = sink.written.lock().unwrap().clone();
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].subject.as_deref(), Some("mallory"));
    assert_eq!(written[0].code, "role_not_allowed");
}

#[tokio::test]
async fn a_sink_that_fails_changes_no_refusal_and_loses_no_count() {
    let sink = Sink::default();
    let (gate, _) = gate(&sink);
    *sink.broken.lock().unwrap() = true;
    gate.admit(&parts(None), "/toy/v1/x").await.unwrap_err();
    gate.denials().flush().await.unwrap_err();
    gate.admit(&parts(None), "/toy/v1/x").await.unwrap_err();
    *sink.broken.lock().unwrap() = false;
    gate.denials().flush().await.unwrap();
    assert_eq!(sink.written.lock().unwrap()[0].count, 2);
}
