//! Balancing as hledger 1.25 does it: amounts left out, costs, inferred conversions, balance
//! assignments and assertions.
//!
//! The rules, all of them hledger's:
//! - a priced posting weighs its cost (quantity × unit price, or the total price with the
//!   quantity's sign), any other its own amount;
//! - one posting may leave its amount out and then takes what the others lack, exactly, in as
//!   many commodities as it takes;
//! - when nothing is left out and exactly two commodities remain, unpriced and of opposite
//!   signs, they are taken to be exchanged for one another;
//! - otherwise the weights must sum to zero in every commodity *at its display precision*: the
//!   decimals its `commodity` or `D` directive shows, or the most any posting is written with;
//! - assertions are exact, ignore costs, and are checked in order of date, then of the text.
//!
//! Does not: round. What balances only because a difference is too small to display is accepted
//! here, as by hledger, and judged again by [`Journal::to_book`](crate::Journal::to_book).

use std::collections::BTreeMap;

use crate::model::{Assertion, CommodityUse, Cost, Entry, Leg, Quantity};
use crate::number::Number;
use crate::refusal::{Collector, Kind, Refused};

use super::Sums;
use super::amounts::{negated, too_large};

type Commodities = BTreeMap<String, CommodityUse>;
/// Running balances by account, exclusive of subaccounts.
type Balances = BTreeMap<String, Sums>;

/// Fills in, balances and checks every transaction; refusals name its line.
pub(super) fn balance_all(
    entries: &mut [Entry],
    commodities: &Commodities,
    refused: &mut Collector,
) {
    for entry in entries.iter_mut() {
        let is_assigned = entry.postings.iter().any(is_assignment);
        let is_priced = entry.postings.iter().any(|leg| leg.cost.is_some());
        let balanced = match (is_assigned, is_priced) {
            (false, _) => balance(entry, commodities),
            (true, false) => Ok(()),
            (true, true) => {
                let detail = "a balance assignment and a cost must not share a transaction";
                Err((Kind::BalanceAssignment, detail.to_owned()))
            }
        };
        if let Err(why) = balanced {
            refused.add(entry.place, why);
        }
    }
    if !refused.is_empty() {
        return;
    }
    let mut by_date: Vec<&mut Entry> = entries.iter_mut().collect();
    by_date.sort_by_key(|entry| entry.date);
    let mut balances = Balances::new();
    for entry in by_date {
        if let Err(why) = post(entry, commodities, &mut balances, refused) {
            refused.add(entry.place, why);
        }
    }
}

/// Whether the posting's amount is to be worked out from its balance.
fn is_assignment(leg: &Leg) -> bool {
    leg.was_elided && leg.assertion.is_some()
}

/// Posts one transaction to the running balances, assigning and asserting as it goes.
fn post(
    entry: &mut Entry,
    commodities: &Commodities,
    balances: &mut Balances,
    refused: &mut Collector,
) -> Result<(), Refused> {
    let has_assignment = entry.postings.iter().any(is_assignment);
    for leg in &mut entry.postings {
        if is_assignment(leg) {
            assign(leg, balances)?;
        } else {
            add_all(
                balances.entry(leg.account.clone()).or_default(),
                &leg.amounts,
            )?;
        }
        if let Some(assertion) = &leg.assertion {
            match check_assertion(assertion, &leg.account, balances) {
                Ok(()) => {}
                Err(why) => refused.add(leg.place, why),
            }
        }
    }
    if has_assignment {
        balance(entry, commodities)?;
        for leg in entry.postings.iter().filter(|leg| leg.was_elided) {
            add_all(
                balances.entry(leg.account.clone()).or_default(),
                &leg.amounts,
            )?;
        }
    }
    Ok(())
}

/// Gives an assignment the amount that makes its account's balance what is asserted.
fn assign(leg: &mut Leg, balances: &mut Balances) -> Result<(), Refused> {
    let Some(assertion) = &leg.assertion else {
        return Ok(());
    };
    let below = subaccounts(&leg.account, balances)?;
    let old = balances.entry(leg.account.clone()).or_default();
    let mut target = if assertion.is_total {
        Sums::new()
    } else {
        old.clone()
    };
    target.insert(assertion.quantity.symbol.clone(), assertion.quantity.number);
    if assertion.is_inclusive {
        for (symbol, number) in below {
            add(&mut target, &symbol, negated(number)?)?;
        }
    }
    let mut change = target.clone();
    for (symbol, number) in old.iter() {
        add(&mut change, symbol, negated(*number)?)?;
    }
    *old = target;
    leg.amounts = quantities(change);
    leg.was_elided = false;
    Ok(())
}

fn check_assertion(
    assertion: &Assertion,
    account: &str,
    balances: &Balances,
) -> Result<(), Refused> {
    let none = Sums::new();
    let own = balances.get(account).unwrap_or(&none);
    let mut actual = own.clone();
    if assertion.is_inclusive {
        for (symbol, number) in subaccounts(account, balances)? {
            add(&mut actual, &symbol, number)?;
        }
    }
    let Quantity { number, symbol } = &assertion.quantity;
    let held = |symbol: &str| actual.get(symbol).copied().unwrap_or(Number::ZERO);
    let others = own
        .keys()
        .filter(|other| assertion.is_total && *other != symbol);
    let wanted = others.map(|other| (other.as_str(), Number::ZERO));
    for (symbol, wanted) in wanted.chain([(symbol.as_str(), *number)]) {
        let held = held(symbol);
        if held != wanted {
            let detail = format!("{account} must hold {wanted} {symbol} here, and holds {held}");
            return Err((Kind::AssertionFailed, detail));
        }
    }
    Ok(())
}

/// The sum of the running balances beneath an account, without its own.
fn subaccounts(account: &str, balances: &Balances) -> Result<Sums, Refused> {
    let prefix = format!("{account}:");
    let mut sums = Sums::new();
    let beneath = balances.range(prefix.clone()..);
    for (_, held) in beneath.take_while(|(name, _)| name.starts_with(&prefix)) {
        for (symbol, number) in held {
            add(&mut sums, symbol, *number)?;
        }
    }
    Ok(sums)
}

/// Fills in the elided amount of one transaction and checks that it balances.
fn balance(entry: &mut Entry, commodities: &Commodities) -> Result<(), Refused> {
    let elided: Vec<usize> = (0..entry.postings.len())
        .filter(|index| entry.postings[*index].was_elided)
        .collect();
    if elided.len() > 1 {
        let detail = "a transaction may leave out one amount (two spaces must come before each)";
        return Err((Kind::TooManyElided, detail.to_owned()));
    }
    let sums = weights(entry)?;
    if let Some(index) = elided.first() {
        let mut missing = Sums::new();
        for (symbol, number) in sums {
            missing.insert(symbol, negated(number)?);
        }
        entry.postings[*index].amounts = quantities(missing);
        return Ok(());
    }
    if implicit_pair(entry)?.is_some() {
        return Ok(());
    }
    for (symbol, sum) in &sums {
        if sum.rounded_minor(precision(entry, symbol, commodities)) != Some(0) {
            let detail = format!("the postings must sum to zero, and sum to {sum} {symbol}");
            return Err((Kind::Unbalanced, detail));
        }
    }
    Ok(())
}

/// Decimals at which a sum of this commodity is judged: those the journal shows it with, or, in a
/// commodity no posting is written in, the most any price or assignment here has.
fn precision(entry: &Entry, symbol: &str, commodities: &Commodities) -> u8 {
    let known = commodities.get(symbol);
    let decimals = known.and_then(|known| known.declared_decimals.or(known.used_decimals));
    let amounts = entry.postings.iter().flat_map(|leg| &leg.amounts);
    let prices = entry
        .postings
        .iter()
        .filter_map(|leg| leg.cost.as_ref().map(Cost::price));
    let here = amounts
        .chain(prices)
        .filter(|quantity| quantity.symbol == symbol);
    let decimals = decimals.or_else(|| here.map(|quantity| quantity.number.decimals()).max());
    u8::try_from(decimals.unwrap_or(0)).unwrap_or(u8::MAX)
}

/// What a posting weighs in balancing: its cost, or its amounts.
pub(crate) fn weight(leg: &Leg) -> Result<Vec<Quantity>, Refused> {
    let (Some(cost), Some(amount)) = (&leg.cost, leg.amounts.first()) else {
        return Ok(leg.amounts.clone());
    };
    let number = match cost {
        Cost::Each(price) => amount
            .number
            .checked_mul(price.number)
            .ok_or_else(too_large)?,
        Cost::Total(price) if amount.number.is_negative() => negated(price.number)?,
        Cost::Total(price) => price.number,
    };
    Ok(vec![Quantity {
        number,
        symbol: cost.price().symbol.clone(),
    }])
}

fn weights(entry: &Entry) -> Result<Sums, Refused> {
    let mut sums = Sums::new();
    for leg in entry.postings.iter() {
        add_all(&mut sums, &weight(leg)?)?;
    }
    Ok(sums)
}

/// The two commodities hledger takes to be exchanged for one another where no cost says so.
///
/// Amounts are summed by commodity and by price, as hledger sums them, so priced postings that
/// cancel out do not stand in the way.
pub(crate) fn implicit_pair(entry: &Entry) -> Result<Option<[Quantity; 2]>, Refused> {
    if entry.postings.iter().any(|leg| leg.was_elided) {
        return Ok(None);
    }
    let mut plain = Sums::new();
    let mut priced: BTreeMap<(String, String), (Number, Number)> = BTreeMap::new();
    for leg in &entry.postings {
        let Some(cost) = &leg.cost else {
            add_all(&mut plain, &leg.amounts)?;
            continue;
        };
        let Some(amount) = leg.amounts.first() else {
            continue;
        };
        let (key, total) = match cost {
            Cost::Each(price) => (
                format!("@{} {}", price.number.trimmed(), price.symbol),
                Number::ZERO,
            ),
            Cost::Total(price) => {
                let weight = weight(leg)?
                    .first()
                    .map_or(Number::ZERO, |weight| weight.number);
                (format!("@@{}", price.symbol), weight)
            }
        };
        let sum = priced.entry((amount.symbol.clone(), key)).or_default();
        sum.0 = sum.0.checked_add(amount.number).ok_or_else(too_large)?;
        sum.1 = sum.1.checked_add(total).ok_or_else(too_large)?;
    }
    let is_priced = priced
        .values()
        .any(|(amount, total)| !amount.is_zero() || !total.is_zero());
    let [left, right]: [Quantity; 2] = match quantities(plain).try_into() {
        Ok(pair) if !is_priced => pair,
        _ => return Ok(None),
    };
    let is_opposite = left.number.is_negative() != right.number.is_negative();
    Ok((is_opposite && can_be_priced(entry, &left, &right)).then_some([left, right]))
}

/// Whether hledger can put a price on all there is of the commodity given, the one that comes
/// first: not on a balance assignment that came to several commodities.
fn can_be_priced(entry: &Entry, left: &Quantity, right: &Quantity) -> bool {
    let amounts = entry.postings.iter().flat_map(|leg| &leg.amounts);
    let mut symbols = amounts.map(|amount| &amount.symbol);
    let given = symbols.find(|symbol| **symbol == left.symbol || **symbol == right.symbol);
    let several = entry.postings.iter().filter(|leg| leg.amounts.len() > 1);
    !several
        .flat_map(|leg| &leg.amounts)
        .any(|amount| Some(&amount.symbol) == given)
}

/// What is not zero, in the order of the symbols.
fn quantities(sums: Sums) -> Vec<Quantity> {
    let kept = sums.into_iter().filter(|(_, number)| !number.is_zero());
    kept.map(|(symbol, number)| Quantity { number, symbol })
        .collect()
}

fn add_all(sums: &mut Sums, quantities: &[Quantity]) -> Result<(), Refused> {
    for quantity in quantities {
        add(sums, &quantity.symbol, quantity.number)?;
    }
    Ok(())
}

fn add(sums: &mut Sums, symbol: &str, number: Number) -> Result<(), Refused> {
    let sum = sums.entry(symbol.to_owned()).or_default();
    *sum = sum.checked_add(number).ok_or_else(too_large)?;
    Ok(())
}
