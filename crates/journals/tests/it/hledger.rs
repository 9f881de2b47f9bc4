//! The hledger reader against hledger itself: what one accepts the other accepts, to the same
//! balances; what Florin does not support it refuses by line and kind.

use journals::{Kind, Status};

use crate::tools::{files, held, held_by_hledger, hledger, hledger_file, read_hledger};

/// What must become of a journal.
#[derive(Clone, Copy)]
enum Fate {
    /// Both accept it, to the same balances.
    Accepted,
    /// Both refuse it, Florin at this line.
    Refused(Kind, u32),
    /// hledger accepts it; Florin does not support it and says so at this line.
    Unsupported(Kind, u32),
}

use Fate::{Accepted, Refused, Unsupported};

fn check(name: &str, fate: Fate, text: &str) {
    let read = read_hledger(text);
    let accepted = hledger(&["check"], text);
    match fate {
        Accepted => {
            let journal = read.unwrap_or_else(|why| panic!("{name}: {why}"));
            accepted.unwrap_or_else(|why| panic!("{name}: hledger: {why}"));
            let json = hledger(&["bal", "-N", "--flat", "-E", "-O", "json"], text).unwrap();
            assert_eq!(held(&journal), held_by_hledger(&json), "{name}");
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

#[test]
fn amounts_mean_what_hledger_takes_them_to_mean() {
    let one = |name: &str, fate: Fate, amount: &str| {
        let text = format!("2024-01-01 x\n  a  {amount}\n  b\n");
        check(name, fate, &text);
    };
    one("symbol right", Accepted, "10.50 EUR");
    one("symbol left", Accepted, "$10.50");
    one("symbol left spaced", Accepted, "EUR 10.50");
    one("no space", Accepted, "10EUR");
    one("sign before symbol", Accepted, "-$10");
    one("sign after symbol", Accepted, "$-10");
    one("both signs and spaces", Accepted, "- $ -10");
    one("plus", Accepted, "+10 EUR");
    one("quoted", Accepted, "3 \"green apples 2\"");
    one("quoted left", Accepted, "\"A1\" 3");
    one(
        "odd symbol characters",
        Accepted,
        "10 a'b_c/d:e#f%g&h!i~j|k<l>m?n`o^p",
    );
    one("comma is a decimal mark", Accepted, "1,000 EUR");
    one("period is a decimal mark", Accepted, "1.000 EUR");
    one("thousands and decimals", Accepted, "1,234,567.89 EUR");
    one("continental", Accepted, "1.234.567,89 EUR");
    one("spaces group", Accepted, "1 234 567.89 EUR");
    one("indian groups", Accepted, "9,99,99,999.00 INR");
    one("leading mark", Accepted, ".5 EUR");
    one("trailing mark", Accepted, "5. EUR");
    one("exponent", Accepted, "1.5E3 EUR");
    one("negative exponent", Accepted, "15e-3 EUR");
    one("no exponent but a symbol", Accepted, "15E");
    one("no symbol", Accepted, "10");
    one("many decimals", Accepted, "0.1234567891 BTC");
    one(
        "two decimal marks",
        Refused(Kind::InvalidNumber, 2),
        "1.5,5.5 EUR",
    );
    one(
        "digits after decimals",
        Refused(Kind::InvalidNumber, 2),
        "1.5 5 EUR",
    );
    one("two symbols", Refused(Kind::Syntax, 2), "EUR 10 USD");
    one("text behind", Refused(Kind::Syntax, 2), "10 EUR foo");
    one("apostrophe group", Refused(Kind::Syntax, 2), "1'000 EUR");
    one("open quote", Refused(Kind::Syntax, 2), "3 \"green");
    one(
        "groups and exponent",
        Refused(Kind::InvalidNumber, 2),
        "1,000.0E3 EUR",
    );
    one("sign alone", Refused(Kind::Syntax, 2), "- EUR");
    one("expression", Refused(Kind::Syntax, 2), "(1 + 2) EUR");
    one(
        "lot price",
        Unsupported(Kind::HeldAtCost, 2),
        "10 ACME {5 EUR}",
    );
    one(
        "lot date",
        Unsupported(Kind::HeldAtCost, 2),
        "10 ACME [2024-01-01]",
    );
    let digits = "1234567890123456789012345678901 EUR";
    one(
        "more digits than are held",
        Unsupported(Kind::NumberTooLarge, 2),
        digits,
    );
}

#[test]
fn directives_decide_how_numbers_are_read() {
    check(
        "commodity declares the mark",
        Accepted,
        "\
commodity 1.000,00 EUR
2024-01-01 x
  a  1.000 EUR
  b  -1000,00 EUR
",
    );
    check(
        "format subdirective",
        Accepted,
        "\
commodity $
  ; a comment
  format $1,000.00
2024-01-01 x
  a  $1,000
  b  $-1000.00
",
    );
    check(
        "commodity without format",
        Accepted,
        "commodity EUR\n2024-01-01 x\n  a  1 EUR\n  b\n",
    );
    check(
        "D gives symbol and mark",
        Accepted,
        "\
D 1.000,00 EUR
2024-01-01 x
  a  1.000
  b  -500 USD
  c  500 USD
  d  -1000,00 EUR
",
    );
    check(
        "decimal-mark",
        Accepted,
        "\
decimal-mark ,
2024-01-01 x
  a  1.000 EUR
  b  -1000 EUR
",
    );
    check(
        "a commodity of an included style",
        Accepted,
        "\
commodity 1,000.000 EUR
2024-01-01 x
  a  1,000 EUR
  b  -1000 EUR
",
    );
    check(
        "no mark in the sample",
        Refused(Kind::Syntax, 1),
        "commodity 1000 EUR\n",
    );
    check("D without mark", Refused(Kind::Syntax, 1), "D 1000 EUR\n");
    check(
        "another symbol in the format",
        Refused(Kind::Syntax, 2),
        "\
commodity EUR
  format 1.00 USD
",
    );
    check("unknown mark", Refused(Kind::Syntax, 1), "decimal-mark ;\n");
    // hledger 1.25 reads this as a thousand and a half; 1.50 refuses it, as we do.
    check(
        "against the declared mark",
        Unsupported(Kind::InvalidNumber, 3),
        "\
decimal-mark ,
2024-01-01 x
  a  1,000.50 EUR
  b
",
    );
    check(
        "ledger's commodity options",
        Refused(Kind::UnsupportedDirective, 2),
        "\
commodity $
  nomarket
",
    );
}

#[test]
fn transactions_are_read_whole() {
    check(
        "everything at once",
        Accepted,
        "\
2024-01-31=2024/2/1 * (code 1) payee | note  ; a comment, tag: value
  ; more: of it
    ! assets:my bank  1.00 EUR  ; posting, tag:
    ; and: more
    expenses:food:ünïcode ; with semicolon  -1.00 EUR
2024.02.03
  a  0
2024/2/4 ! pending
",
    );
    check("tabs", Accepted, "2024-01-01 x\n\ta\t\t1 EUR\n\tb\n");
    check(
        "comment lines at the top",
        Accepted,
        "; a\n# b\n* c\n  ; d\n\n2024-01-01 x\n  a  0\n",
    );
    check(
        "comment block",
        Accepted,
        "comment\n2024-01-01\n  a  1\nend comment\n",
    );
    check(
        "open comment block",
        Accepted,
        "comment\n2024-01-01\n  a  1\n",
    );
    check("crlf", Accepted, "2024-01-01 x\r\n  a  1 EUR\r\n  b\r\n");
    check(
        "byte order mark",
        Accepted,
        "\u{feff}2024-01-01 x\n  a  1 EUR\n  b\n",
    );
    check(
        "star in the description",
        Accepted,
        "2024-01-01 (c) * x\n  a  0\n",
    );
    check(
        "a default year",
        Accepted,
        "Y2009 ; so\n1/31=2/1 x\n  a  1\n  b\n",
    );
    check(
        "separators differ",
        Refused(Kind::InvalidDate, 1),
        "2024-01/02 x\n  a  0\n",
    );
    check(
        "no such day",
        Refused(Kind::InvalidDate, 1),
        "2023-02-29 x\n  a  0\n",
    );
    check(
        "no space after the date",
        Refused(Kind::Syntax, 1),
        "2024-01-01* x\n  a  0\n",
    );
    check(
        "open code",
        Refused(Kind::Syntax, 1),
        "2024-01-01 (c x\n  a  0\n",
    );
    check(
        "a blank line ends it",
        Refused(Kind::Syntax, 4),
        "2024-01-01 x\n  a  0\n\n  b  0\n",
    );
    check(
        "one space before the amount",
        Refused(Kind::TooManyElided, 1),
        "\
2024-01-01 x
  a 1 EUR
  b
",
    );
    check("no directive", Refused(Kind::Syntax, 1), "hello\n");
    check(
        "year unknown",
        Unsupported(Kind::YearUnknown, 1),
        "1/31 x\n  a  0\n",
    );
    check(
        "posting date",
        Unsupported(Kind::PostingDate, 2),
        "\
2024-01-01 x
  a  1 EUR  ; date:2024-02-01
  b
",
    );
    check(
        "posting date in brackets",
        Unsupported(Kind::PostingDate, 3),
        "\
2024-01-01 x
  a  1 EUR
  ; [2024-02-01]
  b
",
    );
    check(
        "virtual",
        Unsupported(Kind::VirtualPosting, 2),
        "2024-01-01 x\n  (a)  1 EUR\n",
    );
    check(
        "balanced virtual",
        Unsupported(Kind::VirtualPosting, 2),
        "\
2024-01-01 x
  [a]  1 EUR
  [b]  -1 EUR
",
    );
    check(
        "periodic",
        Unsupported(Kind::PeriodicTransaction, 1),
        "~ monthly\n  a  1\n  b\n",
    );
    check(
        "auto posting",
        Unsupported(Kind::AutoPosting, 1),
        "= a\n  b  1\n",
    );
    check(
        "timeclock",
        Refused(Kind::Timeclock, 1),
        "i 2024-01-01 00:00:00 a\n",
    );
    check(
        "ledger's assert",
        Refused(Kind::UnsupportedDirective, 1),
        "assert x\n",
    );
    check(
        "bang",
        Unsupported(Kind::UnsupportedDirective, 1),
        "!account a\n",
    );
}

#[test]
fn transactions_balance_as_hledger_balances_them() {
    let one = |name: &str, fate: Fate, postings: &str| {
        check(name, fate, &format!("2024-01-01 x\n{postings}"));
    };
    one("two", Accepted, "  a  1 EUR\n  b  -1 EUR\n");
    one(
        "elided in several commodities",
        Accepted,
        "  a  1 EUR\n  b  2 USD\n  c\n",
    );
    one(
        "elided of opposite signs",
        Accepted,
        "  a  1 EUR\n  b  -2 USD\n  c\n",
    );
    one("elided of nothing", Accepted, "  a\n");
    one(
        "cost each",
        Accepted,
        "  a  10 EUR @ 1.10 USD\n  b  -11.00 USD\n",
    );
    one(
        "cost in all",
        Accepted,
        "  a  -10 EUR @@ 11 USD\n  b  11 USD\n",
    );
    one(
        "cost in parentheses",
        Accepted,
        "  a  10 EUR (@) 2 USD\n  b\n",
    );
    one(
        "total in parentheses",
        Accepted,
        "  a  10 EUR (@@) 2 USD\n  b\n",
    );
    one(
        "cost elided, exact",
        Accepted,
        "  a  10 EUR @ 1.23456 USD\n  b\n",
    );
    one(
        "cost of nothing",
        Accepted,
        "  a  0 EUR @@ 11 USD\n  b  -11 USD\n",
    );
    one(
        "cost to the cent",
        Accepted,
        "  a  3 ACME @ 33.333333 USD\n  b  -100.00 USD\n",
    );
    one("inferred", Accepted, "  a  10 EUR\n  b  -11 USD\n");
    one(
        "inferred over several",
        Accepted,
        "  a  1 EUR\n  a  2 EUR\n  b  -1 USD\n",
    );
    one(
        "inferred beside zero",
        Accepted,
        "  a  10 EUR\n  b  -11 USD\n  c  0 GBP\n",
    );
    one(
        "inferred beside prices that cancel",
        Accepted,
        "  a  10 EUR
  b  -11 USD
  c  1 ACME @ 5 GBP
  d  -1 ACME @ 5 GBP
",
    );
    one(
        "three commodities with costs",
        Accepted,
        "  a  10 ACME @ 5 USD
  b  20 EUR @ 1.1 USD
  c  -72 USD
",
    );
    one(
        "not zero",
        Refused(Kind::Unbalanced, 1),
        "  a  1 EUR\n  b  -2 EUR\n",
    );
    one(
        "same signs",
        Refused(Kind::Unbalanced, 1),
        "  a  1 EUR\n  b  1 USD\n",
    );
    one(
        "three commodities",
        Refused(Kind::Unbalanced, 1),
        "  a  1 A\n  b  1 B\n  c  -1 C\n",
    );
    one(
        "cost misses by a cent",
        Refused(Kind::Unbalanced, 1),
        "  a  10 EUR @ 1.101 USD
  b  -11.00 USD
",
    );
    one(
        "two elided",
        Refused(Kind::TooManyElided, 1),
        "  a  1 EUR\n  b\n  c\n",
    );
    one("one alone", Refused(Kind::Unbalanced, 1), "  a  1 EUR\n");
    one(
        "negative total",
        Refused(Kind::Unbalanced, 1),
        "  a  -10 EUR @@ -11 USD\n  b  11 USD\n",
    );
    one(
        "prices in the way",
        Refused(Kind::Unbalanced, 1),
        "  a  10 EUR @ 2 USD
  b  -10 GBP
  c  -10 USD
",
    );
    one(
        "two costs",
        Refused(Kind::Syntax, 2),
        "  a  1 A @ 2 B @ 3 C\n  b\n",
    );
}

#[test]
fn balance_is_judged_at_the_display_precision() {
    check(
        "by directive",
        Accepted,
        "\
commodity 1.00 EUR
2024-01-01 x
  a  1.005 EUR
  b  -1.00 EUR
",
    );
    check(
        "by directive, over",
        Refused(Kind::Unbalanced, 2),
        "\
commodity 1.00 EUR
2024-01-01 x
  a  1.006 EUR
  b  -1.00 EUR
",
    );
    check(
        "D counts too",
        Accepted,
        "\
D 1.00 EUR
2024-01-01 x
  a  1.004 EUR
  b  -1.00 EUR
",
    );
    check(
        "more decimals elsewhere",
        Refused(Kind::Unbalanced, 1),
        "\
2024-01-01 x
  a  10 ACME @ 1.10333 USD
  b  -11.03 USD
2024-01-02 x
  a  1.000 USD
  b  -1.000 USD
",
    );
    check(
        "a currency of costs alone",
        Refused(Kind::Unbalanced, 1),
        "\
2024-01-01 x
  a  3 A @ 33.33 USD
  b  -3 B @ 33.34 USD
",
    );
}

#[test]
fn assertions_hold_in_order_of_date() {
    check(
        "later first in the text",
        Accepted,
        "\
2024-01-02 x
  a  1 EUR = 3 EUR
  b
2024-01-01 x
  a  2 EUR = 2.00 EUR
  b
",
    );
    check(
        "in the text's order within a day",
        Refused(Kind::AssertionFailed, 5),
        "\
2024-01-01 x
  a  1 EUR = 1 EUR
  b
2024-01-01 x
  a  1 EUR = 3 EUR
  b
",
    );
    check(
        "one commodity of several",
        Accepted,
        "\
2024-01-01 x
  a  1 EUR = 1 EUR
  a  2 USD = 2 USD
  b
",
    );
    check(
        "and nothing else",
        Refused(Kind::AssertionFailed, 4),
        "\
2024-01-01 x
  a  1 EUR = 1 EUR
  b
  a  2 USD == 2 USD
",
    );
    check(
        "exclusive of subaccounts",
        Refused(Kind::AssertionFailed, 3),
        "\
2024-01-01 x
  a:b  1 EUR
  a    1 EUR = 2 EUR
  c
",
    );
    check(
        "inclusive of subaccounts",
        Accepted,
        "\
2024-01-01 x
  a:b  1 EUR
  a-b  5 EUR
  a    1 EUR =* 2 EUR
  a    0 EUR ==* 2 EUR
  c
",
    );
    check(
        "bare zero",
        Accepted,
        "2024-01-01 x\n  a  1 EUR\n  b  -1 EUR\n  c  0 == 0\n",
    );
    check(
        "bare zero, not so",
        Refused(Kind::AssertionFailed, 4),
        "\
2024-01-01 x
  a  1 EUR
  b  -1 EUR
  a  0 == 0
",
    );
    check(
        "more exact than displayed",
        Refused(Kind::AssertionFailed, 2),
        "\
2024-01-01 x
  a  1.00 EUR = 1.001 EUR
  b
",
    );
    check(
        "costs are ignored",
        Accepted,
        "2024-01-01 x\n  a  1 EUR @ 2 USD = 1 EUR\n  b\n",
    );
    check(
        "assignment",
        Accepted,
        "\
2024-01-01 x
  a  10 EUR
  b
2024-01-02 x
  a  = 4 EUR
  c
2024-01-03 x
  a  1 EUR = 5 EUR
  b  == -10 EUR
  d
",
    );
    check(
        "assignment out of order",
        Accepted,
        "\
2024-01-05 x
  a  = 4 EUR
  c
2024-01-02 x
  a  10 EUR
  b
",
    );
    check(
        "assignment of everything",
        Accepted,
        "\
2024-01-01 x
  a  10 EUR
  a  5 USD
  b
2024-01-02 x
  a  == 4 EUR
  c
",
    );
    check(
        "inclusive assignment",
        Accepted,
        "\
2024-01-01 x
  a:b  10 EUR
  b
2024-01-02 x
  a  =* 14 EUR
  c
",
    );
    check(
        "assignment that unbalances",
        Refused(Kind::Unbalanced, 1),
        "\
2024-01-01 x
  a  = 4 EUR
  b  -5 EUR
",
    );
    check(
        "assertion with a cost",
        Unsupported(Kind::Syntax, 2),
        "\
2024-01-01 x
  a  1 EUR = 1 EUR @ 2 USD
  b
",
    );
}

#[test]
fn names_are_rewritten_as_hledger_rewrites_them() {
    check(
        "aliases, the nearest first",
        Accepted,
        "\
alias checking = assets:bank:wells fargo:checking
alias assets = A
2024-01-01 x
  checking:a  1
  checkingb  2
  assets
end aliases
2024-01-01 x
  checking:a  1
  b
",
    );
    check(
        "parents, then aliases",
        Accepted,
        "\
apply account home
apply account er
alias home:er:food=F
account x
2024-01-01 x
  food  1
  cash
end apply account
2024-01-01 x
  food  1
  cash
end apply account
",
    );
    check(
        "colons and spaces",
        Accepted,
        "2024-01-01 x\n  a::b  1 EUR\n  :c d:\n",
    );
    check(
        "declared",
        Accepted,
        "\
account assets:bank  ; type: C, note: x
  ; more: tags
account b
account debts
2024-01-01 x
  assets:bank  1 EUR
  b
",
    );
    check(
        "no account to end",
        Refused(Kind::Syntax, 1),
        "end apply account\n",
    );
    check(
        "unknown type",
        Refused(Kind::UnknownAccountType, 1),
        "account a  ; type: Z\n",
    );
    check("in brackets", Unsupported(Kind::Syntax, 1), "account (a)\n");
    check(
        "by regular expression",
        Unsupported(Kind::RegexAlias, 1),
        "alias /a/ = b\n",
    );
    check(
        "subdirective",
        Unsupported(Kind::UnsupportedDirective, 2),
        "account a\n  note x\n",
    );
}

#[test]
fn prices_are_kept() {
    let text = "P 2024-01-02 EUR $1.35\nP 2024/1/3 \"A 1\" 1,35 EUR ; why\n";
    check("prices", Accepted, text);
    let journal = read_hledger(text).unwrap();
    let kept: Vec<String> = journal
        .prices
        .iter()
        .map(|p| {
            format!(
                "{} {} {} {}",
                p.date, p.symbol, p.price.number, p.price.symbol
            )
        })
        .collect();
    assert_eq!(kept, ["2024-01-02 EUR 1.35 $", "2024-01-03 A 1 1.35 EUR"]);
    check("no price", Refused(Kind::Syntax, 1), "P 2024-01-02 EUR\n");
    let timed = "P 2024-01-02 12:00:00 EUR $1.35\n";
    check(
        "time of day",
        Unsupported(Kind::UnsupportedDirective, 1),
        timed,
    );
}

#[test]
fn a_transaction_keeps_what_it_says() {
    let journal = read_hledger(
        "\
account assets:bank  ; type: C
2024-01-31=2024-02-01 * (INV-1) shop | books ; first, isbn: 123
  ; second
    ! assets:bank  -1.50 EUR @@ 2 USD  ; paid: twice
    expenses:books
",
    )
    .unwrap();
    let entry = &journal.transactions[0];
    assert_eq!((entry.place.line, entry.status), (2, Status::Cleared));
    assert_eq!(entry.second_date.unwrap().to_string(), "2024-02-01");
    assert_eq!(
        (entry.code.as_str(), entry.description.as_str()),
        ("INV-1", "shop | books")
    );
    assert_eq!(entry.comments, ["first, isbn: 123", "second"]);
    assert_eq!(entry.tags, [("isbn".to_owned(), "123".to_owned())]);
    let [bank, books] = entry.postings.as_slice() else {
        panic!("two postings")
    };
    assert_eq!((bank.status, bank.place.line), (Status::Pending, 4));
    assert_eq!(bank.tags, [("paid".to_owned(), "twice".to_owned())]);
    assert_eq!(books.amounts[0].number.to_string(), "2");
    assert!(books.was_elided);
}

const MAIN: &str = "\
commodity 1.000,00 EUR
Y2020
D 1,00 EUR
alias x = assets:x
include years/2023.journal
include ./years/../late.journal
3/1 here
  x  1.000
  b
";
const YEAR: &str = "commodity 1,000.00 USD\nD 1.00 USD\nY2023\n1/2 there\n  x  1,000\n  b\n";
const LATE: &str = "4/5 late\n  x  0,5\n  b\ninclude /deep.journal\n";

#[test]
fn includes_are_read_as_hledger_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("deep.journal");
    let late = LATE.replace("/deep.journal", deep.to_str().unwrap());
    std::fs::create_dir(folder.path().join("years")).unwrap();
    let written = [
        ("main.journal", MAIN),
        ("years/2023.journal", YEAR),
        ("late.journal", &late),
    ];
    for (name, text) in written {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::write(&deep, "6/7 deep\n  x  1 USD\n  b\n").unwrap();
    let main = folder.path().join("main.journal");
    let read = |path: &str| std::fs::read(path).map_err(|why| why.to_string());
    let journal = journals::read_hledger(&read, main.to_str().unwrap()).unwrap();
    let json = hledger_file(&["bal", "-N", "--flat", "-E", "-O", "json"], &main).unwrap();
    assert_eq!(held(&journal), held_by_hledger(&json));
    assert_eq!(journal.files.len(), 4);
    let dates: Vec<String> = journal
        .transactions
        .iter()
        .map(|e| e.date.to_string())
        .collect();
    assert_eq!(
        dates,
        ["2023-01-02", "2020-04-05", "2020-06-07", "2020-03-01"]
    );
}

#[test]
fn includes_are_bounded_and_their_refusals_name_the_file() {
    let refused = |written: &[(&str, &str)]| {
        let read = journals::read_hledger(&files(written), "books/main.journal");
        let first = read.unwrap_err().refusals[0].clone();
        (first.file, first.line, first.kind)
    };
    let at = |file: &str, line, kind| (file.to_owned(), line, kind);
    fn main(text: &str) -> (&str, &str) {
        ("books/main.journal", text)
    }
    let cycle = [
        main("\ninclude a.journal\n"),
        ("books/a.journal", "include main.journal\n"),
    ];
    assert_eq!(
        refused(&cycle),
        at("books/a.journal", 1, Kind::IncludeCycle)
    );
    let absent = [main("include ../a.journal\n")];
    assert_eq!(
        refused(&absent),
        at("books/main.journal", 1, Kind::IncludeUnreadable)
    );
    for pattern in [
        "*.journal",
        "~/a.journal",
        "timedot:a",
        "a.timeclock",
        "a?.journal",
        "",
    ] {
        let text = format!("include {pattern}\n");
        let refused = refused(&[main(text.as_str())]);
        assert_eq!(
            refused,
            at("books/main.journal", 1, Kind::IncludePattern),
            "{pattern}"
        );
    }
    let inside = [
        main("include a.journal\n"),
        ("books/a.journal", "\n\nhello\n"),
    ];
    assert_eq!(refused(&inside), at("books/a.journal", 3, Kind::Syntax));
    assert_eq!(
        refused(&[]),
        at("books/main.journal", 1, Kind::IncludeUnreadable)
    );
    let endless = |path: &str| Ok(format!("include {path}x\n").into_bytes());
    let deep = journals::read_hledger(&endless, "a").unwrap_err();
    assert_eq!(deep.refusals[0].kind, Kind::TooLarge);
    let latin = |_: &str| Ok(b"; fine\n; caf\xe9\n".to_vec());
    let encoded = journals::read_hledger(&latin, "a").unwrap_err();
    assert_eq!(encoded.refusals[0].kind, Kind::NotUtf8);
    assert!(encoded.refusals[0].detail.contains("line 2"), "{encoded}");
}

#[test]
fn refusals_are_gathered_up_to_a_bound() {
    let few =
        read_hledger("hello\n2024-01-01 x\n  a  1 EUR foo\n  b\n  (c)  1\n~ monthly\n  a  1\n");
    let lines: Vec<u32> = few
        .unwrap_err()
        .refusals
        .iter()
        .map(|refusal| refusal.line)
        .collect();
    assert_eq!(lines, [1, 3, 5, 6]);
    let many = read_hledger(&"hello\n".repeat(60)).unwrap_err();
    assert_eq!(
        (many.refusals.len(), many.more),
        (journals::REFUSALS_MAX, true)
    );
    let shown = read_hledger("\n\nhello\n").unwrap_err().to_string();
    assert!(shown.starts_with("main.journal:3: syntax: "), "{shown}");
}
