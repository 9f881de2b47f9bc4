//! Decimal text: what is read, what is refused, and that printing and reading are inverse.

use money::{AmountError, EXPONENT_MAX, format_minor, format_wide, parse_minor};
use proptest::prelude::*;

#[track_caller]
fn check(text: &str, exponent: u8, expected: Result<i64, AmountError>) {
    assert_eq!(
        parse_minor(text, exponent),
        expected,
        "{text:?} with exponent {exponent}"
    );
}

#[test]
fn plain_decimals_are_read() {
    check("12.50", 2, Ok(1250));
    check("12.5", 2, Ok(1250));
    check("12", 2, Ok(1200));
    check("0", 2, Ok(0));
    check("0.00", 2, Ok(0));
    check("0.05", 2, Ok(5));
    check("-0.05", 2, Ok(-5));
    check("-12", 0, Ok(-12));
    check("0.000000000001", 12, Ok(1));
    check("10", 0, Ok(10));
}

#[test]
fn the_whole_range_is_read_and_nothing_beyond() {
    check("9223372036854775807", 0, Ok(i64::MAX));
    check("-9223372036854775808", 0, Ok(i64::MIN));
    check("92233720368547758.07", 2, Ok(i64::MAX));
    check("-92233720368547758.08", 2, Ok(i64::MIN));
    check("9223372.036854775807", 12, Ok(i64::MAX));

    check("9223372036854775808", 0, Err(AmountError::MustFitRange));
    check("-9223372036854775809", 0, Err(AmountError::MustFitRange));
    check("92233720368547758.08", 2, Err(AmountError::MustFitRange));
    check("-92233720368547758.09", 2, Err(AmountError::MustFitRange));
    check("9223372036854775807", 2, Err(AmountError::MustFitRange));
    check("9223373", 12, Err(AmountError::MustFitRange));
}

#[test]
fn any_other_spelling_is_refused() {
    let malformed = [
        "", " ", "-", "+", ".", "-.", "+1", "--1", "-+1", "1.", ".5", "-.5", "1..2", "1.2.3",
        "1e3", "1E3", "1e-3", "0x10", "1_000", "1,000", "1,5", " 1", "1 ", "1\n", "1 000", "00",
        "01", "-01", "00.5", "-0", "-0.0", "-0.00", "1-", "1.-5", "1.+5", "1. 5", "NaN", "inf",
        "Infinity", "١٢", "１２", "1.٥", "−1", "1\0", "€1", "½",
    ];
    for text in malformed {
        check(text, 2, Err(AmountError::MustBeDecimal));
    }
}

#[test]
fn decimals_beyond_the_exponent_are_refused_even_when_zero() {
    check(
        "1.005",
        2,
        Err(AmountError::MustFitExponent { exponent: 2 }),
    );
    check(
        "1.000",
        2,
        Err(AmountError::MustFitExponent { exponent: 2 }),
    );
    check(
        "0.000",
        2,
        Err(AmountError::MustFitExponent { exponent: 2 }),
    );
    check("1.0", 0, Err(AmountError::MustFitExponent { exponent: 0 }));
}

#[test]
fn the_first_error_is_the_gravest() {
    // Malformed before too precise, too precise before too large.
    check("1.005x", 2, Err(AmountError::MustBeDecimal));
    check("-0.000", 2, Err(AmountError::MustBeDecimal));
    check(
        "99999999999999999999.999",
        2,
        Err(AmountError::MustFitExponent { exponent: 2 }),
    );
}

#[test]
fn long_text_is_refused_by_what_is_wrong_with_it() {
    check(&"9".repeat(400), 2, Err(AmountError::MustFitRange));
    check(
        &format!("-{}", "9".repeat(400)),
        2,
        Err(AmountError::MustFitRange),
    );
    check(&"0".repeat(400), 2, Err(AmountError::MustBeDecimal));
    check(
        &format!("0.{}", "0".repeat(400)),
        2,
        Err(AmountError::MustFitExponent { exponent: 2 }),
    );
    check(&"é".repeat(400), 2, Err(AmountError::MustBeDecimal));
}

#[test]
fn exponents_no_commodity_has_are_still_exact() {
    check("0", u8::MAX, Ok(0));
    check("1", 18, Ok(1_000_000_000_000_000_000));
    check("1", 19, Err(AmountError::MustFitRange));
    assert_eq!(format_minor(7, 20), "0.00000000000000000007");
}

#[test]
fn minor_units_are_printed_with_all_decimals() {
    let check = |minor, exponent, expected: &str| {
        assert_eq!(format_wide(minor, exponent), expected);
    };
    check(0, 0, "0");
    check(0, 2, "0.00");
    check(5, 2, "0.05");
    check(-5, 2, "-0.05");
    check(-50, 2, "-0.50");
    check(100, 2, "1.00");
    check(-1250, 2, "-12.50");
    check(1250, 0, "1250");
    check(1, 12, "0.000000000001");
    check(i128::MAX, 0, "170141183460469231731687303715884105727");
    check(i128::MIN, 0, "-170141183460469231731687303715884105728");
    check(i128::MIN, 2, "-1701411834604692317316873037158841057.28");
    check(i128::MAX, 12, "170141183460469231731687303.715884105727");
    assert_eq!(format_minor(i64::MIN, 3), "-9223372036854775.808");
    assert_eq!(format_minor(i64::MAX, 0), "9223372036854775807");
}

proptest! {
    #[test]
    fn what_is_printed_is_read(minor: i64, exponent in 0..=EXPONENT_MAX) {
        prop_assert_eq!(parse_minor(&format_minor(minor, exponent), exponent), Ok(minor));
    }

    #[test]
    fn wide_sums_are_printed_digit_by_digit(minor: i128, exponent in 0..=EXPONENT_MAX) {
        let text = format_wide(minor, exponent);
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        prop_assert_eq!(decimals, usize::from(exponent));
        prop_assert_eq!(text.replace('.', "").parse::<i128>(), Ok(minor));
    }

    /// An independent reading of the grammar: a JSON number without exponent part, and no minus
    /// before a zero.
    #[test]
    fn the_grammar_is_that_of_json(text in "-?[-+0-9. e]{0,6}") {
        let has_value = |byte| (b'1'..=b'9').contains(&byte);
        let is_json = serde_json::from_str::<serde_json::Number>(&text).is_ok();
        let is_amount = is_json
            && !text.contains(['e', ' '])
            && (!text.starts_with('-') || text.bytes().any(has_value));
        let is_read = parse_minor(&text, EXPONENT_MAX) != Err(AmountError::MustBeDecimal);
        prop_assert_eq!(is_read, is_amount, "{:?}", text);
    }

    #[test]
    fn any_text_at_all_is_answered(text: String, exponent: u8) {
        if let Ok(minor) = parse_minor(&text, exponent) {
            prop_assert!(format_minor(minor, exponent).starts_with(&text));
        }
    }
}
