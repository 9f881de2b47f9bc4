//! The spans of traces: a request, a timer's run, the handling of a message.
//!
//! Promises: they are made here and nowhere else, so that what a span says is decided in one
//! place: names from the source, patterns of routes, numbers, ids; never what a caller sent. Each
//! has a trace id and a span id from its first moment on, whether or not traces are exported, and
//! the log lines written inside carry them. Attributes are named by the semantic conventions of
//! OpenTelemetry. Where no subscriber of this crate runs, spans say nothing and cost nothing.

use opentelemetry::trace::{
    SpanContext, SpanId, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Context, Value};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

use crate::TraceParent;

/// The target of all spans of this module; the layer of traces knows them by it.
pub(crate) const TARGET: &str = "telemetry::spans";

/// What is known of a request when it arrives.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The id that the answer carries too.
    pub id: &'a str,
    /// The method, if it is one of those known.
    pub method: &'static str,
    /// The pattern of the route; none if there is none.
    pub route: Option<&'a str>,
    /// The caller's `traceparent`.
    pub parent: Option<TraceParent>,
}

/// The span of an HTTP request that is served here; it continues the caller's trace.
#[must_use]
pub fn request_span(request: &Request<'_>) -> Span {
    let Request { id, method, .. } = *request;
    let span = tracing::info_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        request_id = id,
        http.request.method = method,
        http.route = request.route,
    );
    let name = request.route.map(|route| format!("{method} {route}"));
    begin(
        span,
        name.unwrap_or_else(|| method.to_owned()),
        request.parent,
    )
}

/// Notes what was answered. A failure of ours, 500 and above, is an error of the span.
pub fn request_answered(span: &Span, status: u16) {
    span.set_attribute("http.response.status_code", Value::I64(status.into()));
    if status >= 500 {
        span.set_attribute("error.type", status.to_string());
        span.set_status(Status::error(""));
    }
}

/// The span of one run of a timer: a new trace.
#[must_use]
pub fn timer_span(timer: &str) -> Span {
    let span = tracing::info_span!(target: TARGET, parent: None, "timer", timer);
    begin(span, format!("timer {timer}"), None)
}

/// What is known of a message when it is handled.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The topic it came from.
    pub topic: &'a str,
    /// The component that handles it.
    pub consumer: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// The `traceparent` with which it was published.
    pub traceparent: Option<&'a str>,
}

/// The span of the handling of one message; it continues the trace in which the message was
/// published. One that carries none, or a malformed one, begins a new trace.
#[must_use]
pub fn message_span(received: &Received<'_>) -> Span {
    let Received { topic, .. } = *received;
    let span = tracing::info_span!(
        target: TARGET,
        parent: None,
        "message",
        otel.kind = "consumer",
        messaging.destination.name = topic,
        messaging.consumer.group.name = received.consumer,
        messaging.message.id = received.id,
        messaging.operation.type = "process",
        message.type = received.kind,
    );
    let parent = received.traceparent.and_then(TraceParent::parse);
    begin(span, format!("process {topic}"), parent)
}

/// Notes that the message was not handled, with the code of the reason.
pub fn message_refused(span: &Span, code: &'static str) {
    span.set_attribute("error.type", code);
    span.set_status(Status::error(""));
}

/// The `traceparent` of the span this is called in, for what goes out of it: a message, a call.
/// None outside of any span of this module.
#[must_use]
pub fn current_traceparent() -> Option<String> {
    let current = Span::current().with_subscriber(|(id, dispatch)| {
        let span = dispatch.downcast_ref::<Registry>()?.span(id)?;
        span.scope()
            .find_map(|span| span.extensions().get().copied())
    });
    current.flatten().map(|here: TraceParent| here.to_string())
}

/// Starts the span in its trace and keeps its ids beside it: sampling is decided now, and whoever
/// writes a log line asks no lock of the exporter.
pub(crate) fn begin(span: Span, name: String, parent: Option<TraceParent>) -> Span {
    if let Some(parent) = parent {
        let flags = TraceFlags::default().with_sampled(parent.sampled);
        let remote = SpanContext::new(
            TraceId::from(parent.trace),
            SpanId::from(parent.span),
            flags,
            true,
            TraceState::NONE,
        );
        // It fails only where no layer of traces listens, and then nobody misses it.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
    let context = span.context();
    let started = context.span();
    started.update_name(name);
    let own = started.span_context();
    if own.is_valid() {
        let here = TraceParent {
            trace: u128::from_be_bytes(own.trace_id().to_bytes()),
            span: u64::from_be_bytes(own.span_id().to_bytes()),
            sampled: own.is_sampled(),
        };
        span.with_subscriber(|(id, dispatch)| {
            let registry = dispatch.downcast_ref::<Registry>();
            if let Some(found) = registry.and_then(|registry| registry.span(id)) {
                found.extensions_mut().replace(here);
            }
        });
    }
    span
}
