//! The rules of the house, held mechanically over the files of the repository.
//!
//! Promises: reads and never writes; findings come in the same order every time; every exception is
//! a line with a reason in `xtask/exceptions.toml`, and one that excuses nothing is a finding.
//! It does not build anything: what the compiler and clippy hold is left to them.

pub mod comments;
pub mod finding;
pub mod source;
pub mod tree;

mod budgets;
mod confined;
mod contracts;
mod dependencies;
mod exceptions;
mod floors;
mod names;
mod pages;
mod rules;
mod services;
mod sources;
mod sql;
mod unfinished;

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use finding::{Finding, Findings};
use source::Source;
use tree::Tree;

pub use names::is_banned_name;
pub use rules::RULES;

/// One rule of the house.
pub struct Rule {
    /// What findings, exceptions and the fixture's folder call it.
    pub name: &'static str,
    /// What must hold.
    pub holds: &'static str,
    /// Why it is worth holding.
    pub why: &'static str,
    /// How it is looked for.
    check: Check,
}

type InSource = fn(&Source, &mut Findings);
type InTree = fn(&Tree, &mut Findings) -> Result<(), TidyError>;

enum Check {
    /// Looks at one Rust file at a time.
    Source(InSource),
    /// Looks at the whole tree.
    Tree(InTree),
    /// Looks at each Rust file, and at everything else.
    Both(InSource, InTree),
    /// Held while the tree is read: that Rust files parse, that exceptions are used.
    Reading,
}

/// Why the rules could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum TidyError {
    /// The file system refused.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// What was read.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
    /// A file that holds the rules' own data is not what it must be.
    #[error("{path} must hold what tidy expects: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// The parser's words.
        message: String,
    },
    /// Cargo could not describe the workspace.
    #[error("cargo metadata failed: {0}")]
    Metadata(#[from] cargo_metadata::Error),
}

/// What a run found.
pub struct Report {
    /// How many rules were looked at.
    pub rules: usize,
    /// How many files.
    pub files: usize,
    /// What is reason to fail, ordered by place.
    pub findings: Vec<Finding>,
    /// What is printed only.
    pub warnings: Vec<Finding>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in self.warnings.iter().chain(&self.findings) {
            writeln!(out, "{finding}")?;
        }
        let (rules, files, findings) = (self.rules, self.files, self.findings.len());
        writeln!(out, "{rules} rules, {files} files, {findings} findings")
    }
}

/// Looks at every rule over the tree beneath `root`.
pub fn run(root: &Path) -> Result<Report, TidyError> {
    let tree = Tree::load(root)?;
    let mut findings = Findings::new();
    for rule in RULES {
        if let Check::Tree(check) | Check::Both(_, check) = rule.check {
            findings.speak_as(rule.name);
            check(&tree, &mut findings)?;
        }
    }
    findings.extend(sources::look(
        &tree,
        &floors::Floors::load(&tree)?.pure_folders(),
    ));
    let (warnings, findings) = exceptions::excuse(&tree, findings.into_sorted())?;
    Ok(Report {
        rules: RULES.len(),
        files: tree.files.len(),
        findings,
        warnings,
    })
}

/// The page `docs/rules.md`: every rule with its reason and its fixture.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for Rule {
        name, holds, why, ..
    } in RULES
    {
        let fixture = format!("[fixture](../xtask/fixtures/{name})");
        writeln!(page, "| `{name}` | {holds} | {why} | {fixture} |")
            .expect("writing to a string cannot fail");
    }
    page.push_str(TAIL);
    page
}

const HEAD: &str = "\
# The rules

`cargo xtask tidy` holds these over every file of the repository; `cargo xtask rules` writes
this page from them. Each has a fixture it refuses and a near miss it accepts, and a test that
tries both.

| rule | what must hold | why | tried on |
| --- | --- | --- | --- |
";

const TAIL: &str = "
A rule that pinches is changed with its reason, or excused: a line with a reason in
[`xtask/exceptions.toml`](../xtask/exceptions.toml). One that excuses nothing is a finding too.
";
