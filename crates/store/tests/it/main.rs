//! The store through its public interface, each promise on both databases where it is made for
//! both. PostgreSQL comes from `scripts/with-postgres`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod contention;
mod damage;
mod drain;
mod fixture;
mod group_commit;
mod housekeeping;
mod idempotency;
mod inbox;
mod limits;
mod messages;
mod migrations;
mod order;
mod ownership;
mod pipeline;
mod process;
mod rows;
mod transactions;
mod values;
mod waiting;
