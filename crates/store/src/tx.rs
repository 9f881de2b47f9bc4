//! The transaction a closure is given: the only way to a service's tables.
//!
//! Promises: whatever fails here ends the transaction, a statement, a publish, an audit row. A
//! closure that swallows the error and returns `Ok` is rolled back all the same and gets that
//! error, on both databases (PostgreSQL would otherwise turn its `COMMIT` into a silent
//! rollback).
//! Does not: commit, roll back, or nest; [`crate::Store`] does the first two.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::drain::Changed;
use crate::error::StoreError;
use crate::idempotency::IdempotentRequest;
use crate::postgres::{self, Parameter, Rows};
use crate::schema::Dialect;
use crate::service::Service;
use crate::sqlite;
use crate::statement::{Statement, Twins};
use crate::value::{Row, Value};

/// Most rows one query may give: more than any page or bulk (`kit::limits`), and little enough to
/// hold in memory. A query that may find more reads page by page.
pub const QUERY_ROWS_MAX: usize = 10_000;

/// How much a query may give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    /// More rows are an error.
    pub(crate) rows: usize,
    /// Rows that have as many bytes of text and blobs end the query.
    pub(crate) bytes: usize,
}

impl Most {
    pub(crate) const ROWS: Self = Self {
        rows: QUERY_ROWS_MAX,
        bytes: usize::MAX,
    };
}

/// A transaction, for the time of one closure.
///
/// Reads see the closure's own writes. A closure may run more than once (PostgreSQL repeats it
/// when it met a concurrent one), so it has no effect but through this value.
pub struct Tx<'a> {
    pub(crate) service: &'a Service,
    connection: Connection<'a>,
    failure: Option<StoreError>,
    /// Idempotent requests begun and not yet finished.
    pub(crate) unfinished: Vec<IdempotentRequest>,
    changed: Changed,
    /// The service's statements that may not have run yet.
    later: BTreeSet<&'static str>,
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
            unfinished: Vec::new(),
            changed: Changed::default(),
            later: BTreeSet::new(),
        }
    }

    /// Runs a statement that gives no rows; answers how many rows it changed.
    pub fn execute(&mut self, statement: &Statement, values: &[Value]) -> Result<u64, StoreError> {
        self.execute_many(statement, std::slice::from_ref(&values))
    }

    /// Runs a statement that gives no rows once for each row of values; answers how many rows it
    /// changed in all.
    ///
    /// On SQLite little is saved, as a call there is no more than a function. On PostgreSQL the
    /// rows go out together, some hundred at a time: an exchange with the server for all of them,
    /// and one statement, if it is an `INSERT` of values. The first that is refused ends it.
    pub fn execute_many<R: AsRef<[Value]>>(
        &mut self,
        statement: &Statement,
        rows: &[R],
    ) -> Result<u64, StoreError> {
        self.execute_rows(statement, rows, Rows::InTurn)
    }

    /// As [`Self::execute_many`], of rows of values of which none changes a row that another
    /// changes or looks for. If one does, it is not known which of them does.
    ///
    /// On PostgreSQL an `UPDATE` by columns of its table is one statement too.
    pub fn execute_many_apart<R: AsRef<[Value]>>(
        &mut self,
        statement: &Statement,
        rows: &[R],
    ) -> Result<u64, StoreError> {
        self.execute_rows(statement, rows, Rows::Apart)
    }

    fn execute_rows<R: AsRef<[Value]>>(
        &mut self,
        statement: &Statement,
        values: &[R],
        rows: Rows,
    ) -> Result<u64, StoreError> {
        let text = self.text(statement)?;
        let changed = self.run_execute((statement.name, &text), values, rows)?;
        self.service.recorder.record(statement.name);
        Ok(changed)
    }

    /// Runs a statement whose answer the closure does not need: no rows, and not how many it
    /// changed.
    ///
    /// On PostgreSQL it may be sent with the next statement that needs an answer, or with the
    /// `COMMIT`: one exchange with the server for all of them. Order and effect are as with
    /// [`Self::execute`], and what the closure reads afterwards it sees. If it fails, the
    /// transaction ends as ever with this statement's error, but the closure hears of it later:
    /// from the next statement, or not at all when it has returned `Ok` before. Do not use it
    /// where the closure goes by the error, as with a constraint that may be violated. Of an
    /// `INSERT` of values those that follow each other go as one statement. On SQLite it runs at
    /// once.
    pub fn execute_later(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<(), StoreError> {
        self.execute_many_later(statement, std::slice::from_ref(&values))
    }

    /// As [`Self::execute_later`], once for each row of values.
    pub fn execute_many_later<R: AsRef<[Value]>>(
        &mut self,
        statement: &Statement,
        rows: &[R],
    ) -> Result<(), StoreError> {
        let text = self.text(statement)?;
        self.run_later(statement.name, &text, rows)?;
        match self.connection {
            Connection::Sqlite(_) => self.service.recorder.record(statement.name),
            Connection::Postgres(_) => drop(self.later.insert(statement.name)),
        }
        Ok(())
    }

    /// Runs a query (or a statement with `RETURNING`) and gives all its rows.
    ///
    /// More than [`QUERY_ROWS_MAX`] rows are an error ([`StoreError::TooManyRows`]).
    pub fn query(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let text = self.text(statement)?;
        let rows = self.run_query(statement.name, &text, values, Most::ROWS)?;
        self.service.recorder.record(statement.name);
        Ok(rows)
    }

    /// Runs a query that gives one row or none; a second row is an error.
    pub fn query_one_opt(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<Option<Row>, StoreError> {
        let text = self.text(statement)?;
        let one = Most {
            rows: 1,
            ..Most::ROWS
        };
        let row = self.run_query(statement.name, &text, values, one)?.pop();
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
        self.execute_many_own(statement, std::slice::from_ref(&values))
    }

    /// As [`Self::execute_many`], in the same way.
    pub(crate) fn execute_many_own<R: AsRef<[Value]>>(
        &mut self,
        statement: &Statement,
        rows: &[R],
    ) -> Result<u64, StoreError> {
        let text = self.service.own_text(statement);
        self.run_execute((statement.name, text), rows, Rows::InTurn)
    }

    /// As [`Self::execute_later`], in the same way.
    pub(crate) fn execute_own_later(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<(), StoreError> {
        let text = self.service.own_text(statement);
        self.run_later(statement.name, text, std::slice::from_ref(&values))
    }

    /// Adds rows to a table of the store's own that nobody reads before [`Self::release_own`]: row
    /// by row on SQLite; on PostgreSQL before the commit, all of the transaction by one statement.
    pub(crate) fn append_own<const N: usize>(
        &mut self,
        statement: &Statement,
        rows: Vec<[Value; N]>,
    ) -> Result<(), StoreError> {
        self.check_alive()?;
        let (name, text) = (statement.name, self.service.own_text(statement));
        let outcome = match &mut self.connection {
            Connection::Sqlite(session) => session.execute(name, text, &rows).map(drop),
            Connection::Postgres(session) => session.append_later(name, text, rows),
        };
        self.keep_failure(outcome)
    }

    /// Runs a statement once for each row of values: row by row on SQLite; on PostgreSQL before the
    /// commit, for all of them, by its twin that takes an array for each value.
    pub(crate) fn execute_twins_later<const N: usize>(
        &mut self,
        twins: &Twins,
        rows: Vec<[Value; N]>,
    ) -> Result<(), StoreError> {
        self.check_alive()?;
        let statement = twins.of(self);
        let (name, text) = (statement.name, self.service.own_text(statement));
        let outcome = match &mut self.connection {
            Connection::Sqlite(session) => session.execute(name, text, &rows).map(drop),
            Connection::Postgres(session) => session.execute_arrays_later(name, text, rows),
        };
        self.keep_failure(outcome)
    }

    /// What is asked next sees the rows that were added by [`Self::append_own`].
    pub(crate) fn release_own(&mut self) {
        if let Connection::Postgres(session) = &mut self.connection {
            session.release();
        }
    }

    /// As [`Self::query`], in the same way.
    pub(crate) fn query_own(
        &mut self,
        statement: &Statement,
        values: &[Value],
    ) -> Result<Vec<Row>, StoreError> {
        let text = self.service.own_text(statement);
        self.run_query(statement.name, text, values, Most::ROWS)
    }

    /// As [`Self::query_own`], but ends early, without an error, after the row with which the
    /// rows have `bytes_max` bytes of text.
    pub(crate) fn query_own_page(
        &mut self,
        statement: &Statement,
        values: &[Value],
        bytes_max: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let text = self.service.own_text(statement);
        let most = Most {
            bytes: bytes_max,
            ..Most::ROWS
        };
        self.run_query(statement.name, text, values, most)
    }

    /// Runs a query of PostgreSQL's own once for each set of values, as few exchanges with the
    /// server as can be; answers all their rows. No set may give more than [`QUERY_ROWS_MAX`].
    pub(crate) fn query_many_own(
        &mut self,
        statement: &Statement,
        sets: &[Vec<Parameter>],
    ) -> Result<Vec<Row>, StoreError> {
        self.check_alive()?;
        let text = self.service.own_text(statement);
        let outcome = match &mut self.connection {
            Connection::Sqlite(_) => unreachable!("SQLite has no arrays, and is not asked"),
            Connection::Postgres(session) => session.query_many(statement.name, text, sets),
        };
        self.keep_failure(outcome)
    }

    /// Which database this is.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::Sqlite(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }

    /// What the commit changes for those who read the outbox.
    pub(crate) fn changed(&mut self) -> &mut Changed {
        &mut self.changed
    }

    /// The service's statements that have run once the transaction is kept.
    pub(crate) fn later(&mut self) -> BTreeSet<&'static str> {
        std::mem::take(&mut self.later)
    }

    fn text(&mut self, statement: &Statement) -> Result<Cow<'a, str>, StoreError> {
        let text = self.service.text(statement);
        self.keep_failure(text)
    }

    /// What stands against keeping the closure's writes although it returned `Ok`.
    pub(crate) fn objection(&self) -> Option<StoreError> {
        self.failure.clone().or_else(|| {
            (!self.unfinished.is_empty()).then_some(StoreError::IdempotencyMustBeFinished)
        })
    }

    /// Whether a concurrent transaction got in the way; trying again may help.
    pub(crate) fn conflicted(&self) -> bool {
        matches!(self.failure, Some(StoreError::Contended { .. }))
    }

    fn run_execute<R: AsRef<[Value]>>(
        &mut self,
        (name, text): (&'static str, &str),
        values: &[R],
        rows: Rows,
    ) -> Result<u64, StoreError> {
        self.check_alive()?;
        let outcome = match &mut self.connection {
            Connection::Sqlite(session) => session.execute(name, text, values),
            Connection::Postgres(session) => session.execute((name, text), values, rows),
        };
        self.keep_failure(outcome)
    }

    fn run_later<R: AsRef<[Value]>>(
        &mut self,
        name: &'static str,
        text: &str,
        rows: &[R],
    ) -> Result<(), StoreError> {
        self.check_alive()?;
        let outcome = match &mut self.connection {
            Connection::Sqlite(session) => session.execute(name, text, rows).map(drop),
            Connection::Postgres(session) => session.execute_later(name, text, rows),
        };
        self.keep_failure(outcome)
    }

    fn run_query(
        &mut self,
        name: &'static str,
        text: &str,
        values: &[Value],
        most: Most,
    ) -> Result<Vec<Row>, StoreError> {
        self.check_alive()?;
        let outcome = match &mut self.connection {
            Connection::Sqlite(session) => session.query(name, text, values, most),
            Connection::Postgres(session) => session.query(name, text, values, most),
        };
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
