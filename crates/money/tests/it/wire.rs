//! The JSON of money: what is written, what is read, what is refused.

use money::{Amount, AmountError, Commodity, CommodityCode, WireMoney};

fn read(json: &str) -> Result<WireMoney, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn money_is_written_with_exactly_the_decimals_of_its_currency() {
    let check = |minor, code, json: &str| {
        let amount = Amount::new(minor, Commodity::iso(code).unwrap());
        let wire = WireMoney::from(amount);
        assert_eq!(serde_json::to_string(&wire).unwrap(), json);
        assert_eq!(read(json).as_ref(), Ok(&wire));
        assert_eq!(wire.amount_in(amount.commodity), Ok(amount));
    };
    check(1250, "EUR", r#"{"amount":"12.50","currency":"EUR"}"#);
    check(-1, "KWD", r#"{"amount":"-0.001","currency":"KWD"}"#);
    check(7, "JPY", r#"{"amount":"7","currency":"JPY"}"#);
}

#[test]
fn anything_but_the_two_fields_is_refused() {
    let refused = |json: &str, reason: &str| {
        let error = read(json).unwrap_err();
        assert!(error.contains(reason), "{json}: {error}");
    };
    refused(
        r#"{"amount":"1","currency":"EUR","scale":2}"#,
        "unknown field `scale`",
    );
    refused(r#"{"amount":"1"}"#, "missing field `currency`");
    refused(r#"{"currency":"EUR"}"#, "missing field `amount`");
    refused(
        r#"{"amount":"1","amount":"2","currency":"EUR"}"#,
        "duplicate field `amount`",
    );
    refused(
        r#"{"amount":12.5,"currency":"EUR"}"#,
        "invalid type: floating point",
    );
    refused(r#"{"amount":12,"currency":"EUR"}"#, "invalid type: integer");
    refused(r#"{"amount":null,"currency":"EUR"}"#, "invalid type: null");
    refused(
        r#"{"amount":"1","currency":"eur"}"#,
        "commodity code must be",
    );
}

#[test]
fn the_amount_is_read_for_a_commodity() {
    let eur = Commodity::iso("EUR").unwrap();
    let amount_in = |amount: &str, currency: &str| {
        let currency = CommodityCode::parse(currency).unwrap();
        WireMoney {
            amount: amount.to_owned(),
            currency,
        }
        .amount_in(eur)
        .map(|amount| amount.minor)
    };
    assert_eq!(amount_in("12.5", "EUR"), Ok(1250));
    assert_eq!(
        amount_in("12.5", "USD"),
        Err(AmountError::CommoditiesMustMatch)
    );
    assert_eq!(
        amount_in("12.555", "EUR"),
        Err(AmountError::MustFitExponent { exponent: 2 })
    );
    assert_eq!(amount_in("abc", "EUR"), Err(AmountError::MustBeDecimal));
}
