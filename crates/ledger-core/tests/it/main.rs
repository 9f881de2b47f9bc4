//! What a book allows, refuses and remembers; tables first, then random operations against a
//! naive model, then the bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod accounts;
mod chain;
mod codec;
mod desk;
mod fixture;
mod holds;
mod journal;
mod model;
mod parents;
mod postings;
mod random;
mod refunds;
mod remainders;
mod script;
mod texts;
