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
mod dependencies;
mod exceptions;
mod floors;
mod names;
mod pages;
mod rules;
mod services;
mod sql;
mod unfinished;

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use finding::{Finding, Findings};
use source::{Place, Source};
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

enum Check {
    /// Looks at one Rust file at a time.
    Source(fn(&Source, &mut Findings)),
    /// Looks at the whole tree.
    Tree(fn(&Tree, &mut Findings) -> Result<(), TidyError>),
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
        if let Check::Tree(check) = rule.check {
            findings.speak_as(rule.name);
            check(&tree, &mut findings)?;
        }
    }
    let test_modules = test_modules(&tree);
    let pure = floors::Floors::load(&tree)?.pure_folders();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".rs")) {
        let place = Place {
            test: is_test_file(&file.path, &test_modules),
            pure: tree::owner(&file.path).is_some_and(|owner| pure.iter().any(|own| own == owner)),
        };
        match Source::parse(&file.path, &file.text, place) {
            Ok(source) => look(&source, &mut findings),
            Err(error) => {
                findings.speak_as(rules::PARSES);
                let line = error.span().start().line;
                findings.add(
                    &file.path,
                    line,
                    format!("every Rust file must parse: {error}"),
                );
            }
        }
    }
    let (warnings, findings) = exceptions::excuse(&tree, findings.into_sorted())?;
    Ok(Report {
        rules: RULES.len(),
        files: tree.files.len(),
        findings,
        warnings,
    })
}

fn look(source: &Source, findings: &mut Findings) {
    for rule in RULES {
        if let Check::Source(check) = rule.check {
            findings.speak_as(rule.name);
            check(source, findings);
        }
    }
}

/// Files that `#[cfg(test)] mod name;` declares, without their ending.
fn test_modules(tree: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in tree.files.iter().filter(|file| file.path.ends_with(".rs")) {
        let folder = source_folder(&file.path);
        for piece in file.text.split("#[cfg(test)]").skip(1) {
            let declared = piece.trim_start();
            let declared = declared.strip_prefix("pub ").unwrap_or(declared);
            let Some(rest) = declared.strip_prefix("mod ") else {
                continue;
            };
            let name: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if rest[name.len()..].starts_with(';') {
                found.insert(format!("{folder}/{name}"));
            }
        }
    }
    found
}

/// Where the modules that a file declares lie: beside `lib.rs` and `mod.rs`, else in a folder of
/// the file's name.
fn source_folder(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder,
        _ => path.strip_suffix(".rs").unwrap_or(path),
    }
}

fn is_test_file(path: &str, test_modules: &BTreeSet<String>) -> bool {
    let inside = tree::owner(path).map_or(path, |owner| &path[owner.len()..]);
    if inside.starts_with("/tests/") || inside.starts_with("/benches/") {
        return true;
    }
    let own = path.strip_suffix(".rs").unwrap_or(path);
    test_modules.iter().any(|module| {
        own.strip_prefix(module.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
