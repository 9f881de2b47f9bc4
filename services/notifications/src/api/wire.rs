//! What goes over the wire, and how it maps to the domain.
//!
//! Promises: unknown fields are refused; names are checked while they are read; every schema has
//! an example that a test sends or compares.

use contracts::notifications::MessageId;
use host::HistoryLine;
use kit::name::Subject;
use kit::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::message::{self, Message};
use crate::domain::names::{Reference, TemplateKey};
use crate::domain::parameters::{Parameter, Parameters};
use crate::domain::template::{self, Template};
use crate::domain::wording::{Text, Wording};

/// The next version of a template.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "key": "deal-executed",
    "subject": "Deal {{ ticker }} executed",
    "body": "You bought {{ quantity }} {{ ticker }} for {{ total }}.\
             {% if note %} Note: {{ note }}{% endif %}",
    "parameters": [
        { "name": "ticker", "kind": "text", "required": true },
        { "name": "quantity", "kind": "decimal", "required": true },
        { "name": "total", "kind": "money", "required": true },
        { "name": "note", "kind": "text", "required": false }
    ]
}))]
pub struct CreateTemplate {
    /// Its key: words of a-z and 0-9 joined by dashes, at most 64 bytes.
    #[schema(value_type = String, max_length = 64)]
    pub key: TemplateKey,
    /// One line of 1 to 200 characters in the template language.
    #[schema(min_length = 1, max_length = 200)]
    pub subject: String,
    /// 1 to 8192 bytes in the template language.
    #[schema(min_length = 1)]
    pub body: String,
    /// The parameters that subject and body use, at most 32.
    #[serde(default)]
    #[schema(max_items = 32)]
    pub parameters: Vec<Parameter>,
}

impl CreateTemplate {
    /// The command it asks for.
    pub fn command(self) -> template::Command {
        let wording = Wording {
            subject: self.subject,
            body: self.body,
        };
        template::Command::Create {
            key: self.key,
            wording,
            parameters: self.parameters,
        }
    }
}

/// Parameters to try a template with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "parameters": {
    "ticker": "ACME",
    "quantity": "10",
    "total": { "amount": "110.00", "currency": "EUR" }
}}))]
pub struct PreviewTemplate {
    /// Values by the names that the template declares.
    #[schema(value_type = Object)]
    pub parameters: Parameters,
}

/// What a message would say.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "subject": "Deal ACME executed",
    "body": "You bought 10 ACME for 110.00 EUR."
}))]
pub struct Preview {
    subject: String,
    body: String,
}

impl From<Text> for Preview {
    fn from(text: Text) -> Self {
        Self {
            subject: text.subject,
            body: text.body,
        }
    }
}

/// A template in a list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "key": "deal-executed", "version": 1, "state": "in_use" }))]
pub struct TemplateSummary {
    #[schema(value_type = String)]
    key: TemplateKey,
    /// The newest version.
    version: u32,
    #[serde(flatten)]
    state: TemplateState,
}

impl From<&Template> for TemplateSummary {
    fn from(template: &Template) -> Self {
        Self {
            key: template.key.clone(),
            version: template.newest.number,
            state: template.state.into(),
        }
    }
}

/// A template with its newest version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub struct TemplateView {
    #[serde(flatten)]
    summary: TemplateSummary,
    subject: String,
    body: String,
    parameters: Vec<Parameter>,
    /// When the newest version was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The newest 50 changes, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<HistoryLine>,
}

impl TemplateView {
    /// A template with what is to be shown of its history.
    pub fn new(template: Template, history: Vec<HistoryLine>) -> Self {
        Self {
            summary: TemplateSummary::from(&template),
            subject: template.newest.wording.subject,
            body: template.newest.wording.body,
            parameters: template.newest.parameters,
            created_at: template.newest.created_at,
            history,
        }
    }
}

/// Whether a template may be used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
enum TemplateState {
    /// Its newest version is used.
    InUse,
    /// No version is used.
    Retired {
        #[schema(value_type = String, format = DateTime)]
        retired_at: Timestamp,
    },
}

impl From<template::State> for TemplateState {
    fn from(state: template::State) -> Self {
        match state {
            template::State::InUse => Self::InUse,
            template::State::Retired { retired_at } => Self::Retired { retired_at },
        }
    }
}

/// A message to be sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "recipient": "cus_ann",
    "template_key": "deal-executed",
    "parameters": {
        "ticker": "ACME",
        "quantity": "10",
        "total": { "amount": "110.00", "currency": "EUR" }
    },
    "reference": "deal_01jd0000000000000000000000"
}))]
pub struct SendMessage {
    /// The subject whose mailbox it is for.
    #[schema(value_type = String, max_length = 255)]
    recipient: Subject,
    /// The template; its newest version is used.
    #[schema(value_type = String, max_length = 64)]
    template_key: TemplateKey,
    /// Values by the names that the template declares.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Parameters,
    /// The sender's own name for the message: one reference, one message, for life.
    #[schema(value_type = Option<String>, max_length = 128)]
    reference: Option<Reference>,
    /// When to send it, at most 366 days ahead; at once if left out.
    #[schema(value_type = Option<String>, format = DateTime)]
    send_at: Option<Timestamp>,
}

impl SendMessage {
    /// What `sender` asks for.
    pub fn request(self, sender: Subject) -> message::Request {
        message::Request {
            sender,
            recipient: self.recipient,
            reference: self.reference,
            template_key: self.template_key,
            parameters: self.parameters,
            send_at: self.send_at,
        }
    }
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageView {
    #[schema(value_type = String, example = "msg_01jd0000000000000000000000")]
    id: MessageId,
    /// Where it is readable.
    channel: Channel,
    #[schema(value_type = String)]
    recipient: Subject,
    /// Who asked for it.
    #[schema(value_type = String)]
    sender: Subject,
    /// The sender's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    reference: Option<Reference>,
    #[schema(value_type = String)]
    template_key: TemplateKey,
    /// The version it was rendered from.
    template_version: u32,
    #[schema(value_type = Object)]
    parameters: Parameters,
    subject: String,
    body: String,
    #[serde(flatten)]
    state: MessageState,
}

/// Where a message is readable.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Channel {
    /// In the mailbox of its recipient, here.
    Mailbox,
}

/// Where a message is in its life.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
enum MessageState {
    /// Waits for its time.
    Scheduled {
        #[schema(value_type = String, format = DateTime)]
        due_at: Timestamp,
    },
    /// Is in the mailbox, unread.
    Sent {
        #[schema(value_type = String, format = DateTime)]
        sent_at: Timestamp,
    },
    /// Is in the mailbox, read.
    Read {
        #[schema(value_type = String, format = DateTime)]
        sent_at: Timestamp,
        /// When it was first read.
        #[schema(value_type = String, format = DateTime)]
        read_at: Timestamp,
    },
    /// Was taken back before it was due.
    Cancelled {
        #[schema(value_type = String, format = DateTime)]
        cancelled_at: Timestamp,
    },
}

impl From<Message> for MessageView {
    fn from(message: Message) -> Self {
        let Message { content, state, .. } = message;
        let request = content.request;
        Self {
            id: content.id,
            channel: Channel::Mailbox,
            recipient: request.recipient,
            sender: request.sender,
            reference: request.reference,
            template_key: request.template_key,
            template_version: content.template_version,
            parameters: request.parameters,
            subject: content.text.subject,
            body: content.text.body,
            state: state.into(),
        }
    }
}

impl From<message::State> for MessageState {
    fn from(state: message::State) -> Self {
        match state {
            message::State::Scheduled { due_at } => Self::Scheduled { due_at },
            message::State::Sent { sent_at } => Self::Sent { sent_at },
            message::State::Read { sent_at, read_at } => Self::Read { sent_at, read_at },
            message::State::Cancelled { cancelled_at } => Self::Cancelled { cancelled_at },
        }
    }
}

/// A message as staff see it: with who changed it when.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageRecord {
    #[serde(flatten)]
    message: MessageView,
    /// Every change, oldest first.
    history: Vec<HistoryLine>,
}

impl MessageRecord {
    /// A message with its history.
    pub fn new(message: Message, history: Vec<HistoryLine>) -> Self {
        Self {
            message: message.into(),
            history,
        }
    }
}

/// Which part of a mailbox.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MailboxQuery {
    /// Items on the page: 1 to 200, 50 if not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only what is unread.
    #[serde(default)]
    pub unread: bool,
}
