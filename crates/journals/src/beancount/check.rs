//! Balancing and checking as `bean-check` does it.
//!
//! The rules, all of them Beancount's:
//! - a priced posting weighs its price, any other its own amount;
//! - a transaction's tolerance in a currency is half a unit of the last decimal of its coarsest
//!   amount in that currency, amounts without decimals left aside; the weights must sum to zero
//!   within it;
//! - an amount left out takes what the others lack in each currency, rounded half to even to
//!   that coarsest decimal where there is one;
//! - on one day, accounts open first, then balances are checked, then transactions happen, then
//!   accounts close; a balance counts subaccounts, and holds within its tolerance or, without
//!   one, within a unit of its own last decimal.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::hledger::{Sums, weight};
use crate::model::{Entry, Quantity};
use crate::number::Number;
use crate::refusal::{Collector, Kind, Refused};

use super::tokens::too_large;
use super::{Dated, Event};

/// Fills in, balances and checks everything; refusals name their line.
pub(super) fn check_all(entries: &mut [Entry], events: &mut [Dated], refused: &mut Collector) {
    for entry in entries.iter_mut() {
        if let Err(why) = balance(entry) {
            refused.add(entry.place, why);
        }
    }
    if !refused.is_empty() {
        return;
    }
    let order = |event: &Event| match event {
        Event::Open { .. } => 0,
        Event::Balance { .. } => 1,
        Event::Transaction(_) => 2,
        Event::Close { .. } => 3,
    };
    events.sort_by_key(|dated| (dated.date, order(&dated.event), dated.place.line));
    let mut state = State::default();
    for dated in events.iter() {
        let seen = match &dated.event {
            Event::Open { account, symbols } => state.open(account, symbols),
            Event::Close { account } => state.close(account),
            Event::Balance {
                account,
                quantity,
                tolerance,
            } => state.assert(dated, account, quantity, *tolerance),
            Event::Transaction(index) => {
                state.post(&entries[*index], refused);
                Ok(())
            }
        };
        if let Err(why) = seen {
            refused.add(dated.place, why);
        }
    }
}

/// The accounts as of the day reached.
#[derive(Default)]
struct State<'e> {
    allowed: BTreeMap<&'e str, &'e [String]>,
    closed: BTreeSet<&'e str>,
    balances: BTreeMap<&'e str, Sums>,
    asserted: BTreeMap<(&'e str, &'e str, jiff::civil::Date), Number>,
}

impl<'e> State<'e> {
    fn open(&mut self, account: &'e str, symbols: &'e [String]) -> Result<(), Refused> {
        match self.allowed.insert(account, symbols) {
            None => Ok(()),
            Some(_) => Err((
                Kind::DuplicateDeclaration,
                format!("{account} may be opened once"),
            )),
        }
    }

    fn close(&mut self, account: &'e str) -> Result<(), Refused> {
        if !self.allowed.contains_key(account) {
            return Err((
                Kind::AccountNotOpen,
                format!("{account} must be open to be closed"),
            ));
        }
        if !self.closed.insert(account) {
            let detail = format!("{account} may be closed once");
            return Err((Kind::DuplicateDeclaration, detail));
        }
        Ok(())
    }

    fn post(&mut self, entry: &'e Entry, refused: &mut Collector) {
        for leg in &entry.postings {
            if let Err(why) = self.post_leg(&leg.account, &leg.amounts) {
                refused.add(leg.place, why);
            }
        }
    }

    fn post_leg(&mut self, account: &'e str, amounts: &[Quantity]) -> Result<(), Refused> {
        let allowed = self
            .allowed
            .get(account)
            .filter(|_| !self.closed.contains(account));
        let Some(allowed) = allowed else {
            let detail = format!("{account} must be open on the day it is posted to");
            return Err((Kind::AccountNotOpen, detail));
        };
        let sums = self.balances.entry(account).or_default();
        for Quantity { number, symbol } in amounts {
            may_hold(account, allowed, symbol)?;
            let sum = sums.entry(symbol.clone()).or_default();
            *sum = sum.checked_add(*number).ok_or_else(too_large)?;
        }
        Ok(())
    }

    fn assert(
        &mut self,
        dated: &Dated,
        account: &'e str,
        quantity: &'e Quantity,
        tolerance: Option<Number>,
    ) -> Result<(), Refused> {
        let Some(allowed) = self.allowed.get(account) else {
            let detail = format!("{account} must be open for its balance to be checked");
            return Err((Kind::AccountNotOpen, detail));
        };
        let Quantity { number, symbol } = quantity;
        may_hold(account, allowed, symbol)?;
        let key = (account, symbol.as_str(), dated.date);
        let earlier = *self.asserted.entry(key).or_insert(*number);
        if earlier != *number {
            let detail = format!("{account} is asserted twice on one day, differently");
            return Err((Kind::DuplicateDeclaration, detail));
        }
        let mut held = Number::ZERO;
        let prefix = format!("{account}:");
        let own = self.balances.get(account).into_iter();
        let from_prefix = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let beneath = self.balances.range::<str, _>(from_prefix);
        let beneath = beneath.take_while(|(name, _)| name.starts_with(&prefix));
        for sums in own.chain(beneath.map(|(_, sums)| sums)) {
            let part = sums.get(symbol).copied().unwrap_or(Number::ZERO);
            held = held.checked_add(part).ok_or_else(too_large)?;
        }
        let tolerance = tolerance.unwrap_or_else(|| last_unit(number.decimals()));
        if !is_within(held.checked_sub(*number).ok_or_else(too_large)?, tolerance)? {
            let detail = format!("{account} must hold {number} {symbol} here, and holds {held}");
            return Err((Kind::AssertionFailed, detail));
        }
        Ok(())
    }
}

fn may_hold(account: &str, allowed: &[String], symbol: &str) -> Result<(), Refused> {
    if allowed.is_empty() || allowed.iter().any(|known| known == symbol) {
        return Ok(());
    }
    Err((
        Kind::CommodityNotAllowed,
        format!("{account} may not hold {symbol}"),
    ))
}

/// A unit of the last decimal; none for whole numbers.
fn last_unit(decimals: u32) -> Number {
    match u8::try_from(decimals) {
        Ok(0) | Err(_) => Number::ZERO,
        Ok(decimals) => Number::from_minor(1, decimals),
    }
}

fn is_within(difference: Number, tolerance: Number) -> Result<bool, Refused> {
    let size = match difference.is_negative() {
        true => difference.checked_neg().ok_or_else(too_large)?,
        false => difference,
    };
    Ok(!tolerance
        .checked_sub(size)
        .ok_or_else(too_large)?
        .is_negative())
}

/// Fills in the elided amount of one transaction and checks that it balances.
fn balance(entry: &mut Entry) -> Result<(), Refused> {
    let elided: Vec<usize> = (0..entry.postings.len())
        .filter(|index| entry.postings[*index].was_elided)
        .collect();
    if elided.len() > 1 {
        let detail = "a transaction may leave out one amount";
        return Err((Kind::TooManyElided, detail.to_owned()));
    }
    let mut sums = Sums::new();
    for leg in &entry.postings {
        for Quantity { number, symbol } in weight(leg)? {
            let sum = sums.entry(symbol).or_default();
            *sum = sum.checked_add(number).ok_or_else(too_large)?;
        }
    }
    let coarsest = coarsest_decimals(entry);
    if let Some(index) = elided.first() {
        let mut amounts = Vec::new();
        for (symbol, sum) in sums {
            let missing = sum.checked_neg().ok_or_else(too_large)?;
            let number = match coarsest.get(&symbol).and_then(|d| u8::try_from(*d).ok()) {
                Some(decimals) => {
                    let minor = missing.rounded_minor(decimals).ok_or_else(too_large)?;
                    Number::from_minor(minor, decimals)
                }
                None => missing,
            };
            if !number.is_zero() {
                amounts.push(Quantity { number, symbol });
            }
        }
        entry.postings[*index].amounts = amounts;
        return Ok(());
    }
    for (symbol, sum) in &sums {
        let decimals = coarsest.get(symbol).copied().unwrap_or(0);
        let unit = last_unit(decimals);
        let twice = sum.checked_add(*sum).ok_or_else(too_large)?;
        if !is_within(twice, unit)? {
            let detail = format!("the postings must sum to zero, and sum to {sum} {symbol}");
            return Err((Kind::Unbalanced, detail));
        }
    }
    Ok(())
}

/// The fewest decimals, above none, any amount of a currency is written with.
fn coarsest_decimals(entry: &Entry) -> BTreeMap<String, u32> {
    let mut coarsest: BTreeMap<String, u32> = BTreeMap::new();
    for amount in entry.postings.iter().flat_map(|leg| &leg.amounts) {
        let decimals = amount.number.decimals();
        if decimals > 0 {
            let least = coarsest.entry(amount.symbol.clone()).or_insert(decimals);
            *least = decimals.min(*least);
        }
    }
    coarsest
}
