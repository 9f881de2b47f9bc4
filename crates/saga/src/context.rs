//! What the participants of a saga have said: carried in every command to every participant.
//!
//! Promises: what a participant says is kept as it was written, field by field, the last word of
//! each field; the whole never exceeds [`CONTEXT_BYTES_MAX`]. Does not look into values, so no
//! number is rounded on its way through.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The largest context: it is stored with the instance and carried in every command, of which a
/// database writes thousands a second; a sixteenth of what a message may hold.
pub const CONTEXT_BYTES_MAX: usize = 64 * 1024;

/// The members of a JSON object, each as it was written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, Box<RawValue>>);

impl Fields {
    /// No fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a JSON object; nothing if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The JSON text of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.get())
    }

    fn bytes(&self) -> usize {
        let sizes = self.0.iter().map(|(key, value)| field_bytes(key, value));
        sizes.sum()
    }
}

/// What a field takes on the wire: quotes, colon and comma included, escapes not.
fn field_bytes(key: &str, value: &RawValue) -> usize {
    key.len() + value.get().len() + 4
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(one, two)| (one.0.as_str(), one.1.get()) == (two.0.as_str(), two.1.get()))
    }
}

impl Eq for Fields {}

/// The fields of every participant, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Context(BTreeMap<String, Fields>);

/// Fields that the context has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the context of a saga must fit its limit: bytes={bytes} bytes_max={CONTEXT_BYTES_MAX}")]
pub struct ContextMustFit {
    /// How large it would be.
    pub bytes: usize,
}

impl Context {
    /// What a participant has said.
    #[must_use]
    pub fn of(&self, participant: &str) -> Option<&Fields> {
        self.0.get(participant)
    }

    /// Adds what a participant says; a field it has said before gets its new value.
    ///
    /// # Errors
    ///
    /// If the whole would be too large; then nothing is added.
    pub fn add(&mut self, participant: &str, fields: Fields) -> Result<(), ContextMustFit> {
        let known = self.0.get(participant);
        let replaced = fields.0.keys().filter_map(|key| {
            let value = known?.0.get(key)?;
            Some(field_bytes(key, value))
        });
        let bytes = self.bytes() + participant.len() + 8 + fields.bytes();
        let bytes = bytes.saturating_sub(replaced.sum());
        if bytes > CONTEXT_BYTES_MAX {
            return Err(ContextMustFit { bytes });
        }
        let said = self.0.entry(participant.to_owned()).or_default();
        said.0.extend(fields.0);
        Ok(())
    }

    fn bytes(&self) -> usize {
        let sizes = self.0.iter();
        sizes
            .map(|(name, fields)| name.len() + 8 + fields.bytes())
            .sum()
    }
}
