//! What a service does with a message, as the service says it.
//!
//! Promises nothing by itself; [`crate::Consumer`] runs it, in a transaction of the service's own
//! store, together with the note that the message was handled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kit::codes::{self, Code};
use store::{StoreError, Tx};

use crate::message::{Message, MessageError};

/// How much of an error's words is kept: what a person reads of it at a glance.
const REASON_BYTES_MAX: usize = 1_000;

type Run = dyn Fn(&mut Tx<'_>, &Message) -> Result<(), ReactionError> + Send + Sync;

/// What is done with the messages of one topic. Cheap to clone.
#[derive(Clone)]
pub struct Reaction {
    topic: Arc<str>,
    run: Arc<Run>,
}

impl Reaction {
    /// For every message of the topic, `run` in a transaction.
    ///
    /// It may run more than once for one message, each time in a transaction that was undone
    /// before, so it has no effect but through `tx`. A type that it does not know it passes over
    /// with `Ok`: topics grow. What it refuses is retried; see [`crate::Consumer`].
    pub fn new<F>(topic: &str, run: F) -> Self
    where
        F: Fn(&mut Tx<'_>, &Message) -> Result<(), ReactionError> + Send + Sync + 'static,
    {
        Self {
            topic: topic.into(),
            run: Arc::new(run),
        }
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Does what the service says is to be done with a message.
    pub fn react(&self, tx: &mut Tx<'_>, message: &Message) -> Result<(), ReactionError> {
        (self.run)(tx, message)
    }

    /// Runs it; a panic is a refusal.
    pub(crate) fn run(&self, tx: &mut Tx<'_>, message: &Message) -> Result<(), Stopped> {
        // What it leaves half done is in the transaction, which is undone.
        let run = AssertUnwindSafe(|| (self.run)(tx, message));
        match catch_unwind(run) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(ReactionError::Store(error))) => Err(Stopped::of(error)),
            Ok(Err(ReactionError::Refused { code, reason })) => {
                Err(Stopped::Refused(Cause::new(code, &reason)))
            }
            Err(_) => Err(Stopped::Refused(Cause::new(
                &codes::INTERNAL_ERROR,
                "the reaction panicked",
            ))),
        }
    }
}

/// Why a reaction did not handle a message.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReactionError {
    /// The message cannot be handled as things stand; it is retried on the ladder.
    #[error("the message was refused: code={} reason={reason}", code.name)]
    Refused {
        /// The stable code of the service's error.
        code: &'static Code,
        /// What it says.
        reason: String,
    },
    /// The store failed. What passes by itself is tried again without end, the rest is a refusal.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReactionError {
    /// A refusal with the code and the words of a service's own error.
    pub fn refused(code: &'static Code, reason: impl std::fmt::Display) -> Self {
        Self::Refused {
            code,
            reason: reason.to_string(),
        }
    }
}

impl From<MessageError> for ReactionError {
    fn from(error: MessageError) -> Self {
        Self::refused(&codes::BODY_MUST_MATCH_SCHEMA, error)
    }
}

/// Why a message cannot be handled: what a report says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) code: &'static Code,
    pub(crate) reason: String,
}

impl Cause {
    pub(crate) fn new(code: &'static Code, reason: &str) -> Self {
        let reason = cut(reason, REASON_BYTES_MAX).to_owned();
        Self { code, reason }
    }
}

/// Why a transaction of messages did not come to its end.
#[derive(Clone, Debug)]
pub(crate) enum Stopped {
    /// The message cannot be handled.
    Refused(Cause),
    /// The store cannot work now; it says nothing about the message.
    Waiting(StoreError),
}

impl Stopped {
    /// What an error of the store says: that it cannot work now, or that it will not do this.
    pub(crate) fn of(error: StoreError) -> Self {
        if passes(&error) {
            Self::Waiting(error)
        } else {
            Self::Refused(Cause::new(error.code(), &error.to_string()))
        }
    }
}

/// Whether the same may go well later without anybody changing the message or the code.
fn passes(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Busy
            | StoreError::Closed
            | StoreError::Unavailable { .. }
            | StoreError::CommitOutcomeUnknown { .. }
            | StoreError::GroupRolledBack
            | StoreError::Contended { .. }
            | StoreError::OutboxMustHaveRoom
            | StoreError::ParkedMustHaveRoom { .. }
    )
}

/// The beginning of a text, at most so many bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
