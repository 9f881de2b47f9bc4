//! Where the text of a journal comes from, and how much of it there may be.
//!
//! Promises: only files the [`Source`] hands out are read; includes are relative to the
//! including file, never cyclic, and bounded in depth, number and bytes.
//! Does not: touch a file system; the caller decides what a path may reach.

use crate::refusal::{Kind, Refused};

/// How deep files may include one another: journals nest by year and by owner, not by sixteen.
pub const INCLUDE_DEPTH_MAX: usize = 16;
/// Files of one journal.
pub const FILES_MAX: usize = 1_000;
/// Bytes of one journal over all its files: about a million transactions.
pub const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Hands out the text of a journal's files by path.
///
/// A closure `Fn(&str) -> Result<Vec<u8>, String>` is one. The path is the one given to the
/// reader, or that of an `include` joined to the folder of the including file, with `.` and
/// `..` resolved in the text; a path above the first file's folder begins with `..`, an
/// absolute one with `/`. An error says why in words, without the path.
pub trait Source {
    /// The bytes of the file at `path`.
    ///
    /// # Errors
    /// Why the file cannot be read; it becomes a refusal of kind `include_unreadable`.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

impl<F: Fn(&str) -> Result<Vec<u8>, String>> Source for F {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self(path)
    }
}

/// The files opened so far and the stack of those being read.
pub(crate) struct Files<'s> {
    source: &'s dyn Source,
    names: Vec<String>,
    stack: Vec<u32>,
    bytes: usize,
}

impl<'s> Files<'s> {
    pub(crate) fn new(source: &'s dyn Source) -> Files<'s> {
        Files {
            source,
            names: Vec::new(),
            stack: Vec::new(),
            bytes: 0,
        }
    }

    pub(crate) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// Opens `path` beneath the files being read; [`Files::close`] ends it.
    pub(crate) fn open(&mut self, path: &str) -> Result<(u32, String), Refused> {
        if self
            .stack
            .iter()
            .any(|file| self.names[*file as usize] == path)
        {
            return Err((Kind::IncludeCycle, format!("{path} includes itself")));
        }
        if self.stack.len() >= INCLUDE_DEPTH_MAX {
            let detail = format!("files may include one another {INCLUDE_DEPTH_MAX} deep");
            return Err((Kind::TooLarge, detail));
        }
        if self.names.len() >= FILES_MAX {
            return Err((
                Kind::TooLarge,
                format!("a journal may have {FILES_MAX} files"),
            ));
        }
        let read = self.source.read(path);
        let bytes = read.map_err(|why| (Kind::IncludeUnreadable, format!("{path}: {why}")))?;
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > BYTES_MAX {
            return Err((
                Kind::TooLarge,
                format!("a journal may have {BYTES_MAX} bytes"),
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            (
                Kind::NotUtf8,
                format!("{path} must be UTF-8; line {line} is not"),
            )
        })?;
        let file = u32::try_from(self.names.len()).expect("FILES_MAX is far below u32::MAX");
        self.names.push(path.to_owned());
        self.stack.push(file);
        Ok((file, text))
    }

    pub(crate) fn close(&mut self) {
        self.stack.pop();
    }

    /// `written` in an include of the file being read, as a path for the source.
    pub(crate) fn resolve(&self, written: &str) -> String {
        let current = self
            .stack
            .last()
            .map_or("", |file| self.names[*file as usize].as_str());
        join(current, written)
    }
}

fn join(including: &str, written: &str) -> String {
    let is_absolute = written.starts_with('/') || including.starts_with('/');
    let folder = including.rfind('/').map_or("", |end| &including[..end]);
    let base = if written.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(written.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            other => parts.push(other),
        }
    }
    let root = if is_absolute { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}
