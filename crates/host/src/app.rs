//! All routes of the process behind one gate and one pipeline.
//!
//! Promises: services' routes are behind the gate, open endpoints are exactly
//! [`web::access::OPEN`]; a route without a row, two services of one name and a route outside its
//! service's paths are refused before anything is bound.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, http::Method};
use kit::codes;
use tower_http::catch_panic::CatchPanicLayer;
use web::{AccessTable, Gate, Problem, access, openapi};

use crate::observe::{Pipeline, observe, panicked};
use crate::service::Service;
use crate::start::StartError;

/// Compares the services' routes with the table and with the conventions.
pub(crate) fn check_routes(services: &[Service], table: &AccessTable) -> Result<(), StartError> {
    let mut names = std::collections::BTreeSet::new();
    for service in services {
        if !names.insert(service.name) {
            return Err(StartError::ServiceTwice(service.name));
        }
        let routes = openapi::routes(service.router.get_openapi());
        for (method, path) in &routes {
            let known = Method::from_bytes(method.as_bytes()).is_ok();
            if !known || access::service_of(path) != Some(service.name) {
                let route = format!("{method} {path}");
                return Err(StartError::RouteOutsideService {
                    service: service.name,
                    route,
                });
            }
        }
        table.check_routes(&routes)?;
    }
    Ok(())
}

/// The router that serves: services behind the gate, open endpoints, one pipeline around all.
pub(crate) fn router(
    services: &[Service],
    open: Router,
    gate: &Gate,
    pipeline: Arc<Pipeline>,
) -> Router {
    let mut guarded = Router::new();
    for service in services {
        guarded = guarded.merge(Router::from(service.router.clone()));
    }
    guarded
        .layer(middleware::from_fn_with_state(gate.clone(), guard))
        .merge(open)
        .fallback(|| async { Problem::new(&codes::ROUTE_MUST_EXIST) })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(pipeline, observe))
}

/// The gate as a layer: admits with the principal in the request, or answers.
async fn guard(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else {
        return Problem::new(&codes::ROUTE_MUST_EXIST).into_response();
    };
    let (mut parts, body) = request.into_parts();
    match gate.admit(&parts, path.as_str()).await {
        Ok(principal) => {
            parts.extensions.insert(principal);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}
