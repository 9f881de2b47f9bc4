//! What a message to sagas says: a start, or an answer.
//!
//! Promises: it is read without a transaction, and so before the one that handles it.

use broker::Message;

use super::made::Made;
use super::{Error, Registration};
use crate::instance::SagaId;
use crate::step::Answered;
use crate::wire;

/// A message of the topic [`wire::EVENTS`], read by [`super::Engine::hear`].
#[derive(Clone, Debug)]
pub struct Heard {
    pub(super) event: String,
    pub(super) said: Said,
    /// What it makes of the saga, if that stands where this process saved it a moment ago.
    pub(super) ahead: Option<Made>,
}

#[derive(Clone, Debug)]
pub(super) enum Said {
    Answer(SagaId, Answered),
    Start(Registration),
}

impl Heard {
    /// Reads a message.
    pub(super) fn read(message: &Message) -> Result<Self, Error> {
        let said: wire::Said = message.data()?;
        let participant = wire::component(&message.source).unwrap_or_default();
        let said = match said.step {
            None => Said::Start(Registration {
                id: said.saga_id,
                definition: said.definition.unwrap_or_default(),
                by: participant.to_owned(),
                fields: said.data,
                traceparent: message.traceparent.clone(),
            }),
            Some(step) => Said::Answer(
                said.saga_id,
                Answered {
                    event: message.kind.clone(),
                    step,
                    participant: participant.to_owned(),
                    acted: said.acted,
                    fields: said.data,
                },
            ),
        };
        Ok(Self {
            event: message.kind.clone(),
            said,
            ahead: None,
        })
    }

    /// The saga it is about.
    pub(super) fn id(&self) -> SagaId {
        match &self.said {
            Said::Answer(id, _) => *id,
            Said::Start(start) => start.id,
        }
    }
}
