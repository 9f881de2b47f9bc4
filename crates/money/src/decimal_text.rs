//! Decimal text to minor units and back, exactly.
//!
//! # Grammar
//!
//! ```text
//! amount   = [ "-" ] whole [ "." decimals ]
//! whole    = "0" / ( %x31-39 *DIGIT )
//! decimals = 1*DIGIT
//! ```
//!
//! This is a JSON number (RFC 8259, section 6) without its exponent part, and with no minus before
//! a zero. Every value therefore has one spelling but for trailing zeros, and what is refused is
//! refused for a reason: `+1`, `.5` and `1.` are not JSON; `1e3` hides its size; `007` and `-0`
//! say something they do not mean; spaces, commas and digits of other scripts are a reader's
//! matter, not a ledger's.
//!
//! Decimals beyond the exponent are refused even when they are zero, because the sender then
//! believes in another exponent than ours.
//!
//! Cost: one pass over the text, however long, without allocation. The length of the text is
//! bounded by whoever read it.

use crate::amount::AmountError;

/// Reads decimal text as minor units: `parse_minor("12.5", 2)` is `1250`.
///
/// Fewer decimals than the exponent are filled up with zeros. The whole range of `i64` can be
/// read, and everything that [`format_minor`] prints.
///
/// # Errors
///
/// In this order: [`AmountError::MustBeDecimal`] if the text is not in the grammar (see the
/// source of this module: a JSON number without exponent part, no minus before a zero),
/// [`AmountError::MustFitExponent`] if it has more decimals than the exponent,
/// [`AmountError::MustFitRange`] if the minor units do not fit.
///
/// ```
/// use money::{AmountError, parse_minor};
///
/// assert_eq!(parse_minor("-0.05", 2), Ok(-5));
/// assert_eq!(parse_minor("1.005", 2), Err(AmountError::MustFitExponent { exponent: 2 }));
/// assert_eq!(parse_minor("1e3", 2), Err(AmountError::MustBeDecimal));
/// ```
pub fn parse_minor(text: &str, exponent: u8) -> Result<i64, AmountError> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text),
    };
    let (whole, decimals) = match number.split_once('.') {
        Some((whole, decimals)) if is_digits(decimals) => (whole, decimals),
        Some(_) => return Err(AmountError::MustBeDecimal),
        None => (number, ""),
    };
    if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(AmountError::MustBeDecimal);
    }
    let is_zero = whole
        .bytes()
        .chain(decimals.bytes())
        .all(|digit| digit == b'0');
    if negative && is_zero {
        return Err(AmountError::MustBeDecimal);
    }
    if decimals.len() > usize::from(exponent) {
        return Err(AmountError::MustFitExponent { exponent });
    }
    if is_zero {
        return Ok(0);
    }
    let filling = usize::from(exponent) - decimals.len();
    let digits = whole
        .bytes()
        .chain(decimals.bytes())
        .chain(std::iter::repeat_n(b'0', filling));
    accumulate(digits, negative).ok_or(AmountError::MustFitRange)
}

/// Whether the text is one ASCII digit or more.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of ASCII digits, `None` if it does not fit.
fn accumulate(digits: impl Iterator<Item = u8>, negative: bool) -> Option<i64> {
    // Downwards for negative numbers, because `i64::MIN` has no positive counterpart.
    let step = if negative {
        i64::checked_sub
    } else {
        i64::checked_add
    };
    digits
        .map(|digit| i64::from(digit - b'0'))
        .try_fold(0_i64, |sum, digit| {
            sum.checked_mul(10).and_then(|shifted| step(shifted, digit))
        })
}

/// Prints minor units with exactly `exponent` decimals: `format_minor(1250, 2)` is `12.50`.
///
/// [`parse_minor`] reads it back to the same number.
#[must_use]
pub fn format_minor(minor: i64, exponent: u8) -> String {
    format_wide(i128::from(minor), exponent)
}

/// Prints a sum of minor units with exactly `exponent` decimals; [`format_minor`] for `i128`.
///
/// ```
/// assert_eq!(money::format_wide(-1, 3), "-0.001");
/// assert_eq!(money::format_wide(7, 0), "7");
/// ```
#[must_use]
pub fn format_wide(minor: i128, exponent: u8) -> String {
    let decimals = usize::from(exponent);
    let sign = if minor < 0 { "-" } else { "" };
    // At least one digit before the point. `unsigned_abs` because `i128::MIN` has no `abs`.
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = decimals + 1);
    if decimals == 0 {
        return format!("{sign}{digits}");
    }
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    format!("{sign}{whole}.{fraction}")
}
