//! The codes of the ledger: why an operation on a book is refused, and why a book stops.

//! A refused operation leaves nothing behind, and its id may be sent again; the problem document
//! names the field or the posting. Amounts that are malformed, too precise or not positive are
//! refused with the codes in `money.rs`.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &BOOK_MUST_EXIST,
    &BOOK_MUST_BE_RUNNING,
    &BOOK_NAME_MUST_BE_WELL_FORMED,
    &BOOK_MUST_NOT_EXIST,
    &BOOKS_MUST_FIT_LIMIT,
    &TRANSACTION_IDS_MUST_AGREE,
    &FIELD_MUST_FIT_KIND,
    &EXPORT_MUST_FIT_LIMIT,
    &BOOK_QUEUE_MUST_HAVE_ROOM,
    &BOOK_MUST_HAVE_ROOM,
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
    &TRANSACTION_MUST_HAVE_POSTINGS,
    &POSTINGS_MUST_FIT_LIMIT,
    &TRANSACTION_MUST_EXIST,
    &TRANSACTION_ID_MUST_BE_WELL_FORMED,
    &TRANSACTION_ID_MUST_NOT_BE_REUSED,
    &TRANSACTION_CODE_MUST_BE_WELL_FORMED,
    &FUNDS_MUST_SUFFICE,
    &OVERDRAFT_LIMIT_MUST_BE_POSITIVE,
    &EFFECTIVE_DATE_MUST_NOT_BE_IN_FUTURE,
    &EFFECTIVE_DATE_MUST_BE_IN_RANGE,
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

/// The available balance does not suffice.
pub const FUNDS_MUST_SUFFICE: Code = Code {
    name: "funds_must_suffice",
    status: 422,
    title: "The available balance does not suffice",
    remedy: "Post at most the available balance; the detail says how much is missing.",
};

/// The effective date is in the future.
pub const EFFECTIVE_DATE_MUST_NOT_BE_IN_FUTURE: Code = Code {
    name: "effective_date_must_not_be_in_future",
    status: 422,
    title: "The effective date is in the future",
    remedy: "Use today's date in the zone of the book, or an earlier one.",
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

/// The name of the book is malformed.
pub const BOOK_NAME_MUST_BE_WELL_FORMED: Code = Code {
    name: "book_name_must_be_well_formed",
    status: 422,
    title: "The name of the book is malformed",
    remedy: "Use 1 to 32 characters a-z, 0-9 and '-', the first a letter.",
};

/// The book exists with another zone.
pub const BOOK_MUST_NOT_EXIST: Code = Code {
    name: "book_must_not_exist",
    status: 409,
    title: "The book exists with another zone",
    remedy: "Use the book as it is, or make one under another name; a zone never changes.",
};

/// There are too many books.
pub const BOOKS_MUST_FIT_LIMIT: Code = Code {
    name: "books_must_fit_limit",
    status: 422,
    title: "There are too many books",
    remedy: "Use the books there are; the detail names the limit of one process.",
};

/// The two ids of the transaction differ.
pub const TRANSACTION_IDS_MUST_AGREE: Code = Code {
    name: "transaction_ids_must_agree",
    status: 422,
    title: "The two ids of the transaction differ",
    remedy: "Send the transaction id in the Idempotency-Key header or in the body, or the same \
             in both.",
};

/// The field does not belong to this kind of transaction.
pub const FIELD_MUST_FIT_KIND: Code = Code {
    name: "field_must_fit_kind",
    status: 422,
    title: "The field does not belong to this kind of transaction",
    remedy: "Leave the field out; the API description says which kind has which fields.",
};

/// The book is too large for one export.
pub const EXPORT_MUST_FIT_LIMIT: Code = Code {
    name: "export_must_fit_limit",
    status: 422,
    title: "The book is too large for one export",
    remedy: "Read the journal through its tables or page by page; the detail names the limit.",
};
