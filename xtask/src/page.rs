//! Writing a generated page, or comparing it with what is recorded.
//!
//! Promises: with `check` nothing is written, and a difference is an error that names the command
//! which repairs it.

use std::path::{Path, PathBuf};

/// Why a page could not be written or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The recorded page is not what the generator writes now.
    #[error("{path} must be what `{command}` writes; run it and commit the page")]
    Differs {
        /// The page.
        path: PathBuf,
        /// The command that writes it.
        command: String,
    },
    /// The file system refused.
    #[error("{path} cannot be written: {source}")]
    Io {
        /// The page.
        path: PathBuf,
        /// The refusal.
        source: std::io::Error,
    },
}

/// Writes `text` to `path`, or with `check` fails unless it is there already.
pub fn write(path: &Path, text: &str, check: bool, command: &str) -> Result<(), PageError> {
    if check {
        let recorded = std::fs::read_to_string(path).unwrap_or_default();
        if recorded == text {
            return Ok(());
        }
        return Err(PageError::Differs {
            path: path.to_path_buf(),
            command: command.to_owned(),
        });
    }
    std::fs::write(path, text).map_err(|source| PageError::Io {
        path: path.to_path_buf(),
        source,
    })
}
