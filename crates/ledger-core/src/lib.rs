//! Double entry as a deterministic state machine, and its hash chain.
//!
//! # What it is
//!
//! | step | with | promise |
//! | --- | --- | --- |
//! | decide | [`validate`], [`expire_next`] | reads the [`Book`], changes nothing |
//! | apply | [`Book::apply`] | decides nothing; panics if the entry does not fit |
//! | replay | [`Book::replay`], [`replay_batch`] | the same; damage is a [`Corruption`] |
//! | compare | [`digest`], [`Book::trial_balance`] | equal journals make equal books |
//! | encode | [`encode`], [`decode`] | one byte form per entry, for ever |
//! | chain | [`Chain`], [`BatchHeader`] | a changed journal has another hash |
//! | go back | [`Book::mark`], [`Book::rollback`] | atomic groups and dry runs |
//!
//! # What it promises
//!
//! - **Deterministic.** The same operations at the same times give the same entries, digests and
//!   hashes, on every machine. There is no clock, no randomness, no I/O, no thread here.
//! - **All or nothing.** A refused operation changes nothing.
//! - **Invariants twice.** What `validate` guarantees is checked again where entries are applied,
//!   in release builds too.
//! - **Bounded.** Memory holds commodities, accounts, open holds and admitted parents.
//!
//! # What it does not do
//!
//! It does not store, does not know which ids the journal has (the caller says so, see
//! [`Existing`] and [`Book::missing_parent`]), does not expire holds by itself (see
//! [`expire_next`]), and does not keep metadata, only its digest.
//!
//! # Example
//!
//! ```
//! use kit::time::{Date, Timestamp};
//! use ledger_core::operation::Operation;
//! use ledger_core::{Book, Chain, Entry, Now, Outcome, encode, decode, validate};
//! use ledger_core::limits::Limits;
//! use money::Commodity;
//!
//! let mut book = Book::new(Limits::default());
//! let mut chain = Chain::new("main");
//! let now = Now { booked_at: Timestamp::from_micros(0), today: Date::constant(2026, 2, 28) };
//!
//! let euro = Operation::AddCommodity(Commodity::iso("EUR").expect("the euro is a currency"));
//! let Outcome::Apply(bodies) = validate(&book, &euro, None, now)? else { unreachable!() };
//! let mut batch = Vec::new();
//! for body in bodies {
//!     let entry = Entry { sequence: book.next_sequence(), body };
//!     book.apply(&entry);
//!     batch.push(entry);
//! }
//! let header = chain.seal(&batch, now.booked_at, 1);
//! assert_eq!((header.first_sequence, header.last_sequence), (1, 1));
//! assert_eq!(decode(&encode(&batch[0])).as_ref(), Ok(&batch[0]));
//! # Ok::<(), ledger_core::Reject>(())
//! ```

mod account;
mod apply;
mod book;
mod chain;
mod codec;
mod corruption;
mod digest;
mod entry;
mod hash;
mod hold;
mod id;
pub mod limits;
pub mod operation;
mod parent;
mod reject;
mod replay;
mod text;
mod undo;
mod validate;

pub use account::{Account, AccountKind, AccountState, Freeze, Overdraft, Settings, Side, Sums};
pub use book::{Book, CommodityState};
pub use chain::{BatchHeader, Chain, HEADER_BYTES};
pub use codec::{DecodeError, FORMAT, decode, encode, encode_into};
pub use corruption::{Corruption, Fault};
pub use digest::digest;
pub use entry::{
    AccountChanged, AccountOpened, CommodityAdded, Entry, EntryBody, Head, Movement, MovementKind,
    TransactionKind,
};
pub use hash::{Digest, leaf_hash, merkle_root};
pub use hold::{HeldPosting, Hold};
pub use id::{AccountIndex, CommodityIndex, TransactionId};
pub use parent::{Parent, ParentError, ParentPosting};
pub use reject::{Place, Reject};
pub use replay::replay_batch;
pub use text::{AccountPath, Reference, TextError, TransactionCode};
pub use undo::Mark;
pub use validate::{DATE_MIN, Existing, Now, Outcome, expire_next, request_hash, validate};
