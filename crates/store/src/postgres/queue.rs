//! What is to be sent to the server and needs no answer.
//!
//! Promises: writes keep their order. Those of one statement that follow each other go as one that
//! takes an array for each value, if it has such a form ([`super::rows`]). Rows for the store's own
//! tables that nobody reads before the commit are gathered until then, by statement and in their
//! order. The queue is bounded: it says when it is time to send.
//! Does not: send.

use bytes::BytesMut;
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::link::Prepared;
use crate::value::Value;

/// How many writes wait at most: the exchange that is saved costs as much as a handful of them, and
/// an answer waits for all before it.
const WRITES_MAX: usize = 256;

/// How many rows one statement takes: those of two batches of a consumer.
const ROWS_MAX: usize = 1_000;

/// How many bytes of text and blobs wait at most: a few of the largest documents.
const BYTES_MAX: usize = 4 * kit::limits::BODY_BYTES_MAX;

/// One statement with the values of its rows.
pub(super) struct Write {
    pub(super) name: &'static str,
    /// As it is prepared for one row.
    one: Option<Prepared>,
    /// As it is prepared for many.
    many: Option<Prepared>,
    rows: usize,
    /// By the places of the values, those of all rows.
    columns: Vec<Vec<Value>>,
    /// Whether somebody wants to know how many rows it changed.
    pub(super) counted: bool,
}

impl Write {
    /// With its first row.
    pub(super) fn of(
        name: &'static str,
        one: Option<Prepared>,
        row: Vec<Value>,
        counted: bool,
    ) -> Self {
        Self {
            name,
            one,
            many: None,
            rows: 1,
            columns: row.into_iter().map(|value| vec![value]).collect(),
            counted,
        }
    }

    fn is_of(&self, prepared: &Prepared) -> bool {
        let mut all = self.one.iter().chain(&self.many);
        self.rows < ROWS_MAX && all.any(|one| one.number == prepared.number)
    }

    fn add(&mut self, row: Vec<Value>) {
        self.rows += 1;
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.push(value);
        }
    }

    /// What is to be sent.
    pub(super) fn statement(&self) -> &Statement {
        let one = self.one.as_ref().filter(|_| self.rows == 1);
        let prepared = one.or(self.many.as_ref());
        &prepared.expect("there is one for as many rows").statement
    }

    /// With these values.
    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = Given<'_>> {
        let one = self.one.is_some() && self.rows == 1;
        self.columns.iter().map(move |column| match one {
            true => Given::One(&column[0]),
            false => Given::Column(column),
        })
    }
}

/// A value of a [`Write`], or those of a column.
#[derive(Debug)]
pub(super) enum Given<'a> {
    One(&'a Value),
    Column(&'a [Value]),
}

impl ToSql for Given<'_> {
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
    gathered: Vec<Write>,
    gathered_bytes: usize,
}

impl Queue {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether the last write is of the same statement, to which a row can be added.
    pub(super) fn goes_on(&self, prepared: &Prepared, counted: bool) -> bool {
        let last = self.writes.last();
        last.is_some_and(|last| last.counted == counted && last.is_of(prepared))
    }

    /// Adds a row to the last write, which is of the same statement.
    pub(super) fn add(&mut self, many: Prepared, row: Vec<Value>) {
        self.writes_bytes += bytes(&row);
        let last = self.writes.last_mut();
        let last = last.expect("it was asked whether it goes on");
        last.many.get_or_insert(many);
        last.add(row);
    }

    /// Adds a write behind all others.
    pub(super) fn push(&mut self, write: Write) {
        self.writes_bytes += write
            .columns
            .iter()
            .map(|column| bytes(column))
            .sum::<usize>();
        self.writes.push(write);
    }

    /// Adds a row to those of its statement, or begins with them: by its form for one row, if it
    /// has one, and by the one for many.
    pub(super) fn gather(
        &mut self,
        name: &'static str,
        (one, many): (Option<Prepared>, Prepared),
        row: Vec<Value>,
    ) {
        self.gathered_bytes += bytes(&row);
        let mut known = self.gathered.iter_mut().rev();
        match known.find(|gathered| gathered.is_of(&many)) {
            Some(gathered) => gathered.add(row),
            None => self.gathered.push(Write {
                many: Some(many),
                ..Write::of(name, one, row, false)
            }),
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
        taken.writes.into_iter().chain(taken.gathered).collect()
    }
}

fn bytes(values: &[Value]) -> usize {
    values.iter().map(Value::bytes_held).sum()
}
