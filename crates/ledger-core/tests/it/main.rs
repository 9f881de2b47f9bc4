//! What a book allows, refuses and remembers; tables first, then random operations against a
//! naive model, then the bytes.

mod accounts;
mod desk;
mod holds;
mod model;
mod postings;
mod random;
mod refunds;
mod script;
