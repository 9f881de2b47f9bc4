//! The binary, its commands, its configuration, and the tables it carries.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answered;
mod binary;
mod carried;
mod collector;
mod config;
mod keys;
mod kill9;
mod outbound;
mod postgres;
mod promtool;
mod redaction;
mod service_tokens;
mod tables;
mod token;
mod traces;
