//! One Rust file, taken apart once for every rule that looks at it.
//!
//! Rules look at tokens rather than at the syntax tree where they can, because the arguments of a
//! macro are tokens only: `assert!(started < Instant::now())` must be seen too.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::comments::{self, Comment};

/// What sort of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A name or a keyword.
    Word,
    /// One punctuation character.
    Mark,
    /// A literal, as it is written.
    Literal,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
}

/// One token; doc comments are left out.
#[derive(Debug)]
pub struct Token {
    /// What sort.
    pub kind: Kind,
    /// As it is written.
    pub text: String,
    /// Counted from one.
    pub line: usize,
}

/// A path as it is used, with the imported name replaced by where it comes from.
#[derive(Debug)]
pub struct PathUse {
    /// For example `std::time::Instant::now`.
    pub full: String,
    /// Counted from one.
    pub line: usize,
}

/// One Rust file.
pub struct Source<'a> {
    /// Relative to the root.
    pub path: &'a str,
    /// All of it.
    pub text: &'a str,
    /// Its tokens in order, doc comments left out.
    pub tokens: Vec<Token>,
    /// Its syntax tree.
    pub syntax: syn::File,
    /// Every path it uses outside `use` declarations; glob imports appear with `*` at the end.
    pub paths: Vec<PathUse>,
    /// Its comments, doc comments too.
    pub comments: Vec<Comment>,
    /// Where it stands.
    pub place: Place,
    test_lines: Vec<RangeInclusive<usize>>,
}

/// What a file's path says about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    /// All of it is compiled for tests only.
    pub test: bool,
    /// It belongs to a crate that does no input or output and never waits: floors 0 and 1.
    pub pure: bool,
}

impl<'a> Source<'a> {
    /// Takes `text` apart.
    pub fn parse(path: &'a str, text: &'a str, mut place: Place) -> syn::Result<Self> {
        let stream: TokenStream = text.parse().map_err(syn::Error::from)?;
        let mut tokens = Vec::new();
        flatten(stream.clone(), &mut tokens);
        let syntax: syn::File = syn::parse2(stream)?;
        let mut shape = Shape::default();
        shape.visit_file(&syntax);
        let paths = paths(&tokens, &shape);
        place.test |= syntax.attrs.iter().any(is_test_attribute);
        Ok(Source {
            path,
            text,
            tokens,
            paths,
            comments: comments::read(text),
            place,
            test_lines: shape.test_lines,
            syntax,
        })
    }

    /// Whether this line is compiled for tests only.
    pub fn is_test(&self, line: usize) -> bool {
        self.place.test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Every window of `N` neighbouring tokens.
    pub fn windows<const N: usize>(&self) -> impl Iterator<Item = &[Token; N]> {
        self.tokens.array_windows::<N>()
    }
}

/// A token stream's tokens in order, brackets included, doc comments left out.
fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                let end = group.span_close().end().line;
                into.push(Token {
                    kind: Kind::Open,
                    text: open.to_owned(),
                    line,
                });
                flatten(group.stream(), into);
                into.push(Token {
                    kind: Kind::Close,
                    text: close.to_owned(),
                    line: end,
                });
            }
            TokenTree::Punct(mark) => {
                if mark.as_char() == '#' && trees.peek().is_some_and(is_doc) {
                    trees.next();
                } else if mark.as_char() == '#' && is_inner_doc(&mut trees) {
                    trees.next();
                    trees.next();
                } else {
                    into.push(Token {
                        kind: Kind::Mark,
                        text: mark.to_string(),
                        line,
                    });
                }
            }
            TokenTree::Ident(word) => {
                into.push(Token {
                    kind: Kind::Word,
                    text: word.to_string(),
                    line,
                });
            }
            TokenTree::Literal(literal) => {
                into.push(Token {
                    kind: Kind::Literal,
                    text: literal.to_string(),
                    line,
                });
            }
        }
    }
}

/// Whether this is the `[doc = "…"]` a doc comment is read as.
fn is_doc(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else {
        return false;
    };
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}

/// Whether `![doc = "…"]` comes next.
fn is_inner_doc(trees: &mut std::iter::Peekable<proc_macro2::token_stream::IntoIter>) -> bool {
    if !matches!(trees.peek(), Some(TokenTree::Punct(mark)) if mark.as_char() == '!') {
        return false;
    }
    let mut ahead = trees.clone();
    ahead.next();
    ahead.next().is_some_and(|tree| is_doc(&tree))
}

/// What a walk over the syntax tree gathers for the tokens' sake.
#[derive(Default)]
struct Shape {
    imports: BTreeMap<String, Vec<String>>,
    globs: Vec<(String, usize)>,
    test_lines: Vec<RangeInclusive<usize>>,
}

impl Shape {
    fn note_test(&mut self, attributes: &[syn::Attribute], from: Span, to: Span) {
        if attributes.iter().any(is_test_attribute) {
            self.test_lines.push(from.start().line..=to.end().line);
        }
    }

    fn note_import(&mut self, name: String, origin: String) {
        self.imports.entry(name).or_default().push(origin);
    }

    fn import(&mut self, tree: &syn::UseTree, prefix: &str) {
        let join = |name: &syn::Ident| match prefix {
            "" => name.to_string(),
            _ => format!("{prefix}::{name}"),
        };
        match tree {
            syn::UseTree::Path(path) => self.import(&path.tree, &join(&path.ident)),
            syn::UseTree::Group(group) => {
                group
                    .items
                    .iter()
                    .for_each(|item| self.import(item, prefix));
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                let own = prefix.rsplit("::").next().unwrap_or(prefix);
                self.note_import(own.to_owned(), prefix.to_owned());
            }
            syn::UseTree::Name(name) => {
                self.note_import(name.ident.to_string(), join(&name.ident));
            }
            syn::UseTree::Rename(name) if name.ident == "self" => {
                self.note_import(name.rename.to_string(), prefix.to_owned());
            }
            syn::UseTree::Rename(name) => {
                self.note_import(name.rename.to_string(), join(&name.ident));
            }
            syn::UseTree::Glob(glob) => {
                self.globs
                    .push((format!("{prefix}::*"), glob.star_token.span.start().line));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Shape {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.import(&item.tree, "");
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let end = item
            .content
            .as_ref()
            .map_or(item.ident.span(), |(brace, _)| brace.span.close());
        self.note_test(&item.attrs, item.mod_token.span, end);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note_test(
            &item.attrs,
            item.sig.fn_token.span,
            item.block.brace_token.span.close(),
        );
        visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note_test(
            &item.attrs,
            item.impl_token.span,
            item.brace_token.span.close(),
        );
        visit::visit_item_impl(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note_test(
            &item.attrs,
            item.sig.fn_token.span,
            item.block.brace_token.span.close(),
        );
        visit::visit_impl_item_fn(self, item);
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`, but not `cfg(not(test))`.
fn is_test_attribute(attribute: &syn::Attribute) -> bool {
    let last = attribute
        .path()
        .segments
        .last()
        .map(|segment| segment.ident.to_string());
    match last.as_deref() {
        Some("test") => true,
        Some("cfg") => attribute.meta.require_list().is_ok_and(|list| {
            let words: Vec<String> = words(list.tokens.clone());
            words.iter().any(|word| word == "test") && !words.iter().any(|word| word == "not")
        }),
        _ => false,
    }
}

fn words(stream: TokenStream) -> Vec<String> {
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    tokens
        .into_iter()
        .filter(|token| token.kind == Kind::Word)
        .map(|token| token.text)
        .collect()
}

/// Every path outside `use` declarations, its first name replaced by what was imported under it.
fn paths(tokens: &[Token], shape: &Shape) -> Vec<PathUse> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let next = tokens.get(at + 1).map_or("", |token| token.text.as_str());
        if token.kind != Kind::Word {
            at += 1;
        } else if token.text == "use" && next != "<" {
            while at < tokens.len() && tokens[at].text != ";" {
                at += 1;
            }
        } else {
            let (written, after) = path_at(tokens, at);
            if !is_member(tokens, at) {
                let (first, rest) = match written.split_once("::") {
                    Some((first, rest)) => (first, Some(rest)),
                    None => (written.as_str(), None),
                };
                let own = vec![first.to_owned()];
                for origin in shape.imports.get(first).unwrap_or(&own) {
                    let full = match rest {
                        Some(rest) => format!("{origin}::{rest}"),
                        None => origin.clone(),
                    };
                    found.push(PathUse {
                        full,
                        line: token.line,
                    });
                }
            }
            at = after;
        }
    }
    found.extend(shape.globs.iter().map(|(full, line)| PathUse {
        full: full.clone(),
        line: *line,
    }));
    found
}

/// The path that begins at `at`, and the position after it.
fn path_at(tokens: &[Token], mut at: usize) -> (String, usize) {
    let mut written = tokens[at].text.clone();
    while let Some([first, second, name]) = tokens.get(at + 1..at + 4) {
        if first.text != ":" || second.text != ":" || name.kind != Kind::Word {
            break;
        }
        written.push_str("::");
        written.push_str(&name.text);
        at += 3;
    }
    (written, at + 1)
}

/// Whether the name at `at` is a field or method, `x.name`, and not the end of a range, `0..name`.
fn is_member(tokens: &[Token], at: usize) -> bool {
    let before = |steps: usize| {
        at.checked_sub(steps)
            .map_or("", |at| tokens[at].text.as_str())
    };
    before(1) == "." && before(2) != "."
}
