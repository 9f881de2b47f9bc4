//! What is to be sent to the server and needs no answer.
//!
//! Promises: writes keep their order. Rows for the store's own tables that nobody reads before the
//! commit are gathered until then, by statement and in their order, and go as one statement that
//! takes an array for each column. The queue is bounded: it says when it is time to send.
//! Does not: send.

use bytes::BytesMut;
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::value::Value;

/// How many writes wait at most: the exchange that is saved costs as much as a handful of them, and
/// an answer waits for all before it.
const WRITES_MAX: usize = 256;

/// How many rows of a table are gathered for one statement: those of two batches of a consumer.
const ROWS_MAX: usize = 1_000;

/// How many bytes of text and blobs wait at most: a few of the largest documents.
const BYTES_MAX: usize = 4 * kit::limits::BODY_BYTES_MAX;

/// One statement with its values.
pub(super) struct Write {
    pub(super) name: &'static str,
    pub(super) statement: Statement,
    pub(super) values: Vec<Parameter>,
    /// Whether somebody wants to know how many rows it changed.
    pub(super) counted: bool,
}

/// A value of a statement; or those of a column, for one that takes arrays.
#[derive(Debug)]
pub(crate) enum Parameter {
    One(Value),
    Column(Vec<Value>),
}

impl ToSql for Parameter {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::One(value) => value.to_sql(ty, out),
            Self::Column(values) => values.to_sql(ty, out),
        }
    }

    /// Every type: see [`Value`].
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// What waits.
#[derive(Default)]
pub(super) struct Queue {
    writes: Vec<Write>,
    writes_bytes: usize,
    gathered: Vec<Gathered>,
    gathered_bytes: usize,
}

/// Rows of one statement.
struct Gathered {
    name: &'static str,
    statement: Statement,
    columns: Vec<Vec<Value>>,
}

impl Gathered {
    fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }
}

impl Queue {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a write behind all others.
    pub(super) fn push(&mut self, write: Write) {
        let held = |parameter: &Parameter| match parameter {
            Parameter::One(value) => value.bytes_held(),
            Parameter::Column(values) => values.iter().map(Value::bytes_held).sum(),
        };
        self.writes_bytes += write.values.iter().map(held).sum::<usize>();
        self.writes.push(write);
    }

    /// Adds a row to those of its statement, or begins with them.
    pub(super) fn gather(&mut self, name: &'static str, statement: Statement, row: Vec<Value>) {
        self.gathered_bytes += row.iter().map(Value::bytes_held).sum::<usize>();
        let known = self.gathered.iter_mut().rev();
        let mut known = known.filter(|gathered| gathered.name == name);
        let open = known.next().filter(|gathered| gathered.rows() < ROWS_MAX);
        let Some(gathered) = open else {
            return self.gathered.push(Gathered {
                name,
                statement,
                columns: row.into_iter().map(|value| vec![value]).collect(),
            });
        };
        for (column, value) in gathered.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    /// Whether so much waits that it should be sent now, gathered rows included.
    pub(super) fn is_full(&self) -> bool {
        self.writes.len() >= WRITES_MAX || self.writes_bytes + self.gathered_bytes >= BYTES_MAX
    }

    /// Has what is gathered go with what is taken next.
    pub(super) fn release(&mut self) {
        let bytes = self.writes_bytes + self.gathered_bytes;
        self.writes = self.take_all();
        self.writes_bytes = bytes;
    }

    /// What must be sent before a statement that reads: all but what is gathered.
    pub(super) fn take(&mut self) -> Vec<Write> {
        self.writes_bytes = 0;
        std::mem::take(&mut self.writes)
    }

    /// What must be sent before the end.
    pub(super) fn take_all(&mut self) -> Vec<Write> {
        let taken = std::mem::take(self);
        let gathered = taken.gathered.into_iter().map(|gathered| Write {
            name: gathered.name,
            statement: gathered.statement,
            values: gathered
                .columns
                .into_iter()
                .map(Parameter::Column)
                .collect(),
            counted: false,
        });
        taken.writes.into_iter().chain(gathered).collect()
    }
}
