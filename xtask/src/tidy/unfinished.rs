//! What is not done, switched off, or said twice: it does not reach the main branch.

use super::TidyError;
use super::comments::Comment;
use super::finding::Findings;
use super::source::{Kind, Source};
use super::tree::Tree;

/// A reason has more than a word or two: why it cannot happen.
const REASON_WORDS_MIN: usize = 3;
/// A run of comments longer than this is read in pieces of this length.
const RUN_LINES_MAX: usize = 60;

/// `ignored-tests`.
pub fn ignored_tests(source: &Source, findings: &mut Findings) {
    for [hash, open, word] in source.windows::<3>() {
        if hash.text == "#" && open.text == "[" && word.text == "ignore" {
            findings.add(
                source.path,
                word.line,
                "a test runs or is not there; found `#[ignore]`",
            );
        }
    }
}

/// `unfinished`.
pub fn unfinished(source: &Source, findings: &mut Findings) {
    for [word, mark, open] in source.windows::<3>() {
        let named = matches!(word.text.as_str(), "todo" | "unimplemented" | "dbg");
        if named && mark.text == "!" && open.kind == Kind::Open {
            let must = format!(
                "code is finished before it is merged; found `{}!`",
                word.text
            );
            findings.add(source.path, word.line, must);
        }
    }
}

/// `owned-notes`, in Rust.
pub fn owned_notes(source: &Source, findings: &mut Findings) {
    for comment in &source.comments {
        for (at, line) in comment.text.lines().enumerate() {
            note(line, source.path, comment.line + at, findings);
        }
    }
}

/// `owned-notes`, in what else is source.
pub fn owned_notes_elsewhere(tree: &Tree, findings: &mut Findings) -> Result<(), TidyError> {
    const ENDINGS: [&str; 8] = ["css", "sh", "sql", "toml", "ts", "tsx", "yaml", "yml"];
    for file in &tree.files {
        if ENDINGS.contains(&file.path.rsplit('.').next().unwrap_or("")) {
            for (at, line) in file.text.lines().enumerate() {
                note(line, &file.path, at + 1, findings);
            }
        }
    }
    Ok(())
}

fn note(text: &str, path: &str, line: usize, findings: &mut Findings) {
    for word in ["TODO", "FIXME"] {
        for (at, _) in text.match_indices(word) {
            let joined = |character: char| character.is_alphanumeric() || character == '_';
            let before = text[..at].ends_with(joined);
            let after = &text[at + word.len()..];
            let owned = after
                .strip_prefix('(')
                .is_some_and(|rest| !rest.starts_with(')'));
            if !before && !after.starts_with(joined) && !owned {
                findings.add(
                    path,
                    line,
                    format!("a note names its owner: `{word}(name)`"),
                );
            }
        }
    }
}

/// `commented-code`.
pub fn commented_code(source: &Source, findings: &mut Findings) {
    let plain: Vec<&Comment> = source
        .comments
        .iter()
        .filter(|comment| comment.alone && !comment.doc)
        .collect();
    for run in plain.chunk_by(|a, b| a.line + 1 == b.line) {
        for piece in run.chunks(RUN_LINES_MAX) {
            if let Some(line) = code_in(piece) {
                findings.add(
                    source.path,
                    line,
                    "code that is not run is deleted, not commented out",
                );
            }
        }
    }
}

/// The first line of the longest part of a run that reads as statements.
fn code_in(run: &[&Comment]) -> Option<usize> {
    let ends = |comment: &&&Comment| {
        comment
            .text
            .trim_end()
            .ends_with([';', '{', '}', ',', '(', ')'])
    };
    if run.iter().filter(ends).count() < 2 {
        return None;
    }
    for start in 0..run.len() - 1 {
        for end in (start + 2..=run.len()).rev() {
            let text: Vec<&str> = run[start..end]
                .iter()
                .map(|line| line.text.as_str())
                .collect();
            if are_statements(&text.join("\n")) {
                return Some(run[start].line);
            }
        }
    }
    None
}

/// Whether a text is two lines or more of Rust: it parses, and something in it is done.
fn are_statements(text: &str) -> bool {
    if !text.contains(';') && !text.contains('{') {
        return false;
    }
    let block: Result<syn::Block, _> = syn::parse_str(&format!("{{\n{text}\n}}"));
    let items = || syn::parse_file(text).is_ok_and(|file| !file.items.is_empty());
    block.is_ok_and(|block| !block.stmts.is_empty()) || items()
}

/// `unwraps`.
pub fn unwraps(source: &Source, findings: &mut Findings) {
    for [dot, name, open, close] in source.windows::<4>() {
        let unwraps =
            dot.text == "." && name.text == "unwrap" && open.text == "(" && close.text == ")";
        if unwraps && !source.is_test(name.line) {
            let must = "what can fail is handled, or expected with a reason; found `unwrap()`";
            findings.add(source.path, name.line, must);
        }
    }
}

/// `expect-reasons`.
pub fn expect_reasons(source: &Source, findings: &mut Findings) {
    for [dot, name, open, reason, close] in source.windows::<5>() {
        let expects = dot.text == "." && name.text == "expect" && open.text == "(";
        if !expects || close.text != ")" || reason.kind != Kind::Literal {
            continue;
        }
        let Ok(reason) = syn::parse_str::<syn::LitStr>(&reason.text) else {
            continue;
        };
        let words = reason.value().split_whitespace().count();
        let wanted = if source.is_test(name.line) {
            1
        } else {
            REASON_WORDS_MIN
        };
        if words < wanted {
            let must = format!(
                "expect says why it cannot happen; found {:?}",
                reason.value()
            );
            findings.add(source.path, name.line, must);
        }
    }
}

/// `macros`.
pub fn macros(source: &Source, findings: &mut Findings) {
    for [word, mark, name] in source.windows::<3>() {
        if word.text == "macro_rules" && mark.text == "!" {
            let must = format!("a macro needs a written reason; found `{}`", name.text);
            findings.add(source.path, word.line, must);
        }
    }
}
