//! Signed postings into pairs: who is debited, who is credited, how much.
//!
//! Promises: for each account and commodity the pairs come to exactly the signed postings' net;
//! every amount is above zero; the same postings give the same pairs. Postings that already
//! stand in pairs, each followed by its opposite, are kept as they stand, so that what Florin
//! writes reads back as it was. Any others are netted by account and matched greedily in the
//! order of the text, which takes at most one pair fewer than there are accounts.
//! Does not: make a commodity balance that does not; that is asserted, in release builds too.

use money::{Amount, Commodity};

use crate::book::Posting;

/// A signed posting in minor units; debits are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub path: String,
    pub commodity: Commodity,
    pub minor: i128,
}

/// The pairs of postings that sum to zero in each commodity; `None` when an amount does not fit
/// an i64.
pub(crate) fn pairs(signed: &[Signed]) -> Option<Vec<Posting>> {
    let moving: Vec<&Signed> = signed.iter().filter(|posting| posting.minor != 0).collect();
    if let Some(pairs) = as_written(&moving) {
        return Some(pairs);
    }
    let mut commodities: Vec<Commodity> = Vec::new();
    for posting in &moving {
        if !commodities.contains(&posting.commodity) {
            commodities.push(posting.commodity);
        }
    }
    let mut pairs = Vec::new();
    for commodity in commodities {
        let of_commodity = moving
            .iter()
            .filter(|posting| posting.commodity == commodity);
        let (debits, credits) = nets(of_commodity.copied());
        match_up(&debits, &credits, commodity, &mut pairs)?;
    }
    Some(pairs)
}

/// The pairs as they stand, when each posting is followed by its opposite.
fn as_written(moving: &[&Signed]) -> Option<Vec<Posting>> {
    let (couples, rest) = moving.as_chunks::<2>();
    let is_couple = |[one, other]: &[&Signed; 2]| {
        one.commodity == other.commodity
            && one.minor.checked_neg() == Some(other.minor)
            && one.path != other.path
    };
    if !rest.is_empty() || !couples.iter().all(is_couple) {
        return None;
    }
    let pair = |[one, other]: &[&Signed; 2]| {
        let (debit, credit) = if one.minor > 0 {
            (one, other)
        } else {
            (other, one)
        };
        posting(&debit.path, &credit.path, debit.minor, one.commodity)
    };
    couples.iter().map(pair).collect()
}

type Nets = Vec<(String, i128)>;

/// Net debits and net credits by account, each in order of first appearance, both above zero.
fn nets<'s>(postings: impl Iterator<Item = &'s Signed>) -> (Nets, Nets) {
    let mut nets: Nets = Vec::new();
    for posting in postings {
        match nets.iter_mut().find(|(path, _)| *path == posting.path) {
            Some((_, net)) => *net += posting.minor,
            None => nets.push((posting.path.clone(), posting.minor)),
        }
    }
    let debits = nets.iter().filter(|(_, net)| *net > 0).cloned().collect();
    let credits = nets.into_iter().filter(|(_, net)| *net < 0);
    (debits, credits.map(|(path, net)| (path, -net)).collect())
}

fn match_up(
    debits: &Nets,
    credits: &Nets,
    commodity: Commodity,
    pairs: &mut Vec<Posting>,
) -> Option<()> {
    let (mut debits, mut credits) = (debits.clone(), credits.clone());
    let (mut debit, mut credit) = (0, 0);
    while let (Some(from), Some(to)) = (debits.get_mut(debit), credits.get_mut(credit)) {
        let minor = from.1.min(to.1);
        pairs.push(posting(&from.0, &to.0, minor, commodity)?);
        from.1 -= minor;
        to.1 -= minor;
        debit += usize::from(from.1 == 0);
        credit += usize::from(to.1 == 0);
    }
    let is_spent = debit == debits.len() && credit == credits.len();
    assert!(
        is_spent,
        "postings of {} must sum to zero before they are paired",
        commodity.code()
    );
    Some(())
}

fn posting(debit: &str, credit: &str, minor: i128, commodity: Commodity) -> Option<Posting> {
    let amount = Amount::new(i64::try_from(minor).ok()?, commodity);
    Some(Posting {
        debit: debit.to_owned(),
        credit: credit.to_owned(),
        amount,
    })
}
