//! Exceptions are data: a rule, a path and a reason, in `xtask/exceptions.toml`.
//!
//! An exception excuses every finding of its rule at its path, or beneath it when the path ends
//! with a slash. One that names no rule, gives no reason or excuses nothing is a finding.

use serde::Deserialize;
use toml::Spanned;

use super::finding::{Finding, Findings};
use super::tree::Tree;
use super::{RULES, TidyError, rules};

const PATH: &str = "xtask/exceptions.toml";
/// Fewer words than this are a shrug, not a reason.
const REASON_WORDS_MIN: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    exception: Vec<Spanned<Exception>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    path: String,
    reason: String,
}

impl Exception {
    fn excuses(&self, finding: &Finding) -> bool {
        self.rule == finding.rule
            && match self.path.strip_suffix('/') {
                Some(_) => finding.path.starts_with(&self.path),
                None => finding.path == self.path,
            }
    }
}

/// Takes away what is excused; returns warnings and findings, the exceptions' own among them.
pub fn excuse(tree: &Tree, all: Vec<Finding>) -> Result<(Vec<Finding>, Vec<Finding>), TidyError> {
    let text = tree.find(PATH).map_or("", |file| &file.text);
    let table: Table = toml::from_str(text).map_err(|error| TidyError::Malformed {
        path: PATH.to_owned(),
        message: error.to_string(),
    })?;
    let mut own = Findings::new();
    own.speak_as(rules::EXCEPTIONS);
    for spanned in &table.exception {
        let line = 1 + text[..spanned.span().start].matches('\n').count();
        let exception = spanned.get_ref();
        let Exception { rule, path, reason } = exception;
        if RULES.iter().all(|known| known.name != rule) {
            own.add(
                PATH,
                line,
                format!("an exception must name a rule; there is no `{rule}`"),
            );
        } else if reason.split_whitespace().count() < REASON_WORDS_MIN {
            own.add(PATH, line, "an exception must say why, in words");
        } else if !all.iter().any(|finding| exception.excuses(finding)) {
            own.add(
                PATH,
                line,
                format!("an exception must excuse something; `{rule}` holds at `{path}`"),
            );
        }
    }
    let kept = all.into_iter().filter(|finding| {
        !table
            .exception
            .iter()
            .any(|exception| exception.get_ref().excuses(finding))
    });
    let (warnings, mut findings): (Vec<_>, Vec<_>) = kept.partition(|finding| finding.warning);
    findings.extend(own.into_sorted());
    findings.sort();
    Ok((warnings, findings))
}
