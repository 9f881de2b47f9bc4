//! What notifications decides: the life of a message, the versions of a template, and what a
//! template may say.
//!
//! Promises: pure functions of what is given; the same state, command and time give the same
//! answer. `decide` says what would happen or why not and changes nothing, `apply` makes it so
//! and cannot fail. Nothing here knows HTTP, SQL, clocks or ids in the making.

pub mod message;
pub mod names;
pub mod parameters;
pub mod template;
pub mod wording;

use self::wording::Part;

/// Why a command is refused: what must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// No such template.
    #[error("the template must exist")]
    TemplateMustExist,
    /// The template was retired and has no newer version.
    #[error("the template must not be retired")]
    TemplateMustBeInUse,
    /// A subject or body is empty or too long as written.
    #[error("the {part} must have 1 to {max} {}", .part.unit())]
    WordingMustFit {
        /// Which one.
        part: Part,
        /// The limit, in the part's unit.
        max: usize,
    },
    /// The template language was not followed.
    #[error("line {line} of the {part}: {reason}")]
    WordingMustParse {
        /// Where.
        part: Part,
        /// The line in it, from 1.
        line: usize,
        /// What the language wants.
        reason: String,
    },
    /// A variable without a declaration.
    #[error("the {part} uses {name}, which must be declared as a parameter")]
    VariableMustBeDeclared {
        /// Where it is used.
        part: Part,
        /// The variable.
        name: String,
    },
    /// A declaration without a use.
    #[error("the parameter must be used in the subject or the body")]
    DeclarationMustBeUsed {
        /// Its place among the declarations, from 0.
        index: usize,
    },
    /// One name declared twice.
    #[error("the name of a parameter must be unique in its template")]
    DeclarationMustBeUnique {
        /// The place of the second one, from 0.
        index: usize,
    },
    /// Too many declarations.
    #[error("a template must have at most {max} parameters")]
    DeclarationsMustBeFew {
        /// The limit.
        max: usize,
    },
    /// A required parameter was not given.
    #[error("the parameter must be given")]
    ParameterMustBeGiven {
        /// Its name.
        name: String,
    },
    /// A parameter the template does not declare was given.
    #[error("the parameter must be declared by the template")]
    ParameterMustBeDeclared {
        /// Its name.
        name: String,
    },
    /// A value of another kind than declared.
    #[error("the parameter must be {wanted}")]
    ParameterMustBeOfItsKind {
        /// Its name.
        name: String,
        /// What its kind asks for, in words.
        wanted: &'static str,
    },
    /// The rendered text is too long.
    #[error("the {part} must render to at most {max} {}", .part.unit())]
    TextMustFit {
        /// Which one.
        part: Part,
        /// The limit, in the part's unit.
        max: usize,
    },
    /// A line break in a subject.
    #[error("the subject must be one line")]
    SubjectMustBeOneLine,
    /// The time of sending is not after now.
    #[error("send_at must be later than now")]
    SendAtMustBeAhead,
    /// The time of sending is too far away.
    #[error("send_at must be at most {days} days ahead")]
    SendAtMustBeNear {
        /// The limit.
        days: u32,
    },
    /// The sender gave this reference to another message.
    #[error("the reference must name one message: it has other content")]
    ReferenceMustBeUnused,
    /// No such message, or not one the caller can know of.
    #[error("the message must exist")]
    MessageMustExist,
    /// Sent or read already.
    #[error("the message must not be sent yet")]
    MessageMustBeScheduled,
}
