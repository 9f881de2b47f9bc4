//! Refusals: that each says all it must, and that every code of an owner was seen.

use std::collections::BTreeSet;

use kit::codes::{Code, OWNERS};

use crate::Answer;

/// The codes of some owners, and which of them requests have met.
pub struct Refusals {
    owned: BTreeSet<&'static str>,
    met: BTreeSet<&'static str>,
}

impl Refusals {
    /// The codes of these owners, by their names in [`OWNERS`]; none is met yet.
    ///
    /// # Panics
    ///
    /// If there is no such owner, or it has no codes.
    #[must_use]
    #[track_caller]
    pub fn of(owners: &[&str]) -> Self {
        let mut owned = BTreeSet::new();
        for owner in owners {
            let entry = OWNERS.iter().find(|(name, _)| name == owner);
            let (_, codes) = entry.expect("the owner is in the table of codes");
            assert!(!codes.is_empty(), "{owner} has codes");
            owned.extend(codes.iter().map(|code| code.name));
        }
        Self {
            owned,
            met: BTreeSet::new(),
        }
    }

    /// Takes down that `answer` is a refusal of this code. Fails unless it has the code's status
    /// and remedy, is a problem document, and its first error points to `pointer`; without errors
    /// it points to the empty text.
    #[track_caller]
    pub fn check(&mut self, answer: &Answer, code: &Code, pointer: &str) {
        let said = format!("{} → {:.600}", answer.asked, answer.text);
        let is = (answer.status, answer.code());
        assert_eq!(is, (code.status, code.name), "{said}");
        let at = answer.json["errors"][0]["pointer"].as_str();
        assert_eq!(at.unwrap_or_default(), pointer, "{said}");
        assert_eq!(answer.json["remedy"], code.remedy, "{said}");
        let media_type = answer.header("content-type");
        assert_eq!(media_type, web::problem::MEDIA_TYPE, "{said}");
        self.met.insert(code.name);
    }

    /// Fails, naming them, if no request met some of the owners' codes: what nothing answers with
    /// is taken out of the table.
    #[track_caller]
    pub fn assert_all_met(&self) {
        let missed: Vec<_> = self.owned.difference(&self.met).collect();
        assert!(missed.is_empty(), "codes that no request met: {missed:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "codes that no request met: [\"definition_must_exist\"")]
    fn codes_that_no_request_met_are_named() {
        Refusals::of(&["sagas"]).assert_all_met();
    }

    #[test]
    #[should_panic(expected = "the owner is in the table of codes")]
    fn who_owns_no_codes_is_refused() {
        drop(Refusals::of(&["saga"]));
    }
}
