//! The statements of one closure on one connection.
//!
//! Promises: a statement is prepared once per connection; values go and come in binary form; an
//! error never carries a value.
//! Does not: begin or end transactions.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;

use futures_core::Stream;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::link::{Link, Prepared, Rows};
use super::queue::{Parameter, Write};
use super::values::Cell;
use super::wire::{Pending, Refused, pipelined};
use crate::error::StoreError;
use crate::tx::Most;
use crate::value::{Row, Value};

/// How many queries go out together: their answers wait until they are read, each in its turn.
const QUERIES_MAX: usize = 64;

/// Statements of one closure.
pub(crate) struct Session<'a> {
    pub(super) link: &'a mut Link,
    /// Whether a write may wait. In a transaction that cannot write it is refused at once.
    pub(super) may_wait: bool,
}

impl Session<'_> {
    /// Runs a statement for each row of values; answers how many rows it changed.
    pub(crate) fn execute<R: AsRef<[Value]>>(
        &mut self,
        (name, text): (&'static str, &str),
        values: &[R],
        rows: Rows,
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for values in values {
            self.queue((name, text), values.as_ref(), true, rows)?;
            if self.link.queue.is_full() {
                self.link.queue.release();
                changed += self.flush()?;
            }
        }
        Ok(changed + self.flush()?)
    }

    /// As [`Self::execute`], but nobody waits.
    pub(crate) fn execute_later<R: AsRef<[Value]>>(
        &mut self,
        name: &'static str,
        text: &str,
        values: &[R],
    ) -> Result<(), StoreError> {
        for values in values {
            self.queue((name, text), values.as_ref(), false, Rows::InTurn)?;
            self.make_room()?;
        }
        Ok(())
    }

    /// Adds rows by a statement that takes one of them; before the commit, and not before what is
    /// read until then.
    pub(crate) fn append_later<const N: usize>(
        &mut self,
        name: &'static str,
        text: &str,
        rows: Vec<[Value; N]>,
    ) -> Result<(), StoreError> {
        for row in rows {
            let one = self.prepared(name, text, N)?;
            let many = self.link.prepare_many(name, text, Rows::InTurn)?;
            let many = many.expect("the store's own rows are added in a form that takes many");
            self.link.queue.gather(name, (Some(one), many), row.into());
            self.make_room()?;
        }
        Ok(())
    }

    /// Has what is added by the store's own go with what is asked next, which then sees it.
    pub(crate) fn release(&mut self) {
        self.link.queue.release();
    }

    /// Runs a statement that takes an array for each value, once for all rows of values; before the
    /// commit, and not before what is read until then.
    pub(crate) fn execute_arrays_later<const N: usize>(
        &mut self,
        name: &'static str,
        text: &str,
        rows: Vec<[Value; N]>,
    ) -> Result<(), StoreError> {
        for row in rows {
            let prepared = self.prepared(name, text, N)?;
            self.link.queue.gather(name, (None, prepared), row.into());
            self.make_room()?;
        }
        Ok(())
    }

    pub(crate) fn query(
        &mut self,
        name: &'static str,
        text: &str,
        values: &[Value],
        most: Most,
    ) -> Result<Vec<Row>, StoreError> {
        let prepared = self.prepared(name, text, values.len())?;
        let writes = self.link.queue.take();
        let (_, rows) = self.link.exchange(&writes, async |asking| {
            ask(asking.client, name, &prepared.statement, values, most).await
        })?;
        rows
    }

    /// Runs a query once for each of several sets of values, all in one exchange; answers their
    /// rows, one after the other.
    pub(crate) fn query_many(
        &mut self,
        name: &'static str,
        text: &str,
        sets: &[Vec<Parameter>],
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for sets in sets.chunks(QUERIES_MAX) {
            let values = sets.first().map_or(0, Vec::len);
            let prepared = self.prepared(name, text, values)?;
            let writes = self.link.queue.take();
            let rows = RefCell::new(Ok(&mut found));
            self.link.exchange(&writes, async |asking| {
                let asked = sets.iter().map(|values| {
                    let asked = ask(asking.client, name, &prepared.statement, values, Most::ROWS);
                    let keep = async {
                        match (asked.await?, &mut *rows.borrow_mut()) {
                            (Ok(more), Ok(found)) => found.extend(more),
                            (Err(error), rows) => *rows = Err(error),
                            (Ok(_), Err(_)) => {}
                        }
                        Ok(())
                    };
                    Box::pin(keep) as Pending<'_>
                });
                pipelined(asked.collect()).await
            })?;
            rows.into_inner()?;
        }
        Ok(found)
    }

    fn queue(
        &mut self,
        (name, text): (&'static str, &str),
        values: &[Value],
        counted: bool,
        rows: Rows,
    ) -> Result<(), StoreError> {
        let prepared = self.prepared(name, text, values.len())?;
        if self.link.queue.goes_on(&prepared, counted)
            && let Some(many) = self.link.prepare_many(name, text, rows)?
        {
            self.link.queue.add(many, values.into());
            return Ok(());
        }
        let write = Write::of(name, Some(prepared), values.into(), counted);
        self.link.queue.push(write);
        Ok(())
    }

    /// Sends what waits when it is much, or must not wait.
    fn make_room(&mut self) -> Result<(), StoreError> {
        if !self.may_wait || self.link.queue.is_full() {
            self.link.queue.release();
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<u64, StoreError> {
        let writes = self.link.queue.take();
        if writes.is_empty() {
            return Ok(0);
        }
        let (changed, ()) = self.link.exchange(&writes, async |_| Ok(()))?;
        Ok(changed)
    }

    fn prepared(
        &mut self,
        name: &'static str,
        text: &str,
        values: usize,
    ) -> Result<Prepared, StoreError> {
        let prepared = self.link.prepare(name, text)?;
        if prepared.statement.params().len() == values {
            return Ok(prepared);
        }
        let reason = "as many values are needed as there are placeholders".into();
        Err(StoreError::StatementFailed {
            statement: name.into(),
            reason,
        })
    }
}

/// Asks for rows. What is wrong with them is within what the server answered.
async fn ask<P: ToSql>(
    client: &Client,
    name: &'static str,
    statement: &Statement,
    values: &[P],
    most: Most,
) -> Result<Result<Vec<Row>, StoreError>, Refused> {
    let refused = |error| Refused {
        statement: name,
        error,
    };
    let found = client.query_raw(statement, values).await;
    let mut found = pin!(found.map_err(refused)?);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(row) = poll_fn(|cx| found.as_mut().poll_next(cx)).await {
        if rows.len() == most.rows {
            let statement = name.into();
            return Ok(Err(StoreError::TooManyRows { statement }));
        }
        let row = match read(name, &row.map_err(refused)?) {
            Ok(row) => row,
            Err(misfit) => return Ok(Err(misfit)),
        };
        bytes += row.bytes_held();
        rows.push(row);
        if bytes >= most.bytes {
            break;
        }
    }
    Ok(Ok(rows))
}

fn read(name: &'static str, row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let cells = (0..row.len()).map(|column| {
        let cell = row.try_get::<_, Cell>(column).map(|cell| cell.0);
        cell.map_err(|_| StoreError::ColumnMustFit {
            statement: name.into(),
            column,
            expected: "a known type",
        })
    });
    Ok(Row {
        statement: name,
        cells: cells.collect::<Result<_, _>>()?,
    })
}
