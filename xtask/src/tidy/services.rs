//! Every service has the same shape, so that whoever knows one knows all.

use super::TidyError;
use super::finding::Findings;
use super::tree::Tree;

/// The headings of a service's README, in any order and case.
const HEADINGS: &[&str] = &["owns", "promises", "never", "states", "events"];
/// Parts of a service that are a file, or a folder once they have outgrown one.
const PARTS: &[&str] = &["domain", "store", "api", "work", "error"];
/// What else must be there.
const FILES: &[&str] = &[
    "Cargo.toml",
    "README.md",
    "migrations/postgres",
    "migrations/sqlite",
    "src/lib.rs",
    "tests/it/main.rs",
];

/// `service-shape`.
pub fn shape(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    for service in tree.services() {
        let longer = format!("{service}-");
        for other in tree.services().filter(|other| other.starts_with(&longer)) {
            let must = format!("no service's name begins another's; `{service}` begins this");
            findings.add(&format!("{other}/Cargo.toml"), 1, must);
        }
        for own in FILES {
            let path = format!("{service}/{own}");
            if !tree.has(&path) {
                findings.add(
                    &path,
                    1,
                    "every service has the same shape; this is missing",
                );
            }
        }
        for part in PARTS {
            let path = format!("{service}/src/{part}");
            let file = format!("{path}.rs");
            if !tree.has(&file) && !tree.has(&path) {
                findings.add(
                    &file,
                    1,
                    "every service has the same shape; this is missing",
                );
            }
        }
        let readme = format!("{service}/README.md");
        let Some(text) = tree.find(&readme).map(|file| file.text.to_lowercase()) else {
            continue;
        };
        let headings: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches('#').trim())
            .collect();
        for heading in HEADINGS
            .iter()
            .filter(|heading| !headings.contains(heading))
        {
            findings.add(
                &readme,
                1,
                format!("a service's page has a heading «{heading}»"),
            );
        }
    }
    Ok(())
}
