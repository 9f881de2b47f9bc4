//! What changed between two versions of the document that is not an addition.
//!
//! Old consumers read new messages, and new consumers read old ones from archives and replays, so
//! a payload may only gain optional fields, with its version of schema raised. Values neither
//! narrow nor widen: a consumer that runs already cannot read a value it has no name for.
//! Descriptions, titles and examples may change freely.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::document::{PATTERN, RETIRED, SCHEMA_VERSION};
use super::schema::{inlined, referred};

/// A change that somebody who runs already could not bear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Change {
    /// A type is gone, or has another name, and is not retired.
    #[error("message {message} must stay: it was removed or renamed, and is not retired")]
    Removed {
        /// The type.
        message: String,
    },
    /// A retired type is no longer listed as such, so that its name could be used again.
    #[error("message {message} must stay retired: archives still know its name")]
    Revived {
        /// The type.
        message: String,
    },
    /// A type goes to another topic, where its consumers do not look.
    #[error("message {message} must stay on topic {topic}")]
    Moved {
        /// The type.
        message: String,
        /// Where it was.
        topic: String,
    },
    /// A topic promises something else.
    #[error("topic {topic} must keep its pattern {pattern}")]
    Pattern {
        /// The topic.
        topic: String,
        /// What it was.
        pattern: String,
    },
    /// The version of the schema went back.
    #[error("message {message} must not lower SCHEMA_VERSION from {from}")]
    Lowered {
        /// The type.
        message: String,
        /// What it was.
        from: u64,
    },
    /// A field was added and the version is the same.
    #[error("message {message} must raise SCHEMA_VERSION: field {field} was added")]
    NotRaised {
        /// The type.
        message: String,
        /// The added field.
        field: String,
    },
    /// A field is gone or has another name.
    #[error("message {message} must keep field {field}: it was removed or renamed")]
    FieldRemoved {
        /// The type.
        message: String,
        /// The field.
        field: String,
    },
    /// A field was added that older messages do not have.
    #[error("message {message} must not require field {field}: messages in archives lack it")]
    FieldAddedRequired {
        /// The type.
        message: String,
        /// The field.
        field: String,
    },
    /// An optional field is required now.
    #[error("message {message} must leave field {field} optional: messages in archives lack it")]
    FieldRequired {
        /// The type.
        message: String,
        /// The field.
        field: String,
    },
    /// A required field may be missing now.
    #[error("message {message} must always have field {field}: consumers rely on it")]
    FieldOptional {
        /// The type.
        message: String,
        /// The field.
        field: String,
    },
    /// What a field may hold is another.
    #[error("message {message} must keep what field {field} may hold: `{keyword}` changed")]
    Values {
        /// The type.
        message: String,
        /// The field; empty for the message itself.
        field: String,
        /// The keyword of JSON Schema.
        keyword: String,
    },
}

/// Every such change from the document `then` to the document `now`.
#[must_use]
pub fn between(then: &Value, now: &Value) -> Vec<Change> {
    let (old, new) = (messages(then), messages(now));
    let (was_retired, is_retired) = (names(&then[RETIRED]), names(&now[RETIRED]));
    let mut found = Vec::new();
    for message in was_retired.difference(&is_retired) {
        let message = message.clone();
        found.push(Change::Revived { message });
    }
    for (name, old) in &old {
        match new.get(name) {
            Some(new) => Comparison::new(name).of_messages(old, new, &mut found),
            None if is_retired.contains(name) => {}
            None => found.push(Change::Removed {
                message: name.clone(),
            }),
        }
    }
    for (topic, channel) in members(&then["channels"]) {
        let (was, is) = (&channel[PATTERN], &now["channels"][topic][PATTERN]);
        if !is.is_null() && was != is {
            found.push(Change::Pattern {
                topic: topic.clone(),
                pattern: was.as_str().unwrap_or_default().to_owned(),
            });
        }
    }
    each_once(found)
}

/// The changes in order, none twice.
#[must_use]
pub fn each_once(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort();
    changes.dedup();
    changes
}

/// What is compared of a message.
struct Described {
    topic: String,
    version: u64,
    payload: Value,
}

fn messages(document: &Value) -> BTreeMap<String, Described> {
    let mut found = BTreeMap::new();
    let find = |reference: &str| referred(document, reference);
    for (topic, channel) in members(&document["channels"]) {
        for (name, reference) in members(&channel["messages"]) {
            let message = inlined(reference, &find);
            let described = Described {
                topic: topic.clone(),
                version: message[SCHEMA_VERSION].as_u64().unwrap_or_default(),
                payload: message["payload"].clone(),
            };
            found.insert(name.clone(), described);
        }
    }
    found
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn names(object: &Value) -> BTreeSet<String> {
    members(object).map(|(name, _)| name.clone()).collect()
}

/// Words about a schema that say nothing of its values.
const ANNOTATIONS: [&str; 6] = [
    "title",
    "description",
    "example",
    "examples",
    "default",
    "deprecated",
];
/// Schemas in a list, one beside the other.
const LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// A schema of parts.
const PARTS: [&str; 2] = ["items", "additionalProperties"];

struct Comparison<'a> {
    message: &'a str,
    /// The first field that was added to the payload, which asks for a new version.
    added: Option<String>,
}

impl<'a> Comparison<'a> {
    fn new(message: &'a str) -> Self {
        Self {
            message,
            added: None,
        }
    }

    fn of_messages(mut self, old: &Described, new: &Described, found: &mut Vec<Change>) {
        let message = self.message.to_owned();
        if old.topic != new.topic {
            let (message, topic) = (message.clone(), old.topic.clone());
            found.push(Change::Moved { message, topic });
        }
        self.of_schemas(&old.payload, &new.payload, "", found);
        if new.version < old.version {
            let from = old.version;
            found.push(Change::Lowered { message, from });
        } else if let Some(field) = self.added.take()
            && new.version == old.version
        {
            found.push(Change::NotRaised { message, field });
        }
    }

    fn of_schemas(&mut self, old: &Value, new: &Value, path: &str, found: &mut Vec<Change>) {
        let (Value::Object(old), Value::Object(new)) = (old, new) else {
            if old != new {
                found.push(self.values(path, "schema"));
            }
            return;
        };
        let keywords: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for keyword in keywords {
            let (was, is) = (
                old.get(keyword).unwrap_or(&Value::Null),
                new.get(keyword).unwrap_or(&Value::Null),
            );
            match keyword.as_str() {
                word if ANNOTATIONS.contains(&word) => {}
                "required" => {}
                "properties" => self.of_fields(old, new, path, found),
                word if LISTS.contains(&word) => self.of_lists(was, is, (path, word), found),
                word if PARTS.contains(&word) && was.is_object() && is.is_object() => {
                    self.of_schemas(was, is, &format!("{path}[]"), found);
                }
                word if was != is => found.push(self.values(path, word)),
                _ => {}
            }
        }
        self.of_required(old, new, path, found);
    }

    fn of_lists(
        &mut self,
        was: &Value,
        is: &Value,
        (path, keyword): (&str, &str),
        found: &mut Vec<Change>,
    ) {
        match (was.as_array(), is.as_array()) {
            (Some(was), Some(is)) if was.len() == is.len() => {
                for (was, is) in was.iter().zip(is) {
                    self.of_schemas(was, is, path, found);
                }
            }
            _ => found.push(self.values(path, keyword)),
        }
    }

    fn of_fields(
        &mut self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        path: &str,
        found: &mut Vec<Change>,
    ) {
        let nothing = Value::Null;
        let was = old.get("properties").unwrap_or(&nothing);
        let is = new.get("properties").unwrap_or(&nothing);
        for (name, was) in members(was) {
            let field = beneath(path, name);
            match is.get(name) {
                Some(is) => self.of_schemas(was, is, &field, found),
                None => found.push(Change::FieldRemoved {
                    message: self.message.to_owned(),
                    field,
                }),
            }
        }
        for (name, _) in members(is).filter(|(name, _)| was.get(name.as_str()).is_none()) {
            let field = beneath(path, name);
            if field.starts_with("data.") {
                self.added.get_or_insert(field);
            }
        }
    }

    fn of_required(
        &self,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        path: &str,
        found: &mut Vec<Change>,
    ) {
        let (was, is) = (required(old), required(new));
        let had = |name: &str| {
            old.get("properties")
                .is_some_and(|all| all.get(name).is_some())
        };
        let has = |name: &str| {
            new.get("properties")
                .is_some_and(|all| all.get(name).is_some())
        };
        let message = self.message.to_owned();
        for name in is.difference(&was) {
            let (message, field) = (message.clone(), beneath(path, name));
            found.push(match had(name) {
                true => Change::FieldRequired { message, field },
                false => Change::FieldAddedRequired { message, field },
            });
        }
        // A field that is gone altogether is told about once.
        for name in was.difference(&is).filter(|name| has(name) || !had(name)) {
            let (message, field) = (message.clone(), beneath(path, name));
            found.push(Change::FieldOptional { message, field });
        }
    }

    fn values(&self, path: &str, keyword: &str) -> Change {
        Change::Values {
            message: self.message.to_owned(),
            field: path.to_owned(),
            keyword: keyword.to_owned(),
        }
    }
}

fn required(schema: &Map<String, Value>) -> BTreeSet<String> {
    let listed = schema.get("required").and_then(Value::as_array);
    let names = listed.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn beneath(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    }
}
