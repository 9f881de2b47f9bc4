//! What sagas and participants say to each other, as data of messages.
//!
//! Commands go to the work topic of their receiver, `RECEIVER.commands`; starts and answers come
//! to [`EVENTS`]. The type of a message is the command or the event, its subject the saga.
//!
//! Promises: fields are added, none changes its meaning; unknown fields are ignored.

use broker::{Message, ReactionError};
use kit::codes;
use serde::{Deserialize, Serialize};

use crate::context::{Context, Fields};
use crate::definition::SAGAS;
use crate::instance::{Cause, SagaId};
use crate::participant::UNDO;

/// The work topic on which sagas are started and answered.
pub const EVENTS: &str = "sagas.events";

/// The version of the schemas in this file.
pub const SCHEMA_VERSION: u16 = 1;

/// The work topic of a receiver's commands.
#[must_use]
pub fn commands(receiver: &str) -> String {
    format!("{receiver}.commands")
}

/// The data of a message on [`EVENTS`]: with a step it is an answer, without one a start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The saga.
    pub saga_id: SagaId,
    /// In an answer: the step it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<String>,
    /// In a start: the definition the saga follows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub definition: Option<String>,
    /// In the answer to a compensation: whether the step had acted before.
    #[serde(skip_serializing_if = "is_false", default)]
    pub acted: bool,
    /// What the participant, or the starter, says to the others.
    #[serde(default)]
    pub data: Fields,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// The data of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The saga.
    pub saga_id: SagaId,
    /// The step; it comes back in the answer. A repeat and the compensation carry the same.
    pub step: String,
    /// The command.
    pub command: String,
    /// In a compensation: the event that says it is done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undo: Option<String>,
    /// Why the saga undoes, or undid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cause: Option<Cause>,
    /// What all participants have said so far, by their names.
    #[serde(default)]
    pub context: Context,
}

impl Asked {
    /// Reads a command of the engine. For a [`broker::Reaction::many`] of a participant.
    ///
    /// # Errors
    ///
    /// What does not come from the engine, or does not name its step and itself.
    pub fn read(message: &Message) -> Result<Self, ReactionError> {
        if component(&message.source) != Some(SAGAS) {
            let reason = format!("commands come from sagas, not from {}", message.source);
            return Err(ReactionError::refused(&codes::ROLE_NOT_ALLOWED, reason));
        }
        let asked: Self = message.data()?;
        if asked.step.starts_with(UNDO) || asked.command != message.kind {
            let reason = "a command must name its step and itself";
            let code = &codes::BODY_MUST_MATCH_SCHEMA;
            return Err(ReactionError::refused(code, reason));
        }
        Ok(asked)
    }
}

/// The component that a message comes from; none if its source is not one.
pub(crate) fn component(source: &str) -> Option<&str> {
    source.strip_prefix('/').filter(|name| !name.is_empty())
}
