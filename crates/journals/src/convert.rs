//! Transactions in several commodities, through position accounts.
//!
//! A cost says how many of one commodity were given for another; it is a rate and may be
//! rounded, while what was posted is exact. So the posted amounts are never touched. For each
//! priced posting the position accounts of the pair (`equity/conversion/EUR-USD/EUR` and
//! `…/USD`, the pair's codes in alphabetical order) take the opposite of the quantity and the
//! cost rounded half to even. What rounding leaves in a commodity, which the format's own
//! tolerance bounds, goes to the pair with the largest cost in it (the last of equals). The sum
//! is then exactly zero in every commodity, and every account but the position accounts has what
//! the journal says.
//!
//! A difference in a commodity nothing was exchanged into is no rounding of a rate: the postings
//! themselves do not sum to zero, and the transaction is refused (`balances_only_by_rounding`).

use std::collections::BTreeMap;

use money::Commodity;

use crate::book::POSITION_ROOT;
use crate::hledger::{implicit_pair, weight};
use crate::model::{Cost, Entry};
use crate::number::Number;
use crate::pairs::Signed;
use crate::refusal::{Kind, Refused};

/// So many of one commodity given for so many of another, in minor units.
struct Flow {
    from: Commodity,
    to: Commodity,
    quantity: i128,
    cost: i128,
}

/// The position postings that make `signed` sum to zero in each commodity.
pub(crate) fn conversions(
    entry: &Entry,
    signed: &[Signed],
    commodity_of: &dyn Fn(&str) -> Commodity,
) -> Result<Vec<Signed>, Refused> {
    let mut missing: BTreeMap<Commodity, i128> = BTreeMap::new();
    for posting in signed {
        let sum = missing.entry(posting.commodity).or_default();
        *sum = sum.checked_sub(posting.minor).ok_or_else(overflow)?;
    }
    if missing.values().all(|minor| *minor == 0) {
        return Ok(Vec::new());
    }
    let mut flows = flows(entry, commodity_of)?;
    for flow in &flows {
        *missing.entry(flow.from).or_default() += flow.quantity;
        *missing.entry(flow.to).or_default() -= flow.cost;
    }
    for (commodity, minor) in missing.into_iter().filter(|(_, minor)| *minor != 0) {
        let into = flows.iter_mut().filter(|flow| flow.to == commodity);
        let Some(largest) = into.max_by_key(|flow| flow.cost.unsigned_abs()) else {
            let difference = Number::from_minor(-minor, commodity.exponent());
            let detail = format!(
                "the postings must sum to exactly zero, and are {difference} {} over, too little \
                 for the format to mind",
                commodity.code()
            );
            return Err((Kind::BalancesOnlyByRounding, detail));
        };
        largest.cost += minor;
    }
    Ok(legs(&flows))
}

/// What the entry's costs, or failing them the two commodities left over, exchange.
fn flows(entry: &Entry, commodity_of: &dyn Fn(&str) -> Commodity) -> Result<Vec<Flow>, Refused> {
    let mut flows = Vec::new();
    let minor = |number: Number, commodity: Commodity| {
        let minor = number.rounded_minor(commodity.exponent());
        // Held to an i64 so that no sum of them can overflow an i128.
        minor
            .and_then(|minor| i64::try_from(minor).ok())
            .map(i128::from)
            .ok_or_else(overflow)
    };
    for leg in &entry.postings {
        let (Some(cost), Some(amount)) = (&leg.cost, leg.amounts.first()) else {
            continue;
        };
        let price: &str = &Cost::price(cost).symbol;
        let weighs = weight(leg)?;
        let Some(weight) = weighs.first() else {
            continue;
        };
        // A price without a commodity can only be that of nothing; it exchanges nothing.
        if weight.number.is_zero() && amount.number.is_zero() {
            continue;
        }
        let (from, to) = (commodity_of(&amount.symbol), commodity_of(price));
        let quantity = minor(amount.number, from)?;
        flows.push(Flow {
            from,
            to,
            quantity,
            cost: minor(weight.number, to)?,
        });
    }
    if let Some([given, taken]) = implicit_pair(entry)? {
        let (from, to) = (commodity_of(&given.symbol), commodity_of(&taken.symbol));
        let cost = minor(taken.number, to)?;
        flows.push(Flow {
            from,
            to,
            quantity: minor(given.number, from)?,
            cost: -cost,
        });
    }
    Ok(flows)
}

fn legs(flows: &[Flow]) -> Vec<Signed> {
    let mut sums: BTreeMap<(String, Commodity), i128> = BTreeMap::new();
    for flow in flows {
        let (one, other) = (flow.from.code(), flow.to.code());
        let (first, second) = if one <= other {
            (one, other)
        } else {
            (other, one)
        };
        let path =
            |commodity: Commodity| format!("{POSITION_ROOT}{first}-{second}/{}", commodity.code());
        *sums.entry((path(flow.from), flow.from)).or_default() -= flow.quantity;
        *sums.entry((path(flow.to), flow.to)).or_default() += flow.cost;
    }
    let leg = |((path, commodity), minor)| Signed {
        path,
        commodity,
        minor,
    };
    sums.into_iter().map(leg).collect()
}

/// The refusal of an amount or sum that does not fit.
pub(crate) fn overflow() -> Refused {
    (
        Kind::NumberTooLarge,
        "an amount must fit 64 bits of minor units".to_owned(),
    )
}
