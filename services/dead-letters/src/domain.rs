//! What dead letters decides: whether a message is sent again, what an operator may do with one
//! that is not, and how often each type of message is tried.
//!
//! Promises: pure functions of what is given; the same state, command and time give the same
//! answer. `decide` says what would happen or why not and changes nothing, `apply` makes it so
//! and cannot fail. Nothing here knows HTTP, SQL, clocks or ids in the making.

pub mod document;
pub mod event_config;
pub mod ladder;
pub mod letter;
pub mod names;

/// Why a command is refused: what must hold and does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// No such letter.
    #[error("the letter must exist")]
    LetterMustExist,
    /// The letter is on the ladder, was redriven, or was discarded.
    #[error("the letter must be open: it is {state}")]
    LetterMustBeOpen {
        /// What it is instead.
        state: &'static str,
    },
    /// What came could not be read, so there is no message to send.
    #[error("the letter must hold a message: what came could not be read as one")]
    LetterMustHoldAMessage,
    /// The work came from a topic that dead letters does not send to.
    #[error("the topic must be one of work that dead letters may send to: {topic}")]
    TopicMustTakeWork {
        /// The topic.
        topic: String,
    },
    /// The work is older than its consumer remembers what it did.
    #[error("the work must be younger than {days} days, which is how long its consumer remembers")]
    WorkMustBeRecent {
        /// The limit.
        days: u64,
    },
    /// The edited text is no message.
    #[error("{reason}")]
    EditMustBeAMessage {
        /// What is wrong with it.
        reason: String,
    },
    /// The edited text is another message.
    #[error("the edited document must keep {member} as it is")]
    EditMustKeepTheMessage {
        /// The member that differs.
        member: &'static str,
    },
    /// No such configuration.
    #[error("the event configuration must exist")]
    EventConfigMustExist,
    /// Too many configurations.
    #[error("there must be at most {max} event configurations")]
    EventConfigsMustBeFew {
        /// The limit.
        max: u32,
    },
    /// Somebody changed the configuration meanwhile, or the caller does not say what they saw.
    #[error("the version must be stated and match")]
    VersionMustMatch(Seen),
}

/// What a caller said of the version they saw, where that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Unstated,
    /// Another one.
    Other,
}
