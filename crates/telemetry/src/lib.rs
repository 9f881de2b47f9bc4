//! Logs, metrics and traces of the process.
//!
//! Promises: a log line is one JSON object on standard output, with the fields and the trace of
//! the span it is in; a panic is logged by its place, never by what it says; what is wrapped in
//! [`Redacted`] does not reach a log; metrics are rendered as Prometheus text; spans are made here
//! only, and go to a collector if there is one. It listens on no socket, and it does not decide
//! what is logged and measured: the callers do, with the macros of `tracing` and `metrics`.

mod calls;
mod help;
mod logs;
mod metrics;
mod redacted;
mod spans;
mod start;
mod trace_parent;
mod traces;

pub use calls::{Call, call_answered, call_span};
pub use metrics::{Metrics, start_metrics};
pub use redacted::Redacted;
pub use spans::{
    Received, Request, current_traceparent, message_refused, message_span, request_answered,
    request_span, timer_span,
};
pub use start::{Settings, Telemetry, TelemetryError, start, subscriber};
pub use trace_parent::TraceParent;
pub use traces::{Collector, CollectorError};
