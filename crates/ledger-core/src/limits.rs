//! The bounds of a book and of one request to it, each with its reason.

/// Most postings of one transaction. A payroll or a fund's distribution goes in several
/// transactions beyond it; a thousand keeps the longest step of the one writer under a millisecond
/// and its rows (two for each posting of a final capture) within a `u16`.
pub const POSTINGS_MAX: usize = 1_000;

/// Longest account path in bytes, as published in the ledger's interface.
pub const ACCOUNT_PATH_BYTES_MAX: usize = 128;

/// Longest transaction code in bytes; held inline by everything that carries one.
pub const TRANSACTION_CODE_BYTES_MAX: usize = 32;

/// Longest reference in bytes: the longest end-to-end reference in use (ISO 20022, 35 characters)
/// fits three times over.
pub const REFERENCE_BYTES_MAX: usize = 128;

/// How much of everything a book takes on before it refuses more.
///
/// They are asked when a client asks, never on replay: a journal written under larger limits
/// stays readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most accounts, closed ones included, for they keep their place.
    pub accounts_max: u32,
    /// Most commodities.
    pub commodities_max: u32,
    /// Most holds open at a time.
    pub open_holds_max: u32,
}

impl Default for Limits {
    /// 50 million accounts and 10 million open holds are some 20 GB of memory, the most a book's
    /// one machine is meant for; 65,536 commodities are every listed security of a large market.
    fn default() -> Self {
        Self {
            accounts_max: 50_000_000,
            commodities_max: 65_536,
            open_holds_max: 10_000_000,
        }
    }
}
