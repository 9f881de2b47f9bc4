//! What a rule has to say: where, and what must hold there.

use std::cmp::Ordering;
use std::fmt;

/// One place that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Relative to the root.
    pub path: String,
    /// Counted from one.
    pub line: usize,
    /// The rule's name.
    pub rule: &'static str,
    /// What must hold, and what is there instead.
    pub must: String,
    /// Printed, but no reason to fail.
    pub warning: bool,
}

impl Finding {
    fn place(&self) -> (&str, usize, &str, &str) {
        (&self.path, self.line, self.rule, &self.must)
    }
}

impl Ord for Finding {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Finding {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            path,
            line,
            rule,
            must,
            warning,
        } = self;
        let mark = if *warning { "warning: " } else { "" };
        write!(out, "{path}:{line}: {rule}: {mark}{must}")
    }
}

/// Where a rule puts its findings; knows which rule is speaking.
pub struct Findings {
    rule: &'static str,
    all: Vec<Finding>,
}

impl Findings {
    /// No findings yet.
    pub fn new() -> Self {
        Findings {
            rule: "",
            all: Vec::new(),
        }
    }

    /// From here on `rule` speaks.
    pub fn speak_as(&mut self, rule: &'static str) {
        self.rule = rule;
    }

    /// Adds a finding of the rule that speaks.
    pub fn add(&mut self, path: &str, line: usize, must: impl Into<String>) {
        self.push(path, line, must.into(), false);
    }

    /// Adds a warning of the rule that speaks.
    pub fn warn(&mut self, path: &str, line: usize, must: impl Into<String>) {
        self.push(path, line, must.into(), true);
    }

    fn push(&mut self, path: &str, line: usize, must: String, warning: bool) {
        self.all.push(Finding {
            path: path.to_owned(),
            line,
            rule: self.rule,
            must,
            warning,
        });
    }

    /// Takes over what another has found.
    pub fn extend(&mut self, other: Self) {
        self.all.extend(other.all);
    }

    /// All findings, ordered by place, each once.
    pub fn into_sorted(mut self) -> Vec<Finding> {
        self.all.sort();
        self.all.dedup();
        self.all
    }
}

impl Default for Findings {
    fn default() -> Self {
        Findings::new()
    }
}
