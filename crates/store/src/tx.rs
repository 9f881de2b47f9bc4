//! The transaction a closure is given: the only way to a service's tables.
//!
//! Promises: whatever fails here ends the transaction, a statement, a publish, an audit row. A
//! closure that swallows the error and returns `Ok` is rolled back all the same and gets that
//! error, on both databases (PostgreSQL would otherwise turn its `COMMIT` into a silent
//! rollback).
//! Does not: commit, roll back, or nest; [`crate::Store`] does the first two.

use crate::error::StoreError;
use crate::service::Service;
use crate::statement::{Statement, check_verb};
use crate::value::{Row, Value};
use crate::{postgres, sqlite};

/// Most rows one query may give: more than any page or bulk (`kit::limits`), and little enough to
/// hold in memory. A query that may find more reads page by page.
pub const QUERY_ROWS_MAX: usize = 10_000;

/// A transaction, for the time of one closure.
///
/// Reads see the closure's own writes. A closure may run more than once (PostgreSQL repeats it
/// when it met a concurrent one), so it has no effect but through this value.
pub struct Tx<'a> {
    pub(crate) service: &'a Service,
    connection: Connection<'a>,
    failure: Option<StoreError>,
    /// Idempotent requests begun and not yet finished.
    pub(crate) unfinished: u32,
}

pub(crate) enum Connection<'a> {
    Sqlite(sqlite::Session<'a>),
    Postgres(postgres::Session<'a>),
}

impl<'a> Tx<'a> {
    pub(crate) fn new(service: &'a Service, connection: Connection<'a>) -> Self {
        Self {
            service,
            connection,
            failure: None,
            unfinished: 0,
        }
    }

    /// Runs a statement that gives no rows; answers how many rows it changed.
    pub fn execute(&mut self, statement: &Statement, values: &[Value]) -> Result<u64, StoreError> {
        let changed = self.run_execute(statement.name, statement.sql, values)?;
        self.service.recorder.record(statement.name);
        Ok(changed)
    }

    /// Runs a query (or a statement with `RETURNING`) and gives all its rows.
    ///
    /// More than [`QUERY_ROWS_MAX`] rows are an error ([`StoreError::TooManyRows`]).
    pub fn query(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.run_query(statement.name, statement.sql, values, QUERY_ROWS_MAX)?;
        self.service.recorder.record(statement.name);
        Ok(rows)
    }

    /// Runs a query that gives one row or none; a second row is an error.
    pub fn query_one_opt(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        let row = self
            .run_query(statement.name, statement.sql, values, 1)?
            .pop();
        self.service.recorder.record(statement.name);
        Ok(row)
    }

    /// As [`Self::execute`], for a statement on the tables every service has: `{service}` in its
    /// text stands for the prefix. The service's recorder does not hear of it.
    pub(crate) fn execute_own(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<u64, StoreError> {
        let sql = statement.sql.replace("{service}", &self.service.prefix);
        self.run_execute(statement.name, &sql, values)
    }

    /// As [`Self::query`], in the same way.
    pub(crate) fn query_own(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let sql = statement.sql.replace("{service}", &self.service.prefix);
        self.run_query(statement.name, &sql, values, QUERY_ROWS_MAX)
    }

    /// What stands against keeping the closure's writes although it returned `Ok`.
    pub(crate) fn objection(&self) -> Option<StoreError> {
        self.failure
            .clone()
            .or_else(|| (self.unfinished > 0).then_some(StoreError::IdempotencyMustBeFinished))
    }

    /// Whether a concurrent transaction got in the way; trying again may help.
    pub(crate) fn conflicted(&self) -> bool {
        matches!(self.failure, Some(StoreError::Contended { .. }))
    }

    fn run_execute(
        &mut self,
        name: &'static str,
        sql: &str,
        values: &[Value],
    ) -> Result<u64, StoreError> {
        self.check_alive()?;
        let outcome = check_verb(name, sql).and_then(|()| match &mut self.connection {
            Connection::Sqlite(session) => session.execute(name, sql, values),
            Connection::Postgres(session) => session.execute(name, sql, values),
        });
        self.keep_failure(outcome)
    }

    fn run_query(
        &mut self,
        name: &'static str,
        sql: &str,
        values: &[Value],
        rows_max: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.check_alive()?;
        let outcome = check_verb(name, sql).and_then(|()| match &mut self.connection {
            Connection::Sqlite(session) => session.query(name, sql, values, rows_max),
            Connection::Postgres(session) => session.query(name, sql, values, rows_max),
        });
        self.keep_failure(outcome)
    }

    fn check_alive(&self) -> Result<(), StoreError> {
        if self.failure.is_some() {
            Err(StoreError::TransactionMustEnd)
        } else {
            Ok(())
        }
    }

    /// Remembers the first failure of the closure.
    pub(crate) fn keep_failure<T>(
        &mut self,
        outcome: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        outcome.inspect_err(|error| {
            self.failure.get_or_insert_with(|| error.clone());
        })
    }
}
