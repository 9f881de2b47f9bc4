//! Why a request or a timer of notifications failed, with the stable code of each reason.
//!
//! Promises: every reason has a code of its own; a refusal that concerns a field says which. It
//! does not decide how a code is answered: that is the code's own status and the web crate.

use kit::codes::{Code, notifications as codes};
use store::StoreError;
use web::Problem;

use crate::domain::Reject;

/// Why it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The domain refused.
    #[error(transparent)]
    Rejected(#[from] Reject),
    /// The store failed; nothing was kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static Code {
        match self {
            Self::Rejected(reject) => code_of(reject),
            Self::Store(error) => error.code(),
        }
    }
}

fn code_of(reject: &Reject) -> &'static Code {
    match reject {
        Reject::TemplateMustExist => &codes::TEMPLATE_MUST_EXIST,
        Reject::TemplateMustBeInUse => &codes::TEMPLATE_MUST_BE_IN_USE,
        Reject::WordingMustFit { .. } => &codes::WORDING_MUST_FIT,
        Reject::WordingMustParse { .. } => &codes::WORDING_MUST_PARSE,
        Reject::VariableMustBeDeclared { .. } => &codes::VARIABLE_MUST_BE_DECLARED,
        Reject::DeclarationMustBeUsed { .. } => &codes::DECLARATION_MUST_BE_USED,
        Reject::DeclarationMustBeUnique { .. } => &codes::DECLARATION_MUST_BE_UNIQUE,
        Reject::DeclarationsMustBeFew { .. } => &codes::DECLARATIONS_MUST_BE_FEW,
        Reject::ParameterMustBeGiven { .. } => &codes::PARAMETER_MUST_BE_GIVEN,
        Reject::ParameterMustBeDeclared { .. } => &codes::PARAMETER_MUST_BE_DECLARED,
        Reject::ParameterMustBeOfItsKind { .. } => &codes::PARAMETER_MUST_BE_OF_ITS_KIND,
        Reject::TextMustFit { .. } => &codes::TEXT_MUST_FIT,
        Reject::SubjectMustBeOneLine => &codes::SUBJECT_MUST_BE_ONE_LINE,
        Reject::SendAtMustBeAhead => &codes::SEND_AT_MUST_BE_AHEAD,
        Reject::SendAtMustBeNear { .. } => &codes::SEND_AT_MUST_BE_NEAR,
        Reject::ReferenceMustBeUnused => &codes::REFERENCE_MUST_BE_UNUSED,
        Reject::MessageMustExist => &codes::MESSAGE_MUST_EXIST,
        Reject::MessageMustBeScheduled => &codes::MESSAGE_MUST_BE_SCHEDULED,
    }
}

/// The field of the request that a refusal concerns, as a JSON pointer (RFC 6901).
fn pointer_of(reject: &Reject) -> Option<String> {
    match reject {
        Reject::WordingMustFit { part, .. }
        | Reject::WordingMustParse { part, .. }
        | Reject::VariableMustBeDeclared { part, .. } => Some(format!("/{part}")),
        Reject::DeclarationMustBeUsed { index } => Some(format!("/parameters/{index}")),
        Reject::DeclarationMustBeUnique { index } => Some(format!("/parameters/{index}/name")),
        Reject::DeclarationsMustBeFew { .. } => Some("/parameters".to_owned()),
        Reject::ParameterMustBeGiven { name }
        | Reject::ParameterMustBeDeclared { name }
        | Reject::ParameterMustBeOfItsKind { name, .. } => Some(format!("/parameters/{name}")),
        Reject::SendAtMustBeAhead | Reject::SendAtMustBeNear { .. } => Some("/send_at".to_owned()),
        Reject::ReferenceMustBeUnused => Some("/reference".to_owned()),
        Reject::TemplateMustExist
        | Reject::TemplateMustBeInUse
        | Reject::TextMustFit { .. }
        | Reject::SubjectMustBeOneLine
        | Reject::MessageMustExist
        | Reject::MessageMustBeScheduled => None,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        let pointer = match &error {
            Error::Rejected(reject) => pointer_of(reject),
            Error::Store(_) => None,
        };
        let problem = Self::new(error.code());
        match pointer {
            Some(pointer) => problem.field(pointer, error.code(), detail),
            None => problem.detail(detail),
        }
    }
}
