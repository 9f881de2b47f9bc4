//! The texts a journal holds: account paths, transaction codes and references.
//!
//! Promises that whatever exists of these types is well formed, prints without surprises, and
//! reads back to itself. Does not fold case and does not normalise Unicode: two spellings are two
//! names. The grammars are part of the journal's format: they may grow wider, never narrower, or
//! old journals would not open.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use kit::codes::{self, Code};

use crate::limits::{ACCOUNT_PATH_BYTES_MAX, REFERENCE_BYTES_MAX, TRANSACTION_CODE_BYTES_MAX};

/// The name of an account: `customers/cus_01j…/wallets/EUR`.
///
/// 1 to [`ACCOUNT_PATH_BYTES_MAX`] bytes of UTF-8: segments with `/` between them. A segment is not
/// empty, is neither `.` nor `..` (HTTP clients resolve those away), holds printable characters,
/// and has no space at its ends. Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountPath(Arc<str>);

impl AccountPath {
    /// Reads a path.
    ///
    /// # Errors
    ///
    /// [`TextError::AccountPathMustBeWellFormed`].
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let well_formed = text.len() <= ACCOUNT_PATH_BYTES_MAX
            && text.split('/').all(|segment| {
                is_trimmed(segment)
                    && segment.chars().all(is_printable)
                    && segment != "."
                    && segment != ".."
            });
        if !well_formed {
            return Err(TextError::AccountPathMustBeWellFormed);
        }
        Ok(Self(text.into()))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for AccountPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AccountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of business a transaction is: `card.payment`, `fee`, `wallet-top-up`.
///
/// 1 to [`TRANSACTION_CODE_BYTES_MAX`] bytes of `a`–`z`, `0`–`9`, `.`, `_` and `-`. Held inline, so
/// it is `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionCode {
    /// The code, then zero bytes, which no code contains.
    padded: [u8; TRANSACTION_CODE_BYTES_MAX],
}

impl TransactionCode {
    /// Reads a code.
    ///
    /// # Errors
    ///
    /// [`TextError::TransactionCodeMustBeWellFormed`].
    pub const fn parse(text: &str) -> Result<Self, TextError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > TRANSACTION_CODE_BYTES_MAX {
            return Err(TextError::TransactionCodeMustBeWellFormed);
        }
        let mut padded = [0; TRANSACTION_CODE_BYTES_MAX];
        let mut at = 0;
        while at < bytes.len() {
            if !matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-') {
                return Err(TextError::TransactionCodeMustBeWellFormed);
            }
            padded[at] = bytes[at];
            at += 1;
        }
        Ok(Self { padded })
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.padded.iter().position(|&byte| byte == 0);
        let bytes = &self.padded[..length.unwrap_or(TRANSACTION_CODE_BYTES_MAX)];
        std::str::from_utf8(bytes).expect("only ASCII passes `parse`")
    }
}

impl fmt::Display for TransactionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for TransactionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the outside calls a transaction: an invoice number, an end-to-end id. Not unique.
///
/// 1 to [`REFERENCE_BYTES_MAX`] bytes of printable characters without a space at either end.
/// Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(Arc<str>);

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    ///
    /// [`TextError::ReferenceMustBeWellFormed`].
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let printable = text.chars().all(is_printable);
        if text.len() > REFERENCE_BYTES_MAX || !is_trimmed(text) || !printable {
            return Err(TextError::ReferenceMustBeWellFormed);
        }
        Ok(Self(text.into()))
    }

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether text is there and has no space at either end.
fn is_trimmed(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(' ') && !text.ends_with(' ')
}

/// Whether a reader sees the character: no control, no white space but the plain space, and none
/// of Unicode's invisible ones, with which two names could look the same.
fn is_printable(character: char) -> bool {
    let plain = character == ' ' || !(character.is_control() || character.is_whitespace());
    plain && !is_ignorable(character)
}

/// Default_Ignorable_Code_Point of Unicode 16.0 (DerivedCoreProperties.txt), and the interlinear
/// annotation marks, which are invisible too.
fn is_ignorable(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Why a text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Not in the grammar of [`crate::TransactionId`].
    #[error("transaction id must be a txn_ id or a hyphenated UUID, and not zero")]
    TransactionIdMustBeWellFormed,
    /// Not in the grammar of [`AccountPath`].
    #[error(
        "account path must be 1 to 128 bytes of printable segments with '/' between them, none of \
         them empty, '.', '..' or with a space at its ends"
    )]
    AccountPathMustBeWellFormed,
    /// Not in the grammar of [`TransactionCode`].
    #[error("transaction code must be 1 to 32 characters of a-z, 0-9, '.', '_' and '-'")]
    TransactionCodeMustBeWellFormed,
    /// Not in the grammar of [`Reference`].
    #[error("reference must be 1 to 128 bytes of printable text without a space at its ends")]
    ReferenceMustBeWellFormed,
}

impl TextError {
    /// The platform's code for it.
    #[must_use]
    pub const fn code(self) -> &'static Code {
        match self {
            Self::TransactionIdMustBeWellFormed => {
                &codes::ledger::TRANSACTION_ID_MUST_BE_WELL_FORMED
            }
            Self::AccountPathMustBeWellFormed => &codes::ledger::ACCOUNT_PATH_MUST_BE_WELL_FORMED,
            Self::TransactionCodeMustBeWellFormed => {
                &codes::ledger::TRANSACTION_CODE_MUST_BE_WELL_FORMED
            }
            Self::ReferenceMustBeWellFormed => &codes::ledger::REFERENCE_MUST_BE_WELL_FORMED,
        }
    }
}
