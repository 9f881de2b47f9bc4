//! Allocation: tables, and the properties that hold for every total and every weights.

use money::{ALLOCATION_PARTS_MAX, AllocationError, allocate, split_evenly};
use proptest::prelude::*;

#[track_caller]
fn check(total: i64, weights: &[u64], expected: &[i64]) {
    assert_eq!(allocate(total, weights).as_deref(), Ok(expected));
}

#[test]
fn units_left_over_go_to_the_largest_remainders() {
    check(100, &[1], &[100]);
    check(100, &[1, 1], &[50, 50]);
    // 66.67 and 33.33
    check(100, &[2, 1], &[67, 33]);
    // 16.67, 33.33, 50.00
    check(100, &[1, 2, 3], &[17, 33, 50]);
    // 0.8, 0.15, 0.05: the one unit goes to the first
    check(1, &[80, 15, 5], &[1, 0, 0]);
    // 0.05, 0.15, 0.8: and here to the last
    check(1, &[5, 15, 80], &[0, 0, 1]);
    check(0, &[1, 2, 3], &[0, 0, 0]);
}

#[test]
fn equal_remainders_are_served_in_order() {
    check(100, &[1, 1, 1], &[34, 33, 33]);
    check(101, &[1, 1, 1], &[34, 34, 33]);
    check(2, &[7, 7, 7, 7], &[1, 1, 0, 0]);
}

#[test]
fn equal_remainders_are_served_in_order_however_many_there_are() {
    // Weights 1 2 1 2 …, 500 of each: 0.8 for each of the ones, 1.6 for each of the twos. Of the
    // 700 units left over the ones get 500, and the first 200 of the twos the others.
    let weights: Vec<u64> = (0..1_000).map(|index| 1 + index % 2).collect();
    let expected: Vec<i64> = (0..1_000)
        .map(|index| if index % 2 == 1 && index < 400 { 2 } else { 1 })
        .collect();
    check(1_200, &weights, &expected);
}

#[test]
fn a_weight_of_zero_gets_nothing() {
    check(100, &[0, 1, 0, 1, 1], &[0, 34, 0, 33, 33]);
    check(1, &[0, 0, 1], &[0, 0, 1]);
}

#[test]
fn a_negative_total_is_shared_as_the_positive_one() {
    check(-100, &[1, 1, 1], &[-34, -33, -33]);
    check(-5, &[70, 30, 0], &[-4, -1, 0]);
}

#[test]
fn the_extremes_do_not_overflow() {
    check(i64::MAX, &[u64::MAX], &[i64::MAX]);
    check(i64::MIN, &[u64::MAX, 0], &[i64::MIN, 0]);
    check(
        i64::MIN,
        &[u64::MAX, u64::MAX],
        &[i64::MIN / 2, i64::MIN / 2],
    );
    check(
        i64::MAX,
        &[u64::MAX, u64::MAX],
        &[i64::MAX / 2 + 1, i64::MAX / 2],
    );
}

#[test]
fn somebody_must_get_something() {
    assert_eq!(
        allocate(1, &[]),
        Err(AllocationError::WeightsMustNotAllBeZero)
    );
    assert_eq!(
        allocate(0, &[0, 0]),
        Err(AllocationError::WeightsMustNotAllBeZero)
    );
    assert_eq!(
        split_evenly(1, 0),
        Err(AllocationError::WeightsMustNotAllBeZero)
    );
}

#[test]
fn parts_have_a_limit() {
    let too_many = ALLOCATION_PARTS_MAX + 1;
    assert_eq!(
        allocate(1, &vec![1; too_many]),
        Err(AllocationError::PartsMustFitLimit)
    );
    assert_eq!(
        split_evenly(1, too_many),
        Err(AllocationError::PartsMustFitLimit)
    );
    assert_eq!(
        split_evenly(1, usize::MAX),
        Err(AllocationError::PartsMustFitLimit)
    );
    assert_eq!(
        split_evenly(7, ALLOCATION_PARTS_MAX).map(|parts| parts.len()),
        Ok(1_000_000)
    );
}

#[test]
fn an_even_split_puts_the_larger_parts_first() {
    assert_eq!(split_evenly(10, 4).as_deref(), Ok(&[3, 3, 2, 2][..]));
    assert_eq!(split_evenly(-10, 4).as_deref(), Ok(&[-3, -3, -2, -2][..]));
    assert_eq!(split_evenly(2, 3).as_deref(), Ok(&[1, 1, 0][..]));
}

/// Weights of which at least one is above zero; small ones often, so that remainders are equal.
fn weights() -> impl Strategy<Value = Vec<u64>> {
    let weight = prop_oneof![0..4_u64, 0..1000_u64, any::<u64>()];
    prop::collection::vec(weight, 1..40).prop_filter("a weight above zero", |weights| {
        weights.iter().any(|&weight| weight > 0)
    })
}

fn total() -> impl Strategy<Value = i64> {
    prop_oneof![-50..50_i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

proptest! {
    #[test]
    fn nothing_is_lost(total in total(), weights in weights()) {
        let shares = allocate(total, &weights).unwrap();
        prop_assert_eq!(shares.len(), weights.len());
        prop_assert_eq!(shares.iter().copied().map(i128::from).sum::<i128>(), i128::from(total));
    }

    #[test]
    fn each_share_is_within_one_unit_of_its_exact_value(total in total(), weights in weights()) {
        let weight_sum: i128 = weights.iter().copied().map(i128::from).sum();
        for (share, weight) in allocate(total, &weights).unwrap().into_iter().zip(weights) {
            // |share − total × weight ÷ sum| < 1, multiplied by the sum.
            let exact = i128::from(total) * i128::from(weight);
            let error = i128::from(share) * weight_sum - exact;
            prop_assert!(error.abs() < weight_sum);
            prop_assert!(share.signum() * total.signum() >= 0);
            prop_assert!(weight > 0 || share == 0);
        }
    }

    #[test]
    fn a_greater_weight_never_gets_less(total in 0..i64::MAX, weights in weights()) {
        let shares = allocate(total, &weights).unwrap();
        let mut pairs: Vec<_> = weights.into_iter().zip(shares).collect();
        pairs.sort_by_key(|&(weight, share)| (weight, share));
        prop_assert!(pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    }

    #[test]
    fn signs_mirror(total in 0..i64::MAX, weights in weights()) {
        let mirrored: Vec<_> =
            allocate(-total, &weights).unwrap().into_iter().map(|share| -share).collect();
        prop_assert_eq!(mirrored, allocate(total, &weights).unwrap());
    }

    #[test]
    fn an_even_split_is_an_allocation_by_equal_weights(total in total(), parts in 1..500_usize) {
        let shares = split_evenly(total, parts).unwrap();
        prop_assert_eq!(&shares, &allocate(total, &vec![3; parts]).unwrap());
        // The larger parts, seen from zero, come first.
        prop_assert!(shares.is_sorted_by_key(|share| std::cmp::Reverse(share.unsigned_abs())));
        let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
        prop_assert!(i128::from(*most) - i128::from(*least) <= 1);
    }
}
