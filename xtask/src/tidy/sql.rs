//! SQL stands where people who run databases look for it, every statement is listed and so tried,
//! and the two dialects say the same.

use std::collections::{BTreeMap, BTreeSet};

use super::TidyError;
use super::finding::Findings;
use super::source::{Kind, Place, Source};
use super::tree::{self, TextFile, Tree};

/// How a statement begins. What follows must be there too: `DELETE` alone is an HTTP method.
const BEGINNINGS: &[&str] = &[
    "SELECT",
    "INSERT INTO",
    "INSERT OR",
    "UPDATE",
    "DELETE FROM",
    "CREATE TABLE",
    "CREATE INDEX",
    "CREATE UNIQUE",
    "CREATE SCHEMA",
    "CREATE ROLE",
    "CREATE VIEW",
    "CREATE TRIGGER",
];

/// `sql-text`.
pub fn sql_text(source: &Source, findings: &mut Findings) {
    let Some(owner) = tree::owner(source.path) else {
        return;
    };
    let inside = &source.path[owner.len()..];
    // A test looks at a database from outside, or damages it as nobody else may.
    if owner == "crates/store"
        || inside.starts_with("/tests/")
        || inside.ends_with("/store.rs")
        || inside.contains("/store/")
    {
        return;
    }
    for token in source
        .tokens
        .iter()
        .filter(|token| token.kind == Kind::Literal)
    {
        let Ok(text) = syn::parse_str::<syn::LitStr>(&token.text) else {
            continue;
        };
        if let Some(beginning) = statement_in(&text.value()) {
            let must = format!("SQL stands in store.rs; found a text that begins with {beginning}");
            findings.add(source.path, token.line, must);
        }
    }
}

/// The beginning of a statement, if the text is one.
fn statement_in(text: &str) -> Option<&'static str> {
    let text = text.trim_start();
    BEGINNINGS.iter().copied().find(|beginning| {
        text.strip_prefix(beginning).is_some_and(|rest| {
            let follows = rest.starts_with(char::is_whitespace) && !rest.trim().is_empty();
            // «UPDATE the record» is a sentence; an update sets something.
            follows && (*beginning != "UPDATE" || text.contains("SET"))
        })
    })
}

/// `statements`.
pub fn statements(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    for service in tree.services() {
        let mut declared = Vec::new();
        let mut listed = BTreeSet::new();
        for file in store_files(tree, service) {
            let Ok(source) = Source::parse(&file.path, &file.text, Place::default()) else {
                continue;
            };
            for constant in constants(&source.syntax.items) {
                if type_name(&constant.ty).as_deref() == Some("Statement") {
                    let line = constant.ident.span().start().line;
                    declared.push((file, line, constant.ident.to_string()));
                }
            }
            listed.extend(listed_in(&source));
        }
        for (file, line, name) in declared {
            if !listed.contains(&name) {
                let must =
                    format!("every statement is in STATEMENTS and so is tried; `{name}` is not");
                findings.add(&file.path, line, must);
            }
        }
    }
    Ok(())
}

fn store_files<'a>(tree: &'a Tree, service: &'a str) -> impl Iterator<Item = &'a TextFile> {
    tree.beneath(service).filter(move |file| {
        let inside = &file.path[service.len()..];
        inside == "/src/store.rs" || (inside.starts_with("/src/store/") && inside.ends_with(".rs"))
    })
}

/// Every constant, those in inline modules too.
fn constants(items: &[syn::Item]) -> Vec<&syn::ItemConst> {
    let mut found = Vec::new();
    for item in items {
        match item {
            syn::Item::Const(constant) => found.push(constant),
            syn::Item::Mod(module) => {
                let inside = module.content.as_ref().map_or(&[][..], |(_, items)| items);
                found.extend(constants(inside));
            }
            _ => {}
        }
    }
    found
}

fn type_name(ty: &syn::Type) -> Option<String> {
    let syn::Type::Path(path) = ty else {
        return None;
    };
    path.path
        .segments
        .last()
        .map(|segment| segment.ident.to_string())
}

/// The names in the value of the constant STATEMENTS.
fn listed_in(source: &Source) -> Vec<String> {
    let begins = source.windows::<3>().position(|[word, name, colon]| {
        matches!(word.text.as_str(), "const" | "static")
            && name.text == "STATEMENTS"
            && colon.text == ":"
    });
    let Some(begins) = begins else {
        return Vec::new();
    };
    let rest = source.tokens[begins..].iter();
    rest.skip_while(|token| token.text != "=")
        .take_while(|token| token.text != ";")
        .filter(|token| token.kind == Kind::Word)
        .map(|token| token.text.clone())
        .collect()
}

/// The migrations of one service in one dialect.
struct Dialect<'a> {
    name: &'static str,
    files: BTreeMap<&'a str, &'a TextFile>,
}

impl<'a> Dialect<'a> {
    fn load(tree: &'a Tree, service: &str, name: &'static str) -> Self {
        let folder = format!("{service}/migrations/{name}/");
        let files = tree
            .files
            .iter()
            .filter_map(|file| file.path.strip_prefix(&folder).map(|own| (own, file)));
        Dialect {
            name,
            files: files.collect(),
        }
    }
}

/// `migrations`.
pub fn migrations(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    for service in tree.services() {
        let sqlite = Dialect::load(tree, service, "sqlite");
        let postgres = Dialect::load(tree, service, "postgres");
        for (one, other) in [(&sqlite, &postgres), (&postgres, &sqlite)] {
            for (name, file) in &one.files {
                if !other.files.contains_key(name) {
                    let must = format!(
                        "both dialects have the same migrations; {} has no `{name}`",
                        other.name
                    );
                    findings.add(&file.path, 1, must);
                }
            }
            versions(one, findings);
            for file in one.files.values() {
                tables(service, one.name, file, findings);
            }
        }
    }
    Ok(())
}

/// Each file is `V1__name.sql`, each version there once.
fn versions(dialect: &Dialect, findings: &mut Findings) {
    let mut seen = BTreeSet::new();
    for (name, file) in &dialect.files {
        match version(name) {
            None => findings.add(&file.path, 1, "a migration is called `V1__snake_case.sql`"),
            Some(version) if !seen.insert(version) => {
                findings.add(
                    &file.path,
                    1,
                    format!("a version is used once; {version} is not"),
                );
            }
            Some(_) => {}
        }
    }
}

fn version(name: &str) -> Option<u32> {
    let (version, rest) = name.strip_prefix('V')?.split_once("__")?;
    let words = rest.strip_suffix(".sql")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!words.is_empty() && words.chars().all(plain)).then(|| version.parse().ok())?
}

/// What is made carries the service's name; a table on SQLite is STRICT.
fn tables(service: &str, dialect: &str, file: &TextFile, findings: &mut Findings) {
    let own = service.trim_start_matches("services/").replace('-', "_");
    let text = without_comments(&file.text);
    let upper = text.to_ascii_uppercase();
    for (at, begins) in upper.match_indices("CREATE ") {
        let line = 1 + text[..at].matches('\n').count();
        let made = text[at + begins.len()..].split(';').next().unwrap_or("");
        let Some((kind, name)) = kind_and_name(made) else {
            continue;
        };
        if name != own && !name.starts_with(&format!("{own}_")) {
            let must = format!("a {kind} carries its service's name; `{name}` is not {own}…");
            findings.add(&file.path, line, must);
        }
        let ending = made.rsplit(')').next().unwrap_or("").to_ascii_uppercase();
        if dialect == "sqlite" && kind == "table" && !ending.contains("STRICT") {
            findings.add(
                &file.path,
                line,
                format!("a table on SQLite is STRICT; `{name}` is not"),
            );
        }
    }
}

/// What `TABLE IF NOT EXISTS name (…` makes, and its name; other words between are skipped.
fn kind_and_name(made: &str) -> Option<(&'static str, &str)> {
    const KINDS: [&str; 4] = ["table", "index", "trigger", "view"];
    let words = made
        .split(|c: char| c.is_whitespace() || c == '(')
        .filter(|word| !word.is_empty());
    let mut words = words.map(|word| word.trim_matches('"'));
    let kind = words.find_map(|word| {
        KINDS
            .into_iter()
            .find(|kind| word.eq_ignore_ascii_case(kind))
    })?;
    let skipped = ["if", "not", "exists", "concurrently"];
    let name = words.find(|word| !skipped.iter().any(|skip| word.eq_ignore_ascii_case(skip)))?;
    Some((kind, name))
}

/// SQL with the text of its comments blanked out, its lines kept.
fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("--").next().unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}
