//! The fields that entries, headers and requests are made of.

use kit::time::{Date, Timestamp};

use super::DecodeError;
use crate::hash::Digest;
use crate::id::TransactionId;

pub(crate) fn put_u16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_u32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_u64(bytes: &mut Vec<u8>, value: u64) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_i64(bytes: &mut Vec<u8>, value: i64) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_i128(bytes: &mut Vec<u8>, value: i128) {
    bytes.extend_from_slice(&value.to_be_bytes());
}

pub(crate) fn put_id(bytes: &mut Vec<u8>, id: TransactionId) {
    bytes.extend_from_slice(&id.bits().to_be_bytes());
}

pub(crate) fn put_digest(bytes: &mut Vec<u8>, digest: &Digest) {
    bytes.extend_from_slice(&digest.0);
}

/// Text of at most 255 bytes, which every text of a journal is by its type.
pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).expect("texts of a journal are at most 128 bytes");
    bytes.push(length);
    bytes.extend_from_slice(text.as_bytes());
}

/// Year (signed), month, day.
pub(crate) fn put_date(bytes: &mut Vec<u8>, date: Date) {
    bytes.extend_from_slice(&date.year().to_be_bytes());
    bytes.extend_from_slice(&date.month().to_be_bytes());
    bytes.extend_from_slice(&date.day().to_be_bytes());
}

/// 0, or 1 and the value.
pub(crate) fn put_option<T>(
    bytes: &mut Vec<u8>,
    value: Option<T>,
    put: impl FnOnce(&mut Vec<u8>, T),
) {
    bytes.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(bytes, value);
    }
}

/// Reads fields one after the other; total over all bytes.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// All bytes must have been read.
    pub(crate) const fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::LengthMustMatch)
        }
    }

    pub(crate) fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], DecodeError> {
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::LengthMustMatch)?;
        self.rest = rest;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, DecodeError> {
        self.array().map(i64::from_be_bytes)
    }

    pub(crate) fn i128(&mut self) -> Result<i128, DecodeError> {
        self.array().map(i128::from_be_bytes)
    }

    pub(crate) fn digest(&mut self) -> Result<Digest, DecodeError> {
        self.array().map(Digest)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::FieldMustBeCanonical),
        }
    }

    pub(crate) fn id(&mut self) -> Result<TransactionId, DecodeError> {
        let bits = self.array().map(u128::from_be_bytes)?;
        TransactionId::from_u128(bits).ok_or(DecodeError::FieldMustBeCanonical)
    }

    pub(crate) fn timestamp(&mut self) -> Result<Timestamp, DecodeError> {
        Timestamp::checked_from_micros(self.i64()?).ok_or(DecodeError::FieldMustBeCanonical)
    }

    pub(crate) fn date(&mut self) -> Result<Date, DecodeError> {
        let year = self.array().map(i16::from_be_bytes)?;
        let month = self.array().map(i8::from_be_bytes)?;
        let day = self.array().map(i8::from_be_bytes)?;
        Date::new(year, month, day).map_err(|_| DecodeError::FieldMustBeCanonical)
    }

    /// Text, and what it stands for.
    pub(crate) fn text<T, E>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, DecodeError> {
        let length = usize::from(self.u8()?);
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(DecodeError::LengthMustMatch)?;
        self.rest = rest;
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::FieldMustBeCanonical)?;
        parse(text).map_err(|_| DecodeError::FieldMustBeCanonical)
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.bool()? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }
}
