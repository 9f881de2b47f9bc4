//! Plain-text accounting journals: hledger, ledger and Beancount, read and written exactly.
//!
//! ```text
//! text ── read_hledger ──┐                          ┌── write_hledger ──── text
//!                        ├─ Journal ── to_book ─ Book
//! text ── read_beancount ┘                          └── write_beancount ── text
//! ```
//!
//! A [`Journal`] is what the text says, checked by the rules of its own format (every transaction
//! balanced, every assertion true). A [`Book`] is that in Florin's terms: accounts of one
//! commodity each, amounts in whole minor units, pairwise postings. The step between them refuses
//! what an exact ledger may not hold, rather than round.
//!
//! Promises: no float, no input or output (a [`Source`] hands out the files), no panic on any
//! bytes, every size bounded; what is not supported is refused by file, line and a stable kind,
//! and then nothing at all is returned. Writing is deterministic, and what is written reads back
//! to the same book.
//! Does not: guess. Budgets, forecasts, timeclocks, lots and plugins are refused by name; see
//! [`Kind`].

mod beancount;
mod book;
mod convert;
mod cursor;
mod escape;
mod hledger;
mod import;
mod metadata;
mod model;
mod names;
mod number;
mod pairs;
mod refusal;
mod source;
mod write_beancount;
mod write_hledger;

pub use beancount::read_beancount;
pub use book::{Account, Balance, Book, BookError, POSITION_ROOT, Posting, Price, Transaction};
pub use hledger::read_hledger;
pub use import::{PATH_BYTES_MAX, POSTINGS_MAX, Symbols};
pub use model::{
    AccountKind, AccountUse, Assertion, CommodityUse, Cost, Entry, Format, Journal, Leg,
    MarketPrice, Quantity, Status,
};
pub use names::{
    beancount_account, beancount_commodity, commodity_of_beancount, hledger_account,
    path_of_beancount, path_of_hledger,
};
pub use number::{DIGITS_MAX, Number};
pub use refusal::{Kind, Place, REFUSALS_MAX, Refusal, Refusals};
pub use source::{BYTES_MAX, FILES_MAX, INCLUDE_DEPTH_MAX, Source};
pub use write_beancount::write_beancount;
pub use write_hledger::write_hledger;
