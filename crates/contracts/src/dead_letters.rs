//! What consumers and the service of dead letters say to each other: that a message failed, and
//! what is to become of one that waits.
//!
//! Work topic `dead-letters.failures` carries [`Failure`] reports; events topic
//! `dead-letters.decisions` carries [`Decision`]s, keyed by the consuming component. Unlike other
//! contracts these hold whole documents: whoever repairs a message must see it, so the service of
//! dead letters guards them as it guards its own tables.

use kit::id::{Id, Kind};
use kit::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::example;
use crate::{Event, Example, Work};

/// The component that keeps dead letters.
const COMPONENT: &str = "dead-letters";
/// Work topic of [`Failure`] reports: every consumer sends, dead letters handles.
pub const FAILURES: &str = "dead-letters.failures";
/// Events topic of [`Decision`]s: dead letters publishes, every consumer reads.
pub const DECISIONS: &str = "dead-letters.decisions";
/// The type of a message that carries a [`Failure`].
pub const REPORT_FAILURE: &str = "dead-letters.report_failure";
/// The version of the schema of [`Failure`].
pub const FAILURE_SCHEMA_VERSION: u16 = 1;

/// The kind of id a message between services has, event or work: `evt_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {}

impl Kind for MessageKind {
    const PREFIX: &'static str = "evt";
}

/// The id of a message between services.
pub type MessageId = Id<MessageKind>;

/// What kind of message failed, and so what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Work: it is sent again to its topic, or not. Nobody waits for it.
    Work,
    /// An event whose retries are exhausted: it is parked at its consumer, and its key waits for
    /// a [`Decision`].
    Event,
    /// What came is not a message of ours; it was put aside, and nothing waits for it.
    Unreadable,
}

/// A consumer could not handle a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// What kind of message it was.
    pub kind: FailureKind,
    /// The component that could not handle it.
    pub consumer: String,
    /// The topic it came from: where it is sent again.
    pub topic: String,
    /// Its id, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, pattern = "^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub message_id: Option<MessageId>,
    /// Its type, if it could be read; the ladder of work is chosen by it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message_type: Option<String>,
    /// What it is about; empty if it could not be read.
    pub subject: String,
    /// How often handling it has failed, this time included.
    pub attempt: u32,
    /// The stable code of the error.
    pub code: String,
    /// What the consumer said, cut to a bound.
    pub reason: String,
    /// The document as it came; cut to a bound if `kind` is unreadable.
    pub document: String,
    /// When it failed.
    #[schema(value_type = String, format = DateTime)]
    pub failed_at: Timestamp,
}

impl Work for Failure {
    const TOPIC: &'static str = FAILURES;
    const TYPE: &'static str = REPORT_FAILURE;
    const SCHEMA_VERSION: u16 = FAILURE_SCHEMA_VERSION;

    fn subject(&self) -> String {
        self.subject.clone()
    }
}

impl Example for Failure {
    fn example() -> Self {
        Self {
            kind: FailureKind::Work,
            consumer: "deals".to_owned(),
            topic: "deals.commands".to_owned(),
            message_id: Some(example::id()),
            message_type: Some("deals.reserve_cash".to_owned()),
            subject: "saga_01jd0000000000000000000000".to_owned(),
            attempt: 4,
            code: "account_must_exist".to_owned(),
            reason: "account must exist".to_owned(),
            document: "{\"specversion\":\"1.0\"}".to_owned(),
            failed_at: example::TIME,
        }
    }
}

/// What an operator wants to become of a parked event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// Try it again, from the first rung of the ladder.
    Redrive {
        /// With this document in place of the one that came.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        document: Option<String>,
    },
    /// Never handle it, and go on with the next of its key.
    Discard,
}

/// An operator decided about a parked event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// The component at which the event is parked.
    pub consumer: String,
    /// How many decisions that component was sent, this one included.
    pub revision: u32,
    /// The topic it came from.
    pub topic: String,
    /// Its subject: the key that waits.
    pub subject: String,
    /// The parked event: the first of its key.
    #[schema(value_type = String, pattern = "^evt_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub message_id: MessageId,
    /// What is to become of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// When it was decided.
    #[schema(value_type = String, format = DateTime)]
    pub decided_at: Timestamp,
}

impl Event for Decision {
    const SOURCE: &'static str = COMPONENT;
    const TOPIC: &'static str = DECISIONS;
    const TYPE: &'static str = "dead-letters.parked_event_decided";
    const SCHEMA_VERSION: u16 = 1;

    fn key(&self) -> String {
        self.consumer.clone()
    }

    fn revision(&self) -> u32 {
        self.revision
    }
}

impl Example for Decision {
    fn example() -> Self {
        Self {
            consumer: "deals".to_owned(),
            revision: 1,
            topic: "notifications.messages".to_owned(),
            subject: "msg_01jd0000000000000000000000".to_owned(),
            message_id: example::id(),
            verdict: Verdict::Redrive {
                document: Some("{\"specversion\":\"1.0\"}".to_owned()),
            },
            decided_at: example::TIME,
        }
    }
}
