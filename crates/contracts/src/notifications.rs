//! What notifications publishes: what became of a message, and that a template changed.
//!
//! Topic `notifications.messages` is keyed by message id, `notifications.templates` by template
//! key; within a key the order is the order of the changes. No text and no parameters: who may
//! read a message reads it in the mailbox.

use kit::id::{Id, Kind};
use kit::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::example;
use crate::{Event, Example};

/// The publishing component.
const COMPONENT: &str = "notifications";
/// Topic of everything that happens to a message.
pub const MESSAGES: &str = "notifications.messages";
/// Topic of everything that happens to a template.
pub const TEMPLATES: &str = "notifications.templates";

/// The kind of id a message has: `msg_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKind {}

impl Kind for MessageKind {
    const PREFIX: &'static str = "msg";
}

/// The id of a message.
pub type MessageId = Id<MessageKind>;

/// A message reached its recipient's mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageSent {
    /// The message.
    #[schema(value_type = String, pattern = "^msg_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub message_id: MessageId,
    /// Its revision after this change.
    pub revision: u32,
    /// The subject whose mailbox it is in.
    pub recipient: String,
    /// The subject that asked for it.
    pub sender: String,
    /// The sender's own name for the message, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// The key of the template it was rendered from.
    pub template_key: String,
    /// The version of that template.
    pub template_version: u32,
    /// When it was sent.
    #[schema(value_type = String, format = DateTime)]
    pub sent_at: Timestamp,
}

impl Event for MessageSent {
    const SOURCE: &'static str = COMPONENT;
    const TOPIC: &'static str = MESSAGES;
    const TYPE: &'static str = "notifications.message_sent";
    const SCHEMA_VERSION: u16 = 1;

    fn key(&self) -> String {
        self.message_id.to_string()
    }

    fn revision(&self) -> u32 {
        self.revision
    }
}

impl Example for MessageSent {
    fn example() -> Self {
        Self {
            message_id: example::id(),
            revision: 1,
            recipient: "cus_01jd0000000000000000000000".to_owned(),
            sender: "deals".to_owned(),
            reference: Some("deal-2026-0001".to_owned()),
            template_key: "deal-executed".to_owned(),
            template_version: 1,
            sent_at: example::TIME,
        }
    }
}

/// The recipient read a message for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageRead {
    /// The message.
    #[schema(value_type = String, pattern = "^msg_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub message_id: MessageId,
    /// Its revision after this change.
    pub revision: u32,
    /// The subject that read it.
    pub recipient: String,
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    pub read_at: Timestamp,
}

impl Event for MessageRead {
    const SOURCE: &'static str = COMPONENT;
    const TOPIC: &'static str = MESSAGES;
    const TYPE: &'static str = "notifications.message_read";
    const SCHEMA_VERSION: u16 = 1;

    fn key(&self) -> String {
        self.message_id.to_string()
    }

    fn revision(&self) -> u32 {
        self.revision
    }
}

impl Example for MessageRead {
    fn example() -> Self {
        Self {
            message_id: example::id(),
            revision: 2,
            recipient: "cus_01jd0000000000000000000000".to_owned(),
            read_at: example::TIME,
        }
    }
}

/// A scheduled message was taken back before it was due; it will not be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageCancelled {
    /// The message.
    #[schema(value_type = String, pattern = "^msg_[0-7][0-9a-hjkmnp-tv-z]{25}$")]
    pub message_id: MessageId,
    /// Its revision after this change.
    pub revision: u32,
    /// The subject that would have received it.
    pub recipient: String,
    /// The sender's own name for the message, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reference: Option<String>,
    /// When it was cancelled.
    #[schema(value_type = String, format = DateTime)]
    pub cancelled_at: Timestamp,
}

impl Event for MessageCancelled {
    const SOURCE: &'static str = COMPONENT;
    const TOPIC: &'static str = MESSAGES;
    const TYPE: &'static str = "notifications.message_cancelled";
    const SCHEMA_VERSION: u16 = 1;

    fn key(&self) -> String {
        self.message_id.to_string()
    }

    fn revision(&self) -> u32 {
        self.revision
    }
}

impl Example for MessageCancelled {
    fn example() -> Self {
        Self {
            message_id: example::id(),
            revision: 2,
            recipient: "cus_01jd0000000000000000000000".to_owned(),
            reference: Some("deal-2026-0001".to_owned()),
            cancelled_at: example::TIME,
        }
    }
}

/// A template got a new version, or was retired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateChanged {
    /// The key of the template.
    pub template_key: String,
    /// The template's revision after this change.
    pub revision: u32,
    /// What happened to it.
    pub change: TemplateChange,
    /// The newest version, after this change.
    pub version: u32,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

/// What can happen to a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TemplateChange {
    /// A new version is in use.
    Created,
    /// No version is in use until a new one is created.
    Retired,
}

impl Event for TemplateChanged {
    const SOURCE: &'static str = COMPONENT;
    const TOPIC: &'static str = TEMPLATES;
    const TYPE: &'static str = "notifications.template_changed";
    const SCHEMA_VERSION: u16 = 1;

    fn key(&self) -> String {
        self.template_key.clone()
    }

    fn revision(&self) -> u32 {
        self.revision
    }
}

impl Example for TemplateChanged {
    fn example() -> Self {
        Self {
            template_key: "deal-executed".to_owned(),
            revision: 3,
            change: TemplateChange::Created,
            version: 2,
            changed_at: example::TIME,
        }
    }
}
