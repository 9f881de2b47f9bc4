//! The canonical binary encoding of entries and batch headers, format 1.
//!
//! What is hashed is these bytes, whatever the store. `decode` accepts exactly what `encode`
//! makes: bytes that decode encode back to themselves. The table of the format is in the crate's
//! README; a recorded journal in `tests/fixtures` must open for ever.
//!
//! Integers are big-endian, as in a UUID; text and options carry their length or a 0/1 before
//! them. A new format gets a new first byte, and this one stays readable.

mod entry;
mod wire;

use crate::entry::Entry;
use crate::operation::Transaction;
use wire::Reader;

/// The format this crate writes.
pub const FORMAT: u8 = 1;

/// Why bytes are not an entry or a header in canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first byte is another format's.
    #[error("format must be known")]
    FormatMustBeKnown,
    /// The bytes end too early or too late.
    #[error("length must match the content")]
    LengthMustMatch,
    /// A field holds what no encoder writes.
    #[error("field must be canonical")]
    FieldMustBeCanonical,
}

/// The canonical bytes of an entry: 94 for a row without head, 453 at most.
#[must_use]
pub fn encode(entry: &Entry) -> Vec<u8> {
    // A movement without head has 94 bytes, one with a typical head some 150.
    let mut bytes = Vec::with_capacity(256);
    encode_into(entry, &mut bytes);
    bytes
}

/// Appends the canonical bytes of an entry.
pub fn encode_into(entry: &Entry, bytes: &mut Vec<u8>) {
    bytes.push(FORMAT);
    entry::write(entry, bytes);
}

/// Reads the canonical bytes of an entry.
///
/// # Errors
///
/// [`DecodeError`] for everything that [`encode`] does not write. Whether the entry makes sense in
/// a book is what [`crate::Book::replay`] says.
pub fn decode(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? != FORMAT {
        return Err(DecodeError::FormatMustBeKnown);
    }
    let entry = entry::read(&mut reader)?;
    reader.finish()?;
    Ok(entry)
}

/// Appends a normalised request, to be hashed. Nothing reads it back.
pub(crate) fn encode_request(transaction: &Transaction, bytes: &mut Vec<u8>) {
    bytes.push(FORMAT);
    entry::write_request(transaction, bytes);
}

pub(crate) use entry::{kind_tag, write_settings};
pub(crate) use wire::{
    Reader as FieldReader, put_digest, put_i64, put_i128, put_id, put_option, put_text, put_u32,
    put_u64,
};
