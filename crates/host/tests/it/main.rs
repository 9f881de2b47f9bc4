//! The host, from outside: a toy service over HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod drain;
mod edges;
mod gate;
mod messages;
mod metrics;
mod outbound;
mod pipeline;
mod probes;
mod reactions;
mod timers;
mod toy;
