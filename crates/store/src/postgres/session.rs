//! One connection to the server, and the statements of a closure on it.
//!
//! Promises: a statement is prepared once per connection; values go and come in binary form; an
//! error never carries a value.
//! Does not: begin or end transactions.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use postgres::error::{DbError, Severity, SqlState};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Config, NoTls};

use super::numeric;
use crate::error::{Constraint, StoreError};
use crate::statement::to_postgres;
use crate::tx::Most;
use crate::value::{Row, Value};

/// A connection with its prepared statements.
pub(crate) struct Link {
    pub(crate) client: Client,
    prepared: HashMap<String, postgres::Statement>,
    warned: Arc<AtomicBool>,
    pub(crate) broken: bool,
}

impl Link {
    pub(crate) fn connect(config: &Config) -> Result<Self, postgres::Error> {
        let warned = Arc::new(AtomicBool::new(false));
        let heard = warned.clone();
        let client = config
            .clone()
            .notice_callback(move |notice: DbError| {
                if notice.parsed_severity() == Some(Severity::Warning) {
                    heard.store(true, Ordering::Relaxed);
                }
                tracing::debug!(code = notice.code().code(), "the database gave a notice");
            })
            .connect(NoTls)?;
        Ok(Self {
            client,
            prepared: HashMap::new(),
            warned,
            broken: false,
        })
    }

    /// Commits. `Err(StoreError::CommitOutcomeUnknown)` when nobody can know.
    pub(crate) fn commit(&mut self) -> Result<(), StoreError> {
        self.warned.store(false, Ordering::Relaxed);
        let Err(error) = self.client.batch_execute("COMMIT") else {
            // With synchronous replication a cancelled wait is a warning, not an error: the
            // commit is on this node and perhaps on no other.
            if self.warned.load(Ordering::Relaxed) {
                let reason = "the server warned while it committed".into();
                return Err(StoreError::CommitOutcomeUnknown { reason });
            }
            return Ok(());
        };
        let refused = error
            .as_db_error()
            .is_some_and(|error| error.parsed_severity() == Some(Severity::Error));
        if refused {
            return Err(failure("commit", &error));
        }
        self.broken = true;
        Err(StoreError::CommitOutcomeUnknown {
            reason: crate::reasons(&error),
        })
    }

    pub(crate) fn roll_back(&mut self) {
        if self.client.batch_execute("ROLLBACK").is_err() {
            self.broken = true;
        }
    }

    /// Prepares a statement, or finds it prepared.
    pub(crate) fn prepare(
        &mut self,
        name: &str,
        sql: &str,
    ) -> Result<postgres::Statement, StoreError> {
        if let Some(statement) = self.prepared.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self
            .client
            .prepare(&to_postgres(name, sql)?)
            .map_err(|error| failure(name, &error))?;
        self.prepared.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Statements of one closure on one connection.
pub(crate) struct Session<'a> {
    pub(crate) link: &'a mut Link,
}

impl Session<'_> {
    pub(crate) fn execute<R: AsRef<[Value]>>(
        &mut self,
        name: &'static str,
        text: &str,
        rows: &[R],
    ) -> Result<u64, StoreError> {
        let mut changed = 0;
        for values in rows {
            let values = values.as_ref();
            let statement = self.prepared(name, text, values)?;
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
            let executed = self.link.client.execute(&statement, &values);
            changed += executed.map_err(|error| failure(name, &error))?;
        }
        Ok(changed)
    }

    pub(crate) fn query(
        &mut self,
        name: &'static str,
        text: &str,
        values: &[Value],
        most: Most,
    ) -> Result<Vec<Row>, StoreError> {
        let refused = |error: postgres::Error| failure(name, &error);
        let statement = self.prepared(name, text, values)?;
        let mut found = self
            .link
            .client
            .query_raw(&statement, values)
            .map_err(refused)?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = found.next().map_err(refused)? {
            if rows.len() == most.rows {
                return Err(StoreError::TooManyRows {
                    statement: name.into(),
                });
            }
            let cells = (0..row.len())
                .map(|column| {
                    row.try_get::<_, Cell>(column)
                        .map(|cell| cell.0)
                        .map_err(|_| {
                            let statement = name.into();
                            StoreError::ColumnMustFit {
                                statement,
                                column,
                                expected: "a known type",
                            }
                        })
                })
                .collect::<Result<_, _>>()?;
            let row = Row {
                statement: name,
                cells,
            };
            bytes += row.bytes_held();
            rows.push(row);
            if bytes >= most.bytes {
                break;
            }
        }
        Ok(rows)
    }

    fn prepared(
        &mut self,
        name: &'static str,
        text: &str,
        values: &[Value],
    ) -> Result<postgres::Statement, StoreError> {
        let statement = self.link.prepare(name, text)?;
        // The driver panics on a wrong count.
        if statement.params().len() == values.len() {
            return Ok(statement);
        }
        let reason = "as many values are needed as there are placeholders".into();
        Err(StoreError::StatementFailed {
            statement: name.into(),
            reason,
        })
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self, ty) {
            (Self::Null, _) => return Ok(IsNull::Yes),
            (Self::Int(value), &Type::INT8) => return value.to_sql(ty, out),
            (Self::Int(value), &Type::INT4) => return i32::try_from(*value)?.to_sql(ty, out),
            (Self::Int(value), &Type::INT2) => return i16::try_from(*value)?.to_sql(ty, out),
            (Self::Bool(value), &Type::BOOL) => return value.to_sql(ty, out),
            (Self::Text(text), ty) if <&str as ToSql>::accepts(ty) => return text.to_sql(ty, out),
            (Self::Bytes(bytes), &Type::BYTEA) => return bytes.to_sql(ty, out),
            (Self::Uuid(uuid), &Type::UUID) => return uuid.to_sql(ty, out),
            _ => {}
        }
        let number = match self {
            Self::Int(value) => value.to_string(),
            Self::Decimal(decimal) => decimal.to_string(),
            Self::Wide(value) => value.to_string(),
            _ => return Err("the value does not fit the type of the parameter".into()),
        };
        if *ty != Type::NUMERIC {
            return Err("the value does not fit the type of the parameter".into());
        }
        out.extend_from_slice(&numeric::encode(&number).ok_or("the number is not a decimal")?);
        Ok(IsNull::No)
    }

    /// Every type, as a null fits every one; `to_sql` refuses what does not fit.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value as it came from the server. `numeric` is text: see [`Row`].
struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::BYTEA => Value::Bytes(raw.into()),
            Type::UUID => Value::Uuid(uuid::Uuid::from_slice(raw)?),
            Type::NUMERIC => Value::Text(numeric::decode(raw).ok_or("not a decimal")?),
            _ => Value::Text(String::from_sql(ty, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        let plain = [
            Type::INT8,
            Type::INT4,
            Type::INT2,
            Type::BOOL,
            Type::BYTEA,
            Type::UUID,
            Type::NUMERIC,
        ];
        plain.contains(ty) || <String as FromSql>::accepts(ty)
    }
}

/// What an error of the server or the driver means to a caller.
pub(crate) fn failure(statement: &str, error: &postgres::Error) -> StoreError {
    let statement = statement.to_owned();
    let Some(error) = error.as_db_error() else {
        let lost = error.is_closed()
            || error
                .source()
                .is_some_and(<dyn Error + 'static>::is::<std::io::Error>);
        let reason = crate::reasons(error);
        return if lost {
            StoreError::Unavailable { reason }
        } else {
            StoreError::StatementFailed { statement, reason }
        };
    };
    let violated = |kind| StoreError::ConstraintViolated {
        statement: statement.clone(),
        kind,
        constraint: error
            .constraint()
            .or(error.column())
            .unwrap_or_default()
            .to_owned(),
    };
    let code = error.code().clone();
    match code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            StoreError::Contended { attempts: 1 }
        }
        SqlState::UNIQUE_VIOLATION | SqlState::EXCLUSION_VIOLATION => violated(Constraint::Unique),
        SqlState::FOREIGN_KEY_VIOLATION => violated(Constraint::ForeignKey),
        SqlState::CHECK_VIOLATION => violated(Constraint::Check),
        SqlState::NOT_NULL_VIOLATION => violated(Constraint::NotNull),
        SqlState::INSUFFICIENT_PRIVILEGE | SqlState::READ_ONLY_SQL_TRANSACTION => {
            StoreError::StatementNotAllowed { statement }
        }
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => {
            StoreError::StatementTooSlow { statement }
        }
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Damaged {
            reason: code.code().into(),
        },
        // Classes of SQLSTATE: connection, resources, operator's intervention, system error.
        _ => match &code.code()[..2] {
            "08" | "53" | "57" | "58" => StoreError::Unavailable {
                reason: code.code().into(),
            },
            // The messages of this class name tables and columns; those of others may show values.
            "42" => StoreError::StatementFailed {
                statement,
                reason: error.message().into(),
            },
            _ => StoreError::StatementFailed {
                statement,
                reason: code.code().into(),
            },
        },
    }
}
