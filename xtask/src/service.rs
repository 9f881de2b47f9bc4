//! A new service in the shape of the others: `cargo xtask new-service NAME`.
//!
//! Promises: a name that cannot be used is refused before anything is written; everything that
//! says the service exists is written together: its folder, its contract, its error codes, its
//! rows in the access table and the topology, its role. What it cannot know (what the service is
//! for) is left to the author: the texts describe a small service that works.

mod edits;
mod name;
mod self_test;
mod templates;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use name::{NameError, Names};
pub use self_test::{copy_tree, self_test};

/// Why no service was made.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The name cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A file that must name the service is not as the generator knows it.
    #[error("{path} must hold the line {anchor:?}, before which the service is named")]
    Anchor {
        /// The file.
        path: &'static str,
        /// The line.
        anchor: &'static str,
    },
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] crate::tidy::TidyError),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
    /// A command that completes the service failed.
    #[error("`{command}` failed:\n{output}")]
    Command {
        /// The command.
        command: String,
        /// What it printed.
        output: String,
    },
    /// The topology with the service in it is refused.
    #[error("the topology must take the service in: {0}")]
    Topology(String),
    /// The service that was made breaks the rules.
    #[error("the generated service must pass tidy:\n{0}")]
    Untidy(String),
}

/// Makes the service in the repository at `root`; answers the files written, relative to it.
pub fn make(root: &Path, names: &Names) -> Result<Vec<String>, ServiceError> {
    let tree = crate::tidy::tree::Tree::load(root)?;
    name::check_free(&tree, names)?;
    let mut files = templates::render(root, names)?;
    files.extend(edits::edited(root, names)?);
    for (path, text) in &files {
        write(&root.join(path), text)?;
    }
    let page = crate::topology::page(root).map_err(ServiceError::Topology)?;
    write(&root.join("docs/topology.md"), &page)?;
    files.push(("docs/topology.md".to_owned(), page));
    let rust = files
        .iter()
        .map(|(path, _)| path)
        .filter(|path| path.ends_with(".rs"));
    run(Command::new("rustfmt")
        .args(["--edition", "2024"])
        .args(rust)
        .current_dir(root))?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Writes the recorded pages that are made from the compiled service: its OpenAPI document, the
/// table of errors and the AsyncAPI document. Needs the test server for PostgreSQL, as every test
/// of a service does.
pub fn record(root: &Path, names: &Names) -> Result<(), ServiceError> {
    let folder = tempfile::tempdir().map_err(|source| at(root, source))?;
    // The test compares the document with the recorded one, and leaves what it found here.
    let mut test = cargo(
        root,
        &["test", "--quiet", "--package", &names.name, "--test", "it"],
    );
    test.args(["--", "the_description_is_the_recorded_one"])
        .env("TMPDIR", folder.path());
    let tried = run(&mut test);
    let document = format!("{}.json", names.name);
    let found = std::fs::read_to_string(folder.path().join(&document));
    match (found, tried) {
        (Ok(text), _) => write(&root.join("docs/openapi").join(&document), &text)?,
        (Err(_), Err(error)) => return Err(error),
        (Err(_), Ok(_)) => {}
    }
    for page in ["errors", "asyncapi"] {
        run(&mut cargo(
            root,
            &["run", "--quiet", "--package", "xtask", "--", page],
        ))?;
    }
    Ok(())
}

/// Cargo in this workspace, with the profile and the folder that built this program, so that what
/// is built already is not built again.
fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let built = std::env::current_exe().unwrap_or_default();
    let folder = built.parent().unwrap_or(Path::new(""));
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut command = Command::new("cargo");
    let (verb, rest) = arguments.split_first().expect("every caller names a verb");
    command
        .arg(verb)
        .args(["--profile", profile])
        .args(rest)
        .current_dir(root);
    if let Some(target) = folder.parent() {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
}

/// Runs a command to its end; answers what it printed.
fn run(command: &mut Command) -> Result<String, ServiceError> {
    let shown = format!("{command:?}");
    let failed = |output| ServiceError::Command {
        command: shown.clone(),
        output,
    };
    let done = command
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let printed = [done.stdout, done.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    if done.status.success() {
        Ok(printed)
    } else {
        Err(failed(printed))
    }
}

fn read(path: &Path) -> Result<String, ServiceError> {
    std::fs::read_to_string(path).map_err(|source| at(path, source))
}

fn write(path: &Path, text: &str) -> Result<(), ServiceError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| at(folder, source))?;
    }
    std::fs::write(path, text).map_err(|source| at(path, source))
}

fn at(path: &Path, source: std::io::Error) -> ServiceError {
    ServiceError::Io {
        path: path.to_path_buf(),
        source,
    }
}
