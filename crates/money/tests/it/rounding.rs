//! Rounding: the table of its documentation, and every rule against another implementation.

use money::{AmountError, Decimal, Rounding, minor_to_decimal, round_to_minor};
use proptest::prelude::*;
use rust_decimal::RoundingStrategy;

/// Every rule with its twin in the decimal library, which works on other principles.
const RULES: [(Rounding, RoundingStrategy); 6] = [
    (Rounding::HalfEven, RoundingStrategy::MidpointNearestEven),
    (Rounding::HalfUp, RoundingStrategy::MidpointAwayFromZero),
    (Rounding::Down, RoundingStrategy::ToZero),
    (Rounding::Up, RoundingStrategy::AwayFromZero),
    (Rounding::Floor, RoundingStrategy::ToNegativeInfinity),
    (Rounding::Ceiling, RoundingStrategy::ToPositiveInfinity),
];

/// The results in the order of [`RULES`].
#[track_caller]
fn check(value: &str, exponent: u8, expected: [i64; 6]) {
    let value: Decimal = value.parse().unwrap();
    let rounded = RULES.map(|(rounding, _)| round_to_minor(value, exponent, rounding).unwrap());
    assert_eq!(rounded, expected, "{value} with exponent {exponent}");
}

#[test]
fn each_rule_rounds_as_its_table_says() {
    //                half-even, half-up, down, up, floor, ceiling
    check("2.5", 0, [2, 3, 2, 3, 2, 3]);
    check("1.5", 0, [2, 2, 1, 2, 1, 2]);
    check("1.1", 0, [1, 1, 1, 2, 1, 2]);
    check("1.9", 0, [2, 2, 1, 2, 1, 2]);
    check("0.5", 0, [0, 1, 0, 1, 0, 1]);
    check("0.4", 0, [0, 0, 0, 1, 0, 1]);
    check("-0.4", 0, [0, 0, 0, -1, -1, 0]);
    check("-0.5", 0, [0, -1, 0, -1, -1, 0]);
    check("-1.1", 0, [-1, -1, -1, -2, -2, -1]);
    check("-1.5", 0, [-2, -2, -1, -2, -2, -1]);
    check("-2.5", 0, [-2, -3, -2, -3, -3, -2]);
    check("-1.9", 0, [-2, -2, -1, -2, -2, -1]);
}

#[test]
fn the_exponent_says_where_to_round() {
    check("0.125", 2, [12, 13, 12, 13, 12, 13]);
    check("0.135", 2, [14, 14, 13, 14, 13, 14]);
    check("-0.125", 2, [-12, -13, -12, -13, -13, -12]);
    // A hair above the half is above the half.
    check(
        "0.1250000000000000000000000001",
        2,
        [13, 13, 12, 13, 12, 13],
    );
    check(
        "0.1249999999999999999999999999",
        2,
        [12, 12, 12, 13, 12, 13],
    );
    check("0.0000000000000000000000000001", 2, [0, 0, 0, 1, 0, 1]);
}

#[test]
fn whole_minor_units_are_not_changed() {
    check("12.50", 2, [1250; 6]);
    check("12.5000000", 2, [1250; 6]);
    check("-7", 3, [-7000; 6]);
    check("0", 0, [0; 6]);
    check("0", u8::MAX, [0; 6]);
    check("92233720368547758.07", 2, [i64::MAX; 6]);
    check("-92233720368547758.08", 2, [i64::MIN; 6]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let round = |value: Decimal, exponent| round_to_minor(value, exponent, Rounding::HalfEven);
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    for exponent in [0, 2, 12, 38, 39, u8::MAX] {
        assert_eq!(
            round(Decimal::MAX, exponent),
            Err(AmountError::MustFitRange)
        );
        assert_eq!(
            round(Decimal::MIN, exponent),
            Err(AmountError::MustFitRange)
        );
    }
    // Fits until it is rounded.
    assert_eq!(round(decimal("9223372036854775807.4"), 0), Ok(i64::MAX));
    assert_eq!(
        round(decimal("9223372036854775807.5"), 0),
        Err(AmountError::MustFitRange)
    );
    assert_eq!(round(decimal("-9223372036854775808.5"), 0), Ok(i64::MIN));
}

proptest! {
    #[test]
    fn every_rule_agrees_with_the_decimal_library(
        mantissa in -(1_i128 << 96) + 1..1 << 96,
        scale in 0..=28_u32,
        exponent in 0..=12_u8,
    ) {
        let value = Decimal::from_i128_with_scale(mantissa, scale);
        for (rounding, strategy) in RULES {
            let rounded = value.round_dp_with_strategy(u32::from(exponent), strategy);
            let missing = u32::from(exponent) - rounded.scale();
            let minor = rounded
                .mantissa()
                .checked_mul(10_i128.pow(missing))
                .and_then(|minor| i64::try_from(minor).ok());
            let expected = minor.ok_or(AmountError::MustFitRange);
            prop_assert_eq!(round_to_minor(value, exponent, rounding), expected);
        }
    }

    #[test]
    fn minor_units_survive_the_way_through_a_decimal(minor: i64, exponent in 0..=12_u8) {
        let value = minor_to_decimal(minor, exponent);
        for (rounding, _) in RULES {
            prop_assert_eq!(round_to_minor(value, exponent, rounding), Ok(minor));
        }
    }
}
