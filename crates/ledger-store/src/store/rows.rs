//! Journal entries as table rows, and back.
//!
//! Promises: reading is strict. A row is read only if it is exactly what writing makes of an entry,
//! so that no column can differ without being noticed: what is not in the entry is not accepted in
//! the row. Whether the entries make sense together is for the replay to say.

use kit::time::{Date, Timestamp};
use ledger_core::{
    AccountChanged, AccountIndex, AccountKind, AccountOpened, AccountPath, AccountState,
    BatchHeader, CommodityAdded, CommodityIndex, Digest, Freeze, Head, Movement, MovementKind,
    Overdraft, Reference, Settings, TransactionCode, TransactionId, TransactionKind,
};
use money::{Commodity, CommodityCode};
use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};

/// A row that no entry is written as; the text names the column.
#[derive(Debug)]
pub(super) enum RowError {
    /// A column that holds what is never written.
    Column(&'static str),
    /// SQLite could not give the row.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for RowError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// The columns of a row, taken one after the other.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    /// The columns of a row, from the first on.
    pub(super) fn new(row: &'a Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    fn take(&mut self) -> Result<ValueRef<'a>, RowError> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// A whole number in the range of `T`.
    pub(super) fn int<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, RowError> {
        self.opt_int(column)?.ok_or(RowError::Column(column))
    }

    fn opt_int<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<Option<T>, RowError> {
        match self.take()? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(value) => T::try_from(value)
                .map(Some)
                .map_err(|_| RowError::Column(column)),
            _ => Err(RowError::Column(column)),
        }
    }

    /// Text.
    pub(super) fn text(&mut self, column: &'static str) -> Result<&'a str, RowError> {
        self.opt_text(column)?.ok_or(RowError::Column(column))
    }

    /// Text or nothing.
    pub(super) fn opt_text(&mut self, column: &'static str) -> Result<Option<&'a str>, RowError> {
        match self.take()? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes)
                .map(Some)
                .map_err(|_| RowError::Column(column)),
            _ => Err(RowError::Column(column)),
        }
    }

    fn opt_bytes<const N: usize>(
        &mut self,
        column: &'static str,
    ) -> Result<Option<[u8; N]>, RowError> {
        match self.take()? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(bytes) => bytes
                .try_into()
                .map(Some)
                .map_err(|_| RowError::Column(column)),
            _ => Err(RowError::Column(column)),
        }
    }

    /// A digest.
    pub(super) fn digest(&mut self, column: &'static str) -> Result<Digest, RowError> {
        self.opt_digest(column)?.ok_or(RowError::Column(column))
    }

    fn opt_digest(&mut self, column: &'static str) -> Result<Option<Digest>, RowError> {
        Ok(self.opt_bytes::<32>(column)?.map(Digest))
    }

    /// The id of a transaction.
    pub(super) fn id(&mut self, column: &'static str) -> Result<TransactionId, RowError> {
        self.opt_id(column)?.ok_or(RowError::Column(column))
    }

    fn opt_id(&mut self, column: &'static str) -> Result<Option<TransactionId>, RowError> {
        let Some(bytes) = self.opt_bytes::<16>(column)? else {
            return Ok(None);
        };
        let id = TransactionId::from_u128(u128::from_be_bytes(bytes));
        id.map(Some).ok_or(RowError::Column(column))
    }

    /// An instant.
    pub(super) fn timestamp(&mut self, column: &'static str) -> Result<Timestamp, RowError> {
        let micros = self.int(column)?;
        Timestamp::checked_from_micros(micros).ok_or(RowError::Column(column))
    }

    fn opt_timestamp(&mut self, column: &'static str) -> Result<Option<Timestamp>, RowError> {
        let Some(micros) = self.opt_int(column)? else {
            return Ok(None);
        };
        Timestamp::checked_from_micros(micros)
            .map(Some)
            .ok_or(RowError::Column(column))
    }

    fn wide(&mut self, column: &'static str) -> Result<i128, RowError> {
        match self.take()? {
            ValueRef::Integer(value) => Ok(value.into()),
            ValueRef::Blob(bytes) => {
                let bytes = bytes.try_into().map_err(|_| RowError::Column(column))?;
                let value = i128::from_be_bytes(bytes);
                // What fits an integer is never written as bytes.
                if i64::try_from(value).is_ok() {
                    return Err(RowError::Column(column));
                }
                Ok(value)
            }
            _ => Err(RowError::Column(column)),
        }
    }
}

/// A whole number as SQLite keeps it.
///
/// # Panics
///
/// Above `i64::MAX`, which no sequence and no count comes to.
pub(super) fn sql_int(value: u64) -> i64 {
    i64::try_from(value).expect("a book never comes to 2^63 entries")
}

/// A sum: an integer where it fits, 16 bytes where it does not.
pub(super) fn sql_wide(value: i128) -> ToSqlOutput<'static> {
    match i64::try_from(value) {
        Ok(small) => ToSqlOutput::Owned(Value::Integer(small)),
        Err(_) => ToSqlOutput::Owned(Value::Blob(value.to_be_bytes().to_vec())),
    }
}

/// An overdraft: `none`, `unlimited` or the limit in minor units.
pub(super) fn sql_overdraft(overdraft: Overdraft) -> String {
    match overdraft {
        Overdraft::None => "none".to_owned(),
        Overdraft::Unlimited => "unlimited".to_owned(),
        Overdraft::Limit(limit) => limit.to_string(),
    }
}

/// The word for a freeze.
pub(super) const fn sql_freeze(freeze: Freeze) -> &'static str {
    match freeze {
        Freeze::None => "none",
        Freeze::In => "in",
        Freeze::Out => "out",
        Freeze::Both => "both",
    }
}

/// The word for a state.
pub(super) const fn sql_state(state: AccountState) -> &'static str {
    match state {
        AccountState::Open => "open",
        AccountState::Closed => "closed",
    }
}

/// The word for a kind of account.
pub(super) const fn sql_kind(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Asset => "asset",
        AccountKind::Expense => "expense",
        AccountKind::Liability => "liability",
        AccountKind::Equity => "equity",
        AccountKind::Revenue => "revenue",
    }
}

/// The word for what a row does.
pub(super) const fn sql_movement(kind: MovementKind) -> &'static str {
    match kind {
        MovementKind::Post => "post",
        MovementKind::Hold => "hold",
        MovementKind::Capture => "capture",
        MovementKind::Release => "release",
    }
}

/// The word for what a transaction does.
pub(super) const fn sql_action(kind: &TransactionKind) -> &'static str {
    match kind {
        TransactionKind::Post => "post",
        TransactionKind::Hold { .. } => "hold",
        TransactionKind::Capture { .. } => "capture",
        TransactionKind::Void { .. } => "void",
        TransactionKind::Expiry { .. } => "expiry",
        TransactionKind::Refund { .. } => "refund",
        TransactionKind::Reversal { .. } => "reversal",
    }
}

fn settings(columns: &mut Columns<'_>) -> Result<(Overdraft, Freeze), RowError> {
    let overdraft = match columns.text("overdraft")? {
        "none" => Overdraft::None,
        "unlimited" => Overdraft::Unlimited,
        digits => {
            let limit: i64 = digits.parse().map_err(|_| RowError::Column("overdraft"))?;
            // One number, one spelling: "+5" and "007" are not what was written.
            if limit.to_string() != digits {
                return Err(RowError::Column("overdraft"));
            }
            Overdraft::Limit(limit)
        }
    };
    let freeze = match columns.text("freeze")? {
        "none" => Freeze::None,
        "in" => Freeze::In,
        "out" => Freeze::Out,
        "both" => Freeze::Both,
        _ => return Err(RowError::Column("freeze")),
    };
    Ok((overdraft, freeze))
}

/// A row of `ledger_batches`: the header, and the hash the row states for it.
pub(super) fn header(columns: &mut Columns<'_>) -> Result<(BatchHeader, Digest), RowError> {
    let first_sequence = columns.int("first_sequence")?;
    let last_sequence = columns.int("last_sequence")?;
    let booked_at = columns.timestamp("booked_at")?;
    let header = BatchHeader {
        format: columns.int("format")?,
        epoch: columns.int("epoch")?,
        first_sequence,
        last_sequence,
        booked_at,
        merkle_root: columns.digest("merkle_root")?,
        previous_hash: columns.digest("previous_hash")?,
    };
    Ok((header, columns.digest("header_hash")?))
}

/// A row of `ledger_commodities`, without its sequence.
pub(super) fn commodity(columns: &mut Columns<'_>) -> Result<CommodityAdded, RowError> {
    let index = CommodityIndex(columns.int("number")?);
    let code = CommodityCode::parse(columns.text("code")?).map_err(|_| RowError::Column("code"))?;
    let exponent = columns.int("exponent")?;
    let commodity = Commodity::define(code, exponent).map_err(|_| RowError::Column("exponent"))?;
    Ok(CommodityAdded { index, commodity })
}

/// A row of `ledger_accounts`, without its sequence.
pub(super) fn account(columns: &mut Columns<'_>) -> Result<AccountOpened, RowError> {
    let index = AccountIndex(columns.int("number")?);
    let path = AccountPath::parse(columns.text("path")?).map_err(|_| RowError::Column("path"))?;
    let kind = match columns.text("kind")? {
        "asset" => AccountKind::Asset,
        "expense" => AccountKind::Expense,
        "liability" => AccountKind::Liability,
        "equity" => AccountKind::Equity,
        "revenue" => AccountKind::Revenue,
        _ => return Err(RowError::Column("kind")),
    };
    let commodity = CommodityIndex(columns.int("commodity")?);
    let (overdraft, freeze) = settings(columns)?;
    let metadata_digest = columns.opt_digest("metadata_digest")?.map(Box::new);
    let settings = Settings {
        overdraft,
        freeze,
        metadata_digest,
    };
    Ok(AccountOpened {
        index,
        path,
        kind,
        commodity,
        settings,
    })
}

/// A row of `ledger_account_changes`, without its sequence.
pub(super) fn account_change(columns: &mut Columns<'_>) -> Result<AccountChanged, RowError> {
    let account = AccountIndex(columns.int("account")?);
    let (overdraft, freeze) = settings(columns)?;
    let state = match columns.text("state")? {
        "open" => AccountState::Open,
        "closed" => AccountState::Closed,
        _ => return Err(RowError::Column("state")),
    };
    let metadata_digest = columns.opt_digest("metadata_digest")?.map(Box::new);
    Ok(AccountChanged {
        account,
        settings: Settings {
            overdraft,
            freeze,
            metadata_digest,
        },
        state,
    })
}

/// A row of `ledger_entries`, without its sequence.
pub(super) fn movement(columns: &mut Columns<'_>) -> Result<Movement, RowError> {
    let kind = match columns.text("kind")? {
        "post" => MovementKind::Post,
        "hold" => MovementKind::Hold,
        "capture" => MovementKind::Capture,
        "release" => MovementKind::Release,
        _ => return Err(RowError::Column("kind")),
    };
    Ok(Movement {
        kind,
        transaction: columns.id("transaction_id")?,
        posting: columns.int("posting")?,
        debit: AccountIndex(columns.int("debit")?),
        credit: AccountIndex(columns.int("credit")?),
        amount: columns.int("amount")?,
        debit_previous: columns.int("debit_previous")?,
        credit_previous: columns.int("credit_previous")?,
        debit_balance: columns.wide("debit_balance")?,
        credit_balance: columns.wide("credit_balance")?,
        head: head(columns)?.map(Box::new),
    })
}

fn head(columns: &mut Columns<'_>) -> Result<Option<Head>, RowError> {
    let action = columns.opt_text("action")?;
    let code = columns.opt_text("code")?;
    let date = columns.opt_text("date")?;
    let rows: Option<u16> = columns.opt_int("row_count")?;
    let request_hash = columns.opt_digest("request_hash")?;
    let reference = columns.opt_text("reference")?;
    let metadata_digest = columns.opt_digest("metadata_digest")?;
    let kind = transaction_kind(action, columns)?;
    let (Some(kind), Some(code), Some(date), Some(rows), Some(request_hash)) =
        (kind, code, date, rows, request_hash)
    else {
        let nothing = action.or(code).or(date).or(reference).is_none()
            && rows.is_none()
            && request_hash.or(metadata_digest).is_none();
        return if nothing {
            Ok(None)
        } else {
            Err(RowError::Column("action"))
        };
    };
    Ok(Some(Head {
        code: TransactionCode::parse(code).map_err(|_| RowError::Column("code"))?,
        date: parse_date(date)?,
        reference: reference
            .map(Reference::parse)
            .transpose()
            .map_err(|_| RowError::Column("reference"))?,
        kind,
        metadata_digest,
        request_hash,
        rows,
    }))
}

/// One date, one spelling: what the library prints.
fn parse_date(text: &str) -> Result<Date, RowError> {
    let date: Date = text.parse().map_err(|_| RowError::Column("date"))?;
    if date.to_string() != text {
        return Err(RowError::Column("date"));
    }
    Ok(date)
}

fn transaction_kind(
    action: Option<&str>,
    columns: &mut Columns<'_>,
) -> Result<Option<TransactionKind>, RowError> {
    let parent = columns.opt_id("parent")?;
    let restores = columns.opt_id("restores")?;
    let is_final: Option<u8> = columns.opt_int("is_final")?;
    let expires_at = columns.opt_timestamp("expires_at")?;
    let kind = match (action, parent, restores, is_final, expires_at) {
        (None, None, None, None, None) => return Ok(None),
        (Some("post"), None, None, None, None) => TransactionKind::Post,
        (Some("hold"), None, None, None, expires_at) => TransactionKind::Hold { expires_at },
        (Some("capture"), Some(parent), None, Some(is_final @ (0 | 1)), None) => {
            TransactionKind::Capture {
                parent,
                is_final: is_final == 1,
            }
        }
        (Some("void"), Some(parent), None, None, None) => TransactionKind::Void { parent },
        (Some("expiry"), Some(parent), None, None, None) => TransactionKind::Expiry { parent },
        (Some("refund"), Some(parent), None, None, None) => TransactionKind::Refund { parent },
        (Some("reversal"), Some(parent), restores, None, None) => {
            TransactionKind::Reversal { parent, restores }
        }
        _ => return Err(RowError::Column("action")),
    };
    Ok(Some(kind))
}
