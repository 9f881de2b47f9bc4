//! Reports of failure: work on its way to the service of dead letters.
//!
//! Promises: a report is sent in the transaction that puts its message aside, so there is one if
//! and only if the message is aside; the same failure has the same id, whoever meets it again.

use contracts::dead_letters::{
    FAILURE_SCHEMA_VERSION, FAILURES, Failure, FailureKind, MessageId, REPORT_FAILURE,
};
use kit::codes;
use kit::time::Timestamp;
use store::{StoreError, Tx};
use uuid::Uuid;

use crate::message::Message;
use crate::reaction::{Cause, cut};

/// How much is kept of a document that is not a message: enough to see what it was.
pub const UNREADABLE_BYTES_MAX: usize = 64 * 1024;

/// What a report is about.
pub(crate) struct Failed<'a> {
    pub(crate) consumer: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) document: &'a str,
    pub(crate) cause: &'a Cause,
    pub(crate) now: Timestamp,
}

impl Failed<'_> {
    /// A message that could be read, and has failed so often.
    pub(crate) fn of(&self, message: &Message, kind: FailureKind, attempt: u32) -> Failure {
        Failure {
            kind,
            consumer: self.consumer.to_owned(),
            topic: self.topic.to_owned(),
            message_id: Some(message.id),
            message_type: Some(message.kind.clone()),
            subject: message.subject.clone(),
            attempt,
            code: self.cause.code.name.to_owned(),
            reason: self.cause.reason.clone(),
            document: self.document.to_owned(),
            failed_at: self.now,
        }
    }

    /// A document that could not be read.
    pub(crate) fn unreadable(&self) -> Failure {
        Failure {
            kind: FailureKind::Unreadable,
            consumer: self.consumer.to_owned(),
            topic: self.topic.to_owned(),
            message_id: None,
            message_type: None,
            subject: String::new(),
            attempt: 1,
            code: self.cause.code.name.to_owned(),
            reason: self.cause.reason.clone(),
            document: cut(self.document, UNREADABLE_BYTES_MAX).to_owned(),
            failed_at: self.now,
        }
    }
}

/// What the report of a failure is known by to who sends it: the same for the same message,
/// consumer and attempt.
pub(crate) fn report_id(consumer: &str, topic: &str, what: &[u8], attempt: u32) -> MessageId {
    let mut hash = blake3::Hasher::new_derive_key("florin.finance 2026 id of a report of failure");
    for part in [consumer.as_bytes(), topic.as_bytes(), what] {
        hash.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    made_of(hash.update(&attempt.to_be_bytes()))
}

/// The id that the report has on its way: another one, because who consumes its own reports has
/// noted the first in the inbox in which the report arrives, and would take it for a repeat.
fn arriving_id(report: MessageId) -> MessageId {
    let mut hash = blake3::Hasher::new_derive_key("florin.finance 2026 id of a report on its way");
    made_of(hash.update(report.uuid().as_bytes()))
}

fn made_of(hash: &blake3::Hasher) -> MessageId {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize().as_bytes()[..16]);
    // Version 8 of RFC 9562: an id of one's own making.
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    MessageId::from_uuid(Uuid::from_bytes(bytes))
}

/// The longest `traceparent` that a report takes over: more than twice that of W3C Trace Context,
/// so that a stranger's does not make the report too long to be sent.
const TRACEPARENT_BYTES_MAX: usize = 128;

/// Sends the report known by `report` to the service of dead letters, in the trace of what failed.
pub(crate) fn send(
    tx: &mut Tx<'_>,
    report: MessageId,
    failure: &Failure,
) -> Result<(), StoreError> {
    let (id, now) = (arriving_id(report), failure.failed_at);
    let of = (failure.consumer.as_str(), failure.subject.as_str());
    let mut report = Message::work(
        id,
        of,
        (REPORT_FAILURE, FAILURE_SCHEMA_VERSION),
        now,
        failure,
    )
    .expect("a failure is a struct of texts and numbers");
    // What becomes of the message is seen in the trace that it belongs to.
    let failed = Message::parse(&failure.document).ok();
    let trace = failed.and_then(|failed| failed.traceparent);
    report.traceparent = trace.filter(|trace| trace.len() <= TRACEPARENT_BYTES_MAX);
    tx.send(&store::Work {
        id: id.uuid(),
        topic: FAILURES.to_owned(),
        key: REPORT_FAILURE.to_owned(),
        document: report.document(),
        created: now,
        due: now,
    })
}

/// Why a document is not a message.
pub(crate) fn unreadable(reason: &str) -> Cause {
    Cause::new(&codes::BODY_MUST_MATCH_SCHEMA, reason)
}
