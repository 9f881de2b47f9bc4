//! Every message that goes between services has its row in the catalogue.

use std::collections::BTreeSet;

use syn::visit::{self, Visit};

use super::TidyError;
use super::finding::Findings;
use super::source::{Place, Source};
use super::tree::Tree;

/// Where the rows stand.
const CATALOGUE: &str = "crates/contracts/src/catalogue.rs";
/// Where messages are declared.
const FOLDER: &str = "crates/contracts/src/";
/// The crate, and each trait that makes a type a message, with the row it asks for.
const CRATE: &str = "contracts";
const TRAITS: [(&str, &str); 2] = [("Event", "event"), ("Work", "work")];

/// `catalogue`.
pub fn catalogue(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    let rows = tree
        .find(CATALOGUE)
        .and_then(|file| Source::parse(&file.path, &file.text, Place::default()).ok())
        .map(|source| rows(&source))
        .unwrap_or_default();
    for file in tree.files.iter().filter(|file| is_code(&file.path)) {
        let Ok(source) = Source::parse(&file.path, &file.text, Place::default()) else {
            continue;
        };
        let inside = file.path.strip_prefix(FOLDER);
        for Message { name, row, line } in messages(&source, inside.is_some()) {
            let Some(inside) = inside else {
                let must = format!("messages are declared in crates/contracts; `{name}` is not");
                findings.add(&file.path, line, must);
                continue;
            };
            let module = inside.trim_end_matches(".rs").trim_end_matches("/mod");
            let module = module.replace('/', "::");
            let wanted = format!("{row}::<{module}::{name}>");
            if !rows.contains(&wanted) {
                let must = format!("every message has a row in {CATALOGUE}: Entry::{wanted}()");
                findings.add(&file.path, line, must);
            }
        }
    }
    Ok(())
}

/// What is compiled into the binary: tests declare messages of their own.
fn is_code(path: &str) -> bool {
    path.ends_with(".rs") && path.contains("/src/") && !path.starts_with("crates/testkit/")
}

/// A type that is a message.
struct Message {
    name: String,
    /// The row it asks for: `event` or `work`.
    row: &'static str,
    line: usize,
}

/// The types for which the file implements a trait of messages.
fn messages(source: &Source, own: bool) -> Vec<Message> {
    let mut found = Implementations(Vec::new());
    found.visit_file(&source.syntax);
    let is_trait = |name: &str, line: usize| {
        own || source
            .paths
            .iter()
            .any(|path| path.line == line && path.full == format!("{CRATE}::{name}"))
    };
    let messages = found.0.into_iter().filter_map(|(of, name, line)| {
        let (known, row) = TRAITS.into_iter().find(|(known, _)| of == *known)?;
        let declared = is_trait(known, line) && !source.is_test(line);
        declared.then_some(Message { name, row, line })
    });
    messages.collect()
}

/// The last names of trait and type of every implementation, with its line.
struct Implementations(Vec<(String, String, usize)>);

impl<'ast> Visit<'ast> for Implementations {
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let (Some((of, _)), syn::Type::Path(own)) = (&item.trait_, &*item.self_ty)
            && let (Some(of), Some(own)) = (of.segments.last(), own.path.segments.last())
        {
            let line = of.ident.span().start().line;
            self.0
                .push((of.ident.to_string(), own.ident.to_string(), line));
        }
        visit::visit_item_impl(self, item);
    }
}

/// The rows of the list `MESSAGES`, as `event::<module::Type>`.
fn rows(source: &Source) -> BTreeSet<String> {
    let texts: Vec<&str> = source
        .tokens
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    let begin = texts
        .windows(2)
        .position(|two| two == ["const", "MESSAGES"])
        .unwrap_or(texts.len());
    let end = texts[begin..].iter().position(|text| *text == ";");
    let list = texts[begin..begin + end.unwrap_or(0)].concat();
    let entries = list.split("Entry::").skip(1);
    entries
        .filter_map(|entry| entry.split_once("()").map(|(row, _)| row.to_owned()))
        .collect()
}
