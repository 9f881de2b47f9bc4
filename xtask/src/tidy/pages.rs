//! What pages point to is there, and nothing names the machine it was written on.

use super::TidyError;
use super::finding::Findings;
use super::tree::{TextFile, Tree};

/// Folders of one machine; a path that begins with one means nothing on another.
const MACHINE_FOLDERS: &[&str] = &["home", "root", "Users", "work"];

/// Stands for a name the reader chooses.
const PLACEHOLDER: &str = "NAME";

/// `links`.
pub fn links(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    for file in pages(tree) {
        for (line, text) in prose(&file.text) {
            for target in targets(&text) {
                let path = target.split('#').next().unwrap_or("");
                let outside = target.contains("://") || target.starts_with("mailto:");
                if outside || path.is_empty() {
                    continue;
                }
                if path.starts_with('/') {
                    let must = format!("a link is relative to its page; `{target}` is not");
                    findings.add(&file.path, line, must);
                } else if resolve(&file.path, path).is_none_or(|path| !tree.has(&path)) {
                    let must = format!("a link leads somewhere; `{target}` does not");
                    findings.add(&file.path, line, must);
                }
            }
        }
    }
    Ok(())
}

/// `mentioned-paths`.
pub fn mentioned_paths(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    for file in pages(tree) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, text) in prose(&file.text) {
            for mention in text.split('`').skip(1).step_by(2) {
                let path = mention.trim_end_matches('/');
                if !is_path_here(tree, path) || tree.has(path) {
                    continue;
                }
                if !tree.has(&format!("{folder}/{path}")) {
                    let must = format!("a page names files that are there; `{mention}` is not");
                    findings.add(&file.path, line, must);
                }
            }
        }
    }
    Ok(())
}

/// `machine-paths`.
pub fn machine_paths(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    let folders = MACHINE_FOLDERS.iter().map(|folder| format!("/{folder}/"));
    let patterns: Vec<String> = folders.chain([format!("/tmp/{}", "BRIEF")]).collect();
    for file in &tree.files {
        for (at, line) in file.text.lines().enumerate() {
            for pattern in patterns.iter().filter(|pattern| begins_in(line, pattern)) {
                let must =
                    format!("nothing names the machine it was written on; found `{pattern}`");
                findings.add(&file.path, at + 1, must);
            }
        }
    }
    Ok(())
}

/// Whether a path begins with `pattern` somewhere in the line: `src/work/` is no such path.
fn begins_in(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric() && !"_-./)}*$~".contains(before))
    })
}

fn pages(tree: &Tree) -> impl Iterator<Item = &TextFile> {
    tree.files.iter().filter(|file| file.path.ends_with(".md"))
}

/// The lines of a page with their numbers, without what stands in fences.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((at + 1, line.to_owned()));
        }
    }
    lines
}

/// Where the links of a line lead; what stands in backticks is an example.
fn targets(line: &str) -> Vec<String> {
    let shown: String = line.split('`').step_by(2).collect();
    let inline = shown
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let mut found: Vec<String> = inline.map(str::to_owned).collect();
    if let Some((name, target)) = shown.split_once("]: ")
        && name.starts_with('[')
    {
        found.push(target.trim().to_owned());
    }
    found
}

/// The path that `target` means on the page at `from`; none when it leaves the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a text in backticks looks like a path in this repository: its first part is a folder of
/// the root, and nothing in it stands for something else.
fn is_path_here(tree: &Tree, text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let Some((first, rest)) = text.split_once('/') else {
        return false;
    };
    let placeholder = text.split('/').any(|part| part == PLACEHOLDER);
    !rest.is_empty()
        && text.chars().all(plain)
        && !placeholder
        && !text.contains("...")
        && tree.has(first)
        && !first.contains('.')
}
