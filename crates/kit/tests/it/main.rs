//! The behaviour of kit, through its public interface.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is how a failure is reported"
)]

mod calendar;
mod codes;
mod id;
mod id_source;
mod name;
mod random;
mod time;
mod zone;
