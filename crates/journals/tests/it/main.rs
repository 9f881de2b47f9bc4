//! The journals crate from outside: against the real hledger and bean-check, and by itself.

mod beancount;
mod book;
mod example;
mod hledger;
mod names;
mod number;
mod properties;
mod tools;
mod trading_company;
mod writers;
