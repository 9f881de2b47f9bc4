//! The Beancount reader against bean-check: what one accepts the other accepts; what Florin
//! does not support it refuses by line and kind.

use journals::{Kind, Status};

use crate::tools::{bean_check, files, held, read_beancount};

/// What must become of a file.
#[derive(Clone, Copy)]
enum Fate {
    /// Both accept it.
    Accepted,
    /// Both refuse it, Florin at this line.
    Refused(Kind, u32),
    /// bean-check accepts it; Florin does not support it and says so at this line.
    Unsupported(Kind, u32),
}

use Fate::{Accepted, Refused, Unsupported};

/// Opens what the cases use, on lines 1 to 5.
const OPEN: &str = "\
2024-01-01 open Assets:A
2024-01-01 open Assets:A:Sub
2024-01-01 open Assets:B
2024-01-01 open Assets:Euros EUR, USD
2024-01-01 open Income:C
";

fn check(name: &str, fate: Fate, text: &str) {
    let text = format!("{OPEN}{text}");
    let read = read_beancount(&text);
    let accepted = bean_check(&text);
    match fate {
        Accepted => {
            read.unwrap_or_else(|why| panic!("{name}: {why}"));
            accepted.unwrap_or_else(|why| panic!("{name}: bean-check: {why}"));
        }
        Refused(kind, line) | Unsupported(kind, line) => {
            let first = read.expect_err(name).refusals[0].clone();
            assert_eq!((first.kind, first.line), (kind, line), "{name}: {first}");
            assert_eq!(
                accepted.is_ok(),
                matches!(fate, Unsupported(..)),
                "{name}: {accepted:?}"
            );
        }
    }
}

/// A case of one transaction, whose first line is 6.
fn one(name: &str, fate: Fate, postings: &str) {
    check(name, fate, &format!("2024-01-02 * \"x\"\n{postings}"));
}

#[test]
fn transactions_are_read_as_beancount_reads_them() {
    check(
        "everything at once",
        Accepted,
        "\
; a comment
* an outline
option \"title\" \"x\"
option \"operating_currency\" \"EUR\"
2024-01-01 commodity EUR
  name: \"Euro\"
2024/01/02 ! \"payee\" \"nar\\\"ration\\\\ over
two lines\" #tag ^link ; why
  meta: 10.00 EUR
  other: Assets:A
  third:
  #more ^links
  * Assets:A  1,234.50 EUR ; why
    note: 2024-01-01
  ; a comment
  ! Assets:B  -(1 + 1)*617.25 EUR
    flag: TRUE
2024-01-03 txn \"x\"
2024-01-03 P \"x\"
  Assets:A  0 EUR
2024-01-04 price EUR 1.10 USD
2024-01-05 balance Assets:A 1234.50 ~ 0 EUR
2024-01-06 close Income:C
",
    );
    one(
        "flags of one capital",
        Accepted,
        "  P Assets:A  1 EUR\n  # Assets:B  -1 EUR\n",
    );
    one(
        "currency of one capital",
        Accepted,
        "  Assets:A  1 V\n  Assets:B  -1 V\n",
    );
    one(
        "odd currencies",
        Accepted,
        "  Assets:A  1 AB'C.D_E-1\n  Assets:B  -1 AB'C.D_E-1\n",
    );
    one(
        "quotient",
        Accepted,
        "  Assets:A  3/4 EUR\n  Assets:B  -0.75 EUR\n",
    );
    one(
        "commas by threes",
        Refused(Kind::InvalidNumber, 7),
        "  Assets:A  1,00,0.00 EUR\n",
    );
    one(
        "small letter in a name",
        Refused(Kind::Syntax, 7),
        "  Assets:a  1 EUR\n",
    );
    one(
        "unknown root",
        Refused(Kind::Syntax, 7),
        "  Cash:A  1 EUR\n  Assets:B\n",
    );
    one(
        "no currency",
        Refused(Kind::Syntax, 7),
        "  Assets:A  1 eur\n  Assets:B\n",
    );
    one(
        "a blank line ends it",
        Refused(Kind::Syntax, 9),
        "  Assets:A  0 EUR\n\n  Assets:B\n",
    );
    one(
        "text behind",
        Refused(Kind::Syntax, 7),
        "  Assets:A  1 EUR EUR\n  Assets:B\n",
    );
    one(
        "currency inferred",
        Unsupported(Kind::Syntax, 7),
        "  Assets:A  1\n  Assets:B  -1 EUR\n",
    );
    one(
        "thirds",
        Unsupported(Kind::InvalidNumber, 7),
        "  Assets:A  1/3 EUR\n  Assets:B\n",
    );
    one(
        "at cost",
        Unsupported(Kind::HeldAtCost, 7),
        "  Assets:A  1 A {5 EUR}\n  Assets:B\n",
    );
    check("no directive", Refused(Kind::Syntax, 6), "hello\n");
    check(
        "no such day",
        Refused(Kind::InvalidDate, 6),
        "2023-02-29 * \"x\"\n",
    );
    check(
        "open string",
        Refused(Kind::Syntax, 6),
        "2024-01-02 * \"x\n",
    );
    check(
        "indented alone",
        Refused(Kind::Syntax, 7),
        "\n  Assets:A  1 EUR\n",
    );
    let texts = "2024-01-02 * \"a\" \"b\" \"c\"\n";
    check("three strings", Refused(Kind::Syntax, 6), texts);
}

#[test]
fn transactions_balance_as_beancount_balances_them() {
    one("exact", Accepted, "  Assets:A  1 EUR\n  Assets:B  -1 EUR\n");
    one(
        "within half a cent",
        Accepted,
        "  Assets:A  1.005 EUR\n  Assets:B  -1.00 EUR\n",
    );
    one(
        "over half a cent",
        Refused(Kind::Unbalanced, 6),
        "\
  Assets:A  1.006 EUR
  Assets:B  -1.00 EUR
"
        .trim_start_matches('\n'),
    );
    let whole = "  Assets:A  1 EUR\n  Assets:B  -1.01 EUR\n";
    one(
        "whole numbers lend no tolerance",
        Refused(Kind::Unbalanced, 6),
        whole,
    );
    one(
        "price",
        Accepted,
        "  Assets:A  3 ACME @ 33.333 EUR\n  Assets:B  -100.00 EUR\n",
    );
    one(
        "total price",
        Accepted,
        "  Assets:A  -3 ACME @@ 100 EUR\n  Assets:B  100.00 EUR\n",
    );
    let priced = "  Assets:A  3 ACME @ 33.33 EUR\n  Assets:B  -100.00 EUR\n";
    one(
        "price misses by a cent",
        Refused(Kind::Unbalanced, 6),
        priced,
    );
    let negative = "  Assets:A  3 ACME @ -1 EUR\n  Assets:B\n";
    one("negative price", Refused(Kind::Syntax, 7), negative);
    one(
        "no exchange without a price",
        Refused(Kind::Unbalanced, 6),
        "\
  Assets:A  10 EUR
  Assets:B  -11 USD
",
    );
    one(
        "elided",
        Accepted,
        "  Assets:A  1 EUR\n  Assets:A  2 USD\n  Assets:B\n",
    );
    one(
        "elided nothing",
        Accepted,
        "  Assets:A  1 EUR\n  Assets:A  -1 EUR\n  Assets:B\n",
    );
    let two = "  Assets:A  1 EUR\n  Assets:A\n  Assets:B\n";
    one("two elided", Refused(Kind::TooManyElided, 6), two);
    check(
        "elided is rounded to the coarsest",
        Accepted,
        "\
2024-01-02 * \"x\"
  Assets:A  3.00 ACME @ 1.23456 USD
  Income:C  0.10 USD
  Assets:B
2024-01-03 balance Assets:B -3.80 ~ 0 USD
",
    );
    check(
        "elided is exact without a hint",
        Accepted,
        "\
2024-01-02 * \"x\"
  Assets:A  3.00 ACME @ 1.23456 USD
  Assets:B
2024-01-03 balance Assets:B -3.70368 ~ 0 USD
",
    );
}

#[test]
fn accounts_and_balances_are_checked_by_day() {
    let posted = "2024-01-02 * \"x\"\n  Assets:A:Sub  5.00 EUR\n  Assets:B\n";
    let balance = |line: &str| format!("{posted}{line}\n");
    check(
        "before the day",
        Accepted,
        &balance("2024-01-02 balance Assets:A:Sub 0.00 EUR"),
    );
    check(
        "with subaccounts",
        Accepted,
        &balance("2024-01-03 balance Assets:A 5.00 EUR"),
    );
    check(
        "off by a unit",
        Accepted,
        &balance("2024-01-03 balance Assets:A 5.01 EUR"),
    );
    let over = balance("2024-01-03 balance Assets:A 5.02 EUR");
    check("off by two", Refused(Kind::AssertionFailed, 9), &over);
    let whole = balance("2024-01-03 balance Assets:A 6 EUR");
    check(
        "whole numbers are exact",
        Refused(Kind::AssertionFailed, 9),
        &whole,
    );
    let exact = balance("2024-01-03 balance Assets:A 5.01 ~ 0 EUR");
    check("no tolerance", Refused(Kind::AssertionFailed, 9), &exact);
    check(
        "a wide one",
        Accepted,
        &balance("2024-01-03 balance Assets:A 6.00 ~ 1.00 EUR"),
    );
    let twice =
        balance("2024-01-03 balance Assets:A 5.00 EUR\n2024-01-03 balance Assets:A 5.01 EUR");
    check(
        "twice, differently",
        Refused(Kind::DuplicateDeclaration, 10),
        &twice,
    );
    let same = balance("2024-01-03 balance Assets:A 5 EUR\n2024-01-03 balance Assets:A 5 EUR");
    check("twice, the same", Accepted, &same);
    let unknown = "2024-01-03 balance Assets:X 0 EUR\n";
    check("unknown account", Refused(Kind::AccountNotOpen, 6), unknown);
    let early = "2023-12-31 * \"x\"\n  Assets:A  1 EUR\n  Income:C  -1 EUR\n";
    check("not yet open", Refused(Kind::AccountNotOpen, 7), early);
    check(
        "the day it closes",
        Accepted,
        &balance("2024-01-02 close Assets:B"),
    );
    check(
        "after it closed",
        Refused(Kind::AccountNotOpen, 8),
        &balance("2024-01-01 close Assets:B"),
    );
    let after = balance("2024-01-02 close Assets:B\n2024-01-03 balance Assets:B -5 EUR");
    check("balance after closing", Accepted, &after);
    check(
        "opened twice",
        Refused(Kind::DuplicateDeclaration, 6),
        "2024-01-01 open Assets:A\n",
    );
    check(
        "closed unopened",
        Refused(Kind::AccountNotOpen, 6),
        "2024-01-02 close Assets:X\n",
    );
    let constrained = "2024-01-02 * \"x\"\n  Assets:Euros  1 GBP\n  Assets:B\n";
    check(
        "another commodity",
        Refused(Kind::CommodityNotAllowed, 7),
        constrained,
    );
    let declared = "2024-01-02 commodity EUR\n2024-01-03 commodity EUR\n";
    check(
        "declared twice",
        Refused(Kind::DuplicateDeclaration, 7),
        declared,
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let pad = "2024-01-02 pad Assets:A Assets:B\n2024-01-03 balance Assets:A 5 EUR\n";
    check("pad", Unsupported(Kind::Pad, 6), pad);
    let plugin = "plugin \"beancount.plugins.auto_accounts\"\n";
    check("plugin", Unsupported(Kind::Plugin, 6), plugin);
    let tolerance = "option \"inferred_tolerance_default\" \"*:1\"\n";
    check(
        "option",
        Unsupported(Kind::UnsupportedDirective, 6),
        tolerance,
    );
    for line in [
        "note Assets:A \"x\"",
        "event \"a\" \"b\"",
        "query \"a\" \"b\"",
        "custom \"a\"",
    ] {
        let text = format!("2024-01-02 {line}\n");
        check(line, Unsupported(Kind::UnsupportedDirective, 6), &text);
    }
    check(
        "pushtag",
        Unsupported(Kind::UnsupportedDirective, 6),
        "pushtag #a\npoptag #a\n",
    );
    let booking = "2024-01-01 open Assets:D EUR \"FIFO\"\n";
    check("booking", Unsupported(Kind::HeldAtCost, 6), booking);
    check(
        "slash currency",
        Unsupported(Kind::Syntax, 6),
        "2024-01-02 price /ES 5 USD\n",
    );
    check(
        "pattern",
        Refused(Kind::IncludePattern, 6),
        "include \"*.nothing\"\n",
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
        "{OPEN}2024-01-02 ! \"shop\" \"say \\\"hi\\\"\" #t ^l\n  k-1: 5 EUR\n  Assets:A  1 EUR\n    m: \"x\"\n  Assets:B\n"
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
    assert_eq!(entry.postings[0].tags, [tag("m", "x")]);
}
