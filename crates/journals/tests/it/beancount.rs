//! The Beancount reader against bean-check: what one accepts the other accepts; what Florin
//! does not support it refuses by line and kind.

use journals::{Kind, Status};

use crate::cases::{self, Case};
use crate::tools::{bean_check, files, held, read_beancount};

/// Opens what the cases use, on lines 1 to 5.
const OPEN: &str = "\
2024-01-01 open Assets:A
2024-01-01 open Assets:A:Sub
2024-01-01 open Assets:B
2024-01-01 open Assets:Euros EUR, USD
2024-01-01 open Income:C
";

fn check(case: &Case) -> Result<(), String> {
    let read = read_beancount(&case.text);
    let accepted = bean_check(&case.text);
    let first = read.as_ref().err().map(|refusals| &refusals.refusals[0]);
    let refused = first.map(|refusal| (refusal.kind.name(), refusal.line));
    cases::check(case, refused, accepted.is_ok())
}

/// Checks a table whose texts follow [`OPEN`]; their lines begin at 6.
fn check_opened(case: &Case) -> Result<(), String> {
    let text = format!("{OPEN}{}", case.text);
    check(&Case {
        name: case.name.clone(),
        fate: case.fate.clone(),
        text,
    })
}

#[test]
fn transactions_are_read_as_beancount_reads_them() {
    cases::check_all(
        include_str!("../cases/beancount/transactions.txt"),
        check_opened,
    );
}

#[test]
fn transactions_balance_as_beancount_balances_them() {
    cases::check_all(include_str!("../cases/beancount/balance.txt"), check_opened);
}

#[test]
fn accounts_and_balances_are_checked_by_day() {
    cases::check_all(
        include_str!("../cases/beancount/accounts.txt"),
        check_opened,
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    cases::check_all(
        include_str!("../cases/beancount/unsupported.txt"),
        check_opened,
    );
}

#[test]
fn includes_are_judged_together() {
    let written = [
        (
            "books/main.beancount",
            "include \"2024/x.beancount\"\n2024-01-01 open Assets:A\n",
        ),
        (
            "books/2024/x.beancount",
            "include \"../y.beancount\"\n2024-01-02 * \"x\"\n  Assets:A  1 EUR\n  Assets:B\n",
        ),
        (
            "books/y.beancount",
            "2024-01-01 open Assets:B\n2024-01-03 balance Assets:B -1 EUR\n",
        ),
    ];
    let journal = journals::read_beancount(&files(&written), "books/main.beancount").unwrap();
    assert_eq!(journal.files.len(), 3);
    assert_eq!(held(&journal).len(), 2);
    let cycle = [("a", "include \"b\"\n"), ("b", "\ninclude \"a\"\n")];
    let refused = journals::read_beancount(&files(&cycle), "a")
        .unwrap_err()
        .refusals[0]
        .clone();
    assert_eq!(
        (refused.file.as_str(), refused.line, refused.kind),
        ("b", 2, Kind::IncludeCycle)
    );
}

#[test]
fn a_transaction_keeps_what_it_says() {
    let text = format!(
        "{OPEN}2024-01-02 ! \"shop\" \"say \\\"hi\\\"\" #t ^l\n  k-1: 5 EUR\n\
           \u{20} Assets:A  1 EUR\n    mm: \"x\"\n  Assets:B\n"
    );
    let journal = read_beancount(&text).unwrap();
    let entry = &journal.transactions[0];
    assert_eq!(
        (entry.payee.as_str(), entry.description.as_str()),
        ("shop", "say \"hi\"")
    );
    assert_eq!((entry.status, entry.place.line), (Status::Pending, 6));
    let tag = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        entry.tags,
        [tag("tag", "t"), tag("link", "l"), tag("k-1", "5 EUR")]
    );
    assert_eq!(entry.postings[0].tags, [tag("mm", "x")]);
}
