//! The names that come from outside: template keys, parameter names, references.
//!
//! Promises: a value of these types follows its rule; the wire types hold them, so that a
//! malformed name is refused while the request is read.

use kit::name::{Name, Rule, is_visible};

/// Longest template key, in bytes: it stands in paths, logs and file names.
const TEMPLATE_KEY_BYTES_MAX: usize = 64;
/// Longest parameter name, in bytes: it stands in JSON pointers and in sentences.
const PARAMETER_NAME_BYTES_MAX: usize = 40;
/// Longest reference, in bytes: as long as an idempotency key.
const REFERENCE_BYTES_MAX: usize = kit::limits::IDEMPOTENCY_KEY_BYTES_MAX;

/// The key of a template in kebab case: `deal-executed`.
pub type TemplateKey = Name<TemplateKeyRule>;

/// The name of a template's parameter in snake case: `portfolio_name`.
pub type ParameterName = Name<ParameterNameRule>;

/// The sender's own name for a message, such as the id of the deal it is about.
pub type Reference = Name<ReferenceRule>;

/// The rule of [`TemplateKey`].
pub struct TemplateKeyRule;

/// The rule of [`ParameterName`].
pub struct ParameterNameRule;

/// The rule of [`Reference`].
pub struct ReferenceRule;

impl Rule for TemplateKeyRule {
    const SAYS: &'static str =
        "template key must be words of a-z and 0-9 joined by single dashes, at most 64 bytes";

    fn admits(text: &str) -> bool {
        let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let word = |word: &str| !word.is_empty() && word.bytes().all(letter);
        text.len() <= TEMPLATE_KEY_BYTES_MAX && text.split('-').all(word)
    }
}

impl Rule for ParameterNameRule {
    const SAYS: &'static str =
        "parameter name must be a letter of a-z, then a-z, 0-9 or _, at most 40 bytes";

    fn admits(text: &str) -> bool {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.len() <= PARAMETER_NAME_BYTES_MAX
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }
}

impl Rule for ReferenceRule {
    const SAYS: &'static str = "reference must be 1 to 128 visible ascii characters";

    fn admits(text: &str) -> bool {
        is_visible(text, REFERENCE_BYTES_MAX)
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
        let key = TemplateKeyRule::admits;
        check(key, "deal-executed", true);
        check(key, "2fa", true);
        check(key, &"a".repeat(64), true);
        check(key, &"a".repeat(65), false);
        check(key, "", false);
        check(key, "-a", false);
        check(key, "a-", false);
        check(key, "a--b", false);
        check(key, "Deal", false);
        check(key, "a_b", false);
        let parameter = ParameterNameRule::admits;
        check(parameter, "a_1", true);
        check(parameter, &"a".repeat(40), true);
        check(parameter, &"a".repeat(41), false);
        check(parameter, "", false);
        check(parameter, "1a", false);
        check(parameter, "_a", false);
        check(parameter, "aB", false);
        let reference = ReferenceRule::admits;
        check(reference, "deal_01j:é".trim_end_matches('é'), true);
        check(reference, "é", false);
        check(reference, &"r".repeat(128), true);
        check(reference, &"r".repeat(129), false);
        check(reference, "two words", false);
        check(reference, "", false);
    }
}
