//! One SQL statement of a service: a name and a text, written once for SQLite and PostgreSQL.
//!
//! Promises: placeholders are `?1`, `?2` …; for PostgreSQL they become `$1`, `$2` … and nothing
//! else of the text is touched (quoted text and comments stay as they are).
//! Does not: build SQL. Every statement is constant text, so no value ever becomes SQL.

use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use crate::error::StoreError;
use crate::schema::Dialect;
use crate::tx::Tx;

/// A statement of a service: constant text with the placeholders `?1`, `?2` ….
///
/// The text must mean the same in SQLite and PostgreSQL; `Store::open` prepares every statement
/// of the service's [`Schema`](crate::Schema), so one that does not fit its tables, or touches
/// another service's, is refused at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Unique within the service, in snake case: what errors and the recorder call it.
    pub name: &'static str,
    /// One `SELECT`, `INSERT`, `UPDATE`, `DELETE` or `WITH`, without a closing semicolon.
    ///
    /// SQLite's authorizer cannot tell `count(*)` of a `WITH` table from that of another
    /// service's: count one of its columns.
    pub sql: &'static str,
}

/// A statement that cannot be written once for both databases: PostgreSQL's outboxes number their
/// transactions, which SQLite, with its one writer, neither needs nor can; and PostgreSQL takes
/// many rows at once as arrays, which SQLite does not have.
pub(crate) struct Twins {
    pub(crate) sqlite: Statement,
    pub(crate) postgres: Statement,
}

impl Twins {
    pub(crate) fn of(&self, tx: &Tx<'_>) -> &Statement {
        match tx.dialect() {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        }
    }
}

/// The words a statement may begin with: a closure asks for rows or changes rows, nothing else.
const VERBS: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"];

/// Refuses a statement that is neither a query nor a change of rows. The databases refuse most of
/// the others too, each in its way; this makes them agree.
pub(crate) fn check_verb(name: &str, sql: &str) -> Result<(), StoreError> {
    let verb = sql.split_whitespace().next().unwrap_or_default();
    if VERBS
        .iter()
        .any(|allowed| allowed.eq_ignore_ascii_case(verb))
    {
        return Ok(());
    }
    Err(StoreError::StatementNotAllowed {
        statement: name.into(),
    })
}

/// Which statements ran without error, by name. Bounded by the number of statements there are.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    names: RwLock<BTreeSet<&'static str>>,
}

impl Recorder {
    pub(crate) fn record(&self, name: &'static str) {
        // A poisoned lock still holds a valid set: inserting a name cannot leave it half done.
        if self
            .names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(name)
        {
            return;
        }
        self.names
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name);
    }

    pub(crate) fn names(&self) -> BTreeSet<&'static str> {
        self.names
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Rewrites `?N` to `$N` for PostgreSQL.
///
/// A `?` without a number is refused: SQLite would number it by position, PostgreSQL knows it as
/// an operator.
pub(crate) fn to_postgres(name: &str, sql: &str) -> Result<String, StoreError> {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(next) = rest.find(['?', '\'', '"', '-']) {
        out.push_str(&rest[..next]);
        rest = &rest[next..];
        let taken = match rest.as_bytes()[0] {
            b'?' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                out.push('$');
                rest = &rest[1..];
                0
            }
            b'?' => {
                return Err(StoreError::PlaceholderMustBeNumbered {
                    statement: name.into(),
                });
            }
            b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            b'-' => 1,
            // A doubled quote closes one quoted piece and opens the next: the same text results.
            quote => rest[1..]
                .find(char::from(quote))
                .map_or(rest.len(), |end| end + 2),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::to_postgres;

    fn check(sql: &str, expected: &str) {
        assert_eq!(
            to_postgres("statement", sql).as_deref(),
            Ok(expected),
            "{sql}"
        );
    }

    #[test]
    fn placeholders_become_postgres_placeholders() {
        check("SELECT 1", "SELECT 1");
        check(
            "SELECT a FROM b WHERE c = ?1 AND d > ?12",
            "SELECT a FROM b WHERE c = $1 AND d > $12",
        );
        check("SELECT '?1', ?1", "SELECT '?1', $1");
        check("SELECT 'it''s ?1', ?2", "SELECT 'it''s ?1', $2");
        check(
            "SELECT \"?1\", a-?1 -- why ?1\n, ?2",
            "SELECT \"?1\", a-$1 -- why ?1\n, $2",
        );
        check("SELECT 'open ?1", "SELECT 'open ?1");
    }

    #[test]
    fn a_placeholder_without_a_number_is_refused() {
        assert!(to_postgres("statement", "SELECT ?").is_err());
    }
}
