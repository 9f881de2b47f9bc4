//! What goes over the wire, and how it maps to the domain.
//!
//! Promises: unknown fields are refused; names are checked while they are read; every schema that
//! is sent has an example that a test sends.

use contracts::dead_letters::{FailureKind, MessageId};
use host::HistoryLine;
use kit::name::Subject;
use kit::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::domain::event_config;
use crate::domain::letter::{About, Failed, Letter, State};
use crate::domain::names::{LetterId, MessageType, Reason, RetriesMax};
use crate::store::{Filter, HistoryEntry, Summary};

/// A decision about a letter.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the supplier answers again" }))]
pub struct Decide {
    /// Why, in 1 to 500 characters; it stays in the letter's history and in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    pub reason: Reason,
}

/// A message with other data.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "reason": "the colour was misspelt",
    "document": "{\"specversion\":\"1.0\",\"id\":\"evt_01jwqt8vr0e5zb4s9gc0dqf3xa\",\
        \"source\":\"/deals\",\"type\":\"toys.make\",\"subject\":\"toy-1\",\
        \"time\":\"2025-06-02T09:00:00.000000Z\",\"datacontenttype\":\"application/json\",\
        \"schemaversion\":1,\"data\":{\"colour\":\"red\"}}"
}))]
pub struct EditLetter {
    /// Why, in 1 to 500 characters; it stays in the letter's history and in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    pub reason: Reason,
    /// The whole document as the letter shows it, with other `data` or `schemaversion`.
    pub document: String,
}

/// Which open letters to redrive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "the supplier answers again", "topic": "toys.commands" }))]
pub struct RedriveLetters {
    /// Why, in 1 to 500 characters; it stays in each letter's history and in the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    pub reason: Reason,
    /// Those of this consumer.
    pub consumer: Option<String>,
    /// Those from this topic.
    pub topic: Option<String>,
    /// Those of this type.
    #[serde(rename = "type")]
    pub message_type: Option<String>,
    /// Those that failed last at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Letters looked at: 1 to 100, 100 if not given.
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the call before.
    pub cursor: Option<String>,
}

impl RedriveLetters {
    /// Which letters are meant; none if it says nothing.
    pub fn filter(&self) -> Option<Filter> {
        let filter = filter(&self.consumer, &self.topic, &self.message_type, self.since);
        let said = [&filter.consumer, &filter.topic, &filter.message_type];
        said.iter().any(|text| !text.is_empty()).then_some(filter)
    }
}

/// What a redrive in bulk did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "redriven": 2, "skipped": 0, "next_cursor": null }))]
pub struct Redriven {
    /// Letters that were redriven by this call.
    pub redriven: u32,
    /// Letters that cannot be redriven: each says why when it is redriven by itself.
    pub skipped: u32,
    /// Pass it as `cursor` for those that remain; null if none does.
    pub next_cursor: Option<String>,
}

/// Which letters are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LettersQuery {
    /// Items on the page: 1 to 200, 50 if not given.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Those in this state; `open` if not given.
    #[serde(default)]
    #[param(inline)]
    pub state: LetterWord,
    /// Those of this consumer.
    consumer: Option<String>,
    /// Those from this topic.
    topic: Option<String>,
    /// Those of this type.
    #[serde(rename = "type")]
    message_type: Option<String>,
    /// Those that failed last at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

impl LettersQuery {
    /// Which letters are meant.
    pub fn filter(&self) -> Filter {
        filter(&self.consumer, &self.topic, &self.message_type, self.since)
    }
}

fn filter(
    consumer: &Option<String>,
    topic: &Option<String>,
    message_type: &Option<String>,
    since: Option<Timestamp>,
) -> Filter {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Filter {
        consumer: text(consumer),
        topic: text(topic),
        message_type: text(message_type),
        since: since.unwrap_or(Timestamp::MIN),
    }
}

/// The state of a letter, in a word.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterWord {
    /// On the ladder.
    Retrying,
    /// Waits for a decision.
    #[default]
    Open,
    /// Sent again by a decision.
    Redriven,
    /// Never to be handled.
    Discarded,
}

impl LetterWord {
    /// The word as rows have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Retrying => "retrying",
            Self::Open => "open",
            Self::Redriven => "redriven",
            Self::Discarded => "discarded",
        }
    }
}

/// A letter in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct LetterSummary {
    #[schema(value_type = String, example = "ltr_01jd0000000000000000000000")]
    id: LetterId,
    kind: MessageKind,
    /// The component that could not handle the message.
    consumer: String,
    /// The topic it came from.
    topic: String,
    /// The message; null if what came could not be read.
    #[schema(value_type = Option<String>)]
    message_id: Option<MessageId>,
    /// Its type; null if what came could not be read.
    #[serde(rename = "type")]
    message_type: Option<String>,
    /// What it is about.
    subject: String,
    /// When the message was sent for the first time; null if what came could not be read.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    /// How often handling it has failed.
    attempts: u32,
    /// The code of the last failure.
    code: String,
    /// What the consumer said of it.
    reason: String,
    /// When it failed last.
    #[schema(value_type = String, format = DateTime)]
    failed_at: Timestamp,
    #[serde(flatten)]
    state: LetterState,
}

/// What kind of message failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MessageKind {
    /// Work: redriving sends it to its topic again.
    Work,
    /// An event: it is parked at its consumer, and its key waits for a decision.
    Event,
    /// What came is no message; it can be discarded only.
    Unreadable,
}

/// Where a letter is in its life.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
enum LetterState {
    /// On the ladder.
    Retrying {
        /// When the message comes to its consumer again.
        #[schema(value_type = String, format = DateTime)]
        due_at: Timestamp,
    },
    /// Waits for a decision.
    Open {
        #[schema(value_type = String, format = DateTime)]
        opened_at: Timestamp,
    },
    /// Sent again by a decision, and not known to have failed since.
    Redriven {
        #[schema(value_type = String, format = DateTime)]
        redriven_at: Timestamp,
    },
    /// Never to be handled.
    Discarded {
        #[schema(value_type = String, format = DateTime)]
        discarded_at: Timestamp,
    },
}

impl From<State> for LetterState {
    fn from(state: State) -> Self {
        match state {
            State::Retrying { due_at } => Self::Retrying { due_at },
            State::Open { opened_at } => Self::Open { opened_at },
            State::Redriven { redriven_at } => Self::Redriven { redriven_at },
            State::Discarded { discarded_at } => Self::Discarded { discarded_at },
        }
    }
}

impl LetterSummary {
    fn new(id: LetterId, about: About, failed: Failed, state: State) -> Self {
        let (kind, message_id) = match about.kind {
            FailureKind::Work => (MessageKind::Work, Some(about.message)),
            FailureKind::Event => (MessageKind::Event, Some(about.message)),
            FailureKind::Unreadable => (MessageKind::Unreadable, None),
        };
        Self {
            id,
            kind,
            consumer: about.consumer,
            topic: about.topic,
            message_id,
            message_type: about.message_type,
            subject: about.subject,
            sent_at: about.message_time,
            attempts: failed.attempt,
            code: failed.code,
            reason: failed.reason,
            failed_at: failed.at,
            state: state.into(),
        }
    }
}

impl From<Summary> for LetterSummary {
    fn from(summary: Summary) -> Self {
        Self::new(summary.id, summary.about, summary.failed, summary.state)
    }
}

impl From<Letter> for LetterSummary {
    fn from(letter: Letter) -> Self {
        Self::new(letter.id, letter.about, letter.failed, letter.state)
    }
}

/// A letter with its message and its history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Letter)]
pub struct LetterView {
    #[serde(flatten)]
    summary: LetterSummary,
    /// What is sent when it is redriven, as text; null while the message has only been on the
    /// ladder.
    document: Option<String>,
    /// What came when the letter was open for the first time, if that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<String>,
    /// The newest 50 changes, newest first.
    history: Vec<LetterChange>,
}

impl LetterView {
    /// A letter with what is to be shown of its history.
    pub fn new(letter: Letter, history: Vec<HistoryEntry>) -> Self {
        let (document, original) = match letter.documents.clone() {
            None => (None, None),
            Some(documents) => {
                let other = documents.original != documents.current;
                (Some(documents.current), other.then_some(documents.original))
            }
        };
        Self {
            summary: letter.into(),
            document,
            original,
            history: history.into_iter().map(LetterChange::from).collect(),
        }
    }
}

/// One change of a letter.
#[derive(Debug, Serialize, ToSchema)]
struct LetterChange {
    #[serde(flatten)]
    line: HistoryLine,
    /// Why: what the consumer said, or the operator.
    reason: String,
    /// The failure that it was, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    /// The edited document, if it was an edit.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
}

/// A failure in a letter's history.
#[derive(Debug, Serialize, ToSchema)]
struct Failure {
    /// How often handling the message had failed, this time included.
    attempt: u32,
    /// The code of the error.
    code: String,
    #[schema(value_type = String, format = DateTime)]
    failed_at: Timestamp,
}

impl From<HistoryEntry> for LetterChange {
    fn from(entry: HistoryEntry) -> Self {
        Self {
            line: entry.line,
            reason: entry.reason,
            failure: entry.failure.map(|(attempt, code, failed_at)| Failure {
                attempt,
                code,
                failed_at,
            }),
            document: entry.document,
        }
    }
}

/// How often a type of message is sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "max_retries": 3 }))]
pub struct PutEventConfig {
    /// 0 to 20; the waits between are the platform's ladder.
    #[schema(value_type = u32, maximum = 20)]
    pub max_retries: RetriesMax,
}

/// The configuration of a type of message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventConfig, example = json!({
    "name": "toys.make",
    "max_retries": 3,
    "revision": 1,
    "changed_by": "ops-1",
    "changed_at": "2025-06-02T09:00:00.000000Z"
}))]
pub struct EventConfigView {
    /// The type.
    #[schema(value_type = String)]
    name: MessageType,
    /// How often it is sent again before it becomes a dead letter.
    #[schema(value_type = u32)]
    max_retries: RetriesMax,
    /// How often it was changed; its ETag.
    revision: u32,
    #[schema(value_type = String)]
    changed_by: Subject,
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

impl From<event_config::EventConfig> for EventConfigView {
    fn from(config: event_config::EventConfig) -> Self {
        Self {
            name: config.name,
            max_retries: config.max_retries,
            revision: config.revision,
            changed_by: config.changed_by,
            changed_at: config.changed_at,
        }
    }
}
