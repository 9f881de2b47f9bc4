//! One connection to the server: its prepared statements, its transaction, and what is to be sent.
//!
//! Promises: what needs no answer is sent with the next that does, or with the `COMMIT`, and so is
//! the beginning of the transaction: one exchange with the server for all of them, in their order.
//! A write that fails ends the transaction, whatever went along behind it. A `COMMIT` goes out only
//! behind writes that did.
//! Does not: decide when a transaction begins or ends.
//!
//! Sessions are read-only by default and only `START TRANSACTION … READ WRITE` lets them write: if
//! it fails, what went along behind it is refused rather than kept one by one.

use std::cell::Cell;
use std::collections::HashMap;

use tokio_postgres::error::Severity;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Error, Statement};

use super::failure::failure;
use super::queue::{Queue, Write};
use super::rows;
use super::wire::{Asking, Pending, Refused, Wire, pipelined};
use crate::error::StoreError;
use crate::statement::to_postgres;

/// What errors call the commit.
const COMMIT: &str = "commit";

/// Where the transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is none.
    None,
    /// It is to begin with this, which goes along with the first statement.
    Announced(&'static str),
    /// The server has heard of it.
    Open,
}

/// A prepared statement of a connection.
#[derive(Clone)]
pub(super) struct Prepared {
    /// Which of the connection it is.
    pub(super) number: usize,
    pub(super) statement: Statement,
}

/// What is known of the rows of values of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// One may change what another looks for.
    InTurn,
    /// None changes what another changes or looks for.
    Apart,
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        failure(refused.statement, &refused.error)
    }
}

/// A connection with its prepared statements.
pub(crate) struct Link {
    wire: Wire,
    prepared: HashMap<String, Prepared>,
    /// By the text for one row, the one for many, if there is one.
    many: HashMap<String, Option<Prepared>>,
    stage: Stage,
    pub(super) queue: Queue,
    broken: bool,
}

impl Link {
    pub(super) fn connect(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            wire: Wire::connect(config)?,
            prepared: HashMap::new(),
            many: HashMap::new(),
            stage: Stage::None,
            queue: Queue::default(),
            broken: false,
        })
    }

    /// Begins a transaction. The server hears of it with the first statement.
    pub(super) fn begin(&mut self, sql: &'static str) {
        assert_eq!(self.stage, Stage::None, "transactions do not nest");
        self.queue.clear();
        self.stage = Stage::Announced(sql);
    }

    /// Sends what is still to be sent, and commits. `Err(StoreError::CommitOutcomeUnknown)` when
    /// nobody can know; after any other error nothing is kept. Either way the transaction is over.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let writes = self.queue.take_all();
        if matches!(self.stage, Stage::Announced(_)) && writes.is_empty() {
            self.stage = Stage::None;
            return Ok(());
        }
        let (sent, warned) = (Cell::new(false), Cell::new(false));
        let outcome = self.exchange(&writes, async |asking| {
            sent.set(true);
            let committed = asking.client.batch_execute("COMMIT");
            let (outcome, warnings) = asking.with_warnings(committed).await;
            warned.set(warnings > 0);
            outcome.map_err(|error| Refused {
                statement: COMMIT,
                error,
            })
        });
        if !sent.get() {
            self.roll_back();
            return outcome.map_err(StoreError::from).map(drop);
        }
        self.stage = Stage::None;
        match outcome {
            // With synchronous replication a cancelled wait is a warning, not an error: the
            // commit is on this node and perhaps on no other.
            Ok(_) if warned.get() => Err(StoreError::CommitOutcomeUnknown {
                reason: "the server warned while it committed".into(),
            }),
            Ok(_) => Ok(()),
            Err(refused) if is_certain(&refused) => Err(refused.into()),
            Err(refused) => {
                self.broken = true;
                Err(StoreError::CommitOutcomeUnknown {
                    reason: crate::reasons(&refused.error),
                })
            }
        }
    }

    /// Undoes the transaction, if there is one.
    pub(super) fn roll_back(&mut self) {
        if self.forget() {
            let rolled_back = self.wire.run(async |asking: Asking<'_>| {
                asking.client.batch_execute("ROLLBACK").await.is_ok()
            });
            self.broken |= !rolled_back;
        }
    }

    /// Ends a transaction that has written nothing, without waiting for the answer: what is asked
    /// next is answered behind it.
    pub(super) fn end_reading(&mut self) {
        if self.forget() {
            let sent = self.wire.run(async |asking: Asking<'_>| {
                asking.client.simple_query_raw("ROLLBACK").await.is_ok()
            });
            self.wire.look();
            self.broken |= !sent;
        }
    }

    /// Forgets what was to be sent; whether the server has heard of the transaction.
    fn forget(&mut self) -> bool {
        self.queue.clear();
        std::mem::replace(&mut self.stage, Stage::None) == Stage::Open
    }

    /// Prepares a statement, or finds it prepared.
    pub(super) fn prepare(
        &mut self,
        name: &'static str,
        sql: &str,
    ) -> Result<Prepared, StoreError> {
        if let Some(prepared) = self.prepared.get(sql) {
            return Ok(prepared.clone());
        }
        let text = to_postgres(name, sql)?;
        let statement = self
            .wire
            .run(async |asking: Asking<'_>| asking.client.prepare(&text).await)
            .map_err(|error| failure(name, &error))?;
        let prepared = Prepared {
            number: self.prepared.len(),
            statement,
        };
        self.prepared.insert(sql.to_owned(), prepared.clone());
        Ok(prepared)
    }

    /// Prepares the form of a statement that takes many rows, or finds it prepared; none if it has
    /// none. An `UPDATE` has one only if its rows do not concern each other.
    pub(super) fn prepare_many(
        &mut self,
        name: &'static str,
        sql: &str,
        rows: Rows,
    ) -> Result<Option<Prepared>, StoreError> {
        if let Some(many) = self.many.get(sql) {
            return Ok(many
                .clone()
                .filter(|_| rows == Rows::Apart || !rows::is_update(sql)));
        }
        let one = self.prepare(name, sql)?;
        let types = one.statement.params();
        let text = rows::insert(sql, types).or_else(|| rows::update(sql, types));
        let many = text.map(|text| self.prepare(name, &text)).transpose()?;
        self.many.insert(sql.to_owned(), many);
        self.prepare_many(name, sql, rows)
    }

    /// Sends the writes, then what `last` sends, and only then waits for the answers, in this
    /// order; answers how many rows the counted writes changed, and what `last` does.
    ///
    /// `last` is not begun when a write could not be sent.
    pub(super) fn exchange<T>(
        &mut self,
        writes: &[Write],
        last: impl AsyncFnOnce(&Asking<'_>) -> Result<T, Refused>,
    ) -> Result<(u64, T), Refused> {
        let begin = match self.stage {
            Stage::Announced(sql) => Some(sql),
            Stage::None | Stage::Open => None,
        };
        if begin.is_some() {
            self.stage = Stage::Open;
        }
        let outcome = self.wire.run(async |asking| {
            let (changed, answer) = (Cell::new(0), Cell::new(None));
            let mut waiting: Vec<Pending<'_>> = Vec::with_capacity(writes.len() + 2);
            if let Some(sql) = begin {
                let begun = asking.client.batch_execute(sql);
                waiting.push(Box::pin(async {
                    begun.await.map_err(|error| Refused {
                        statement: "begin",
                        error,
                    })
                }));
            }
            for write in writes {
                let (asking, changed) = (&asking, &changed);
                waiting.push(Box::pin(async move {
                    let executed = asking.client.execute_raw(write.statement(), write.values());
                    let rows = executed.await.map_err(|error| Refused {
                        statement: write.name,
                        error,
                    })?;
                    if write.counted {
                        changed.set(changed.get() + rows);
                    }
                    Ok(())
                }));
            }
            waiting.push(Box::pin(async {
                answer.set(Some(last(&asking).await?));
                Ok(())
            }));
            pipelined(waiting).await?;
            let answer = answer.into_inner();
            Ok((changed.get(), answer.expect("it has ended without error")))
        });
        // Whoever says a last word hangs up, though perhaps it is not heard yet.
        self.broken |= outcome.as_ref().is_err_and(|refused| {
            severity(refused).is_some_and(|severity| severity != Severity::Error)
        });
        outcome
    }

    /// One row of the store's own checks.
    pub(super) fn query_own(
        &mut self,
        name: &'static str,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<tokio_postgres::Row>, StoreError> {
        self.wire
            .run(async |asking: Asking<'_>| asking.client.query_opt(sql, values).await)
            .map_err(|error| failure(name, &error))
    }

    /// Whether it is still open, as far as can be told without asking the server.
    pub(super) fn is_open(&mut self) -> bool {
        self.wire.look();
        !self.is_broken()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken || self.wire.is_closed()
    }
}

/// Whether nothing is kept for certain: the server has refused a write, and with it all of the
/// transaction; or it has refused the commit itself, and said so while it stayed there.
fn is_certain(refused: &Refused) -> bool {
    let severity = severity(refused);
    severity == Some(Severity::Error) || (severity.is_some() && refused.statement != COMMIT)
}

/// How the server refused, in doubt in the worst way; none if it was not the server.
fn severity(refused: &Refused) -> Option<Severity> {
    let error = refused.error.as_db_error()?;
    Some(error.parsed_severity().unwrap_or(Severity::Fatal))
}
