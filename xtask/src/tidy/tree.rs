//! The repository as tidy sees it: every file that is kept, read once.
//!
//! Promises: paths are relative to the root, with `/` between their parts, in order. What
//! `.gitignore` names and the version store itself are not part of it; the text of tidy's own
//! fixtures is not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::TidyError;

/// The version store.
const VERSIONS: &str = ".git";
/// Small trees made to be refused: they are there, but their text is not looked at.
const FIXTURES: &str = "xtask/fixtures/";

/// A file that holds text.
pub struct TextFile {
    /// Relative to the root.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Every kept file of a repository.
pub struct Tree {
    /// Where it lies on this machine.
    pub root: PathBuf,
    /// Every text file, ordered by path.
    pub files: Vec<TextFile>,
    /// Every file and folder, text or not.
    pub paths: BTreeSet<String>,
}

impl Tree {
    /// Reads the tree beneath `root`.
    pub fn load(root: &Path) -> Result<Self, TidyError> {
        let ignored = Ignored::load(root);
        let mut tree = Tree {
            root: root.to_path_buf(),
            files: Vec::new(),
            paths: BTreeSet::new(),
        };
        tree.add_folder(root, "", &ignored)?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    /// The file at `path`, if it is kept and holds text.
    pub fn find(&self, path: &str) -> Option<&TextFile> {
        let at = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        self.files.get(at)
    }

    /// Whether a file or folder of this path is kept.
    pub fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// The line of a manifest that names this dependency; the first if none does.
    pub fn line_naming(&self, manifest: &str, dependency: &str) -> usize {
        let text = self.find(manifest).map_or("", |file| &file.text);
        let named = |line: &str| {
            line.strip_prefix(dependency)
                .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        };
        text.lines().position(named).map_or(1, |at| at + 1)
    }

    /// The folders of all services, as `services/NAME`.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str).filter(|path| {
            path.strip_prefix("services/")
                .is_some_and(|rest| !rest.contains('/'))
        })
    }

    /// Every text file beneath `folder`.
    pub fn beneath<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a TextFile> {
        self.files.iter().filter(move |file| {
            file.path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
        })
    }

    fn add_folder(&mut self, at: &Path, name: &str, ignored: &Ignored) -> Result<(), TidyError> {
        let unreadable = |source| TidyError::Unreadable {
            path: at.to_path_buf(),
            source,
        };
        for entry in std::fs::read_dir(at).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(own) = entry.file_name().into_string() else {
                continue;
            };
            let path = if name.is_empty() {
                own
            } else {
                format!("{name}/{own}")
            };
            if path == VERSIONS || ignored.holds(&path) {
                continue;
            }
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                self.add_folder(&entry.path(), &path, ignored)?;
            } else if kind.is_file()
                && !path.starts_with(FIXTURES)
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                self.files.push(TextFile {
                    path: path.clone(),
                    text,
                });
            }
            self.paths.insert(path);
        }
        Ok(())
    }
}

/// The part of `.gitignore` this repository uses: names, and paths that begin at the root.
struct Ignored(Vec<String>);

impl Ignored {
    fn load(root: &Path) -> Self {
        let text = std::fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        Ignored(
            text.lines()
                .map(|line| line.trim().trim_end_matches('/').to_owned())
                .collect(),
        )
    }

    fn holds(&self, path: &str) -> bool {
        let own = path.rsplit('/').next().unwrap_or(path);
        self.0.iter().any(|line| match line.strip_prefix('/') {
            Some(rooted) => rooted == path,
            None => match line.strip_prefix('*') {
                Some(ending) => !ending.is_empty() && own.ends_with(ending),
                None => !line.is_empty() && (line == own || line == path),
            },
        })
    }
}

/// The folder of the crate a file belongs to: `crates/kit`, `services/ledger`, `florin`, `xtask`.
pub fn owner(path: &str) -> Option<&str> {
    let mut parts = path.match_indices('/').map(|(at, _)| at);
    let first = parts.next()?;
    match &path[..first] {
        "crates" | "services" => parts.next().map(|second| &path[..second]),
        "florin" | "xtask" => Some(&path[..first]),
        _ => None,
    }
}
