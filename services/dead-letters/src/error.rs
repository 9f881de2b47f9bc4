//! Why a request or a timer of dead letters failed, with the stable code of each reason.
//!
//! Promises: every reason has a code of its own; a refusal that concerns a field says which. It
//! does not decide how a code is answered: that is the code's own status and the web crate.

use kit::codes::{self, Code, dead_letters as own};
use store::StoreError;
use web::Problem;

use crate::domain::{Reject, Seen};

/// Why it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The domain refused.
    #[error(transparent)]
    Rejected(#[from] Reject),
    /// The filter of a redrive in bulk means every letter there is.
    #[error("consumer, topic or type must be given")]
    FilterMustBeGiven,
    /// As many letters are open as may be.
    #[error("there must be fewer than {max} open letters: failures wait in their topic meanwhile")]
    LettersMustHaveRoom {
        /// The limit.
        max: u32,
    },
    /// The store failed; nothing was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static Code {
        match self {
            Self::Rejected(reject) => code_of(reject),
            Self::FilterMustBeGiven => &own::FILTER_MUST_BE_GIVEN,
            // Nobody asks for a failure over HTTP; the log names it so.
            Self::LettersMustHaveRoom { .. } => &codes::STORE_MUST_HAVE_ROOM,
            Self::Store(error) => error.code(),
        }
    }
}

fn code_of(reject: &Reject) -> &'static Code {
    match reject {
        Reject::LetterMustExist => &own::LETTER_MUST_EXIST,
        Reject::LetterMustBeOpen { .. } => &own::LETTER_MUST_BE_OPEN,
        Reject::LetterMustHoldAMessage => &own::LETTER_MUST_HOLD_A_MESSAGE,
        Reject::TopicMustTakeWork { .. } => &own::TOPIC_MUST_TAKE_WORK,
        Reject::WorkMustBeRecent { .. } => &codes::WORK_MUST_BE_RECENT,
        Reject::EditMustBeAMessage { .. } => &own::EDIT_MUST_BE_A_MESSAGE,
        Reject::EditMustKeepTheMessage { .. } => &own::EDIT_MUST_KEEP_THE_MESSAGE,
        Reject::EventConfigMustExist => &own::EVENT_CONFIG_MUST_EXIST,
        Reject::EventConfigsMustBeFew { .. } => &own::EVENT_CONFIGS_MUST_BE_FEW,
        Reject::VersionMustMatch(Seen::Unstated) => &codes::VERSION_MUST_BE_STATED,
        Reject::VersionMustMatch(Seen::Other) => &codes::VERSION_MUST_MATCH,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let problem = Self::new(error.code());
        match error {
            Error::Rejected(
                Reject::EditMustBeAMessage { .. } | Reject::EditMustKeepTheMessage { .. },
            ) => problem.field("/document".to_owned(), error.code(), detail),
            _ => problem.detail(detail),
        }
    }
}
