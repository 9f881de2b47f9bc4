//! The HTTP conventions, seen from outside.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod body;
mod denials;
mod headers;
mod issuer;
mod openapi;
mod pages;
mod parameters;
mod problem;
mod service_tokens;
mod tokens;
