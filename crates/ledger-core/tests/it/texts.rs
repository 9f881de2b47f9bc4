//! What paths, codes, references and ids may be.

use ledger_core::{AccountPath, Reference, TextError, TransactionCode, TransactionId};

/// Each text must parse and print itself again, or be refused.
fn check<T: ToString>(
    parse: impl Fn(&str) -> Result<T, TextError>,
    fine: &[&str],
    refused: &[&str],
    error: TextError,
) {
    for text in fine {
        let parsed = parse(text).unwrap_or_else(|_| panic!("{text:?} is fine"));
        assert_eq!(parsed.to_string(), *text);
    }
    for text in refused {
        assert_eq!(parse(text).err(), Some(error), "{text:?} is refused");
    }
}

#[test]
fn account_paths_are_printable_segments() {
    let longest = "a".repeat(128);
    let too_long = "a".repeat(129);
    let too_long_in_bytes = "é".repeat(65);
    check(
        AccountPath::parse,
        &[
            "world",
            "customers/cus_01j0000000000000000000000/wallets/EUR",
            "Erträge/Zinsen auf Guthaben/2026",
            "a.b/.hidden/...",
            "%2F:*?",
            "東京/円",
            &longest,
        ],
        &[
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            " a",
            "a ",
            "a/ b",
            "a /b",
            ".",
            "..",
            "a/../b",
            "a/./b",
            "a\tb",
            "a\nb",
            "a\0b",
            "a\u{7f}b",
            "a\u{a0}b",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\u{2028}b",
            "a\u{ad}b",
            "a\u{feff}b",
            "a\u{e0041}b",
            &too_long,
            &too_long_in_bytes,
        ],
        TextError::AccountPathMustBeWellFormed,
    );
}

#[test]
fn transaction_codes_are_short_and_plain() {
    let longest = "a".repeat(32);
    let too_long = "a".repeat(33);
    check(
        TransactionCode::parse,
        &["fee", "card.payment", "wallet-top_up", "0", &longest],
        &["", "Fee", "a b", "a/b", "é", "a\0", &too_long],
        TextError::TransactionCodeMustBeWellFormed,
    );
}

#[test]
fn references_are_printable_text() {
    let longest = "r".repeat(128);
    let too_long = "r".repeat(129);
    check(
        Reference::parse,
        &["R-2026/17", "Überweisung vom 1. März", &longest],
        &["", " ", " a", "a ", "a\nb", "a\u{200d}b", &too_long],
        TextError::ReferenceMustBeWellFormed,
    );
}

#[test]
fn transaction_ids_are_typed_ids_or_uuids_and_never_zero() {
    let id = TransactionId::parse("txn_01h455vb4pex5vsknk084sn02q").unwrap();
    assert_eq!(id.to_string(), "txn_01h455vb4pex5vsknk084sn02q");
    assert_eq!(id.bits(), 0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);
    assert_eq!(
        TransactionId::parse("01890a5d-ac96-774b-bcce-b302099a8057"),
        Ok(id)
    );
    assert_eq!(
        TransactionId::parse("01890A5D-AC96-774B-BCCE-B302099A8057"),
        Ok(id)
    );
    check(
        TransactionId::parse,
        &[
            "txn_7zzzzzzzzzzzzzzzzzzzzzzzzz",
            "txn_00000000000000000000000001",
        ],
        &[
            "",
            "txn_",
            "txn_00000000000000000000000000",
            "00000000-0000-0000-0000-000000000000",
            "txn_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "txn_01H455VB4PEX5VSKNK084SN02Q",
            "pay_01h455vb4pex5vsknk084sn02q",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "01890a5d-ac96-774b-bcce-b302099a805g",
        ],
        TextError::TransactionIdMustBeWellFormed,
    );
    assert_eq!(TransactionId::from_u128(0), None);
}

#[test]
fn every_refused_text_has_its_code() {
    let codes = [
        (
            TextError::TransactionIdMustBeWellFormed,
            "transaction_id_must_be_well_formed",
        ),
        (
            TextError::AccountPathMustBeWellFormed,
            "account_path_must_be_well_formed",
        ),
        (
            TextError::TransactionCodeMustBeWellFormed,
            "transaction_code_must_be_well_formed",
        ),
        (
            TextError::ReferenceMustBeWellFormed,
            "reference_must_be_well_formed",
        ),
    ];
    for (error, name) in codes {
        assert_eq!(error.code().name, name);
    }
}
