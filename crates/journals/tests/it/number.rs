//! Exact numbers: arithmetic against i128 fractions, rounding half to even.

use journals::Number;

fn number(mantissa: i128, decimals: u8) -> Number {
    Number::from_minor(mantissa, decimals)
}

#[test]
fn rounding_is_half_to_even() {
    let check = |mantissa, decimals, exponent, rounded| {
        let got = number(mantissa, decimals).rounded_minor(exponent);
        assert_eq!(got, Some(rounded), "{mantissa} at {decimals} to {exponent}");
    };
    check(25, 1, 0, 2);
    check(35, 1, 0, 4);
    check(-25, 1, 0, -2);
    check(-35, 1, 0, -4);
    check(251, 2, 0, 3);
    check(-251, 2, 0, -3);
    check(249, 2, 0, 2);
    check(5, 3, 2, 0);
    check(15, 3, 2, 2);
    check(1, 0, 2, 100);
    check(1, 60, 12, 0);
}

#[test]
fn arithmetic_is_exact_or_refuses() {
    assert_eq!(
        number(105, 2)
            .checked_add(number(5, 1))
            .unwrap()
            .to_string(),
        "1.55"
    );
    assert_eq!(
        number(105, 2)
            .checked_sub(number(2, 0))
            .unwrap()
            .to_string(),
        "-0.95"
    );
    assert_eq!(
        number(-150, 2).checked_mul(number(20, 1)).unwrap(),
        number(-3, 0)
    );
    assert_eq!(number(i128::MAX, 0).checked_add(number(1, 0)), None);
    assert_eq!(number(i128::MAX, 0).checked_mul(number(2, 0)), None);
    assert_eq!(number(i128::MIN, 0).checked_neg(), None);
    assert_eq!(number(1_500, 3), number(15, 1));
    assert_eq!(number(15, 1).to_minor(0), None);
    assert_eq!(number(1_500, 3).to_minor(1), Some(15));
    assert_eq!(number(-5, 3).to_string(), "-0.005");
}
