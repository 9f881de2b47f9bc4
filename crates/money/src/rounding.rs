//! From decimals to money: the one place where something is rounded.
//!
//! Promises that each value is rounded once, by the rule the caller names, in integers. The rules
//! are those of IEEE 754-2019, section 4.3, and of General Decimal Arithmetic, under their usual
//! names.
//!
//! Does not guard the arithmetic *before* the rounding: a [`Decimal`] holds 28 significant digits,
//! and its `*` and `/` round half-even beyond them, silently. Multiply an amount (up to 19 digits)
//! by a rate of up to 9 digits and the product is exact.

use rust_decimal::Decimal;

use crate::amount::AmountError;

/// How a value between two neighbouring minor units is rounded.
///
/// | value | `HalfEven` | `HalfUp` | `Down` | `Up` | `Floor` | `Ceiling` |
/// | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
/// | 2.5 | 2 | 3 | 2 | 3 | 2 | 3 |
/// | 1.5 | 2 | 2 | 1 | 2 | 1 | 2 |
/// | 1.1 | 1 | 1 | 1 | 2 | 1 | 2 |
/// | −1.1 | −1 | −1 | −1 | −2 | −2 | −1 |
/// | −1.5 | −2 | −2 | −1 | −2 | −2 | −1 |
/// | −2.5 | −2 | −3 | −2 | −3 | −3 | −2 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To the nearest; halves to the even neighbour, so that errors do not add up. The house
    /// rule wherever no law or contract says otherwise.
    HalfEven,
    /// To the nearest; halves away from zero. What tax tables mostly ask for.
    HalfUp,
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
    /// Towards minus infinity.
    Floor,
    /// Towards plus infinity.
    Ceiling,
}

/// Rounds a decimal number of whole units to minor units: `0.125` with exponent 2 is 12 or 13.
///
/// A value that is a whole number of minor units already is not changed by any rule.
///
/// # Errors
///
/// [`AmountError::MustFitRange`] if the rounded minor units do not fit an `i64`.
pub fn round_to_minor(
    value: Decimal,
    exponent: u8,
    rounding: Rounding,
) -> Result<i64, AmountError> {
    let scale = value.scale();
    let exponent = u32::from(exponent);
    let minor = if exponent >= scale {
        shift(value.mantissa(), exponent - scale).ok_or(AmountError::MustFitRange)?
    } else {
        // A scale is at most 28, so the power is below 10^28.
        divide(value.mantissa(), 10_i128.pow(scale - exponent), rounding)
    };
    i64::try_from(minor).map_err(|_| AmountError::MustFitRange)
}

/// `mantissa × 10^places`, `None` if it does not fit.
fn shift(mantissa: i128, places: u32) -> Option<i128> {
    // Zero first: a power that does not fit must not refuse a value that does.
    if mantissa == 0 {
        return Some(0);
    }
    10_i128
        .checked_pow(places)
        .and_then(|power| mantissa.checked_mul(power))
}

/// `numerator ÷ denominator`, rounded. The denominator is positive and at most `i128::MAX / 2`,
/// so that twice a remainder fits.
fn divide(numerator: i128, denominator: i128, rounding: Rounding) -> i128 {
    let quotient = numerator / denominator;
    let remainder = numerator % denominator;
    if remainder == 0 {
        return quotient;
    }
    let to_half = (2 * remainder.abs()).cmp(&denominator);
    let is_odd = quotient % 2 != 0;
    let away_from_zero = match rounding {
        Rounding::HalfEven => to_half.is_gt() || (to_half.is_eq() && is_odd),
        Rounding::HalfUp => to_half.is_ge(),
        Rounding::Down => false,
        Rounding::Up => true,
        Rounding::Floor => numerator < 0,
        Rounding::Ceiling => numerator > 0,
    };
    if away_from_zero {
        quotient + numerator.signum()
    } else {
        quotient
    }
}

/// Minor units as a [`Decimal`] of whole units, exactly, with the exponent as its scale.
///
/// # Panics
///
/// If the exponent is above 28, which no [`crate::Commodity`] has.
#[must_use]
pub fn minor_to_decimal(minor: i64, exponent: u8) -> Decimal {
    Decimal::new(minor, u32::from(exponent))
}
