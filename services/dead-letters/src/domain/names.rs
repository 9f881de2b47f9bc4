//! The names and small values that come from outside: ids of letters, types of messages, reasons
//! of people, numbers of retries.
//!
//! Promises: a value of these types follows its rule; the wire types hold them, so that a
//! malformed one is refused while the request is read.

use kit::id::{Id, Kind};
use kit::name::{Name, Rule, is_visible};
use serde::{Deserialize, Serialize};

/// Longest type of a message, in bytes: component and words, with room; it stands in paths.
const MESSAGE_TYPE_BYTES_MAX: usize = 128;
/// Longest reason, in characters: a few sentences.
const REASON_CHARS_MAX: usize = 500;
/// Most retries on the ladder: with the default rungs a little over six minutes, after which the
/// cause needs a person.
pub const RETRIES_MAX: u32 = 20;

/// The kind of id a letter has: `ltr_…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterKind {}

impl Kind for LetterKind {
    const PREFIX: &'static str = "ltr";
}

/// The id of a letter.
pub type LetterId = Id<LetterKind>;

/// The type of a message: `deals.approve`.
pub type MessageType = Name<MessageTypeRule>;

/// Why an operator does what they do, in their words.
pub type Reason = Name<ReasonRule>;

/// The rule of [`MessageType`].
pub struct MessageTypeRule;

/// The rule of [`Reason`].
pub struct ReasonRule;

impl Rule for MessageTypeRule {
    const SAYS: &'static str =
        "message type must be 1 to 128 visible ascii characters, none of them a slash";

    fn admits(text: &str) -> bool {
        is_visible(text, MESSAGE_TYPE_BYTES_MAX) && !text.contains('/')
    }
}

impl Rule for ReasonRule {
    const SAYS: &'static str =
        "reason must be 1 to 500 characters, not only spaces, on one line or several";

    fn admits(text: &str) -> bool {
        let plain = |c: char| !c.is_control() || c == '\n';
        !text.trim().is_empty()
            && text.chars().count() <= REASON_CHARS_MAX
            && text.chars().all(plain)
    }
}

/// How often a type of message is tried again before it becomes a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct RetriesMax(u32);

/// A number of retries that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("max_retries must be at most {RETRIES_MAX}")]
pub struct RetriesError;

impl TryFrom<u32> for RetriesMax {
    type Error = RetriesError;

    fn try_from(retries: u32) -> Result<Self, RetriesError> {
        if retries > RETRIES_MAX {
            return Err(RetriesError);
        }
        Ok(Self(retries))
    }
}

impl From<RetriesMax> for u32 {
    fn from(retries: RetriesMax) -> Self {
        retries.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_their_rules() {
        let check = |admits: fn(&str) -> bool, text: &str, expected: bool| {
            assert_eq!(admits(text), expected, "{text}");
        };
        let kind = MessageTypeRule::admits;
        check(kind, "deals.approve", true);
        check(kind, &"a".repeat(128), true);
        check(kind, &"a".repeat(129), false);
        check(kind, "", false);
        check(kind, "a/b", false);
        check(kind, "two words", false);
        let reason = ReasonRule::admits;
        check(reason, "the supplier is back", true);
        check(reason, "zweite Zeile:\nÄ", true);
        check(reason, &"ä".repeat(500), true);
        check(reason, &"a".repeat(501), false);
        check(reason, "", false);
        check(reason, " \n ", false);
        check(reason, "a\u{7}", false);
    }

    #[test]
    fn retries_are_few() {
        assert_eq!(RetriesMax::try_from(20).map(u32::from), Ok(20));
        assert_eq!(RetriesMax::try_from(21), Err(RetriesError));
    }
}
