//! The form of a definition as TOML.
//!
//! Promises: unknown fields are refused. Does not check what it says: `build` and `check` do.

use serde::{Deserialize, Serialize};

use super::Retry;

/// A definition as written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub name: String,
    pub version: u32,
    pub why: String,
    pub finals: Vec<String>,
    pub transition: Vec<Row>,
}

/// One `[[transition]]`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub event: OneOrMany,
    pub from: OneOrMany,
    pub to: String,
    pub by: Option<String>,
    pub outcome: Option<Said>,
    pub keep: Option<String>,
    pub command: Option<String>,
    pub receiver: Option<String>,
    pub deadline_ms: Option<u64>,
    pub retry: Option<Retry>,
    pub persist: Option<String>,
    pub compensation: Option<Compensation>,
    pub undo: Option<NotUndone>,
    pub why: Option<String>,
}

/// A name, or several of which each gets the row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    /// All of them.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// What an answer says of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    Succeeded,
    Failed,
}

/// The command that undoes a step.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compensation {
    pub command: String,
    pub done: String,
    pub retry: Option<Retry>,
}

/// Why a step has no such command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotUndone {
    Nothing,
    Impossible,
}
