//! Amounts: printing, arithmetic, and what must not be mixed.

use money::{Amount, AmountError, Commodity, CommodityCode, Decimal, Rounding};

fn iso(code: &str) -> Commodity {
    Commodity::iso(code).unwrap()
}

#[test]
fn amounts_print_with_all_decimals_and_the_code() {
    let check = |minor, code, text: &str| {
        let amount = Amount::new(minor, iso(code));
        assert_eq!(amount.to_string(), format!("{text} {code}"));
        assert_eq!(amount.to_text(), text);
        assert_eq!(Amount::parse(text, iso(code)), Ok(amount));
        assert_eq!(amount.to_decimal().to_string(), text);
    };
    check(1250, "EUR", "12.50");
    check(-5, "EUR", "-0.05");
    check(0, "EUR", "0.00");
    check(12, "JPY", "12");
    check(1, "KWD", "0.001");
    check(i64::MIN, "CLF", "-922337203685477.5808");
}

#[test]
fn arithmetic_is_checked() {
    let eur = |minor| Amount::new(minor, iso("EUR"));
    assert_eq!(eur(1).checked_add(eur(2)), Ok(eur(3)));
    assert_eq!(eur(1).checked_sub(eur(2)), Ok(eur(-1)));
    assert_eq!(eur(1).checked_neg(), Ok(eur(-1)));
    assert_eq!(Amount::zero(iso("EUR")), eur(0));

    assert_eq!(
        eur(i64::MAX).checked_add(eur(1)),
        Err(AmountError::MustFitRange)
    );
    assert_eq!(
        eur(i64::MIN).checked_sub(eur(1)),
        Err(AmountError::MustFitRange)
    );
    assert_eq!(eur(i64::MIN).checked_neg(), Err(AmountError::MustFitRange));
}

#[test]
fn commodities_do_not_mix() {
    let one = |commodity| Amount::new(1, commodity);
    let (eur, usd) = (iso("EUR"), iso("USD"));
    assert_eq!(
        one(eur).checked_add(one(usd)),
        Err(AmountError::CommoditiesMustMatch)
    );
    assert_eq!(
        one(eur).checked_sub(one(usd)),
        Err(AmountError::CommoditiesMustMatch)
    );

    // The same code counted more finely is another commodity.
    let fine = Commodity::define(CommodityCode::parse("EUR").unwrap(), 4).unwrap();
    assert_eq!(
        one(eur).checked_add(one(fine)),
        Err(AmountError::CommoditiesMustMatch)
    );
}

#[test]
fn a_decimal_becomes_an_amount_by_a_named_rounding() {
    let half_a_cent = Decimal::new(5, 3);
    let round = |rounding| {
        Amount::round(half_a_cent, iso("EUR"), rounding)
            .unwrap()
            .minor
    };
    assert_eq!(round(Rounding::HalfEven), 0);
    assert_eq!(round(Rounding::HalfUp), 1);
}

#[test]
fn errors_say_what_must_hold() {
    let says = |text: &str| Amount::parse(text, iso("EUR")).unwrap_err().to_string();
    assert_eq!(
        says("1,50"),
        "amount must be a plain decimal number, such as 12.50"
    );
    assert_eq!(says("1.005"), "amount must have at most 2 decimals");
    assert_eq!(
        says("92233720368547758.08"),
        "amount must fit 64 bits of minor units"
    );
}
