//! Why the engine did not do what it was asked, with the stable code of each reason.

use broker::{MessageError, ReactionError};
use kit::codes::{self, Code};
use store::StoreError;

use crate::context::ContextMustFit;
use crate::instance::SagaId;

/// Why it did not.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no such saga, or it is no longer kept.
    #[error("the saga must exist: saga={saga}")]
    SagaMustExist {
        /// The saga.
        saga: SagaId,
    },
    /// The process does not have this definition, or not this version.
    #[error("the definition must be known: definition={definition} version={version}")]
    DefinitionMustBeKnown {
        /// The definition.
        definition: String,
        /// The version; 0 for the newest.
        version: u32,
    },
    /// A version says something else than it said when it was first seen.
    #[error("a version must not change what it says: definition={definition} version={version}")]
    VersionMustNotChange {
        /// The definition.
        definition: String,
        /// The version.
        version: u32,
    },
    /// Sagas of this definition are started by another component, or another event.
    #[error("a saga must be started by its starter: definition={definition} by={by}")]
    StarterMustBeItsOwn {
        /// The definition.
        definition: String,
        /// Who tried.
        by: String,
    },
    /// The id is that of a saga that was started with something else.
    #[error("the id of a saga must not be used again for another: saga={saga}")]
    SagaMustBeTheSame {
        /// The saga.
        saga: SagaId,
    },
    /// What the starter says is too large.
    #[error(transparent)]
    Context(#[from] ContextMustFit),
    /// The reason an operator gives is empty or too long.
    #[error("a reason must have 1 to {bytes_max} bytes")]
    ReasonMustFit {
        /// The limit.
        bytes_max: usize,
    },
    /// The message does not say what a message to sagas says.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The store failed; nothing was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        match self {
            Self::SagaMustExist { .. } => &codes::RESOURCE_MUST_EXIST,
            Self::DefinitionMustBeKnown { .. } | Self::VersionMustNotChange { .. } => {
                &codes::INTERNAL_ERROR
            }
            Self::StarterMustBeItsOwn { .. } => &codes::ROLE_NOT_ALLOWED,
            Self::SagaMustBeTheSame { .. } => &codes::IDEMPOTENCY_KEY_REUSED,
            Self::Context(_) => &codes::STORED_PART_MUST_FIT,
            Self::ReasonMustFit { .. } | Self::Message(_) => &codes::BODY_MUST_MATCH_SCHEMA,
            Self::Store(error) => error.code(),
        }
    }
}

impl From<Error> for ReactionError {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => Self::Store(error),
            other => Self::refused(other.code(), &other),
        }
    }
}
