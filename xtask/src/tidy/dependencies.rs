//! Outside crates are chosen once, in the root manifest, each with a reason people can read.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use super::TidyError;
use super::finding::Findings;
use super::tree::Tree;

const LIST: &str = "docs/dependencies.md";
const ROOT: &str = "Cargo.toml";
/// Fewer words than this say nothing.
const REASON_WORDS_MIN: usize = 4;

/// `workspace-dependencies`.
pub fn workspace_only(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    for (path, manifest) in manifests(tree)? {
        for (name, value) in dependencies(&manifest) {
            let inherits = value
                .as_table()
                .and_then(|table| table.get("workspace"))
                .and_then(toml::Value::as_bool);
            if inherits != Some(true) {
                let must =
                    format!("a crate takes dependencies from the workspace; `{name}` does not");
                findings.add(&path, tree.line_naming(&path, &name), must);
            }
        }
    }
    Ok(())
}

/// `dependency-list`.
pub fn listed(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    let root = parse(tree, ROOT)?;
    let chosen = root
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(toml::Value::as_table);
    let chosen = chosen.into_iter().flatten();
    let rows = rows(tree);
    let mut outside = BTreeSet::new();
    let used: BTreeSet<String> = manifests(tree)?
        .values()
        .flat_map(dependencies)
        .map(|(name, _)| name)
        .collect();
    for (name, value) in chosen {
        let line = tree.line_naming(ROOT, name);
        if !used.contains(name) {
            findings.add(ROOT, line, format!("no crate uses `{name}`; take it out"));
        }
        if value
            .as_table()
            .is_some_and(|table| table.contains_key("path"))
        {
            continue;
        }
        outside.insert(name.as_str());
        match rows.iter().find(|row| row.name == *name) {
            None => findings.add(ROOT, line, format!("`{name}` must have a row in {LIST}")),
            Some(row) if row.reason.split_whitespace().count() < REASON_WORDS_MIN => {
                findings.add(
                    LIST,
                    row.line,
                    format!("a row says why; that of `{name}` does not"),
                );
            }
            Some(_) => {}
        }
    }
    for row in rows
        .iter()
        .filter(|row| !outside.contains(row.name.as_str()))
    {
        let must = format!(
            "a row names a dependency of the workspace; `{}` is none",
            row.name
        );
        findings.add(LIST, row.line, must);
    }
    Ok(())
}

/// A row of the list.
struct Row {
    name: String,
    reason: String,
    line: usize,
}

/// The rows of every table that begins with a column `crate`.
fn rows(tree: &Tree) -> Vec<Row> {
    let text = tree.find(LIST).map_or("", |file| &file.text);
    let mut rows = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        let Some(cells) = line.trim().strip_prefix('|') else {
            inside = false;
            continue;
        };
        let mut cells = cells.split('|').map(str::trim);
        let (first, second) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
        if first == "crate" {
            inside = true;
        } else if inside && !first.starts_with('-') && !first.starts_with(':') {
            let name = first.trim_matches('`').to_owned();
            rows.push(Row {
                name,
                reason: second.to_owned(),
                line: at + 1,
            });
        }
    }
    rows
}

/// The manifests of all crates of the workspace, by path; the root's own is left out.
fn manifests(tree: &Tree) -> Result<BTreeMap<String, Table>, TidyError> {
    let paths = tree.files.iter().map(|file| file.path.as_str());
    let own = paths.filter(|path| path.ends_with("/Cargo.toml"));
    own.map(|path| Ok((path.to_owned(), parse(tree, path)?)))
        .collect()
}

fn parse(tree: &Tree, path: &str) -> Result<Table, TidyError> {
    let text = tree.find(path).map_or("", |file| &file.text);
    toml::from_str(text).map_err(|error| TidyError::Malformed {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

/// Every dependency of a manifest: normal, for development, for building, for one platform.
fn dependencies(manifest: &Table) -> Vec<(String, &toml::Value)> {
    const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let platforms = manifest.get("target").and_then(toml::Value::as_table);
    let platforms = platforms.into_iter().flat_map(|all| all.values());
    let all = platforms
        .filter_map(toml::Value::as_table)
        .chain([manifest]);
    all.flat_map(|table| TABLES.iter().filter_map(|name| table.get(*name)))
        .filter_map(toml::Value::as_table)
        .flatten()
        .map(|(name, value)| (name.clone(), value))
        .collect()
}
