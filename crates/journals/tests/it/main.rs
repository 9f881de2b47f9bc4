//! The journals crate from outside: against the real hledger and bean-check, and by itself.

#![allow(
    clippy::unwrap_used,
    reason = "in a test, a panic is how a failure is reported"
)]

mod beancount;
mod book;
mod cases;
mod differential;
mod example;
mod hledger;
mod names;
mod number;
mod properties;
mod tools;
mod trading_company;
mod writers;
