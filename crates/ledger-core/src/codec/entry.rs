//! Entries and requests, field by field, in the order of the README's table.

use money::{Commodity, CommodityCode};

use super::DecodeError;
use super::wire::{
    Reader, put_date, put_digest, put_i64, put_i128, put_id, put_option, put_text, put_u16,
    put_u32, put_u64,
};
use crate::account::{AccountKind, AccountState, Freeze, Overdraft, Settings};
use crate::entry::{
    AccountChanged, AccountOpened, CommodityAdded, Entry, EntryBody, Head, Movement, MovementKind,
    TransactionKind,
};
use crate::id::{AccountIndex, CommodityIndex};
use crate::operation::{Action, Amounts, Posting, Transaction};
use crate::text::{AccountPath, Reference, TransactionCode};

pub(super) fn write(entry: &Entry, bytes: &mut Vec<u8>) {
    let tag = match entry.body {
        EntryBody::CommodityAdded(_) => 1,
        EntryBody::AccountOpened(_) => 2,
        EntryBody::AccountChanged(_) => 3,
        EntryBody::Movement(_) => 4,
    };
    bytes.push(tag);
    put_u64(bytes, entry.sequence);
    match &entry.body {
        EntryBody::CommodityAdded(added) => {
            put_u32(bytes, added.index.0);
            bytes.push(added.commodity.exponent());
            put_text(bytes, added.commodity.code().as_str());
        }
        EntryBody::AccountOpened(opened) => {
            put_u32(bytes, opened.index.0);
            put_text(bytes, opened.path.as_str());
            bytes.push(kind_tag(opened.kind));
            put_u32(bytes, opened.commodity.0);
            write_settings(&opened.settings, bytes);
        }
        EntryBody::AccountChanged(changed) => {
            put_u32(bytes, changed.account.0);
            bytes.push(match changed.state {
                AccountState::Open => 1,
                AccountState::Closed => 2,
            });
            write_settings(&changed.settings, bytes);
        }
        EntryBody::Movement(movement) => write_movement(movement, bytes),
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Entry, DecodeError> {
    let tag = reader.u8()?;
    let sequence = reader.u64()?;
    let body = match tag {
        1 => {
            let index = CommodityIndex(reader.u32()?);
            let exponent = reader.u8()?;
            let code = reader.text(CommodityCode::parse)?;
            let commodity =
                Commodity::define(code, exponent).map_err(|_| DecodeError::FieldMustBeCanonical)?;
            EntryBody::CommodityAdded(CommodityAdded { index, commodity })
        }
        2 => EntryBody::AccountOpened(AccountOpened {
            index: AccountIndex(reader.u32()?),
            path: reader.text(AccountPath::parse)?,
            kind: read_kind(reader)?,
            commodity: CommodityIndex(reader.u32()?),
            settings: read_settings(reader)?,
        }),
        3 => {
            let account = AccountIndex(reader.u32()?);
            let state = match reader.u8()? {
                1 => AccountState::Open,
                2 => AccountState::Closed,
                _ => return Err(DecodeError::FieldMustBeCanonical),
            };
            let settings = read_settings(reader)?;
            EntryBody::AccountChanged(AccountChanged {
                account,
                settings,
                state,
            })
        }
        4 => EntryBody::Movement(read_movement(reader)?),
        _ => return Err(DecodeError::FieldMustBeCanonical),
    };
    Ok(Entry { sequence, body })
}

pub(crate) fn kind_tag(kind: AccountKind) -> u8 {
    match kind {
        AccountKind::Asset => 1,
        AccountKind::Expense => 2,
        AccountKind::Liability => 3,
        AccountKind::Equity => 4,
        AccountKind::Revenue => 5,
    }
}

fn read_kind(reader: &mut Reader<'_>) -> Result<AccountKind, DecodeError> {
    Ok(match reader.u8()? {
        1 => AccountKind::Asset,
        2 => AccountKind::Expense,
        3 => AccountKind::Liability,
        4 => AccountKind::Equity,
        5 => AccountKind::Revenue,
        _ => return Err(DecodeError::FieldMustBeCanonical),
    })
}

pub(crate) fn write_settings(settings: &Settings, bytes: &mut Vec<u8>) {
    match settings.overdraft {
        Overdraft::None => bytes.push(1),
        Overdraft::Limit(limit) => {
            bytes.push(2);
            put_i64(bytes, limit);
        }
        Overdraft::Unlimited => bytes.push(3),
    }
    bytes.push(match settings.freeze {
        Freeze::None => 1,
        Freeze::In => 2,
        Freeze::Out => 3,
        Freeze::Both => 4,
    });
    put_option(bytes, settings.metadata_digest.as_deref(), put_digest);
}

fn read_settings(reader: &mut Reader<'_>) -> Result<Settings, DecodeError> {
    let overdraft = match reader.u8()? {
        1 => Overdraft::None,
        2 => Overdraft::Limit(reader.i64()?),
        3 => Overdraft::Unlimited,
        _ => return Err(DecodeError::FieldMustBeCanonical),
    };
    let freeze = match reader.u8()? {
        1 => Freeze::None,
        2 => Freeze::In,
        3 => Freeze::Out,
        4 => Freeze::Both,
        _ => return Err(DecodeError::FieldMustBeCanonical),
    };
    let metadata_digest = reader.option(Reader::digest)?.map(Box::new);
    Ok(Settings {
        overdraft,
        freeze,
        metadata_digest,
    })
}

fn write_movement(movement: &Movement, bytes: &mut Vec<u8>) {
    bytes.push(match movement.kind {
        MovementKind::Post => 1,
        MovementKind::Hold => 2,
        MovementKind::Capture => 3,
        MovementKind::Release => 4,
    });
    put_id(bytes, movement.transaction);
    put_u16(bytes, movement.posting);
    put_u32(bytes, movement.debit.0);
    put_u32(bytes, movement.credit.0);
    put_i64(bytes, movement.amount);
    put_u64(bytes, movement.debit_previous);
    put_u64(bytes, movement.credit_previous);
    put_i128(bytes, movement.debit_balance);
    put_i128(bytes, movement.credit_balance);
    put_option(bytes, movement.head.as_deref(), |bytes, head| {
        write_head(head, bytes)
    });
}

fn read_movement(reader: &mut Reader<'_>) -> Result<Movement, DecodeError> {
    let kind = match reader.u8()? {
        1 => MovementKind::Post,
        2 => MovementKind::Hold,
        3 => MovementKind::Capture,
        4 => MovementKind::Release,
        _ => return Err(DecodeError::FieldMustBeCanonical),
    };
    Ok(Movement {
        kind,
        transaction: reader.id()?,
        posting: reader.u16()?,
        debit: AccountIndex(reader.u32()?),
        credit: AccountIndex(reader.u32()?),
        amount: reader.i64()?,
        debit_previous: reader.u64()?,
        credit_previous: reader.u64()?,
        debit_balance: reader.i128()?,
        credit_balance: reader.i128()?,
        head: reader.option(read_head)?.map(Box::new),
    })
}

fn write_head(head: &Head, bytes: &mut Vec<u8>) {
    put_text(bytes, head.code.as_str());
    put_date(bytes, head.date);
    let reference = head.reference.as_ref();
    put_option(bytes, reference.map(Reference::as_str), put_text);
    match head.kind {
        TransactionKind::Post => bytes.push(1),
        TransactionKind::Hold { expires_at } => {
            bytes.push(2);
            put_option(bytes, expires_at, |bytes, time| {
                put_i64(bytes, time.micros())
            });
        }
        TransactionKind::Capture { parent, is_final } => {
            bytes.push(3);
            put_id(bytes, parent);
            bytes.push(u8::from(is_final));
        }
        TransactionKind::Void { parent } => {
            bytes.push(4);
            put_id(bytes, parent);
        }
        TransactionKind::Expiry { parent } => {
            bytes.push(5);
            put_id(bytes, parent);
        }
        TransactionKind::Refund { parent } => {
            bytes.push(6);
            put_id(bytes, parent);
        }
        TransactionKind::Reversal { parent, restores } => {
            bytes.push(7);
            put_id(bytes, parent);
            put_option(bytes, restores, put_id);
        }
    }
    put_option(bytes, head.metadata_digest.as_ref(), put_digest);
    put_digest(bytes, &head.request_hash);
    put_u16(bytes, head.rows);
}

fn read_head(reader: &mut Reader<'_>) -> Result<Head, DecodeError> {
    Ok(Head {
        code: reader.text(TransactionCode::parse)?,
        date: reader.date()?,
        reference: reader.option(|reader| reader.text(Reference::parse))?,
        kind: read_transaction_kind(reader)?,
        metadata_digest: reader.option(Reader::digest)?,
        request_hash: reader.digest()?,
        rows: reader.u16()?,
    })
}

fn read_transaction_kind(reader: &mut Reader<'_>) -> Result<TransactionKind, DecodeError> {
    Ok(match reader.u8()? {
        1 => TransactionKind::Post,
        2 => TransactionKind::Hold {
            expires_at: reader.option(Reader::timestamp)?,
        },
        3 => TransactionKind::Capture {
            parent: reader.id()?,
            is_final: reader.bool()?,
        },
        4 => TransactionKind::Void {
            parent: reader.id()?,
        },
        5 => TransactionKind::Expiry {
            parent: reader.id()?,
        },
        6 => TransactionKind::Refund {
            parent: reader.id()?,
        },
        7 => TransactionKind::Reversal {
            parent: reader.id()?,
            restores: reader.option(Reader::id)?,
        },
        _ => return Err(DecodeError::FieldMustBeCanonical),
    })
}

pub(super) fn write_request(transaction: &Transaction, bytes: &mut Vec<u8>) {
    put_id(bytes, transaction.id);
    put_text(bytes, transaction.code.as_str());
    put_option(bytes, transaction.date, put_date);
    let reference = transaction.reference.as_ref();
    put_option(bytes, reference.map(Reference::as_str), put_text);
    put_option(bytes, transaction.metadata_digest.as_ref(), put_digest);
    match &transaction.action {
        Action::Post { postings } => {
            bytes.push(1);
            write_postings(postings, bytes);
        }
        Action::Hold {
            postings,
            expires_at,
        } => {
            bytes.push(2);
            put_option(bytes, *expires_at, |bytes, time| {
                put_i64(bytes, time.micros())
            });
            write_postings(postings, bytes);
        }
        Action::Capture {
            parent,
            amounts,
            is_final,
        } => {
            bytes.push(3);
            put_id(bytes, *parent);
            bytes.push(u8::from(*is_final));
            write_amounts(amounts, bytes);
        }
        Action::Void { parent } => {
            bytes.push(4);
            put_id(bytes, *parent);
        }
        Action::Refund { parent, amounts } => {
            bytes.push(6);
            put_id(bytes, *parent);
            write_amounts(amounts, bytes);
        }
        Action::Reverse { parent, amounts } => {
            bytes.push(7);
            put_id(bytes, *parent);
            write_amounts(amounts, bytes);
        }
    }
}

fn write_postings(postings: &[Posting], bytes: &mut Vec<u8>) {
    for posting in postings {
        put_text(bytes, posting.debit.as_str());
        put_text(bytes, posting.credit.as_str());
        put_i64(bytes, posting.amount);
        put_text(bytes, posting.commodity.as_str());
    }
}

fn write_amounts(amounts: &Amounts, bytes: &mut Vec<u8>) {
    match amounts {
        Amounts::All => bytes.push(1),
        Amounts::Each(portions) => {
            bytes.push(2);
            for portion in portions {
                put_u16(bytes, portion.posting);
                put_i64(bytes, portion.amount);
            }
        }
    }
}
