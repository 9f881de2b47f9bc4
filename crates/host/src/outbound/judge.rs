//! What a status says about whether something happened.
//!
//! Promises: of a write only that is called undone which the callee's own word makes certain. A
//! proxy between us answers 502, 503 and 504 for what it has sent on; so those count as known only
//! with a code of ours that says that nothing was done.

use kit::codes;

/// The reasons of ours, with status 503, after which nothing has happened.
const UNDONE: [&kit::codes::Code; 5] = [
    &codes::LOAD_MUST_BE_WITHIN_LIMIT,
    &codes::SERVICE_MUST_NOT_BE_DRAINING,
    &codes::STORE_MUST_HAVE_ROOM,
    &codes::TRANSACTION_MUST_NOT_CONFLICT,
    &codes::OUTBOX_MUST_HAVE_ROOM,
];

/// What to make of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was done.
    Done,
    /// It said no.
    Refused,
    /// Something else.
    Failed {
        /// Whether a write may have happened.
        maybe_done: bool,
        /// Whether the same may go well in a moment.
        again: bool,
    },
}

/// Judges a status; `code` is that of a component of ours, none from anybody else.
pub(super) fn judge(status: u16, code: Option<&str>) -> Verdict {
    let failed = |maybe_done, again| Verdict::Failed { maybe_done, again };
    match status {
        200..=299 => Verdict::Done,
        // Too Many Requests (RFC 6585, section 4): it was not let in.
        429 => failed(false, true),
        400..=499 => Verdict::Refused,
        503 if UNDONE.iter().any(|undone| code == Some(undone.name)) => failed(false, true),
        502..=504 => failed(true, true),
        // A redirect may come after the deed (303), and what is not HTTP's may mean anything.
        _ => failed(true, false),
    }
}
