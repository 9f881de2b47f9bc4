//! The table of error codes: every reason for which a request can be refused, once.
//!
//! A code is a promise to clients. Its `name` appears in problem documents (RFC 9457) as `code`
//! and in their `type` as `urn:florin:problem:<name>`, and never changes its meaning; its status,
//! title and remedy may be improved. A code says what must hold (`amount_must_be_positive`), not
//! what went wrong, and its constant has its name in capitals.
//!
//! All are here by name: `kit::codes::AMOUNT_MUST_BE_POSITIVE`. In the source there is one file
//! per owner, who adds a constant and lists it in the file's `CODES`. What several owners need
//! belongs to the lowest of them. A test reads the files and refuses a constant that is not listed,
//! a name used twice, and a code without a remedy.
//!
//! Promises that [`ALL`] is complete and that names are unique. Does not carry the details of one
//! refusal (which field, by how much): those are added where the problem document is made.

pub mod dead_letters;
pub mod host;
pub mod ledger;
pub mod money;
pub mod notifications;
pub mod sagas;
pub mod store;
pub mod web;

pub use dead_letters::*;
pub use host::*;
pub use ledger::*;
pub use money::*;
pub use notifications::*;
pub use sagas::*;
pub use store::*;
pub use web::*;

/// A reason for which a request can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// Stable identifier in lower snake case, unique in the platform.
    pub name: &'static str,
    /// HTTP status that it is answered with, 400 to 599.
    pub status: u16,
    /// One short sentence for people, the same for every occurrence, without a full stop.
    pub title: &'static str,
    /// What the caller can do about it: one sentence or two.
    pub remedy: &'static str,
}

/// Every owner with its codes, in the order of the alphabet. A new owner adds its list here.
pub const OWNERS: [(&str, &[&Code]); 8] = [
    ("dead_letters", dead_letters::CODES),
    ("host", host::CODES),
    ("ledger", ledger::CODES),
    ("money", money::CODES),
    ("notifications", notifications::CODES),
    ("sagas", sagas::CODES),
    ("store", store::CODES),
    ("web", web::CODES),
];

/// The codes for which a process refuses to start: an operator meets them, a caller never does.
/// Every other code has been seen by a caller; a test of `florin` and one of the ledger provoke
/// each over HTTP, so that a code nothing answers with cannot stay.
pub const AT_START: &[&Code] = &[&store::STORE_MUST_BE_SET_UP];

/// Every code there is, owner by owner.
pub const ALL: &[&Code] = &TABLE;

const COUNT: usize = {
    let mut count = 0;
    let mut owner = 0;
    while owner < OWNERS.len() {
        count += OWNERS[owner].1.len();
        owner += 1;
    }
    count
};

const TABLE: [&Code; COUNT] = {
    let mut table = [&web::INTERNAL_ERROR; COUNT];
    let mut filled = 0;
    let mut owner = 0;
    while owner < OWNERS.len() {
        let mut index = 0;
        while index < OWNERS[owner].1.len() {
            table[filled] = OWNERS[owner].1[index];
            filled += 1;
            index += 1;
        }
        owner += 1;
    }
    table
};

/// The code of this name. Cost: a walk through the table; for tests and documents.
#[must_use]
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.name == name)
}
