//! The AsyncAPI 3.0 document of every message between services, `docs/asyncapi.json`.
//!
//! Written from `topology.toml` (who sends what to whom) and the catalogue in `contracts` (what a
//! message says), so that it cannot say what the code does not. Promises: the same sources give the
//! same text, byte for byte; a change that a running consumer or an archive could not bear is
//! refused by name, see [`changes`].

pub mod changes;
pub mod schema;

mod document;
mod history;

use std::path::{Path, PathBuf};

use serde_json::Value;
use topology::Topology;

use changes::Change;
use contracts::catalogue::{MESSAGES, RETIRED};

pub use document::{DescribeError, describe};

/// The recorded document, from the repository's root.
pub const PATH: &str = "docs/asyncapi.json";
/// What writes it.
const COMMAND: &str = "cargo xtask asyncapi";

/// Why there is no document, or not the recorded one.
#[derive(Debug, thiserror::Error)]
pub enum AsyncApiError {
    /// A file cannot be read, or holds what it must not.
    #[error("{path} must be readable: {reason}")]
    Unreadable {
        /// The file, or the version of it.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Catalogue and topology do not fit together.
    #[error(transparent)]
    Describe(#[from] DescribeError),
    /// Changes that are not additions.
    #[error("{}\n{REMEDY}", lines(.0))]
    Incompatible(Vec<Change>),
    /// The recorded document is another.
    #[error(transparent)]
    Page(#[from] crate::page::PageError),
}

const REMEDY: &str = "\
events and work evolve by adding optional fields: a breaking change is a new type beside the old \
one, and a type nobody needs any more goes to `RETIRED` in crates/contracts/src/catalogue.rs";

fn lines(changes: &[Change]) -> String {
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// The document of the repository at `root`, as it should be recorded.
pub fn document(root: &Path) -> Result<Value, AsyncApiError> {
    let path = root.join("topology.toml");
    let unreadable = |reason: String| AsyncApiError::Unreadable {
        path: path.clone(),
        reason,
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(error.to_string()))?;
    let topology = Topology::parse(&text).map_err(|error| unreadable(error.to_string()))?;
    let topology = topology.in_production();
    Ok(describe(&topology, MESSAGES, RETIRED)?)
}

/// A document as the text that is recorded: indented JSON, keys in the order of letters, a final
/// line feed.
#[must_use]
pub fn text(document: &Value) -> String {
    let mut text = format!("{:#}", schema::sorted(document));
    text.push('\n');
    text
}

/// Writes the document, or with `check` compares it with the recorded one; answers with how many
/// earlier versions it was compared.
///
/// Either way the document must be compatible with the file as it lies there and with the two
/// newest versions that git knows: the one this commit has, and the one before it. So neither
/// deleting the file nor editing it by hand gets a change through.
pub fn record(root: &Path, check: bool) -> Result<usize, AsyncApiError> {
    let now = document(root)?;
    let earlier = history::earlier(root)?;
    let changes: Vec<Change> = earlier
        .iter()
        .flat_map(|then| changes::between(then, &now))
        .collect();
    if !changes.is_empty() {
        return Err(AsyncApiError::Incompatible(changes::each_once(changes)));
    }
    crate::page::write(&root.join(PATH), &text(&now), check, COMMAND)?;
    Ok(earlier.len())
}
