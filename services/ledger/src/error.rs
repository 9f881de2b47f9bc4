//! Why a request to the ledger failed, as a problem document.
//!
//! Promises: every reason has a stable code; a refusal names the field or the posting; a book that
//! is busy says when to come back. Which status a code has is in the table of codes.

use axum::http::{HeaderValue, header};
use kit::codes;
use ledger_core::TextError;
use money::AmountError;
use web::Problem;

use crate::engine::{Engine, EngineError, Refusal};
use ledger_store::JournalError;

/// When to come back to a full queue: a full queue is some four flushes, well under a second.
const RETRY_AFTER_S: &str = "1";

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Busy => Self::new(&codes::BOOK_QUEUE_MUST_HAVE_ROOM)
                .header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S)),
            EngineError::Stopped => Self::new(&codes::BOOK_MUST_BE_RUNNING),
            EngineError::Damaged => Self::new(&codes::JOURNAL_MUST_BE_INTACT),
        }
    }
}

impl Refusal {
    /// A refusal made while a request is read.
    pub(crate) fn new(
        code: &'static codes::Code,
        pointer: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            code,
            pointer: pointer.into(),
            detail: detail.into(),
        }
    }

    /// A text that does not follow its grammar.
    pub(crate) fn text(error: TextError, pointer: impl Into<String>) -> Self {
        Self::new(error.code(), pointer, error.to_string())
    }

    /// An amount that cannot be read.
    pub(crate) fn amount(error: AmountError, pointer: impl Into<String>) -> Self {
        let code = match error {
            AmountError::MustFitExponent { .. } => &codes::AMOUNT_MUST_FIT_EXPONENT,
            AmountError::MustFitRange => &codes::AMOUNT_MUST_FIT_RANGE,
            _ => &codes::AMOUNT_MUST_BE_DECIMAL,
        };
        Self::new(code, pointer, error.to_string())
    }

    /// The same refusal of a part of a larger request.
    pub(crate) fn within(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }

    /// The problem document that says so.
    pub(crate) fn problem(self) -> Problem {
        let problem = Problem::new(self.code).detail(self.detail.clone());
        match self.pointer.is_empty() {
            true => problem,
            false => problem.field(self.pointer, self.code, self.detail),
        }
    }
}

/// A read of the journal failed. One that finds damage stops the book: what it would still say
/// cannot be trusted.
pub(crate) fn unreadable(engine: &Engine, error: &JournalError) -> Problem {
    match error {
        JournalError::Damaged(damage) => {
            engine
                .shared()
                .stop(EngineError::Damaged, &damage.to_string());
            Problem::new(&codes::JOURNAL_MUST_BE_INTACT).detail(damage.to_string())
        }
        JournalError::Unavailable(reason) => {
            Problem::new(&codes::INTERNAL_ERROR).detail(reason.clone())
        }
    }
}
