//! Takes every Rust file apart once and shows it to the rules.
//!
//! Taking files apart is most of the time, so they are shared out among the cores. The threads end
//! before the answer, and what they find is put in order afterwards: it is the same every time.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::finding::Findings;
use super::source::{Place, Source};
use super::tree::{self, TextFile, Tree};
use super::{Check, RULES, rules};

/// More threads than this wait for the disk and for each other.
const THREADS_MAX: usize = 8;

/// What the rules find in the Rust files; `pure` are the folders of crates on floors 0 and 1.
pub fn look(tree: &Tree, pure: &[String]) -> Findings {
    let files: Vec<&TextFile> = rust_files(tree).collect();
    let (test_modules, next) = (test_modules(tree), AtomicUsize::new(0));
    let look_at_some = || {
        let mut findings = Findings::new();
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let owner = tree::owner(&file.path);
            let place = Place {
                test: is_test_file(&file.path, &test_modules),
                pure: owner.is_some_and(|owner| pure.iter().any(|own| own == owner)),
            };
            look_at(file, place, &mut findings);
        }
        findings
    };
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get().min(THREADS_MAX));
    let mut all = Findings::new();
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(look_at_some)).collect();
        for thread in running {
            all.extend(
                thread
                    .join()
                    .expect("a rule that panics is a defect of the rule"),
            );
        }
    });
    all
}

fn look_at(file: &TextFile, place: Place, findings: &mut Findings) {
    let source = match Source::parse(&file.path, &file.text, place) {
        Ok(source) => source,
        Err(error) => {
            findings.speak_as(rules::PARSES);
            let must = format!("every Rust file must parse: {error}");
            findings.add(&file.path, error.span().start().line, must);
            return;
        }
    };
    for rule in RULES {
        if let Check::Source(check) | Check::Both(check, _) = rule.check {
            findings.speak_as(rule.name);
            check(&source, findings);
        }
    }
}

fn rust_files(tree: &Tree) -> impl Iterator<Item = &TextFile> {
    tree.files.iter().filter(|file| file.path.ends_with(".rs"))
}

/// Files that `#[cfg(test)] mod name;` declares, without their ending.
fn test_modules(tree: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in rust_files(tree) {
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
