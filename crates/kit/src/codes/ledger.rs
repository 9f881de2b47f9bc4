//! The codes of the ledger: why an operation on a book is refused, and why a book stops.

//! A refused operation leaves nothing behind, and its id may be sent again; the problem document
//! names the field or the posting. Amounts that are malformed, too precise or not positive are
//! refused with the codes in `money.rs`.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &BOOK_MUST_EXIST,
    &BOOK_MUST_BE_RUNNING,
    &BOOK_QUEUE_MUST_HAVE_ROOM,
    &BOOK_MUST_HAVE_ROOM,
    &WRITER_MUST_HOLD_LEASE,
    &COMMODITY_MUST_EXIST,
    &COMMODITY_MUST_NOT_CHANGE,
    &ACCOUNT_MUST_EXIST,
    &ACCOUNT_MUST_NOT_EXIST,
    &ACCOUNT_PATH_MUST_BE_WELL_FORMED,
    &ACCOUNTS_MUST_DIFFER,
    &ACCOUNT_COMMODITY_MUST_MATCH,
    &ACCOUNT_MUST_NOT_BE_FROZEN,
    &ACCOUNT_MUST_BE_OPEN,
    &ACCOUNT_MUST_BE_EMPTY,
    &TRANSACTION_MUST_BALANCE,
    &TRANSACTION_MUST_HAVE_POSTINGS,
    &POSTINGS_MUST_FIT_LIMIT,
    &TRANSACTION_MUST_EXIST,
    &TRANSACTION_ID_MUST_BE_WELL_FORMED,
    &TRANSACTION_ID_MUST_NOT_BE_REUSED,
    &TRANSACTION_CODE_MUST_BE_WELL_FORMED,
    &BALANCE_MUST_FIT_RANGE,
    &FUNDS_MUST_SUFFICE,
    &OVERDRAFT_LIMIT_MUST_BE_POSITIVE,
    &VELOCITY_MUST_BE_WITHIN_LIMIT,
    &EFFECTIVE_DATE_MUST_NOT_BE_IN_FUTURE,
    &EFFECTIVE_DATE_MUST_BE_IN_RANGE,
    &PERIOD_MUST_BE_OPEN,
    &HOLD_MUST_BE_OPEN,
    &HOLD_EXPIRY_MUST_BE_IN_FUTURE,
    &PARENT_MUST_ALLOW_LINK,
    &POSTING_MUST_BE_NAMED_ONCE,
    &POSTING_MUST_EXIST_IN_PARENT,
    &PARENT_MUST_BE_ANOTHER,
    &AMOUNT_MUST_NOT_EXCEED_REMAINDER,
    &METADATA_MUST_FIT_LIMIT,
    &REFERENCE_MUST_BE_WELL_FORMED,
    &BULK_MUST_FIT_LIMIT,
    &SEQUENCE_MUST_EXIST,
    &AS_OF_MUST_NOT_BE_IN_FUTURE,
    &METADATA_KEY_MUST_BE_DECLARED,
    &JOURNAL_MUST_BE_INTACT,
];

/// There is no such book.
pub const BOOK_MUST_EXIST: Code = Code {
    name: "book_must_exist",
    status: 404,
    title: "There is no such book",
    remedy: "Check the book in the path; the book `main` exists from the start.",
};

/// The book has stopped.
pub const BOOK_MUST_BE_RUNNING: Code = Code {
    name: "book_must_be_running",
    status: 503,
    title: "The book has stopped",
    remedy: "Wait until operators have found the cause in the log; nothing that was acknowledged \
             is lost.",
};

/// The book is busy.
pub const BOOK_QUEUE_MUST_HAVE_ROOM: Code = Code {
    name: "book_queue_must_have_room",
    status: 503,
    title: "The book is busy",
    remedy: "Wait as long as the Retry-After header says, then send the same operation with the \
             same id.",
};

/// This instance does not lead the book.
pub const WRITER_MUST_HOLD_LEASE: Code = Code {
    name: "writer_must_hold_lease",
    status: 503,
    title: "This instance does not lead the book",
    remedy: "Repeat the operation with the same id; another instance is about to answer.",
};

/// The book has no such commodity.
pub const COMMODITY_MUST_EXIST: Code = Code {
    name: "commodity_must_exist",
    status: 422,
    title: "The book has no such commodity",
    remedy: "Add the commodity to the book first; ISO 4217 currencies are there from the start.",
};

/// The commodity exists with another exponent.
pub const COMMODITY_MUST_NOT_CHANGE: Code = Code {
    name: "commodity_must_not_change",
    status: 409,
    title: "The commodity exists with another exponent",
    remedy: "Use the commodity as it is, or add another code; an exponent never changes.",
};

/// There is no such account.
pub const ACCOUNT_MUST_EXIST: Code = Code {
    name: "account_must_exist",
    status: 422,
    title: "There is no such account",
    remedy: "Open the account first, or correct its path.",
};

/// The account exists with other properties.
pub const ACCOUNT_MUST_NOT_EXIST: Code = Code {
    name: "account_must_not_exist",
    status: 409,
    title: "The account exists with other properties",
    remedy: "Use the account as it is, or open one under another path.",
};

/// The account path is malformed.
pub const ACCOUNT_PATH_MUST_BE_WELL_FORMED: Code = Code {
    name: "account_path_must_be_well_formed",
    status: 422,
    title: "The account path is malformed",
    remedy: "Use up to 128 bytes of printable characters, with single slashes between segments.",
};

/// The debit and the credit account are the same.
pub const ACCOUNTS_MUST_DIFFER: Code = Code {
    name: "accounts_must_differ",
    status: 422,
    title: "The debit and the credit account are the same",
    remedy: "Post between two different accounts.",
};

/// The account is of another commodity.
pub const ACCOUNT_COMMODITY_MUST_MATCH: Code = Code {
    name: "account_commodity_must_match",
    status: 422,
    title: "The account is of another commodity",
    remedy: "Post between accounts of one commodity; exchange with one posting per commodity \
             through position accounts.",
};

/// The account is frozen.
pub const ACCOUNT_MUST_NOT_BE_FROZEN: Code = Code {
    name: "account_must_not_be_frozen",
    status: 422,
    title: "The account is frozen",
    remedy: "Wait until the account is released in this direction, or use another account.",
};

/// The account is closed.
pub const ACCOUNT_MUST_BE_OPEN: Code = Code {
    name: "account_must_be_open",
    status: 422,
    title: "The account is closed",
    remedy: "Use an open account.",
};

/// The account is not empty.
pub const ACCOUNT_MUST_BE_EMPTY: Code = Code {
    name: "account_must_be_empty",
    status: 422,
    title: "The account is not empty",
    remedy: "Bring the balance to zero and settle the holds before closing the account.",
};

/// Debits and credits differ.
pub const TRANSACTION_MUST_BALANCE: Code = Code {
    name: "transaction_must_balance",
    status: 422,
    title: "Debits and credits differ",
    remedy: "Make debits equal credits in each commodity.",
};

/// The transaction has no postings.
pub const TRANSACTION_MUST_HAVE_POSTINGS: Code = Code {
    name: "transaction_must_have_postings",
    status: 422,
    title: "The transaction has no postings",
    remedy: "Send at least one posting.",
};

/// There are too many postings.
pub const POSTINGS_MUST_FIT_LIMIT: Code = Code {
    name: "postings_must_fit_limit",
    status: 422,
    title: "There are too many postings",
    remedy: "Split the business into several transactions; the detail names the limit.",
};

/// There is no such transaction.
pub const TRANSACTION_MUST_EXIST: Code = Code {
    name: "transaction_must_exist",
    status: 422,
    title: "There is no such transaction",
    remedy: "Check the id.",
};

/// The transaction id is malformed.
pub const TRANSACTION_ID_MUST_BE_WELL_FORMED: Code = Code {
    name: "transaction_id_must_be_well_formed",
    status: 422,
    title: "The transaction id is malformed",
    remedy: "Send a UUID as the API description shows it; time-ordered ones are fastest.",
};

/// The id was used with other content.
pub const TRANSACTION_ID_MUST_NOT_BE_REUSED: Code = Code {
    name: "transaction_id_must_not_be_reused",
    status: 409,
    title: "The id was used with other content",
    remedy: "Use a new id for new business; repeat an operation with exactly its first content.",
};

/// The transaction code is malformed.
pub const TRANSACTION_CODE_MUST_BE_WELL_FORMED: Code = Code {
    name: "transaction_code_must_be_well_formed",
    status: 422,
    title: "The transaction code is malformed",
    remedy: "Use a code as the API description of the book lists it.",
};

/// A balance would overflow.
pub const BALANCE_MUST_FIT_RANGE: Code = Code {
    name: "balance_must_fit_range",
    status: 422,
    title: "A balance would overflow",
    remedy: "Post a smaller amount; the detail names the account.",
};

/// The available balance does not suffice.
pub const FUNDS_MUST_SUFFICE: Code = Code {
    name: "funds_must_suffice",
    status: 422,
    title: "The available balance does not suffice",
    remedy: "Post at most the available balance; the detail says how much is missing.",
};

/// A velocity limit would be exceeded.
pub const VELOCITY_MUST_BE_WITHIN_LIMIT: Code = Code {
    name: "velocity_must_be_within_limit",
    status: 422,
    title: "A velocity limit would be exceeded",
    remedy: "Wait for the next period or post less; the detail names the limit and the excess.",
};

/// The effective date is in the future.
pub const EFFECTIVE_DATE_MUST_NOT_BE_IN_FUTURE: Code = Code {
    name: "effective_date_must_not_be_in_future",
    status: 422,
    title: "The effective date is in the future",
    remedy: "Use today's date in the zone of the book, or an earlier one.",
};

/// The accounting period is closed.
pub const PERIOD_MUST_BE_OPEN: Code = Code {
    name: "period_must_be_open",
    status: 422,
    title: "The accounting period is closed",
    remedy: "Use an effective date in an open period, or have the period re-opened.",
};

/// The hold is not open.
pub const HOLD_MUST_BE_OPEN: Code = Code {
    name: "hold_must_be_open",
    status: 422,
    title: "The hold is not open",
    remedy: "Nothing is left to capture or void: the hold was captured, was voided or has expired.",
};

/// The hold would expire in the past.
pub const HOLD_EXPIRY_MUST_BE_IN_FUTURE: Code = Code {
    name: "hold_expiry_must_be_in_future",
    status: 422,
    title: "The hold would expire in the past",
    remedy: "Use an expiry after now, or none.",
};

/// The parent cannot have this kind of child.
pub const PARENT_MUST_ALLOW_LINK: Code = Code {
    name: "parent_must_allow_link",
    status: 422,
    title: "The parent cannot have this kind of child",
    remedy: "Capture holds, refund captures, reverse postings; the detail names the parent.",
};

/// More than what remains of the parent.
pub const AMOUNT_MUST_NOT_EXCEED_REMAINDER: Code = Code {
    name: "amount_must_not_exceed_remainder",
    status: 422,
    title: "More than what remains of the parent",
    remedy: "Send at most what remains; the detail says how much that is.",
};

/// The metadata is too large.
pub const METADATA_MUST_FIT_LIMIT: Code = Code {
    name: "metadata_must_fit_limit",
    status: 422,
    title: "The metadata is too large",
    remedy: "Send at most 4096 bytes of metadata, and keep documents elsewhere.",
};

/// The reference is malformed.
pub const REFERENCE_MUST_BE_WELL_FORMED: Code = Code {
    name: "reference_must_be_well_formed",
    status: 422,
    title: "The reference is malformed",
    remedy: "Use printable characters, and at most as many as the detail says.",
};

/// There are too many items.
pub const BULK_MUST_FIT_LIMIT: Code = Code {
    name: "bulk_must_fit_limit",
    status: 422,
    title: "There are too many items",
    remedy: "Send at most 8190 items at once.",
};

/// The journal has not come to this sequence.
pub const SEQUENCE_MUST_EXIST: Code = Code {
    name: "sequence_must_exist",
    status: 422,
    title: "The journal has not come to this sequence",
    remedy: "Use a sequence that a write was answered with.",
};

/// The point in time lies in the future.
pub const AS_OF_MUST_NOT_BE_IN_FUTURE: Code = Code {
    name: "as_of_must_not_be_in_future",
    status: 422,
    title: "The point in time lies in the future",
    remedy: "Ask for a point that has passed.",
};

/// The metadata key is not indexed.
pub const METADATA_KEY_MUST_BE_DECLARED: Code = Code {
    name: "metadata_key_must_be_declared",
    status: 422,
    title: "The metadata key is not indexed",
    remedy: "Declare the key in the book first, and wait until `indexed_through` has passed what \
             you look for.",
};

/// The journal is damaged.
pub const JOURNAL_MUST_BE_INTACT: Code = Code {
    name: "journal_must_be_intact",
    status: 500,
    title: "The journal is damaged",
    remedy: "Nothing a client can do; operators run `florin ledger verify`, which names the \
             first bad batch.",
};

/// The effective date is too long ago.
pub const EFFECTIVE_DATE_MUST_BE_IN_RANGE: Code = Code {
    name: "effective_date_must_be_in_range",
    status: 422,
    title: "The effective date is too long ago",
    remedy: "Use a date from 1900 on; look for a year that lost a digit.",
};

/// The overdraft limit is not positive.
pub const OVERDRAFT_LIMIT_MUST_BE_POSITIVE: Code = Code {
    name: "overdraft_limit_must_be_positive",
    status: 422,
    title: "The overdraft limit is not positive",
    remedy: "Send a limit above zero, or say that there is no overdraft.",
};

/// The book is full.
pub const BOOK_MUST_HAVE_ROOM: Code = Code {
    name: "book_must_have_room",
    status: 422,
    title: "The book is full",
    remedy: "The detail names what there is no room for; settle open holds, or use another book.",
};

/// The transaction names itself as its parent.
pub const PARENT_MUST_BE_ANOTHER: Code = Code {
    name: "parent_must_be_another",
    status: 422,
    title: "The transaction names itself as its parent",
    remedy: "Use a new id for the transaction, and the id of the earlier one as its parent.",
};

/// The parent has no such posting.
pub const POSTING_MUST_EXIST_IN_PARENT: Code = Code {
    name: "posting_must_exist_in_parent",
    status: 422,
    title: "The parent has no such posting",
    remedy: "Use the number of a posting of the parent, counted from 0.",
};

/// A posting is named twice.
pub const POSTING_MUST_BE_NAMED_ONCE: Code = Code {
    name: "posting_must_be_named_once",
    status: 422,
    title: "A posting is named twice",
    remedy: "Name each posting of the parent once, with the whole amount.",
};
