//! Exact decimal numbers as journals write them: an integer mantissa and a count of decimals.
//!
//! Promises: addition and multiplication are exact or `None` (the i128 mantissa overflowed);
//! nothing rounds unless a method says so in its name. Rounding is half-even.
//! Does not: know commodities, parse a journal's number syntax, or divide inexactly.
//!
//! Why not `rust_decimal`: its multiplication rounds silently past 28 digits, and a cost
//! (quantity × unit price) must be exact before it is compared with what was paid.

use std::cmp::Ordering;
use std::fmt;

/// Digits a written number may have: 30 digits squared would not fit an i128, so a product may
/// still overflow and is then refused, but every number alone and every sum of a book fits.
pub const DIGITS_MAX: usize = 30;

/// An exact decimal: `mantissa × 10^-decimals`. Equality and order are by value (`1.0 == 1`);
/// `decimals` remembers how it was written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Number {
    mantissa: i128,
    decimals: u32,
}

impl Number {
    /// Nothing, with no decimals.
    pub const ZERO: Number = Number {
        mantissa: 0,
        decimals: 0,
    };

    /// `minor` units of a commodity with `exponent` decimals.
    pub fn from_minor(minor: i128, exponent: u8) -> Number {
        Number {
            mantissa: minor,
            decimals: u32::from(exponent),
        }
    }

    /// From the digits of a number (ASCII digits only, the last `decimals` of them after the
    /// mark), or `None` for more than [`DIGITS_MAX`] digits or anything that is not a digit.
    pub(crate) fn from_digits(digits: &str, decimals: u32) -> Option<Number> {
        let significant = digits.trim_start_matches('0');
        let too_long = significant.len() > DIGITS_MAX || decimals as usize > DIGITS_MAX;
        if too_long || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let mantissa = if significant.is_empty() {
            0
        } else {
            significant.parse().ok()?
        };
        Some(Number { mantissa, decimals })
    }

    /// `self × 10^power`, as scientific notation writes it; `None` past [`DIGITS_MAX`] digits.
    pub(crate) fn scaled_by_ten(self, power: i32) -> Option<Number> {
        let decimals = i64::from(self.decimals) - i64::from(power);
        if decimals > DIGITS_MAX as i64 {
            return None;
        }
        if decimals >= 0 {
            return Some(Number {
                mantissa: self.mantissa,
                decimals: u32::try_from(decimals).ok()?,
            });
        }
        let factor = ten_to(u32::try_from(-decimals).ok()?)?;
        Some(Number {
            mantissa: self.mantissa.checked_mul(factor)?,
            decimals: 0,
        })
    }

    /// How many decimals it was written with, or has come to have.
    pub fn decimals(self) -> u32 {
        self.decimals
    }

    /// Whether it is nothing, however it was written.
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// The number with its sign turned; `None` only for the one mantissa without an opposite.
    pub fn checked_neg(self) -> Option<Number> {
        let mantissa = self.mantissa.checked_neg()?;
        Some(Number {
            mantissa,
            decimals: self.decimals,
        })
    }

    /// The exact sum, with the larger count of decimals; `None` on overflow.
    pub fn checked_add(self, other: Number) -> Option<Number> {
        let decimals = self.decimals.max(other.decimals);
        let mantissa = self.at(decimals)?.checked_add(other.at(decimals)?)?;
        Some(Number { mantissa, decimals })
    }

    /// The exact difference; `None` on overflow.
    pub fn checked_sub(self, other: Number) -> Option<Number> {
        self.checked_add(other.checked_neg()?)
    }

    /// The exact product; `None` on overflow. Trailing zeros of both sides are dropped first.
    pub fn checked_mul(self, other: Number) -> Option<Number> {
        let (left, right) = (self.trimmed(), other.trimmed());
        let mantissa = left.mantissa.checked_mul(right.mantissa)?;
        Some(Number {
            mantissa,
            decimals: left.decimals.checked_add(right.decimals)?,
        })
    }

    /// The quotient when it is a decimal number of at most [`DIGITS_MAX`] decimals, else `None`.
    pub(crate) fn divided_exactly(self, other: Number) -> Option<Number> {
        let (left, right) = (self.trimmed(), other.trimmed());
        if right.mantissa == 0 {
            return None;
        }
        for extra in 0..=u32::try_from(DIGITS_MAX).ok()? {
            let decimals = left.decimals.checked_add(extra)?;
            let scaled = left.mantissa.checked_mul(ten_to(extra)?)?;
            if scaled % right.mantissa == 0 && decimals >= right.decimals {
                let mantissa = scaled / right.mantissa;
                return Some(Number {
                    mantissa,
                    decimals: decimals - right.decimals,
                });
            }
        }
        None
    }

    /// Minor units at `exponent` decimals when that is exact, else `None`.
    pub fn to_minor(self, exponent: u8) -> Option<i128> {
        self.trimmed().at(u32::from(exponent))
    }

    /// Minor units at `exponent` decimals, rounded half to even; `None` on overflow.
    pub fn rounded_minor(self, exponent: u8) -> Option<i128> {
        let kept = self.trimmed();
        let exponent = u32::from(exponent);
        if kept.decimals <= exponent {
            return kept.at(exponent);
        }
        let Some(unit) = ten_to(kept.decimals - exponent) else {
            return Some(0);
        };
        let (whole, rest) = (
            kept.mantissa.div_euclid(unit),
            kept.mantissa.rem_euclid(unit),
        );
        let up = match rest.cmp(&(unit - rest)) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => whole % 2 != 0,
        };
        Some(whole + i128::from(up))
    }

    /// The same value written with no trailing decimal zeros.
    pub fn trimmed(self) -> Number {
        let Number {
            mut mantissa,
            mut decimals,
        } = self;
        while decimals > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            decimals -= 1;
        }
        Number { mantissa, decimals }
    }

    fn at(self, decimals: u32) -> Option<i128> {
        let missing = decimals.checked_sub(self.decimals)?;
        self.mantissa.checked_mul(ten_to(missing)?)
    }
}

fn ten_to(power: u32) -> Option<i128> {
    10_i128.checked_pow(power)
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        let (left, right) = (self.trimmed(), other.trimmed());
        left.mantissa == right.mantissa && left.decimals == right.decimals
    }
}

impl Eq for Number {}

impl fmt::Display for Number {
    /// Plain decimal digits with a period, all decimals, a minus sign when negative.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        let decimals = self.decimals as usize;
        if decimals == 0 {
            return write!(out, "{sign}{digits}");
        }
        let padded = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, fraction) = padded.split_at(padded.len() - decimals);
        write!(out, "{sign}{whole}.{fraction}")
    }
}
