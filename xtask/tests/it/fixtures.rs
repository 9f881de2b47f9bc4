//! Every rule is tried on a tree it must refuse and on a near miss it must accept.
//!
//! How a fixture is written is in `fixtures/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use xtask::tidy::{self, RULES};

/// What every tree has unless its fixture says otherwise.
const BASE: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = []\n",
    ),
    ("xtask/floors.toml", include_str!("../../floors.toml")),
    ("xtask/exceptions.toml", ""),
];

const SERVICE_README: &str = "# A service\n## Owns\n## Promises\n## Never\n## States\n## Events\n";

/// A service of the right shape.
const SERVICE: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\nname = \"a-service\"\n"),
    ("README.md", SERVICE_README),
    ("migrations/postgres/V0__none.sql", ""),
    ("migrations/sqlite/V0__none.sql", ""),
    ("src/lib.rs", "//! A service.\n"),
    ("src/domain.rs", "//! Decides.\n"),
    ("src/store.rs", "//! Statements.\n"),
    ("src/api.rs", "//! Routes.\n"),
    ("src/work.rs", "//! Timers.\n"),
    ("src/error.rs", "//! Errors.\n"),
    ("tests/it/main.rs", "//! Tests.\n"),
];

/// A small tree, and the findings that must be made in it.
struct Fixture {
    files: BTreeMap<String, String>,
    expected: Vec<String>,
}

impl Fixture {
    fn parse(text: &str) -> Self {
        let base = BASE
            .iter()
            .map(|(path, text)| (path.to_string(), text.to_string()));
        let mut fixture = Fixture {
            files: base.collect(),
            expected: Vec::new(),
        };
        let mut current: Option<String> = None;
        for line in text.lines() {
            if let Some(path) = line.strip_prefix("=== ") {
                fixture.files.insert(path.to_owned(), String::new());
                current = Some(path.to_owned());
            } else if let Some(path) = &current {
                let file = fixture.files.entry(path.clone()).or_default();
                file.push_str(&repeated(line));
            } else {
                fixture.head(line);
            }
        }
        fixture
    }

    fn head(&mut self, line: &str) {
        if let Some(folder) = line.strip_prefix("@service ") {
            let own = SERVICE.iter();
            self.files
                .extend(own.map(|(path, text)| (format!("{folder}/{path}"), text.to_string())));
        } else if let Some(path) = line.strip_prefix("@without ") {
            assert!(
                self.files.remove(path).is_some(),
                "{path} is not there to be left out"
            );
        } else {
            self.expected.push(line.to_owned());
        }
    }

    fn unpack(&self) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder for the tree");
        for (path, text) in &self.files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a file lies in a folder"))
                .expect("the folder is made");
            std::fs::write(path, text).expect("the file is written");
        }
        root
    }
}

fn repeated(line: &str) -> String {
    let Some(rest) = line.strip_prefix("@repeat ") else {
        return format!("{line}\n");
    };
    let (times, text) = rest.split_once(' ').expect("@repeat N TEXT");
    format!("{text}\n").repeat(times.parse().expect("@repeat takes a number"))
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Runs tidy over a fixture; returns the places and the names of the rules that spoke.
fn run(path: &Path) -> (Vec<String>, Vec<String>, BTreeSet<&'static str>) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|_| panic!("{path:?} is missing"));
    let fixture = Fixture::parse(&text);
    let root = fixture.unpack();
    let report = tidy::run(root.path()).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let places = report
        .findings
        .iter()
        .map(|found| format!("{}:{}", found.path, found.line));
    let rules = report.findings.iter().map(|found| found.rule).collect();
    (fixture.expected, places.collect(), rules)
}

#[test]
fn every_rule_refuses_its_fixture_and_nothing_else_in_it() {
    check("refused.txt", |rule| BTreeSet::from([rule]));
}

#[test]
fn every_near_miss_is_accepted() {
    check("accepted.txt", |_| BTreeSet::new());
}

/// Runs the case of this name of every rule; tells about all that went wrong together.
fn check(case: &str, speakers: fn(&'static str) -> BTreeSet<&'static str>) {
    let mut wrong = String::new();
    for rule in RULES {
        let (expected, found, rules) = run(&fixtures().join(rule.name).join(case));
        let wanted = speakers(rule.name);
        if found != expected || rules != wanted || expected.is_empty() != wanted.is_empty() {
            wrong.push_str(&format!(
                "{}/{case}\n  expected {expected:?}\n  found    {found:?} by {rules:?}\n",
                rule.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_fixture_belongs_to_a_rule() {
    let known: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(known.len(), RULES.len(), "two rules have the same name");
    for entry in std::fs::read_dir(fixtures()).expect("there are fixtures") {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name().into_string().expect("names are plain");
        let folder = entry.path().is_dir();
        assert!(
            !folder || known.contains(name.as_str()),
            "no rule is called {name}"
        );
    }
}

#[test]
fn a_long_file_is_a_warning_and_no_reason_to_fail() {
    let text = "=== crates/money/src/lib.rs\n//! Money.\n@repeat 500 const _: u8 = 0;\n";
    let root = Fixture::parse(text).unpack();
    let report = tidy::run(root.path()).expect("the tree can be read");
    assert_eq!(report.findings, Vec::new());
    assert_eq!(report.warnings.len(), 1);
    let printed = report.to_string();
    assert!(
        printed.starts_with("crates/money/src/lib.rs:501: file-lines: warning: "),
        "{printed}"
    );
    assert!(printed.ends_with(" files, 0 findings\n"), "{printed}");
}
