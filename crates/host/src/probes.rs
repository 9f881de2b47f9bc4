//! The open endpoints: liveness, readiness, metrics, public keys.
//!
//! Promises: `/livez` answers as long as the process serves, whatever its databases do; `/readyz`
//! is 200 only if every check of every service passes within two seconds and nobody asked the
//! process to stop, else 503 with the names of what fails. They answer nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use kit::codes;
use telemetry::Metrics;
use web::Problem;

use crate::service::Service;

/// How long a readiness check may take: less than the usual timeout of a probe.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Checks {
    checks: Arc<Vec<(String, crate::service::Work)>>,
    draining: Arc<AtomicBool>,
}

/// The probes and, if there are any, the public keys.
pub(crate) fn router(
    services: &[Service],
    jwks: Option<String>,
    draining: Arc<AtomicBool>,
) -> Router {
    let mut checks = Vec::new();
    for service in services {
        for readiness in &service.readiness {
            checks.push((
                format!("{}.{}", service.name, readiness.name),
                readiness.check.clone(),
            ));
        }
    }
    let state = Checks {
        checks: Arc::new(checks),
        draining,
    };
    let mut router = Router::new()
        .route("/livez", get(|| async { "live\n" }))
        .route("/readyz", get(readyz))
        .with_state(state);
    if let Some(jwks) = jwks {
        let answer = move || async move { ([(header::CONTENT_TYPE, "application/json")], jwks) };
        router = router.route("/.well-known/jwks.json", get(answer));
    }
    router
}

/// The metrics, for the public listener on loopback or for a listener of their own.
pub(crate) fn metrics_router(metrics: Metrics) -> Router {
    let answer = move || async move {
        (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            metrics.render(),
        )
    };
    Router::new().route("/metrics", get(answer))
}

async fn readyz(State(state): State<Checks>) -> Result<impl IntoResponse, Problem> {
    if state.draining.load(Ordering::Acquire) {
        return Err(Problem::new(&codes::SERVICE_MUST_NOT_BE_DRAINING));
    }
    let mut problem: Option<Problem> = None;
    for (name, check) in state.checks.iter() {
        let outcome = tokio::time::timeout(CHECK_TIMEOUT, check()).await;
        let error = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the check took too long".to_owned(),
        };
        tracing::warn!(check = name, error, "not ready");
        let so_far = problem.unwrap_or_else(|| Problem::new(&codes::SERVICE_MUST_BE_READY));
        problem = Some(so_far.field(name, &codes::SERVICE_MUST_BE_READY, "must be ready"));
    }
    problem.map_or(Ok("ready\n"), Err)
}
