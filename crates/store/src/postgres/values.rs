//! Values on their way to the server and back, in binary form.
//!
//! Promises: what does not fit the type of its place is refused before anything is sent; there is
//! no float.
//! Does not: ask the server about types; those of the house are built in.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::numeric;
use crate::value::Value;

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

/// A value as it came from the server. `numeric` is text: see [`crate::Row`].
pub(super) struct Cell(pub(super) Value);

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
