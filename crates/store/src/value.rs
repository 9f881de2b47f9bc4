//! What goes into a statement and what comes out of a row, the same for both databases.
//!
//! | value | SQLite column | PostgreSQL column |
//! | --- | --- | --- |
//! | `Int`, times (microseconds) | `INTEGER` | `bigint` |
//! | `Bool` | `INTEGER` | `boolean` |
//! | `Text`, dates, JSON | `TEXT` | `text` |
//! | `Bytes` | `BLOB` | `bytea` |
//! | `Uuid` (ids) | `BLOB` | `uuid` |
//! | `Decimal`, `Wide` (i128) | `TEXT` | `numeric` |
//!
//! Promises: a value written is read back equal, scale of decimals and the extremes of i128
//! included. There is no float: reading one is an error.
//! Does not: make SQLite compare decimals by size. As text they are equal when they are written
//! alike; order and add them in Rust.

use std::str::FromStr;

use kit::id::{Id, Kind};
use kit::name::{Name, Rule};
use kit::time::{Date, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::error::StoreError;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A number, an amount in minor units, a count, a time in microseconds.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// Text, or JSON as text.
    Text(String),
    /// Bytes as they are.
    Bytes(Vec<u8>),
    /// An id.
    Uuid(Uuid),
    /// An exact decimal that is not money: a price, a rate, a quantity.
    Decimal(Decimal),
    /// A sum of amounts in minor units.
    Wide(i128),
}

impl Value {
    /// How many bytes of text or of a blob it holds.
    pub(crate) fn bytes_held(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.into())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl From<[u8; 32]> for Value {
    fn from(value: [u8; 32]) -> Self {
        Self::Bytes(value.into())
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}

impl<K: Kind> From<Id<K>> for Value {
    fn from(value: Id<K>) -> Self {
        Self::Uuid(value.uuid())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.micros())
    }
}

impl<R: Rule> From<&Name<R>> for Value {
    fn from(value: &Name<R>) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<Date> for Value {
    /// ISO 8601 (`2026-01-31`), which sorts as text.
    fn from(value: Date) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Self {
        Self::Decimal(value)
    }
}

impl From<i128> for Value {
    fn from(value: i128) -> Self {
        Self::Wide(value)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(value: &serde_json::Value) -> Self {
        Self::Text(value.to_string())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of a query, whole in memory. Columns are counted from 0.
///
/// Every getter fails with [`StoreError::ColumnMustFit`] when the column is missing, is null, or
/// holds something else; the `opt_` ones answer `None` for null.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub(crate) statement: &'static str,
    /// PostgreSQL's `numeric` is here as text, as an i128 and a decimal may both come of it.
    pub(crate) cells: Vec<Value>,
}

impl Row {
    /// How many bytes of text and blobs it holds.
    pub(crate) fn bytes_held(&self) -> usize {
        self.cells.iter().map(Value::bytes_held).sum()
    }

    /// A number.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.required(column, "an integer", as_int)
    }

    /// A number, if there is one.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        self.get(column, "an integer", as_int)
    }

    /// True or false.
    pub fn bool(&self, column: usize) -> Result<bool, StoreError> {
        self.required(column, "a boolean", as_bool)
    }

    /// True or false, if there is a value.
    pub fn opt_bool(&self, column: usize) -> Result<Option<bool>, StoreError> {
        self.get(column, "a boolean", as_bool)
    }

    /// Text.
    pub fn text(&self, column: usize) -> Result<String, StoreError> {
        self.required(column, "text", as_text)
    }

    /// Text, if there is any.
    pub fn opt_text(&self, column: usize) -> Result<Option<String>, StoreError> {
        self.get(column, "text", as_text)
    }

    /// Text that its type reads, such as a name.
    pub fn parsed<T: FromStr>(&self, column: usize) -> Result<T, StoreError> {
        let text = self.text(column)?;
        text.parse()
            .map_err(|_| self.misfit(column, "text that its type reads"))
    }

    /// Text that its type reads, if there is any.
    pub fn opt_parsed<T: FromStr>(&self, column: usize) -> Result<Option<T>, StoreError> {
        let text = self.opt_text(column)?;
        let parsed = text.map(|text| text.parse()).transpose();
        parsed.map_err(|_| self.misfit(column, "text that its type reads"))
    }

    /// A count: a number from 0 to 4,294,967,295.
    pub fn count(&self, column: usize) -> Result<u32, StoreError> {
        self.required(column, "a count", |value| {
            u32::try_from(as_int(value)?).ok()
        })
    }

    /// Bytes.
    pub fn bytes(&self, column: usize) -> Result<Vec<u8>, StoreError> {
        self.required(column, "bytes", as_bytes)
    }

    /// Bytes, if there are any.
    pub fn opt_bytes(&self, column: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(column, "bytes", as_bytes)
    }

    /// An id without its kind.
    pub fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        self.required(column, "a uuid", as_uuid)
    }

    /// An id without its kind, if there is one.
    pub fn opt_uuid(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        self.get(column, "a uuid", as_uuid)
    }

    /// An id.
    pub fn id<K: Kind>(&self, column: usize) -> Result<Id<K>, StoreError> {
        self.uuid(column).map(Id::from_uuid)
    }

    /// An id, if there is one.
    pub fn opt_id<K: Kind>(&self, column: usize) -> Result<Option<Id<K>>, StoreError> {
        Ok(self.opt_uuid(column)?.map(Id::from_uuid))
    }

    /// A time.
    pub fn timestamp(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.required(column, "a time in microseconds", as_timestamp)
    }

    /// A time, if there is one.
    pub fn opt_timestamp(&self, column: usize) -> Result<Option<Timestamp>, StoreError> {
        self.get(column, "a time in microseconds", as_timestamp)
    }

    /// A calendar date.
    pub fn date(&self, column: usize) -> Result<Date, StoreError> {
        self.required(column, "a date", as_date)
    }

    /// A calendar date, if there is one.
    pub fn opt_date(&self, column: usize) -> Result<Option<Date>, StoreError> {
        self.get(column, "a date", as_date)
    }

    /// An exact decimal, with the scale it was written with.
    pub fn decimal(&self, column: usize) -> Result<Decimal, StoreError> {
        self.required(column, "a decimal", as_decimal)
    }

    /// An exact decimal, if there is one.
    pub fn opt_decimal(&self, column: usize) -> Result<Option<Decimal>, StoreError> {
        self.get(column, "a decimal", as_decimal)
    }

    /// A wide sum; also what `SUM` over a number column gives.
    pub fn wide(&self, column: usize) -> Result<i128, StoreError> {
        self.required(column, "a wide integer", as_wide)
    }

    /// A wide sum, if there is one.
    pub fn opt_wide(&self, column: usize) -> Result<Option<i128>, StoreError> {
        self.get(column, "a wide integer", as_wide)
    }

    /// A JSON document.
    pub fn json(&self, column: usize) -> Result<serde_json::Value, StoreError> {
        self.required(column, "json", as_json)
    }

    fn required<T>(
        &self,
        column: usize,
        expected: &'static str,
        read: fn(&Value) -> Option<T>,
    ) -> Result<T, StoreError> {
        self.get(column, expected, read)?
            .ok_or_else(|| self.misfit(column, expected))
    }

    fn get<T>(
        &self,
        column: usize,
        expected: &'static str,
        read: fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.cells.get(column) {
            Some(Value::Null) => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| self.misfit(column, expected)),
            None => Err(self.misfit(column, expected)),
        }
    }

    /// The error for a column whose value the service cannot read: `expected` says what should
    /// stand there.
    pub fn misfit(&self, column: usize, expected: &'static str) -> StoreError {
        StoreError::ColumnMustFit {
            statement: self.statement.into(),
            column,
            expected,
        }
    }
}

fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        _ => None,
    }
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn as_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

fn as_uuid(value: &Value) -> Option<Uuid> {
    match value {
        Value::Uuid(uuid) => Some(*uuid),
        Value::Bytes(bytes) => Uuid::from_slice(bytes).ok(),
        _ => None,
    }
}

fn as_timestamp(value: &Value) -> Option<Timestamp> {
    as_int(value).and_then(Timestamp::checked_from_micros)
}

fn as_date(value: &Value) -> Option<Date> {
    match value {
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn as_decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Text(text) => Decimal::from_str_exact(text).ok(),
        Value::Int(value) => Some(Decimal::from(*value)),
        _ => None,
    }
}

fn as_wide(value: &Value) -> Option<i128> {
    match value {
        Value::Text(text) => text.parse().ok(),
        Value::Int(value) => Some((*value).into()),
        _ => None,
    }
}

fn as_json(value: &Value) -> Option<serde_json::Value> {
    match value {
        Value::Text(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}
