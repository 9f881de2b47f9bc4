//! Names that come from outside: text that follows a rule, checked once, where it enters.
//!
//! Promises: a [`Name`] that exists follows its rule; in a wire type it is a string, and a string
//! that breaks the rule is refused while the request is read, with the pointer of its field. It
//! does not trim, fold case or repair.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest subject of a token (OpenID Connect Core 1.0, section 2: `sub`).
pub const SUBJECT_BYTES_MAX: usize = 255;

/// What the text of a name must be.
pub trait Rule {
    /// The rule in words, lower case, beginning with what is named: the error text.
    const SAYS: &'static str;

    /// Whether `text` follows it.
    fn admits(text: &str) -> bool;
}

/// Text that breaks the rule of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(pub &'static str);

/// Text that follows the rule `R`.
///
/// ```
/// use kit::name::{Name, Subject};
///
/// assert_eq!(Subject::parse("cus_7")?.as_str(), "cus_7");
/// assert!(Subject::parse("two words").is_err());
/// # Ok::<(), kit::name::NameError>(())
/// ```
pub struct Name<R: Rule> {
    text: String,
    rule: PhantomData<fn() -> R>,
}

impl<R: Rule> Name<R> {
    /// Takes text that follows the rule; the error says the rule.
    pub fn parse(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        if !R::admits(&text) {
            return Err(NameError(R::SAYS));
        }
        Ok(Self {
            text,
            rule: PhantomData,
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The rule of [`Subject`].
pub struct SubjectRule;

impl Rule for SubjectRule {
    const SAYS: &'static str = "subject must be 1 to 255 visible ascii characters";

    fn admits(text: &str) -> bool {
        is_visible(text, SUBJECT_BYTES_MAX)
    }
}

/// Who calls, owns or receives: the subject of a token.
pub type Subject = Name<SubjectRule>;

/// Whether `text` is 1 to `bytes_max` visible ASCII characters.
#[must_use]
pub fn is_visible(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl<R: Rule> Clone for Name<R> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            rule: PhantomData,
        }
    }
}

impl<R: Rule> PartialEq for Name<R> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<R: Rule> Eq for Name<R> {}

impl<R: Rule> PartialOrd for Name<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Rule> Ord for Name<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl<R: Rule> Hash for Name<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl<R: Rule> fmt::Debug for Name<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl<R: Rule> fmt::Display for Name<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.text)
    }
}

impl<R: Rule> FromStr for Name<R> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl<R: Rule> Serialize for Name<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, R: Rule> Deserialize<'de> for Name<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
