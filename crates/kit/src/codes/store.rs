//! The codes of the stores: what a database can refuse on its own account.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &STORE_MUST_BE_AVAILABLE,
    &TRANSACTION_MUST_NOT_CONFLICT,
    &STORE_MUST_BE_INTACT,
    &STORE_MUST_HAVE_ROOM,
    &STORE_MUST_BE_SET_UP,
    &STATEMENT_MUST_END_IN_TIME,
    &ROW_MUST_KEEP_CONSTRAINTS,
    &COMMIT_OUTCOME_UNKNOWN,
    &STORED_PART_MUST_FIT,
    &WORK_MUST_BE_RECENT,
    &OUTBOX_MUST_HAVE_ROOM,
    &PARKED_MUST_HAVE_ROOM,
];

/// The database is not available.
pub const STORE_MUST_BE_AVAILABLE: Code = Code {
    name: "store_must_be_available",
    status: 503,
    title: "The database is not available",
    remedy: "Wait as long as the Retry-After header says, then repeat the request with the same \
             key.",
};

/// The change conflicted with others too often.
pub const TRANSACTION_MUST_NOT_CONFLICT: Code = Code {
    name: "transaction_must_not_conflict",
    status: 503,
    title: "The change conflicted with others too often",
    remedy: "Repeat the request with the same key after a short wait.",
};

/// The database is damaged.
pub const STORE_MUST_BE_INTACT: Code = Code {
    name: "store_must_be_intact",
    status: 500,
    title: "The database is damaged",
    remedy: "Nothing a client can do; operators find the damage in the log and restore a backup.",
};

/// The queue in front of the database is full.
pub const STORE_MUST_HAVE_ROOM: Code = Code {
    name: "store_must_have_room",
    status: 503,
    title: "The database has more to do than it can",
    remedy: "Wait as long as the Retry-After header says, then repeat the request with the same \
             key.",
};

/// The database is not set up for this program; [`super::AT_START`].
pub const STORE_MUST_BE_SET_UP: Code = Code {
    name: "store_must_be_set_up",
    status: 500,
    title: "The database is not set up for this program",
    remedy: "The process does not start; the line it ends with says which migration, setting or \
             file it is about.",
};

/// A statement took too long.
pub const STATEMENT_MUST_END_IN_TIME: Code = Code {
    name: "statement_must_end_in_time",
    status: 503,
    title: "The database took too long",
    remedy: "Repeat the request with the same key; ask for less at once if it happens again.",
};

/// A constraint of a table refused a row.
pub const ROW_MUST_KEEP_CONSTRAINTS: Code = Code {
    name: "row_must_keep_constraints",
    status: 409,
    title: "The change contradicts what is stored",
    remedy: "Load the resource again and decide anew.",
};

/// The connection was lost, or the disk failed, during a commit.
pub const COMMIT_OUTCOME_UNKNOWN: Code = Code {
    name: "commit_outcome_unknown",
    status: 503,
    title: "It is not known whether the change was stored",
    remedy: "Repeat the request with the same key: it is done once, whether or not it was stored.",
};

/// A part of what is to be stored is too large.
pub const STORED_PART_MUST_FIT: Code = Code {
    name: "stored_part_must_fit",
    status: 413,
    title: "A part is larger than what is stored of it",
    remedy: "Send less; the log names the part and its limit.",
};

/// A work message is older than the inbox remembers.
pub const WORK_MUST_BE_RECENT: Code = Code {
    name: "work_must_be_recent",
    status: 410,
    title: "The message is older than the record of what was done",
    remedy: "Check by hand whether the work was done; send it as new work if it was not.",
};

/// The outbox is full.
pub const OUTBOX_MUST_HAVE_ROOM: Code = Code {
    name: "outbox_must_have_room",
    status: 503,
    title: "Too many messages wait to be carried",
    remedy: "Wait as long as the Retry-After header says, then repeat the request with the same \
             key; operators look at the message carrier.",
};

/// Too many events are parked.
pub const PARKED_MUST_HAVE_ROOM: Code = Code {
    name: "parked_must_have_room",
    status: 503,
    title: "Too many events wait for a decision",
    remedy: "Redrive or discard what is parked; the consumer goes on by itself then.",
};
