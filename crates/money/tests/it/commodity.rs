//! Commodities: the grammar of codes, and ISO 4217 against the standard's own list.

use std::collections::BTreeSet;

use money::{Commodity, CommodityCode, CommodityError, EXPONENT_MAX};
use proptest::prelude::*;

#[test]
fn codes_follow_the_grammar() {
    let accepted = |text: &str| {
        let code = CommodityCode::parse(text).unwrap();
        assert_eq!(code.as_str(), text);
        assert_eq!(code.to_string(), text);
        assert_eq!(text.parse(), Ok(code));
    };
    let refused = |text: &str| {
        assert_eq!(
            CommodityCode::parse(text),
            Err(CommodityError::CodeMustBeWellFormed),
            "{text}"
        );
    };
    accepted("X");
    accepted("EUR");
    accepted("A1");
    accepted("ACME.B");
    accepted("POINTS_2026-Q1'S");
    accepted("ABCDEFGHIJKLMNOPQRSTUVWX");

    refused("");
    refused("ABCDEFGHIJKLMNOPQRSTUVWXY");
    refused("eur");
    refused("Eur");
    refused("1EUR");
    refused(".EUR");
    refused("EUR.");
    refused("EUR-");
    refused("E UR");
    refused(" EUR");
    refused("EUR\n");
    refused("EUR\0");
    refused("ÉUR");
    refused("E/R");
}

#[test]
fn exponents_have_a_limit() {
    let code = CommodityCode::parse("FUND-A").unwrap();
    assert_eq!(
        Commodity::define(code, EXPONENT_MAX).map(|unit| unit.exponent()),
        Ok(12)
    );
    assert_eq!(
        Commodity::define(code, 13),
        Err(CommodityError::ExponentMustBeAtMost12)
    );
}

/// ISO 4217 list one as published by its maintenance agency, all but exponent 2.
#[test]
fn exponents_are_those_of_the_standard() {
    let with_exponent = |exponent| -> BTreeSet<String> {
        let all = Commodity::iso_all().into_iter();
        all.filter(|it| it.exponent() == exponent)
            .map(|it| it.code().to_string())
            .collect()
    };
    let set = |codes: &str| codes.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(
        with_exponent(0),
        set("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF")
    );
    assert_eq!(with_exponent(3), set("BHD IQD JOD KWD LYD OMR TND"));
    assert_eq!(with_exponent(4), set("CLF UYW"));
    let finer: Vec<_> = Commodity::iso_all()
        .into_iter()
        .filter(|it| it.exponent() > 4)
        .collect();
    assert_eq!(finer, []);
}

#[test]
fn every_active_currency_with_minor_units_is_there() {
    let cents = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP \
                 BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB \
                 EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES \
                 KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR \
                 MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD \
                 RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP \
                 TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
    for code in cents.split_whitespace() {
        assert_eq!(
            Commodity::iso(code).map(|it| it.exponent()),
            Some(2),
            "{code}"
        );
    }
}

#[test]
fn currencies_without_minor_units_are_left_to_the_user() {
    for code in "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX".split(' ') {
        assert_eq!(Commodity::iso(code), None, "{code}");
    }
    for code in ["", "eur", "EURO", "EU", "ZZZ", "€"] {
        assert_eq!(Commodity::iso(code), None, "{code}");
    }
}

#[test]
fn the_list_is_in_order_and_agrees_with_the_look_up() {
    let all = Commodity::iso_all();
    assert!(all.windows(2).all(|pair| pair[0].code() < pair[1].code()));
    for commodity in all {
        assert_eq!(Commodity::iso(commodity.code().as_str()), Some(commodity));
    }
}

proptest! {
    #[test]
    fn codes_compare_as_their_texts(one in "[A-Z][A-Z0-9]{0,4}", other in "[A-Z][A-Z0-9]{0,4}") {
        let code = |text| CommodityCode::parse(text).unwrap();
        prop_assert_eq!(code(&one).cmp(&code(&other)), one.cmp(&other));
    }
}
