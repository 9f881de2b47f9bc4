//! Sharing a total out without losing a unit.
//!
//! The method of largest remainders (Hamilton's method): each share is first rounded towards
//! zero, then the units left over go one each to the shares that lost the largest fraction, the
//! earlier first where fractions are equal.
//!
//! Promises, for every total and every weights: the shares sum to the total; each is within one
//! unit of its exact value and on the same side of zero; a weight of zero gets nothing; a negative
//! total gives the negated shares of the positive one; the result depends on nothing but the
//! arguments, their order included.

use std::cmp::Reverse;

/// Most shares of one allocation: a million holders of a fund, whose shares fill 8 MB.
pub const ALLOCATION_PARTS_MAX: usize = 1_000_000;

/// Shares `total` out in proportion to `weights`; the shares are in the order of the weights.
///
/// Cost: a sort of the weights when units are left over, linear otherwise.
///
/// # Errors
///
/// [`AllocationError::WeightsMustNotAllBeZero`] (no weights at all included),
/// [`AllocationError::PartsMustFitLimit`].
///
/// ```
/// use money::allocate;
///
/// assert_eq!(allocate(100, &[1, 1, 1])?, [34, 33, 33]);
/// assert_eq!(allocate(-5, &[70, 30, 0])?, [-4, -1, 0]);
/// # Ok::<(), money::AllocationError>(())
/// ```
pub fn allocate(total: i64, weights: &[u64]) -> Result<Vec<i64>, AllocationError> {
    if weights.len() > ALLOCATION_PARTS_MAX {
        return Err(AllocationError::PartsMustFitLimit);
    }
    let weight_sum: u128 = weights.iter().copied().map(u128::from).sum();
    if weight_sum == 0 {
        return Err(AllocationError::WeightsMustNotAllBeZero);
    }
    let magnitude = u128::from(total.unsigned_abs());
    // At most 2^63 × 2^64, so the products fit.
    let exact = || weights.iter().map(|&weight| magnitude * u128::from(weight));
    let mut shares: Vec<u128> = exact().map(|product| product / weight_sum).collect();

    let left_over = magnitude - shares.iter().sum::<u128>();
    if left_over > 0 {
        let remainders: Vec<u128> = exact().map(|product| product % weight_sum).collect();
        let mut neediest: Vec<usize> = (0..shares.len()).collect();
        neediest.sort_unstable_by_key(|&index| (Reverse(remainders[index]), index));
        let units = usize::try_from(left_over).expect("fewer units are left over than shares");
        for &index in &neediest[..units] {
            shares[index] += 1;
        }
    }
    assert_eq!(
        shares.iter().sum::<u128>(),
        magnitude,
        "shares must sum to the total"
    );
    Ok(shares
        .into_iter()
        .map(|share| with_sign(share, total))
        .collect())
}

/// Shares `total` out in `parts` that differ by at most one unit, the larger first.
///
/// The same as [`allocate`] with equal weights.
///
/// # Errors
///
/// [`AllocationError::WeightsMustNotAllBeZero`] for no parts,
/// [`AllocationError::PartsMustFitLimit`].
pub fn split_evenly(total: i64, parts: usize) -> Result<Vec<i64>, AllocationError> {
    if parts > ALLOCATION_PARTS_MAX {
        return Err(AllocationError::PartsMustFitLimit);
    }
    allocate(total, &vec![1; parts])
}

/// A share of the magnitude of `total`, with the sign of `total`.
fn with_sign(share: u128, total: i64) -> i64 {
    let share = i128::try_from(share).expect("a share is at most the total");
    let signed = if total < 0 { -share } else { share };
    i64::try_from(signed).expect("a share is at most the total")
}

/// Why a total could not be shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocationError {
    /// There is nobody to give anything to.
    #[error("at least one weight must be above zero")]
    WeightsMustNotAllBeZero,
    /// More shares than [`ALLOCATION_PARTS_MAX`].
    #[error("an allocation must have at most 1000000 parts")]
    PartsMustFitLimit,
}
