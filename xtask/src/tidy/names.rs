//! What things may be called, what numbers may be, and how a module begins.
//!
//! Looks at declarations only: other people's names are theirs.

use syn::visit::{self, Visit};

use super::finding::Findings;
use super::source::{Kind, Source};
use super::tree;

/// Names that say nothing about what is inside.
const MODULES: &[&str] = &["common", "helpers", "types", "utils"];
/// Endings that say nothing about what the type is.
const ENDINGS: &[&str] = &["Data", "Helper", "Info", "Manager"];

/// Whether a word, in lower case, may not be part of a new name.
pub fn is_banned_name(word: &str) -> bool {
    is_banned(word) || ENDINGS.iter().any(|ending| ending.to_lowercase() == word)
}

/// Whether a crate or module may not have this name.
fn is_banned(name: &str) -> bool {
    MODULES.contains(&name)
}

/// `banned-modules`.
pub fn banned_modules(source: &Source, findings: &mut Findings) {
    let folder = tree::owner(source.path).unwrap_or("");
    let inside = &source.path[folder.len()..];
    let own = folder.rsplit('/').next().unwrap_or("");
    let parts = inside
        .split('/')
        .map(|part| part.strip_suffix(".rs").unwrap_or(part));
    for part in std::iter::once(own)
        .chain(parts)
        .filter(|part| is_banned(part))
    {
        let must = format!("a module is named after what it holds; `{part}` says nothing");
        findings.add(source.path, 1, must);
    }
    for [word, name, open] in source.windows::<3>() {
        if word.text == "mod" && is_banned(&name.text) && open.text == "{" {
            let must = format!(
                "a module is named after what it holds; `{}` says nothing",
                name.text
            );
            findings.add(source.path, name.line, must);
        }
    }
}

/// `banned-types`.
pub fn banned_types(source: &Source, findings: &mut Findings) {
    let mut types = Types::default();
    types.visit_file(&source.syntax);
    for name in types.0 {
        let text = name.to_string();
        if let Some(ending) = ENDINGS.iter().find(|ending| text.ends_with(**ending)) {
            let must = format!("a type is named after what it is; `{text}` ends with {ending}");
            findings.add(source.path, name.span().start().line, must);
        }
    }
}

#[derive(Default)]
struct Types(Vec<syn::Ident>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Enum(item) => self.0.push(item.ident.clone()),
            syn::Item::Struct(item) => self.0.push(item.ident.clone()),
            syn::Item::Trait(item) => self.0.push(item.ident.clone()),
            syn::Item::Type(item) => self.0.push(item.ident.clone()),
            syn::Item::Union(item) => self.0.push(item.ident.clone()),
            _ => {}
        }
        visit::visit_item(self, item);
    }
}

/// `module-docs`.
pub fn module_docs(source: &Source, findings: &mut Findings) {
    if !source.text.starts_with("//!") {
        findings.add(
            source.path,
            1,
            "a module begins with `//!`: what it is and promises",
        );
    }
}

/// `floats`.
pub fn floats(source: &Source, findings: &mut Findings) {
    let mut before = "";
    for token in &source.tokens {
        let text = token.text.as_str();
        let float = match token.kind {
            Kind::Word => {
                matches!(text, "f32" | "f64") || text.ends_with("_f32") || text.ends_with("_f64")
            }
            // After a dot it is two steps into a tuple, `pair.0.1`.
            Kind::Literal => before != "." && is_float(text),
            _ => false,
        };
        if float {
            let must = format!("amounts are integers and decimals, never floats; found `{text}`");
            findings.add(source.path, token.line, must);
        }
        before = text;
    }
}

/// Whether a literal is a number with a fraction, an exponent or a float's suffix.
fn is_float(literal: &str) -> bool {
    if !literal.starts_with(|first: char| first.is_ascii_digit()) {
        return false;
    }
    let other_base = ["0x", "0o", "0b"]
        .iter()
        .any(|base| literal.starts_with(base));
    let suffixed = literal.ends_with("f32") || literal.ends_with("f64");
    (suffixed && !other_base) || matches!(syn::parse_str(literal), Ok(syn::Lit::Float(_)))
}
