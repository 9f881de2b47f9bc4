//! The span of a call that goes out.

use opentelemetry::Value;
use opentelemetry::trace::Status;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::spans::{TARGET, begin};

/// What is known of a call that goes out.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The component or outside host, by its name in the topology.
    pub to: &'a str,
    /// The method.
    pub method: &'a str,
    /// The pattern of the path, with nothing filled in.
    pub pattern: &'static str,
}

/// The span of a call to another component or an outside host, within the current one.
#[must_use]
pub fn call_span(call: &Call<'_>) -> Span {
    let Call {
        to,
        method,
        pattern,
    } = *call;
    // The target is that of all spans of this crate: the layer of traces knows them by it.
    let span = tracing::info_span!(
        target: TARGET,
        "call",
        otel.kind = "client",
        peer.service = to,
        http.request.method = method,
        url.template = pattern,
    );
    begin(span, format!("{method} {pattern}"), None)
}

/// Notes what came of a call: the status, if there was an answer, and the result in a word. All
/// but `ok` are errors of the span.
pub fn call_answered(span: &Span, status: Option<u16>, result: &'static str) {
    if let Some(status) = status {
        span.set_attribute("http.response.status_code", Value::I64(status.into()));
    }
    if result != "ok" {
        span.set_attribute("error.type", result);
        span.set_status(Status::error(""));
    }
}
