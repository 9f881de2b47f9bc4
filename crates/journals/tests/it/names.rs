//! Names both ways: every path is written and read back, and what reads back was written so.

use journals::{
    AccountKind, beancount_account, beancount_commodity, commodity_of_beancount, hledger_account,
    path_of_beancount, path_of_hledger,
};
use proptest::prelude::*;

#[test]
fn hledger_names_are_readable_and_come_back() {
    let check = |path: &str, name: &str| {
        assert_eq!(hledger_account(path), name);
        assert_eq!(path_of_hledger(name).as_deref(), Some(path));
    };
    check("customers/cus_1/wallets/EUR", "customers:cus_1:wallets:EUR");
    check("a/b:c", "a:b/c");
    check("a/b c", "a:b c");
    check("a/b  c ", "a:b%20%20c%20");
    check("(a)/b;c", "%28a):b%3Bc");
    check("a/100%/50% off", "a:100%:50% off");
    check("a/%3B", "a:%253B");
    check("a/b\u{a0}c", "a:b%C2%A0c");
    check("équité/ünï", "équité:ünï");
}

#[test]
fn names_no_path_is_written_as_are_refused() {
    for name in [
        "a::b",
        ":a",
        "a;b",
        "a:%3A",
        "a:%2F",
        "a:%20b:c%41",
        "a:%FF",
        "",
    ] {
        assert_eq!(path_of_hledger(name), None, "{name}");
    }
    for name in [
        "Assets",
        "Assets:Florin",
        "Cash:Bank",
        "Assets:X-r-bank",
        "Assets:A-x41b",
    ] {
        assert_eq!(path_of_beancount(name), None, "{name}");
    }
}

#[test]
fn beancount_names_are_readable_and_come_back() {
    let check = |path: &str, kind, name: &str| {
        assert_eq!(beancount_account(path, kind), name);
        assert_eq!(path_of_beancount(name), Some((kind, path.to_owned())));
    };
    let liability = AccountKind::Liability;
    check(
        "customers/cus_1/wallets/EUR",
        liability,
        "Liabilities:Florin:Customers:Cus-x5F1:Wallets:EUR",
    );
    check("assets/bank", AccountKind::Asset, "Assets:Bank");
    check(
        "assets/my-bank/Big",
        AccountKind::Asset,
        "Assets:My-bank:X-r-Big",
    );
    check(
        "assets/florin/x",
        AccountKind::Asset,
        "Assets:X-r-florin:X-r-x",
    );
    check(
        "assets/bank",
        AccountKind::Equity,
        "Equity:Florin:Assets:Bank",
    );
    check(
        "income/2024/_x/é",
        AccountKind::Revenue,
        "Income:2024:X-r--x5Fx:X-r-é",
    );
    check(
        "expenses/a-x41b/x-r-y",
        AccountKind::Expense,
        "Expenses:A-x2Dx41b:X-r-x-r-y",
    );
    check(
        "assets/épargne/ÉTÉ",
        AccountKind::Asset,
        "Assets:Épargne:ÉTÉ",
    );
}

#[test]
fn commodity_codes_come_back() {
    let check = |code: &str, currency: &str| {
        assert_eq!(beancount_commodity(code), currency);
        assert_eq!(commodity_of_beancount(currency).as_deref(), Some(code));
    };
    check("EUR", "EUR");
    check("V", "V");
    check("FUND-A.1", "FUND-A.1");
    check("A-X", "A-X-X");
    check("TRUE", "TRUE-X");
    assert_eq!(commodity_of_beancount("A-X"), None);
}

/// Whether Beancount takes the component, judged by ASCII and our letters alone.
fn is_component(component: &str) -> bool {
    let begins_well = component.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
    begins_well && component.chars().all(|c| c == '-' || c.is_alphanumeric())
}

fn kinds() -> impl Strategy<Value = AccountKind> {
    prop::sample::select(vec![
        AccountKind::Asset,
        AccountKind::Liability,
        AccountKind::Equity,
        AccountKind::Revenue,
        AccountKind::Expense,
    ])
}

/// Segments, most of them of what the escapes are made of.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        "[aAxX\\-5Fré_ %;:()*é日 .]{1,6}",
        "\\PC{1,5}",
        "assets|florin|Florin|x-r-|X-r-|EUR",
    ]
}

proptest! {
    #[test]
    fn any_path_comes_back(
        segments in prop::collection::vec(segment(), 1..5),
        kind in kinds(),
    ) {
        let path = segments.join("/");
        // A printable character may itself be a slash, which would leave a segment empty.
        prop_assume!(!path.split('/').any(str::is_empty));
        let name = hledger_account(&path);
        prop_assert_eq!(path_of_hledger(&name), Some(path.clone()), "{}", name);
        prop_assert!(!name.contains("  ") && !name.contains(';'));
        let name = beancount_account(&path, kind);
        prop_assert_eq!(path_of_beancount(&name), Some((kind, path)), "{}", &name);
        prop_assert!(name.split(':').all(is_component), "{}", name);
    }

    #[test]
    fn a_name_that_is_read_is_written_the_same(name in "[a-zA-Z:%/ 0-9\\-]{1,20}") {
        if let Some(path) = path_of_hledger(&name) {
            prop_assert_eq!(hledger_account(&path), name.clone());
        }
        let name = format!("Assets:{name}");
        if let Some((kind, path)) = path_of_beancount(&name) {
            prop_assert_eq!(beancount_account(&path, kind), name);
        }
    }
}
