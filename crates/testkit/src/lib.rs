//! What tests share: a private world, a service under test over HTTP, tokens for anybody.
//!
//! Promises: every [`World`] has its own clock, seeded randomness, directory and database; nothing
//! is shared between tests, nothing waits for time to pass, and timers run when a test fires them.
//! [`Faults`] is a service that meets, on request, what a service can meet.
//! It does not ship, and it replaces none of our own code by something else.

mod access;
mod answer;
mod app;
pub mod carriers;
mod databases;
mod faults;
mod in_time;
mod openapi;
pub mod postgres;
mod refusals;
pub mod sagas;
mod together;
mod world;

pub use access::Access;
pub use answer::{Answer, Call};
pub use app::TestApp;
pub use databases::{TestDatabase, assert_statements_executed, for_each_database};
pub use faults::Faults;
pub use in_time::{IN_TIME, in_time};
pub use openapi::Interface;
pub use refusals::Refusals;
pub use together::together;
pub use world::{START, World};
