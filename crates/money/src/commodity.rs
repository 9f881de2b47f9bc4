//! What an amount is an amount *of*: a code and an exponent.
//!
//! A commodity is a currency, a fund unit, a share, a loyalty point: anything counted in whole
//! minor units. ISO 4217 is preloaded, from the `iso_currency` crate's copy of the list.
//!
//! Promises that every [`CommodityCode`] and [`Commodity`] that exists is well formed. Does not
//! know which commodities a book has: that is the ledger's.

use std::fmt;
use std::str::FromStr;

use iso_currency::Currency;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest commodity code, in bytes: the limit of Beancount, whose grammar the codes follow, so
/// that every code is exported as it is.
pub const COMMODITY_CODE_BYTES_MAX: usize = 24;

/// Largest exponent: with 12 decimals an `i64` still holds nine million whole units, and no
/// commodity Florin has met is finer (ISO 4217 stops at 4, fund units at 8).
pub const EXPONENT_MAX: u8 = 12;

/// Largest ISO 4217 numeric code: the standard gives them three digits.
const ISO_NUMERIC_MAX: u16 = 999;

/// The code of a commodity: `EUR`, `ACME.B`, `POINTS-2026`.
///
/// 1 to [`COMMODITY_CODE_BYTES_MAX`] bytes; the first is `A`–`Z`, the last `A`–`Z` or `0`–`9`, and
/// between them may also stand `.`, `_`, `-` and `'`. Codes are compared byte by byte; there is no
/// case folding because there is no lower case. On the wire it is a string. The bytes are held
/// inline, so it is `Copy`.
///
/// ```
/// use money::CommodityCode;
///
/// assert_eq!(CommodityCode::parse("EUR")?.as_str(), "EUR");
/// assert!(CommodityCode::parse("eur").is_err());
/// # Ok::<(), money::CommodityError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommodityCode {
    /// The code, then zero bytes. No code contains a zero byte, so the derived comparison of
    /// the padded bytes is the comparison of the codes.
    padded: [u8; COMMODITY_CODE_BYTES_MAX],
}

impl CommodityCode {
    /// Reads a code.
    ///
    /// # Errors
    ///
    /// [`CommodityError::CodeMustBeWellFormed`] for anything but the grammar above.
    pub fn parse(text: &str) -> Result<Self, CommodityError> {
        let bytes = text.as_bytes();
        let starts_well = bytes.first().is_some_and(u8::is_ascii_uppercase);
        let ends_well = bytes.last().is_some_and(u8::is_ascii_alphanumeric);
        let fits = bytes.len() <= COMMODITY_CODE_BYTES_MAX && bytes.iter().all(may_occur);
        if !(starts_well && ends_well && fits) {
            return Err(CommodityError::CodeMustBeWellFormed);
        }
        let mut padded = [0; COMMODITY_CODE_BYTES_MAX];
        padded[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { padded })
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.padded.iter().position(|&byte| byte == 0);
        let bytes = &self.padded[..length.unwrap_or(COMMODITY_CODE_BYTES_MAX)];
        std::str::from_utf8(bytes).expect("only ASCII passes `parse`")
    }
}

/// Whether a byte may stand in a code at all.
fn may_occur(byte: &u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'\'')
}

impl fmt::Display for CommodityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CommodityCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CommodityCode {
    type Err = CommodityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for CommodityCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CommodityCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A commodity: its code, and how many decimals its amounts have.
///
/// The exponent is part of the identity: EUR counted in cents and EUR counted in hundredths of a
/// cent are different commodities, and amounts of them do not mix.
///
/// ```
/// use money::{Commodity, CommodityCode};
///
/// assert_eq!(Commodity::iso("KWD").map(|dinar| dinar.exponent()), Some(3));
/// let unit = Commodity::define(CommodityCode::parse("FUND-A")?, 6)?;
/// assert_eq!(unit.code().as_str(), "FUND-A");
/// # Ok::<(), money::CommodityError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commodity {
    code: CommodityCode,
    exponent: u8,
}

impl Commodity {
    /// A commodity of one's own: fund units, points, or a currency counted more finely.
    ///
    /// # Errors
    ///
    /// [`CommodityError::ExponentMustBeAtMost12`].
    pub fn define(code: CommodityCode, exponent: u8) -> Result<Self, CommodityError> {
        if exponent > EXPONENT_MAX {
            return Err(CommodityError::ExponentMustBeAtMost12);
        }
        Ok(Self { code, exponent })
    }

    /// The ISO 4217 currency with this three-letter code in upper case.
    ///
    /// `None` for a code that is not in the list, and for the entries to which the standard gives
    /// no minor unit (`XAU`, `XDR`, `XXX`, …): how finely to count gold is the user's decision, to
    /// be made with [`Commodity::define`]. Currencies that were withdrawn recently (`HRK`, `BGN`,
    /// …) are there, because a journal outlives its currencies.
    #[must_use]
    pub fn iso(code: &str) -> Option<Self> {
        Currency::from_code(code).and_then(from_currency)
    }

    /// Every commodity that [`Commodity::iso`] knows, in the order of their codes.
    #[must_use]
    pub fn iso_all() -> Vec<Self> {
        let mut all: Vec<_> = (0..=ISO_NUMERIC_MAX)
            .filter_map(Currency::from_numeric)
            .filter_map(from_currency)
            .collect();
        all.sort_unstable();
        all
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> CommodityCode {
        self.code
    }

    /// How many decimals an amount has, 0 to [`EXPONENT_MAX`]: one unit is 10^exponent minor
    /// units.
    #[must_use]
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }
}

/// The commodity of a currency, if the standard gives it a minor unit.
fn from_currency(currency: Currency) -> Option<Commodity> {
    let exponent = u8::try_from(currency.exponent()?).ok()?;
    let code = CommodityCode::parse(currency.code()).ok()?;
    Commodity::define(code, exponent).ok()
}

/// Why a commodity was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommodityError {
    /// The code does not follow the grammar of [`CommodityCode`].
    #[error(
        "commodity code must be 1 to 24 capital letters and digits, beginning with a letter, \
         with '.', '_', '-' or an apostrophe only inside"
    )]
    CodeMustBeWellFormed,
    /// The exponent is above [`EXPONENT_MAX`].
    #[error("commodity exponent must be at most 12")]
    ExponentMustBeAtMost12,
}
