//! Account names: where they end, parents and aliases put on them, kinds told by them.
//!
//! Promises: the order hledger follows: the parent of `apply account` first, then every alias
//! from the nearest above to the farthest, each seeing the effect of the last.
//! Does not: rewrite by regular expression; such an alias is refused where it stands.

use std::collections::BTreeMap;

use crate::model::{AccountKind, AccountUse};
use crate::refusal::{Kind, Refused};

use crate::cursor::Cursor;

/// `alias OLD = NEW`.
#[derive(Debug, Clone)]
pub(super) struct Alias {
    old: String,
    new: String,
}

impl Alias {
    pub(super) fn parse(text: &str) -> Result<Alias, Refused> {
        if text.starts_with('/') {
            let detail = "an alias must be a plain name; regular expressions are not supported";
            return Err((Kind::RegexAlias, detail.to_owned()));
        }
        let (old, new) = text.split_once('=').unwrap_or_default();
        let (old, new) = (old.trim(), new.trim());
        if old.is_empty() || new.is_empty() {
            return Err((Kind::Syntax, "an alias must be OLD = NEW".to_owned()));
        }
        Ok(Alias {
            old: old.to_owned(),
            new: new.to_owned(),
        })
    }

    fn apply(&self, name: String) -> String {
        match name.strip_prefix(&self.old) {
            Some(rest) if rest.is_empty() || rest.starts_with(':') => format!("{}{rest}", self.new),
            _ => name,
        }
    }
}

/// A name as the parents and aliases in force make it.
pub(super) fn modified(name: &str, parents: &[String], aliases: &[Alias]) -> String {
    let mut full = parents.join(":");
    if !full.is_empty() {
        full.push(':');
    }
    full.push_str(name);
    aliases
        .iter()
        .rev()
        .fold(full, |name, alias| alias.apply(name))
}

/// An account name: words with single spaces between them, up to two spaces or the end.
pub(super) fn name(cursor: &mut Cursor<'_>) -> Result<String, Refused> {
    let mut words = Vec::new();
    loop {
        let word = cursor.take_while(|c| !c.is_whitespace());
        if word.is_empty() {
            break;
        }
        words.push(word);
        let after_space = cursor.second();
        if cursor.is_at_end() || after_space.is_none_or(char::is_whitespace) {
            break;
        }
        cursor.bump();
    }
    if words.is_empty() {
        return Err((Kind::Syntax, "an account name must follow".to_owned()));
    }
    Ok(words.join(" "))
}

/// The kind a `type:` tag declares.
pub(super) fn declared_kind(code: &str) -> Result<AccountKind, Refused> {
    match code.to_lowercase().as_str() {
        "a" | "asset" | "c" | "cash" => Ok(AccountKind::Asset),
        "l" | "liability" => Ok(AccountKind::Liability),
        "e" | "equity" | "v" | "conversion" => Ok(AccountKind::Equity),
        "r" | "revenue" => Ok(AccountKind::Revenue),
        "x" | "expense" => Ok(AccountKind::Expense),
        _ => {
            let detail = format!("account type must be A, L, E, R, X, C or V, not {code}");
            Err((Kind::UnknownAccountType, detail))
        }
    }
}

/// The kind hledger infers from a name's first part, ignoring case.
fn inferred_kind(name: &str) -> Option<AccountKind> {
    let root = name.split(':').next().unwrap_or_default().to_lowercase();
    match root.as_str() {
        "asset" | "assets" => Some(AccountKind::Asset),
        "debt" | "debts" | "liability" | "liabilities" => Some(AccountKind::Liability),
        "equity" => Some(AccountKind::Equity),
        "income" | "incomes" | "revenue" | "revenues" => Some(AccountKind::Revenue),
        "expense" | "expenses" => Some(AccountKind::Expense),
        _ => None,
    }
}

/// Gives every account its kind: declared for itself, declared for the nearest parent, or told
/// by its name.
pub(super) fn infer_kinds(
    accounts: &mut BTreeMap<String, AccountUse>,
    declared: &BTreeMap<String, AccountKind>,
) {
    for (name, account) in accounts.iter_mut() {
        let mut parent = Some(name.as_str());
        while let Some(here) = parent {
            account.kind = declared.get(here).copied();
            if account.kind.is_some() {
                break;
            }
            parent = here.rfind(':').map(|end| &here[..end]);
        }
        account.kind = account.kind.or_else(|| inferred_kind(name));
    }
}
