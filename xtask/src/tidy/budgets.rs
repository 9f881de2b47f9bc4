//! How large things may grow: functions, files, parameters, lines, what a service shows.
//!
//! A budget is a number a reader can hold in the head; what outgrows it is split.

use syn::visit::{self, Visit};

use super::TidyError;
use super::finding::Findings;
use super::source::Source;
use super::tree::Tree;

/// A function fits on one screen.
const FUNCTION_LINES_MAX: usize = 70;
/// A file is read in one sitting; beyond this tidy warns.
const FILE_LINES_WARN: usize = 500;
/// Beyond this tidy fails.
const FILE_LINES_MAX: usize = 800;
/// The same number as `too-many-arguments-threshold` in `clippy.toml`, which skips some functions.
const PARAMETERS_MAX: usize = 5;
/// The same number as `max_width` in `rustfmt.toml`, which leaves texts and comments alone.
const COLUMNS_MAX: usize = 100;
/// A service is one function and what its arguments need.
const PUBLIC_ITEMS_MAX: usize = 5;
/// One file of contracts is one service's whole public face.
const CONTRACT_LINES_MAX: usize = 400;

/// A signature and the lines it stands on.
struct Function {
    name: String,
    line: usize,
    lines: usize,
    parameters: usize,
}

#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn of(source: &Source) -> Vec<Function> {
        let mut functions = Functions::default();
        functions.visit_file(&source.syntax);
        functions.0
    }

    fn add(&mut self, signature: &syn::Signature, body: Option<&syn::Block>) {
        let line = signature.fn_token.span.start().line;
        let end = body.map_or(line, |body| body.brace_token.span.close().end().line);
        self.0.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: end + 1 - line,
            parameters: signature.inputs.len(),
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.add(&item.sig, Some(&item.block));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.add(&item.sig, Some(&item.block));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.add(&item.sig, item.default.as_ref());
        visit::visit_trait_item_fn(self, item);
    }
}

/// `function-lines`.
pub fn function_lines(source: &Source, findings: &mut Findings) {
    for Function {
        name, line, lines, ..
    } in Functions::of(source)
    {
        if lines > FUNCTION_LINES_MAX {
            let must =
                format!("a function has at most {FUNCTION_LINES_MAX} lines; `{name}` has {lines}");
            findings.add(source.path, line, must);
        }
    }
}

/// `parameters`.
pub fn parameters(source: &Source, findings: &mut Findings) {
    for Function {
        name,
        line,
        parameters,
        ..
    } in Functions::of(source)
    {
        if parameters > PARAMETERS_MAX {
            let must =
                format!("a function takes at most {PARAMETERS_MAX}; `{name}` takes {parameters}");
            findings.add(source.path, line, must);
        }
    }
}

/// `file-lines`.
pub fn file_lines(source: &Source, findings: &mut Findings) {
    let lines = source.text.lines().count();
    if lines > FILE_LINES_MAX {
        let must = format!("a file has at most {FILE_LINES_MAX} lines; this has {lines}");
        findings.add(source.path, FILE_LINES_MAX + 1, must);
    } else if lines > FILE_LINES_WARN {
        let must = format!("a file has at most {FILE_LINES_WARN} lines; this has {lines}");
        findings.warn(source.path, FILE_LINES_WARN + 1, must);
    }
}

/// `columns`.
pub fn columns(source: &Source, findings: &mut Findings) {
    for (at, line) in source.text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > COLUMNS_MAX {
            let must = format!("a line has at most {COLUMNS_MAX} columns; this has {columns}");
            findings.add(source.path, at + 1, must);
        }
    }
}

/// `contract-lines`.
pub fn contract_lines(source: &Source, findings: &mut Findings) {
    let lines = source.text.lines().count();
    if source.path.starts_with("crates/contracts/src/") && lines > CONTRACT_LINES_MAX {
        let must =
            format!("a file of contracts has at most {CONTRACT_LINES_MAX} lines; this has {lines}");
        findings.add(source.path, CONTRACT_LINES_MAX + 1, must);
    }
}

/// `public-items`.
pub fn public_items(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    for service in tree.services() {
        let root = format!("{service}/src/lib.rs");
        let Some(file) = tree.find(&root) else {
            continue;
        };
        let Ok(syntax) = syn::parse_file(&file.text) else {
            continue;
        };
        let reached = Reached {
            tree,
            folder: format!("{service}/src"),
        }
        .of(&syntax.items);
        match reached {
            None => {
                findings.add(
                    &root,
                    1,
                    "a service must name what it shows; a glob does not",
                );
            }
            Some(items) if items > PUBLIC_ITEMS_MAX => {
                let must =
                    format!("a service shows at most {PUBLIC_ITEMS_MAX} items; this shows {items}");
                findings.add(&root, 1, must);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Counts what can be reached from outside a crate, through its public modules.
struct Reached<'a> {
    tree: &'a Tree,
    folder: String,
}

impl Reached<'_> {
    /// How many items, or none if a glob hides the number.
    fn of(&self, items: &[syn::Item]) -> Option<usize> {
        items.iter().map(|item| self.item(item)).sum()
    }

    fn item(&self, item: &syn::Item) -> Option<usize> {
        let visibility = match item {
            syn::Item::Mod(item) if is_public(&item.vis) => return self.module(item),
            syn::Item::Use(item) if is_public(&item.vis) => return leaves(&item.tree),
            syn::Item::Const(item) => &item.vis,
            syn::Item::Enum(item) => &item.vis,
            syn::Item::Fn(item) => &item.vis,
            syn::Item::Static(item) => &item.vis,
            syn::Item::Struct(item) => &item.vis,
            syn::Item::Trait(item) => &item.vis,
            syn::Item::Type(item) => &item.vis,
            syn::Item::Union(item) => &item.vis,
            _ => return Some(0),
        };
        Some(usize::from(is_public(visibility)))
    }

    /// The module itself and everything public in it.
    fn module(&self, item: &syn::ItemMod) -> Option<usize> {
        let folder = format!("{}/{}", self.folder, item.ident);
        let inside = Reached {
            tree: self.tree,
            folder: folder.clone(),
        };
        if let Some((_, items)) = &item.content {
            return inside.of(items).map(|items| items + 1);
        }
        let file = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
        let file = file.iter().find_map(|path| self.tree.find(path));
        let syntax = file.and_then(|file| syn::parse_file(&file.text).ok());
        inside
            .of(&syntax.map_or(Vec::new(), |syntax| syntax.items))
            .map(|items| items + 1)
    }
}

fn is_public(visibility: &syn::Visibility) -> bool {
    matches!(visibility, syn::Visibility::Public(_))
}

fn leaves(tree: &syn::UseTree) -> Option<usize> {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree),
        syn::UseTree::Group(group) => group.items.iter().map(leaves).sum(),
        syn::UseTree::Glob(_) => None,
        _ => Some(1),
    }
}
