//! Finds the comments of a Rust file, which its tokens do not show.
//!
//! A small reader of its own: it knows strings, raw strings, characters and lifetimes, and so never
//! takes the `//` in a text for a comment.

/// One comment: a line comment, or a whole block comment.
#[derive(Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where it begins, counted from one.
    pub line: usize,
    /// What it says, without the marks that open and close it.
    pub text: String,
    /// `///`, `//!`, `/** */` and `/*! */`.
    pub doc: bool,
    /// Whether nothing but space stands before it on its line.
    pub alone: bool,
}

/// All comments of `text`, in order.
pub fn read(text: &str) -> Vec<Comment> {
    let mut reader = Reader {
        rest: text,
        line: 1,
        fresh: true,
        previous: ' ',
        found: Vec::new(),
    };
    while !reader.rest.is_empty() {
        reader.step();
    }
    reader.found
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    fresh: bool,
    previous: char,
    found: Vec<Comment>,
}

impl Reader<'_> {
    fn step(&mut self) {
        let rest = self.rest;
        if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            self.comment(length, rest[2..length].trim_end());
        } else if rest.starts_with("/*") {
            let length = block_length(rest);
            self.comment(length, rest[2..length].trim_end_matches("*/"));
        } else if let Some(length) = self.quoted_length() {
            self.skip(length);
        } else {
            self.skip(rest.chars().next().map_or(1, char::len_utf8));
        }
    }

    fn comment(&mut self, length: usize, text: &str) {
        let doc = text.starts_with('!')
            || (text.starts_with('/') && !text.starts_with("//"))
            || (text.starts_with('*') && text.len() > 1);
        let text = if doc { &text[1..] } else { text };
        self.found.push(Comment {
            line: self.line,
            text: text.to_owned(),
            doc,
            alone: self.fresh,
        });
        self.skip(length);
    }

    /// The length of the string or character that begins here.
    fn quoted_length(&self) -> Option<usize> {
        let rest = self.rest;
        if rest.starts_with('"') {
            return Some(escaped_length(rest, '"'));
        }
        if rest.starts_with('\'') {
            return Some(character_length(rest));
        }
        if self.previous.is_alphanumeric() || self.previous == '_' {
            return None;
        }
        let raw = rest.trim_start_matches(['b', 'c']).strip_prefix('r')?;
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let body = raw[hashes..].strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = body.find(&close).map_or(body.len(), |at| at + close.len());
        Some(rest.len() - body.len() + end)
    }

    fn skip(&mut self, length: usize) {
        let (passed, rest) = self.rest.split_at(length);
        for character in passed.chars() {
            if character == '\n' {
                self.line += 1;
                self.fresh = true;
            } else if !character.is_whitespace() {
                self.fresh = false;
            }
            self.previous = character;
        }
        self.rest = rest;
    }
}

/// The length of a block comment, blocks within it included.
fn block_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// The length of a text in quotation marks in which a backslash hides the next character.
fn escaped_length(text: &str, quote: char) -> usize {
    let mut hidden = false;
    for (at, character) in text.char_indices().skip(1) {
        if hidden {
            hidden = false;
        } else if character == '\\' {
            hidden = true;
        } else if character == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a character, or of the mark alone where a lifetime begins.
fn character_length(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => escaped_length(text, '\''),
        (Some(one), Some('\'')) => 2 + one.len_utf8(),
        _ => 1,
    }
}
