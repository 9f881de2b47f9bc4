//! The reaction every consumer has: an operator decided about a parked event.
//!
//! Promises: a decision is carried out once, and one about an event that is not parked here does
//! nothing. An edited document that does not fit the event it replaces is not taken; it is
//! reported, so that the operator hears of it.

use std::sync::Arc;

use contracts::Event as _;
use contracts::dead_letters::{DECISIONS, Decision, FailureKind, Verdict};
use kit::time::{Clock, Timestamp};
use store::{Parked, StoreError, Tx};

use crate::failure::{self, Failed, report_id};
use crate::message::{Message, MessageError};
use crate::reaction::{Reaction, ReactionError};

impl Reaction {
    /// What every component that consumes events does with the topic `dead-letters.decisions`:
    /// it redrives or discards what is parked in its store.
    #[must_use]
    pub fn decisions(component: &str, clock: Arc<dyn Clock>) -> Self {
        let component = component.to_owned();
        Self::new(DECISIONS, move |tx, message| {
            if message.kind != Decision::TYPE || message.subject != component {
                return Ok(());
            }
            let decision: Decision = message.data()?;
            carry_out(tx, &decision, &*clock)
        })
    }
}

fn carry_out(tx: &mut Tx<'_>, decision: &Decision, clock: &dyn Clock) -> Result<(), ReactionError> {
    let head = tx.parked_next(&decision.topic, &decision.subject)?;
    let Some(head) = head.filter(|head| head.id == decision.message_id.uuid()) else {
        return Ok(());
    };
    let document = match &decision.verdict {
        Verdict::Discard => return Ok(tx.unpark(head.id).map(drop)?),
        Verdict::Redrive { document } => document.as_deref(),
    };
    let now = clock.now();
    if let Some(Err(error)) = document.map(|document| check_edited(document, &head)) {
        return Ok(report(tx, decision, &head, (&error, now))?);
    }
    Ok(tx.parked_revive(head.id, document, now).map(drop)?)
}

/// An edited document is still the same event of the same key.
fn check_edited(document: &str, head: &Parked) -> Result<(), MessageError> {
    let (edited, version) = Message::parse_event(document)?;
    let same = edited.id.uuid() == head.id && edited.subject == head.key && version == head.version;
    let reason = "id, subject and aggregateversion must be those of the event".to_owned();
    if same {
        Ok(())
    } else {
        Err(MessageError { reason })
    }
}

/// Tells the service of dead letters that an edited document was not taken.
fn report(
    tx: &mut Tx<'_>,
    decision: &Decision,
    head: &Parked,
    (error, now): (&MessageError, Timestamp),
) -> Result<(), StoreError> {
    let failed = Failed {
        consumer: &decision.consumer,
        topic: &head.topic,
        document: &head.document,
        cause: &failure::unreadable(&format!("the edited document: {error}")),
        now,
    };
    let Ok(original) = Message::parse(&head.document) else {
        return Ok(());
    };
    let what = format!("{}/{}", decision.message_id, decision.revision);
    let id = report_id(
        &decision.consumer,
        &head.topic,
        what.as_bytes(),
        head.attempts,
    );
    let failure = failed.of(&original, FailureKind::Event, head.attempts);
    failure::send(tx, id, &failure)
}
