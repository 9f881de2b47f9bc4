//! Logs, metrics and traces, from outside.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod captured;
mod logs;
mod metrics;
mod spans;
mod trace_parent;
