//! The files of others that name every service, with a new one named in them.
//!
//! Each is edited as text, at a line that is known to be there, so that comments and order stay.

use std::path::Path;

use super::name::Names;
use super::{ServiceError, read, templates};

/// The edited files, by path, with their new texts.
pub fn edited(root: &Path, names: &Names) -> Result<Vec<(String, String)>, ServiceError> {
    let Names { name, snake, .. } = names;
    let mut files = Vec::new();
    let mut edit = |path: &'static str, change: &dyn Fn(Text) -> Result<Text, ServiceError>| {
        let text = Text {
            path,
            text: read(&root.join(path))?,
        };
        let changed = change(text)?;
        files.push((path.to_owned(), changed.text));
        Ok::<_, ServiceError>(())
    };
    edit("Cargo.toml", &|text| {
        let line = format!("{name} = {{ path = \"services/{name}\" }}\n");
        text.among("# Floor 4\n", &line)
    })?;
    edit("florin/Cargo.toml", &|text| {
        text.among("[dependencies]\n", &format!("{name}.workspace = true\n"))
    })?;
    edit("crates/contracts/src/catalogue.rs", &|text| {
        let rows = templates::part(root, "shared/catalogue.rs", names)?;
        text.at_end_of_list("pub const MESSAGES: &[Entry] = &[", &rows)?
            .imported("use crate::{", snake)
    })?;
    edit("crates/contracts/src/lib.rs", &|text| {
        text.among_first("pub mod ", &format!("pub mod {snake};\n"))
    })?;
    edit("crates/kit/src/codes/mod.rs", &|text| {
        text.among_first("pub mod ", &format!("pub mod {snake};\n"))?
            .among_first("pub use ", &format!("pub use {snake}::*;\n"))?
            .among_first("    (\"", &format!("    (\"{snake}\", {snake}::CODES),\n"))
            .and_then(Text::with_owners_counted)
    })?;
    edit("florin/src/roles.rs", &|text| {
        let role = templates::part(root, "shared/role.rs", names)?;
        let build = templates::part(root, "shared/build.rs", names)?;
        text.at_end_of_list("pub const ROLES: &[Role] = &[", &role)
            .map(|text| text.at_end_of_code(&build))
    })?;
    edit("florin/tests/it/answered/mod.rs", &|text| {
        let row = format!("(\"{snake}\", \"services/{name}/tests/it/refusals.rs\"),\n");
        text.at_end_of_list("const ELSEWHERE: &[(&str, &str)] = &[", &row)
    })?;
    edit("topology.toml", &|text| {
        text.before(
            "[[topic]]\n",
            &templates::part(root, "shared/component.toml", names)?,
        )?
        .before(
            "# An edition is ",
            &templates::part(root, "shared/topic.toml", names)?,
        )
    })?;
    edit("crates/web/access.toml", &|mut text| {
        text.text
            .push_str(&templates::part(root, "shared/access.toml", names)?);
        Ok(text)
    })?;
    Ok(files)
}

/// A file's text while it is edited.
struct Text {
    path: &'static str,
    text: String,
}

impl Text {
    fn missing(&self, anchor: &'static str) -> ServiceError {
        ServiceError::Anchor {
            path: self.path,
            anchor,
        }
    }

    /// Puts `line` among the lines that follow `heading` without a gap, in the order of letters.
    fn among(self, heading: &'static str, line: &str) -> Result<Self, ServiceError> {
        let begin = self
            .text
            .find(heading)
            .ok_or_else(|| self.missing(heading))?
            + heading.len();
        Ok(self.sorted_in(begin, line))
    }

    /// Puts `line` among the first lines in a row that begin with `start`.
    fn among_first(self, start: &'static str, line: &str) -> Result<Self, ServiceError> {
        let marked = format!("\n{start}");
        let begin = self.text.find(&marked).ok_or_else(|| self.missing(start))? + 1;
        Ok(self.sorted_in(begin, line))
    }

    fn sorted_in(mut self, begin: usize, line: &str) -> Self {
        let mut at = begin;
        for other in self.text[begin..].split_inclusive('\n') {
            let ends = other.trim().is_empty() || other.starts_with(['#', '[', ']']);
            if ends || other > line {
                break;
            }
            at += other.len();
        }
        self.text.insert_str(at, line);
        self
    }

    /// Puts `part` before the first line that begins with `anchor`.
    fn before(mut self, anchor: &'static str, part: &str) -> Result<Self, ServiceError> {
        let marked = format!("\n{anchor}");
        let at = self
            .text
            .find(&marked)
            .ok_or_else(|| self.missing(anchor))?
            + 1;
        self.text.insert_str(at, part);
        Ok(self)
    }

    /// Puts `part` behind the last element of the list that `begin` opens; rustfmt does the rest.
    fn at_end_of_list(mut self, begin: &'static str, part: &str) -> Result<Self, ServiceError> {
        let open = self.text.find(begin).ok_or_else(|| self.missing(begin))? + begin.len();
        let close = self.text[open..]
            .find("];")
            .ok_or_else(|| self.missing("];"))?
            + open;
        let gap = match self.text[open..close].trim_end().chars().next_back() {
            None => "\n",
            Some(',') => "",
            Some(_) => ",\n",
        };
        self.text.insert_str(close, &format!("{gap}{part}"));
        Ok(self)
    }

    /// Imports `name` beside what the list that `begin` opens has; rustfmt does the rest.
    fn imported(mut self, begin: &'static str, name: &str) -> Result<Self, ServiceError> {
        let open = self.text.find(begin).ok_or_else(|| self.missing(begin))? + begin.len();
        self.text.insert_str(open, &format!("{name}, "));
        Ok(self)
    }

    /// Puts `part` behind everything but the tests.
    fn at_end_of_code(mut self, part: &str) -> Self {
        let at = self
            .text
            .find("\n#[cfg(test)]\n")
            .unwrap_or(self.text.len());
        self.text.insert_str(at, part);
        self
    }

    /// Raises the length of the array of owners by the one that was added.
    fn with_owners_counted(mut self) -> Result<Self, ServiceError> {
        const BEGIN: &str = "pub const OWNERS: [(&str, &[&Code]); ";
        let at = self.text.find(BEGIN).ok_or_else(|| self.missing(BEGIN))? + BEGIN.len();
        let digits = self.text[at..]
            .chars()
            .take_while(char::is_ascii_digit)
            .count();
        let count: usize = self.text[at..at + digits]
            .parse()
            .map_err(|_| self.missing(BEGIN))?;
        self.text
            .replace_range(at..at + digits, &(count + 1).to_string());
        Ok(self)
    }
}
