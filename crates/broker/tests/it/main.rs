//! The carriers, each on a real server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod kafka;
mod rabbitmq;
