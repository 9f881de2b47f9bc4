//! Exact amounts of money: minor units, commodities, decimals, rounding and allocation.
//!
//! # What it is
//!
//! Money is a whole number of *minor units* of a *commodity*: 12.50 EUR is `1250` with exponent 2,
//! 12 JPY is `12` with exponent 0. Arithmetic on it is integer arithmetic. Prices, rates and
//! quantities are not money but [`Decimal`]s, and become money through [`round_to_minor`], where
//! the caller must name the [`Rounding`].
//!
//! | you have | you use |
//! | --- | --- |
//! | text from outside | [`Amount::parse`], or [`WireMoney`] inside a JSON body |
//! | a currency code | [`Commodity::iso`], [`Commodity::define`] for anything else |
//! | minor units to show | [`Amount::to_text`], [`format_minor`], [`format_wide`] for sums |
//! | a rate × a quantity | [`round_to_minor`] with a named [`Rounding`], once |
//! | a total to share out | [`allocate`] by weights, [`split_evenly`] into equal parts |
//!
//! # What it promises
//!
//! - **Exact.** No float occurs anywhere. Text that cannot be represented exactly is refused,
//!   never rounded: `1.005` is not an amount of euros.
//! - **Total.** Nothing wraps, saturates or panics on input; what does not fit is an error that
//!   says what must hold.
//! - **Conserving.** The shares of an allocation sum to its total, to the last unit.
//! - **Deterministic.** The same input gives the same output on every machine, forever.
//! - **Small.** [`Amount`] is `Copy`; nothing here allocates but the functions returning text or
//!   shares.
//!
//! # What it does not do
//!
//! No conversion between commodities (that needs a rate, and a rate needs a date and a source), no
//! locale (`1,234.56` is a matter for the console), no symbols, no I/O.
//!
//! # Example
//!
//! ```
//! use money::{Amount, Commodity, Rounding, allocate, format_minor, round_to_minor};
//!
//! let eur = Commodity::iso("EUR").expect("the euro is an ISO 4217 currency");
//! let price = Amount::parse("12.50", eur)?;
//! assert_eq!(price.minor, 1250);
//! assert_eq!(price.checked_add(price)?.to_string(), "25.00 EUR");
//!
//! // 2.5 % of 12.50 is 0.3125: the rounding is named, and happens once.
//! let fee = price.to_decimal() * "0.025".parse::<money::Decimal>()?;
//! assert_eq!(round_to_minor(fee, eur.exponent(), Rounding::HalfEven)?, 31);
//!
//! // One euro in three: no cent is lost.
//! assert_eq!(allocate(100, &[1, 1, 1])?, [34, 33, 33]);
//! assert_eq!(format_minor(-5, 2), "-0.05");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod allocation;
mod amount;
mod commodity;
mod decimal_text;
mod rounding;
mod wire;

pub use allocation::{ALLOCATION_PARTS_MAX, AllocationError, allocate, split_evenly};
pub use amount::{Amount, AmountError};
pub use commodity::{
    COMMODITY_CODE_BYTES_MAX, Commodity, CommodityCode, CommodityError, EXPONENT_MAX,
};
pub use decimal_text::{format_minor, format_wide, parse_minor};
pub use rounding::{Rounding, minor_to_decimal, round_to_minor};
pub use rust_decimal::Decimal;
pub use wire::WireMoney;
