//! The hledger reader against hledger itself: what one accepts the other accepts, to the same
//! balances; what Florin does not support it refuses by line and kind.

use journals::{Kind, Status};

use crate::cases::{self, Case};
use crate::tools::{files, held, held_by_hledger, hledger, hledger_file, read_hledger};

fn check(case: &Case) -> Result<(), String> {
    let read = read_hledger(&case.text);
    let accepted = hledger(&["check"], &case.text);
    let first = read.as_ref().err().map(|refusals| &refusals.refusals[0]);
    let refused = first.map(|refusal| (refusal.kind.name(), refusal.line));
    cases::check(case, refused, accepted.is_ok())?;
    if let (Ok(journal), Ok(_)) = (&read, &accepted) {
        let json = hledger(&["bal", "-N", "--flat", "-E", "-O", "json"], &case.text)?;
        let (ours, theirs) = (held(journal), held_by_hledger(&json));
        if ours != theirs {
            return Err(format!("{}: {ours:?}, but hledger: {theirs:?}", case.name));
        }
    }
    Ok(())
}

#[test]
fn amounts_mean_what_hledger_takes_them_to_mean() {
    cases::check_all(include_str!("../cases/hledger/amounts.txt"), check);
}

#[test]
fn directives_decide_how_numbers_are_read() {
    cases::check_all(include_str!("../cases/hledger/directives.txt"), check);
}

#[test]
fn transactions_are_read_whole() {
    cases::check_all(include_str!("../cases/hledger/transactions.txt"), check);
}

#[test]
fn transactions_balance_as_hledger_balances_them() {
    cases::check_all(include_str!("../cases/hledger/balance.txt"), check);
}

#[test]
fn balance_is_judged_at_the_display_precision() {
    cases::check_all(include_str!("../cases/hledger/precision.txt"), check);
}

#[test]
fn assertions_hold_in_order_of_date() {
    cases::check_all(include_str!("../cases/hledger/assertions.txt"), check);
}

#[test]
fn names_are_rewritten_as_hledger_rewrites_them() {
    cases::check_all(include_str!("../cases/hledger/names.txt"), check);
}

#[test]
fn prices_are_read() {
    cases::check_all(include_str!("../cases/hledger/prices.txt"), check);
}

#[test]
fn line_ends_and_marks_of_other_systems_are_read() {
    for text in [
        "2024-01-01 x\r\n  a  1 EUR\r\n  b\r\n",
        "\u{feff}2024-01-01 x\n  a  1 EUR\n  b\n",
    ] {
        hledger(&["check"], text).unwrap();
        assert_eq!(held(&read_hledger(text).unwrap()).len(), 2, "{text:?}");
    }
}

#[test]
fn prices_are_kept() {
    let text = "P 2024-01-02 EUR $1.35\nP 2024/1/3 \"A 1\" 1,35 EUR ; why\n";
    let journal = read_hledger(text).unwrap();
    let shown = |p: &journals::MarketPrice| {
        format!(
            "{} {} {} {}",
            p.date, p.symbol, p.price.number, p.price.symbol
        )
    };
    let kept: Vec<String> = journal.prices.iter().map(shown).collect();
    assert_eq!(kept, ["2024-01-02 EUR 1.35 $", "2024-01-03 A 1 1.35 EUR"]);
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
