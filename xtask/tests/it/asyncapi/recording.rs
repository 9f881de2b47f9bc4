//! What is recorded: the document of this repository, and the versions that git has of one.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use xtask::asyncapi::{self, AsyncApiError};

use super::{ROOT, TEMPLATE, data};

#[test]
fn the_document_is_what_is_recorded() {
    let refused = asyncapi::record(Path::new(ROOT), true).err();
    assert!(refused.is_none(), "{}", refused.expect("it was refused"));
}

/// A repository with this system in which the document was recorded and committed once.
fn repository(document: &Value) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder for the test");
    let topology = std::fs::read_to_string(Path::new(ROOT).join("topology.toml"))
        .expect("the topology is there");
    std::fs::write(root.path().join("topology.toml"), topology).expect("it is written");
    std::fs::create_dir(root.path().join("docs")).expect("the folder is made");
    git(root.path(), &["init", "--quiet"]);
    commit(root.path(), document);
    root
}

fn commit(root: &Path, document: &Value) {
    std::fs::write(root.join(asyncapi::PATH), asyncapi::text(document)).expect("it is written");
    git(root, &["add", asyncapi::PATH]);
    git(root, &["commit", "--quiet", "--message", "Record"]);
}

fn git(root: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
        .args(arguments)
        .status()
        .expect("git is installed");
    assert!(done.success(), "git {arguments:?}");
}

/// The real document with a field that the code does not have, as if it had been taken out.
fn with_more() -> Value {
    let mut then = asyncapi::document(Path::new(ROOT)).expect("there is a document");
    data(&mut then, TEMPLATE)["properties"]["gone"] = json!({ "type": "string" });
    then
}

#[test]
fn a_committed_version_is_compared_even_if_the_file_is_deleted_or_written_anew() {
    let root = repository(&with_more());
    let refused = |check: bool| match asyncapi::record(root.path(), check) {
        Err(AsyncApiError::Incompatible(changes)) => changes.len(),
        other => panic!("it must be refused: {other:?}"),
    };
    assert_eq!(refused(false), 1);
    std::fs::remove_file(root.path().join(asyncapi::PATH)).expect("the file is deleted");
    assert_eq!(refused(false), 1);
    let now = asyncapi::document(Path::new(ROOT)).expect("there is a document");
    commit(root.path(), &now);
    assert_eq!(
        refused(true),
        1,
        "the version before the present commit is compared too"
    );
}

#[test]
fn a_compatible_version_is_written_and_then_checked() {
    let mut then = asyncapi::document(Path::new(ROOT)).expect("there is a document");
    data(&mut then, TEMPLATE)["description"] = json!("Otherwise.");
    let root = repository(&then);
    let differs = asyncapi::record(root.path(), true).expect_err("another text is recorded");
    assert!(
        differs.to_string().contains("`cargo xtask asyncapi`"),
        "{differs}"
    );
    assert_eq!(asyncapi::record(root.path(), false).ok(), Some(2));
    assert_eq!(asyncapi::record(root.path(), true).ok(), Some(2));
}
