//! Earlier versions of the recorded document: the file, and what git keeps of it.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{AsyncApiError, PATH};

/// How many versions of git's are looked at: the present commit's and the one before. Those before
/// were compared when they were made, and what is compatible twice is compatible with the first.
const VERSIONS_MAX: &str = "2";

/// The file if it is there, and the newest versions git knows. Outside a repository, or without
/// git, or in a clone cut short, there are fewer.
pub fn earlier(root: &Path) -> Result<Vec<Value>, AsyncApiError> {
    let mut found = Vec::new();
    if let Ok(text) = std::fs::read_to_string(root.join(PATH)) {
        found.push(parse(PATH, &text)?);
    }
    let log = ["log", "-n", VERSIONS_MAX, "--format=%H", "--", PATH];
    for commit in git(root, &log).unwrap_or_default().lines() {
        let version = format!("{commit}:./{PATH}");
        // A commit that took the file away is a version without it.
        if let Some(text) = git(root, &["show", &version]) {
            found.push(parse(&version, &text)?);
        }
    }
    Ok(found)
}

fn parse(path: &str, text: &str) -> Result<Value, AsyncApiError> {
    serde_json::from_str(text).map_err(|error| AsyncApiError::Unreadable {
        path: path.into(),
        reason: error.to_string(),
    })
}

/// What git prints, if it could do what was asked.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let done = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .ok()?;
    let printed = String::from_utf8(done.stdout).ok()?;
    done.status.success().then_some(printed)
}
