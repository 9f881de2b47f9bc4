//! Why a request of sagas failed, with the stable code of each reason.
//!
//! Promises: every reason has a code of its own; a refusal that concerns a field says which. It
//! does not decide how a code is answered: that is the code's own status and the web crate.

use kit::codes::{self, Code, sagas as own};
use saga::engine;
use store::StoreError;
use web::Problem;

/// Why it failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The engine refused.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A saga that waits for nothing has nothing to try again.
    #[error("the saga must wait for an answer")]
    SagaMustWait,
    /// A saga that is over, or past what can be undone, cannot be cancelled.
    #[error("the saga must be one that can still be cancelled")]
    SagaMustBeCancellable,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Error {
    /// The stable code, and the field of the request that it concerns.
    fn code(&self) -> (&'static Code, Option<&'static str>) {
        match self {
            Self::SagaMustWait => (&own::SAGA_MUST_WAIT, None),
            Self::SagaMustBeCancellable => (&own::SAGA_MUST_BE_CANCELLABLE, None),
            Self::Engine(error) => match error {
                engine::Error::SagaMustExist { .. } => (&own::SAGA_MUST_EXIST, None),
                // Zero is the newest: the request names what is not there.
                engine::Error::DefinitionMustBeKnown { version: 0, .. } => {
                    (&own::DEFINITION_MUST_EXIST, Some("/definition"))
                }
                engine::Error::StarterMustBeItsOwn { .. } => (&own::STARTER_MUST_BE_ITS_OWN, None),
                engine::Error::SagaMustBeTheSame { .. } => {
                    (&own::SAGA_ID_MUST_BE_UNUSED, Some("/saga_id"))
                }
                engine::Error::Context(_) => (&own::SAGA_CONTEXT_MUST_FIT, Some("/context")),
                engine::Error::ReasonMustFit { .. } => {
                    (&codes::BODY_MUST_MATCH_SCHEMA, Some("/reason"))
                }
                other => (other.code(), None),
            },
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let (code, pointer) = error.code();
        let problem = Self::new(code);
        match pointer {
            Some(pointer) => problem.field(pointer.to_owned(), code, detail),
            None => problem.detail(detail),
        }
    }
}
