//! An amount: minor units and the commodity they are units of.
//!
//! Promises that amounts of different commodities never mix and that nothing wraps. Signs have no
//! meaning here: whether a negative amount makes sense is for the caller to say.

use std::fmt;

use rust_decimal::Decimal;

use crate::commodity::Commodity;
use crate::decimal_text::{format_minor, parse_minor};
use crate::rounding::{Rounding, minor_to_decimal, round_to_minor};

/// So many minor units of a commodity. `Copy`, and compared field by field; there is no order,
/// because euros are neither more nor less than yen.
///
/// The range is that of `i64`: with two decimals, ±92 quadrillion (92,233,720,368,547,758.07).
/// Sums over many amounts are `i128`, see [`crate::format_wide`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount {
    /// How many minor units.
    pub minor: i64,
    /// Of what.
    pub commodity: Commodity,
}

impl Amount {
    /// An amount of `minor` units of a commodity.
    #[must_use]
    pub const fn new(minor: i64, commodity: Commodity) -> Self {
        Self { minor, commodity }
    }

    /// No units of a commodity.
    #[must_use]
    pub const fn zero(commodity: Commodity) -> Self {
        Self::new(0, commodity)
    }

    /// Reads decimal text, as [`parse_minor`] does with the commodity's exponent.
    ///
    /// # Errors
    ///
    /// Those of [`parse_minor`].
    pub fn parse(text: &str, commodity: Commodity) -> Result<Self, AmountError> {
        Ok(Self::new(
            parse_minor(text, commodity.exponent())?,
            commodity,
        ))
    }

    /// Rounds a decimal number of whole units, as [`round_to_minor`] does.
    ///
    /// # Errors
    ///
    /// [`AmountError::MustFitRange`].
    pub fn round(
        value: Decimal,
        commodity: Commodity,
        rounding: Rounding,
    ) -> Result<Self, AmountError> {
        Ok(Self::new(
            round_to_minor(value, commodity.exponent(), rounding)?,
            commodity,
        ))
    }

    /// The number with exactly the commodity's decimals and without its code: `12.50`.
    #[must_use]
    pub fn to_text(&self) -> String {
        format_minor(self.minor, self.commodity.exponent())
    }

    /// The number as a [`Decimal`] of whole units, exactly.
    #[must_use]
    pub fn to_decimal(&self) -> Decimal {
        minor_to_decimal(self.minor, self.commodity.exponent())
    }

    /// `self + other`.
    ///
    /// # Errors
    ///
    /// [`AmountError::CommoditiesMustMatch`], [`AmountError::MustFitRange`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.combine(other, i64::checked_add)
    }

    /// `self - other`.
    ///
    /// # Errors
    ///
    /// [`AmountError::CommoditiesMustMatch`], [`AmountError::MustFitRange`].
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.combine(other, i64::checked_sub)
    }

    /// `-self`.
    ///
    /// # Errors
    ///
    /// [`AmountError::MustFitRange`], for `i64::MIN` alone.
    pub fn checked_neg(self) -> Result<Self, AmountError> {
        let minor = self.minor.checked_neg().ok_or(AmountError::MustFitRange)?;
        Ok(Self::new(minor, self.commodity))
    }

    fn combine(
        self,
        other: Self,
        operation: fn(i64, i64) -> Option<i64>,
    ) -> Result<Self, AmountError> {
        if self.commodity != other.commodity {
            return Err(AmountError::CommoditiesMustMatch);
        }
        let minor = operation(self.minor, other.minor).ok_or(AmountError::MustFitRange)?;
        Ok(Self::new(minor, self.commodity))
    }
}

/// The number with exactly the commodity's decimals, a space, and the code: `12.50 EUR`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_text(), self.commodity.code())
    }
}

/// Why an amount was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// The text is malformed: it does not follow the grammar of [`parse_minor`].
    #[error("amount must be a plain decimal number, such as 12.50")]
    MustBeDecimal,
    /// The text is too precise: it has more decimals than the commodity, be they zeros.
    #[error("amount must have at most {exponent} decimals")]
    MustFitExponent {
        /// How many decimals the commodity has.
        exponent: u8,
    },
    /// Overflow: the minor units do not fit an `i64`.
    #[error("amount must fit 64 bits of minor units")]
    MustFitRange,
    /// Two amounts that were to be combined, or an amount and what was expected, differ in
    /// commodity (in code or in exponent).
    #[error("amounts must be of the same commodity")]
    CommoditiesMustMatch,
}
