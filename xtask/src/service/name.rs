//! What a service and the thing it keeps may be called, and the forms of both names.

use crate::tidy::tree::Tree;

/// Longest service name: with it and the longest word, every line of the templates fits.
const NAME_BYTES_MAX: usize = 24;
/// Longest word for the thing a service keeps.
const ENTITY_BYTES_MAX: usize = 14;
/// What a service keeps when its name is no plural.
const ENTITY_DEFAULT: &str = "record";
/// Names of the standard distribution, which a crate of the same name would hide.
const STANDARD: &[&str] = &["alloc", "core", "proc-macro", "std", "test"];
/// Words of the language (reference, chapter Keywords).
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Why a name cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not words of a-z and 0-9 joined by dashes, or too long.
    #[error(
        "a service's name must be words of a-z and 0-9 joined by single dashes, beginning with a \
         letter, at most {NAME_BYTES_MAX} bytes; `{0}` is not"
    )]
    NotKebabCase(String),
    /// Not one word of letters, or too long.
    #[error("the entity must be one word of a-z, 2 to {ENTITY_BYTES_MAX} letters; `{0}` is not")]
    NotOneWord(String),
    /// A name that says nothing about what is inside.
    #[error("a service is named after what it keeps; `{0}` says nothing")]
    Banned(String),
    /// A word of the language or a crate of its distribution.
    #[error("`{0}` must not be a name that Rust has taken")]
    Taken(String),
    /// Something of this name is there already.
    #[error("`{name}` must not be in use; it is in {path}")]
    InUse {
        /// The name.
        name: String,
        /// Where it is used.
        path: String,
    },
    /// One name begins with the other, and so would its tables.
    #[error("`{0}` and `{1}` must not begin alike: a service may touch every table that begins so")]
    Prefix(String, String),
}

/// A service's name and that of the thing it keeps, in every form they are written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `fund-accounting`.
    pub name: String,
    /// `fund_accounting`.
    pub snake: String,
    /// `unit`.
    pub entity: String,
    /// `units`.
    pub entities: String,
}

impl Names {
    /// Names a service; without a word for what it keeps, the singular of its name.
    pub fn parse(name: &str, entity: Option<&str>) -> Result<Self, NameError> {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let word = |word: &str| !word.is_empty() && word.chars().all(letter);
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || name.len() > NAME_BYTES_MAX || !name.split('-').all(word) {
            return Err(NameError::NotKebabCase(name.to_owned()));
        }
        if name.split('-').any(crate::tidy::is_banned_name) {
            return Err(NameError::Banned(name.to_owned()));
        }
        let entity = entity.unwrap_or_else(|| singular(name)).to_owned();
        let letters = entity.chars().all(|c| c.is_ascii_lowercase());
        if !letters || !(2..=ENTITY_BYTES_MAX).contains(&entity.len()) {
            return Err(NameError::NotOneWord(entity));
        }
        for taken in [name, &entity] {
            if KEYWORDS.contains(&taken) || STANDARD.contains(&taken) {
                return Err(NameError::Taken(taken.to_owned()));
            }
        }
        let (snake, entities) = (name.replace('-', "_"), plural(&entity));
        Ok(Names {
            name: name.to_owned(),
            snake,
            entity,
            entities,
        })
    }

    /// `Unit`.
    pub fn pascal(&self) -> String {
        let (first, rest) = self.entity.split_at(1);
        first.to_ascii_uppercase() + rest
    }
}

/// The one of a plural that is one word; [`ENTITY_DEFAULT`] for all else.
fn singular(name: &str) -> &str {
    match name.strip_suffix('s') {
        Some(one) if !name.contains('-') && !one.ends_with('s') => one,
        _ => ENTITY_DEFAULT,
    }
}

/// The plural of a word, by the rules of spelling; an irregular one is wrong, and harmless.
fn plural(word: &str) -> String {
    let sibilant = ["s", "x", "z", "ch", "sh"]
        .iter()
        .any(|end| word.ends_with(end));
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if sibilant => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

/// Refuses names that something in the repository has already.
pub fn check_free(tree: &Tree, names: &Names) -> Result<(), NameError> {
    let in_use = |name: &str, path: &str| {
        Err(NameError::InUse {
            name: name.to_owned(),
            path: path.to_owned(),
        })
    };
    for path in ["Cargo.toml", "florin/Cargo.toml", "xtask/Cargo.toml"] {
        let text = tree.find(path).map_or("", |file| &file.text);
        let begins = [
            format!("{} = ", names.name),
            format!("name = \"{}\"", names.name),
        ];
        if text
            .lines()
            .any(|line| begins.iter().any(|begin| line.starts_with(begin)))
        {
            return in_use(&names.name, path);
        }
    }
    for folder in ["services", "crates"] {
        let path = format!("{folder}/{}", names.name);
        if tree.has(&path) {
            return in_use(&names.name, &path);
        }
    }
    for path in [
        format!("crates/contracts/src/{}.rs", names.snake),
        codes_path(names),
    ] {
        if tree.has(&path) {
            return in_use(&names.snake, &path);
        }
    }
    for service in tree.services() {
        let other = service.trim_start_matches("services/");
        let (short, long) = if other.len() < names.name.len() {
            (other, names.name.as_str())
        } else {
            (names.name.as_str(), other)
        };
        if long
            .strip_prefix(short)
            .is_some_and(|rest| rest.starts_with('-'))
        {
            return Err(NameError::Prefix(names.name.clone(), other.to_owned()));
        }
    }
    let code = format!("\"{}_must_exist\"", names.entity);
    match tree
        .beneath("crates/kit/src/codes")
        .find(|file| file.text.contains(&code))
    {
        Some(file) => in_use(&names.entity, &file.path),
        None => Ok(()),
    }
}

/// The file of the service's error codes.
pub fn codes_path(names: &Names) -> String {
    format!("crates/kit/src/codes/{}.rs", names.snake)
}
