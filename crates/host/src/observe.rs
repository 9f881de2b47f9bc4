//! What happens around every request: id, span, metrics, shedding, time limit, complete answers.
//!
//! Promises: the label `route` of a metric is a pattern of the router or `(unmatched)`, never what
//! a caller sent; the log has one line per request with the same id the answer carries; a request
//! beyond the limit is answered 503 with `Retry-After` at once, one that takes too long 504; the
//! probes are never shed. A request that is cut off may have had its effect: that is what
//! idempotency keys are for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use kit::codes;
use kit::id::IdSource;
use kit::limits;
use kit::time::Clock;
use metrics::{counter, gauge, histogram};
use telemetry::TraceParent;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use web::{Problem, RequestId, access};

/// The header of W3C Trace Context.
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// What the pipeline needs; shared by all requests.
pub(crate) struct Pipeline {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: IdSource,
    pub(crate) permits: Semaphore,
    pub(crate) request_timeout: Duration,
    pub(crate) draining: Arc<AtomicBool>,
}

/// The outermost layer.
pub(crate) async fn observe(
    State(pipeline): State<Arc<Pipeline>>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::of(request.headers(), &pipeline.ids);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched
        .as_ref()
        .map_or("(unmatched)", MatchedPath::as_str)
        .to_owned();
    let method = method_label(request.method());
    let version = request.version();
    let span = telemetry::request_span(&telemetry::Request {
        id: id.as_str(),
        method,
        route: matched.as_ref().map(MatchedPath::as_str),
        parent: trace_parent(request.headers()),
    });
    request.extensions_mut().insert(id.clone());
    let started = pipeline.clock.now();
    let response = answer(&pipeline, &route, request, next)
        .instrument(span.clone())
        .await;
    let mut response = web::problem::complete(response, &id);
    finish_headers(response.headers_mut(), &id, version, &pipeline.draining);
    let status = response.status().as_u16();
    telemetry::request_answered(&span, status);
    let elapsed = pipeline.clock.now().since(started).unwrap_or_default();
    let labels = [("method", method.to_owned()), ("route", route)];
    histogram!("florin_http_request_seconds", &labels).record(elapsed);
    let [method, route] = labels;
    counter!(
        "florin_http_requests_total",
        &[method, route, ("status", status.to_string())]
    )
    .increment(1);
    let duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(status, duration_us, "request"));
    response
}

async fn answer(pipeline: &Pipeline, route: &str, request: Request, next: Next) -> Response {
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > limits::TARGET_BYTES_MAX {
        return Problem::new(&codes::TARGET_MUST_FIT_LIMIT)
            .detail(format!(
                "path and query must be at most {} bytes",
                limits::TARGET_BYTES_MAX
            ))
            .into_response();
    }
    if access::OPEN.iter().any(|(_, open)| *open == route) {
        return timed(pipeline, request, next).await;
    }
    let Ok(_permit) = pipeline.permits.try_acquire() else {
        counter!("florin_http_shed_total").increment(1);
        return Problem::new(&codes::LOAD_MUST_BE_WITHIN_LIMIT)
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            .into_response();
    };
    gauge!("florin_http_in_flight").increment(1);
    let response = timed(pipeline, request, next).await;
    gauge!("florin_http_in_flight").decrement(1);
    response
}

async fn timed(pipeline: &Pipeline, request: Request, next: Next) -> Response {
    match tokio::time::timeout(pipeline.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(&codes::REQUEST_MUST_END_IN_TIME)
            .header(header::RETRY_AFTER, HeaderValue::from_static("1"))
            .into_response(),
    }
}

/// The panic barrier's answer; what the panic said stays in the process.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(&codes::INTERNAL_ERROR).into_response()
}

fn finish_headers(
    headers: &mut HeaderMap,
    id: &RequestId,
    version: Version,
    draining: &AtomicBool,
) {
    headers.insert(web::REQUEST_ID_HEADER, id.to_header());
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    if draining.load(Ordering::Acquire) && version < Version::HTTP_2 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// The trace that a request belongs to, if it says so exactly once and well.
fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACE_PARENT).iter();
    let text = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| TraceParent::parse(text))?
}

/// A method as a label: callers can invent methods, labels must not grow.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "(other)",
    }
}
