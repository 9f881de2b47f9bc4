//! Money as JSON: `{"amount":"12.50","currency":"EUR"}`.
//!
//! The amount is text, because a JSON number is a float to most readers. Promises that the
//! currency is well formed once it is read; how many decimals the amount may have is known only
//! where the commodity is, so the amount is checked by [`WireMoney::amount_in`].

use serde::{Deserialize, Serialize};

use crate::amount::{Amount, AmountError};
use crate::commodity::{Commodity, CommodityCode};

/// Money in a request or an answer. Unknown fields are refused.
///
/// ```
/// use money::{Amount, Commodity, WireMoney};
///
/// let eur = Commodity::iso("EUR").expect("the euro is an ISO 4217 currency");
/// let wire = WireMoney::from(Amount::new(1250, eur));
/// assert_eq!(wire.amount, "12.50");
/// assert_eq!(wire.amount_in(eur)?, Amount::new(1250, eur));
/// # Ok::<(), money::AmountError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireMoney {
    /// Decimal text with at most the currency's decimals, see [`crate::parse_minor`]. What Florin
    /// sends has exactly the currency's decimals.
    pub amount: String,
    /// Code of the currency or other commodity.
    pub currency: CommodityCode,
}

impl WireMoney {
    /// The amount, given the commodity that this money must be of.
    ///
    /// # Errors
    ///
    /// [`AmountError::CommoditiesMustMatch`] if the currency is another, then those of
    /// [`Amount::parse`].
    pub fn amount_in(&self, commodity: Commodity) -> Result<Amount, AmountError> {
        if self.currency != commodity.code() {
            return Err(AmountError::CommoditiesMustMatch);
        }
        Amount::parse(&self.amount, commodity)
    }
}

impl From<Amount> for WireMoney {
    fn from(amount: Amount) -> Self {
        Self {
            amount: amount.to_text(),
            currency: amount.commodity.code(),
        }
    }
}
