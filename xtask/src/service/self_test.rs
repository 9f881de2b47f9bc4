//! Makes a service in a copy of the workspace and runs everything it must pass there.
//!
//! The names are as long as names may be, so that every line of the templates is tried at its
//! widest.

use std::path::Path;

use super::{Names, ServiceError, at, cargo, make, read, record, run, write};
use crate::tidy::{self, tree::Tree};

/// As long as a service's name may be.
const NAME: &str = "longest-name-of-services";
/// As long as the word for what it keeps may be.
const ENTITY: &str = "understandable";
/// The version of the copy's crates, which no others have. Cargo tells builds of a crate apart by
/// its name, its version and its place within the workspace: with the same version, the copy's
/// would replace the repository's own in the shared folder of builds.
const VERSION: &str = "0.0.0-self-test";
/// The crates in which a new service is named.
const OTHERS: [&str; 4] = ["contracts", "kit", "web", "florin"];

/// Copies the workspace, makes a service in the copy, and proves it there: tidy, clippy, the
/// recorded pages, its tests on both databases, and those of the crates that name it.
///
/// Cargo builds where this program was built.
pub fn self_test(root: &Path) -> Result<(), ServiceError> {
    let names = Names::parse(NAME, Some(ENTITY))?;
    let folder = tempfile::tempdir().map_err(|source| at(root, source))?;
    let copy = folder.path();
    copy_tree(root, copy)?;
    rename_version(copy)?;
    let before = tidy::run(copy)?;
    stage("make");
    make(copy, &names)?;
    stage("record its pages");
    record(copy, &names)?;
    stage("tidy");
    let mut after = tidy::run(copy)?;
    after
        .findings
        .retain(|finding| !before.findings.contains(finding));
    if !after.findings.is_empty() {
        return Err(ServiceError::Untidy(after.to_string()));
    }
    stage("format");
    let packages = OTHERS.iter().flat_map(|name| ["--package", name]);
    let mut format = std::process::Command::new("cargo");
    format
        .args(["fmt", "--check", "--package", NAME])
        .args(packages)
        .current_dir(copy);
    run(&mut format)?;
    stage("clippy");
    let clippy = format!("clippy --quiet --no-deps --package {NAME} --all-targets -- -D warnings");
    let clippy: Vec<&str> = clippy.split(' ').collect();
    run(&mut cargo(copy, &clippy))?;
    stage("its tests");
    run(&mut cargo(copy, &["test", "--quiet", "--package", NAME]))?;
    stage("the tests of what names it");
    for package in OTHERS {
        run(&mut cargo(copy, &["test", "--quiet", "--package", package]))?;
    }
    Ok(())
}

/// Gives the copy's crates the version [`VERSION`].
fn rename_version(copy: &Path) -> Result<(), ServiceError> {
    let path = copy.join("Cargo.toml");
    let manifest = read(&path)?;
    let lines = manifest.lines().map(|line| {
        let own = line.starts_with("version = ");
        if own {
            format!("version = \"{VERSION}\"\n")
        } else {
            format!("{line}\n")
        }
    });
    write(&path, &lines.collect::<String>())
}

fn stage(name: &str) {
    println!("new-service: {name}");
}

/// Copies every file that is kept into a folder that is there.
pub fn copy_tree(root: &Path, copy: &Path) -> Result<(), ServiceError> {
    for path in Tree::load(root)?.paths {
        let (from, to) = (root.join(&path), copy.join(&path));
        let done = if from.is_dir() {
            std::fs::create_dir_all(&to)
        } else {
            let folder = to.parent().unwrap_or(copy);
            std::fs::create_dir_all(folder).and_then(|()| std::fs::copy(&from, &to).map(drop))
        };
        done.map_err(|source| at(&from, source))?;
    }
    Ok(())
}
