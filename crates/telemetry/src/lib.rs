//! Logs and metrics of the process.
//!
//! Promises: a log line is one JSON object on standard output, with the fields of the spans it is
//! in; a panic is logged by its place, never by what it says; what is wrapped in [`Redacted`] does
//! not reach a log; metrics are rendered as Prometheus text. It opens no socket, and it does not
//! decide what is measured: the callers do, with the macros of `tracing` and `metrics`.

mod logs;
mod metrics;
mod redacted;

pub use logs::{LogsError, start_logs, subscriber};
pub use metrics::{Metrics, start_metrics};
pub use redacted::Redacted;
