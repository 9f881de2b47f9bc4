//! From journal to book: pairs, positions, commodities, paths, metadata; and what is refused.

use std::collections::BTreeMap;

use journals::{Book, Kind, Refusals, Symbols};
use money::CommodityCode;

use crate::cases::{self, Case};
use crate::tools::{hledger, read_beancount, read_hledger};

fn book(text: &str) -> Result<Book, Refusals> {
    read_hledger(text)
        .unwrap_or_else(|why| panic!("{why}"))
        .to_book(&Symbols::new())
}

/// The pairs of the only transaction, `debit < credit amount`.
fn pairs(postings: &str) -> Vec<String> {
    let text = format!("2024-01-01 x\n{postings}");
    let book = book(&text).unwrap_or_else(|why| panic!("{why}"));
    let postings = book
        .transactions
        .iter()
        .flat_map(|transaction| &transaction.postings);
    postings
        .map(|p| format!("{} < {} {}", p.debit, p.credit, p.amount))
        .collect()
}

fn check(name: &str, postings: &str, expected: &[&str]) {
    assert_eq!(pairs(postings), expected, "{name}");
}

#[test]
fn postings_become_pairs() {
    check(
        "two",
        "  assets:a  5.00 EUR\n  income:b\n",
        &["assets/a < income/b 5.00 EUR"],
    );
    check(
        "credit first",
        "  income:b  -5 EUR\n  assets:a\n",
        &["assets/a < income/b 5.00 EUR"],
    );
    check(
        "one to many",
        "  assets:a  -5 EUR\n  expenses:b  2 EUR\n  expenses:c  3 EUR\n",
        &[
            "expenses/b < assets/a 2.00 EUR",
            "expenses/c < assets/a 3.00 EUR",
        ],
    );
    check(
        "many to many",
        "  assets:a  5 EUR\n  assets:b  4 EUR\n  income:c  -6 EUR\n  income:d  -3 EUR\n",
        &[
            "assets/a < income/c 5.00 EUR",
            "assets/b < income/c 1.00 EUR",
            "assets/b < income/d 3.00 EUR",
        ],
    );
    check(
        "pairs as written are kept",
        "  assets:a  5 EUR\n  assets:b  -5 EUR\n  assets:b  5 EUR\n  assets:c  -5 EUR\n",
        &[
            "assets/a < assets/b 5.00 EUR",
            "assets/b < assets/c 5.00 EUR",
        ],
    );
    check(
        "an account is netted",
        "  assets:a  5 EUR\n  assets:a  -2 EUR\n  income:b\n",
        &["assets/a < income/b 3.00 EUR"],
    );
    check(
        "nothing moves",
        "  assets:a  0 EUR\n  assets:a  5 EUR\n  assets:a  -5 EUR\n",
        &[],
    );
}

#[test]
fn several_commodities_pass_through_positions() {
    check(
        "a rounded rate posts what is written",
        "  assets:a  10.00 EUR @ 1.10333 USD\n  assets:b  -11.03 USD\n",
        &[
            "assets/a < equity/conversion/EUR-USD/EUR 10.00 EUR",
            "equity/conversion/EUR-USD/USD < assets/b 11.03 USD",
        ],
    );
    check(
        "no cost given",
        "  assets:b  -11.03 USD\n  assets:a  10.00 EUR\n",
        &[
            "equity/conversion/EUR-USD/USD < assets/b 11.03 USD",
            "assets/a < equity/conversion/EUR-USD/EUR 10.00 EUR",
        ],
    );
    check(
        "a pair for each rate, the rest to the largest",
        "  assets:a  3 ACME @ 33.336 USD\n  assets:b  10 EUR @ 1.1 USD\n  assets:c  -111.01 USD\n",
        &[
            "assets/a < equity/conversion/ACME-USD/ACME 3 ACME",
            "assets/b < equity/conversion/EUR-USD/EUR 10.00 EUR",
            "equity/conversion/ACME-USD/USD < assets/c 100.01 USD",
            "equity/conversion/EUR-USD/USD < assets/c 11.00 USD",
        ],
    );
    check(
        "what rounding leaves goes to the last of the largest",
        "  assets:a  3 A @ 0.335 USD\n  assets:b  3 B @ 0.335 USD\n  assets:c  -2.01 USD\n",
        &[
            "assets/a < equity/conversion/A-USD/A 3 A",
            "assets/b < equity/conversion/B-USD/B 3 B",
            "equity/conversion/A-USD/USD < assets/c 1.00 USD",
            "equity/conversion/B-USD/USD < assets/c 1.01 USD",
        ],
    );
    check(
        "costs that cancel out exchange nothing",
        "  assets:a  10 EUR @ 2 USD\n  assets:b  -10 EUR @ 2 USD\n",
        &["assets/a < assets/b 10.00 EUR"],
    );
    check(
        "elided in two commodities",
        "  assets:a  10 EUR\n  assets:b  5 USD\n  equity:c\n",
        &[
            "assets/a < equity/c/EUR 10.00 EUR",
            "assets/b < equity/c/USD 5.00 USD",
        ],
    );
}

fn check_refused(case: &Case) -> Result<(), String> {
    let read = book(&case.text);
    let first = read.as_ref().err().map(|refusals| &refusals.refusals[0]);
    let refused = first.map(|refusal| (refusal.kind.name(), refusal.line));
    cases::check(case, refused, hledger(&["check"], &case.text).is_ok())
}

#[test]
fn what_an_exact_ledger_may_not_hold_is_refused() {
    cases::check_all(include_str!("../cases/book.txt"), check_refused);
}

#[test]
fn paths_and_transactions_are_bounded() {
    let refused = |text: &str| {
        let first = book(text).unwrap_err().refusals[0].clone();
        (first.kind, first.line)
    };
    let named = |letters| {
        format!(
            "2024-01-01 x\n  assets:{}  1 EUR\n  assets:b\n",
            "a".repeat(letters)
        )
    };
    assert_eq!(refused(&named(122)), (Kind::AccountName, 2));
    book(&named(121)).unwrap();
    let pairs = |pairs| "  assets:a  1 EUR\n  assets:b  -1 EUR\n".repeat(pairs);
    assert_eq!(
        refused(&format!("2024-01-01 x\n{}", pairs(501))),
        (Kind::TooLarge, 1)
    );
    book(&format!("2024-01-01 x\n{}", pairs(500))).unwrap();
}

#[test]
fn commodities_get_codes_and_exponents() {
    let text = "\
commodity 1.0000 GBP
2024-01-01 x
  assets:a  $1.5
  assets:b  2 h
  assets:c  3 JPY
  assets:d  4 GBP
  assets:e  0.125 ACME
  equity:x
P 2024-01-01 ACME 31.4159265 EUR
";
    let symbols = Symbols::from([("h".to_owned(), CommodityCode::parse("HOURS").unwrap())]);
    let book = read_hledger(text).unwrap().to_book(&symbols).unwrap();
    let found: Vec<String> = book
        .commodities
        .iter()
        .map(|c| format!("{} {}", c.code(), c.exponent()))
        .collect();
    assert_eq!(
        found,
        ["ACME 3", "EUR 2", "GBP 4", "HOURS 0", "JPY 0", "USD 2"]
    );
    let price = &book.prices[0];
    assert_eq!(
        (price.number.to_string().as_str(), price.quote.as_str()),
        ("31.4159265", "EUR")
    );
    let held: Vec<String> = book
        .balances
        .iter()
        .map(|b| format!("{} {}", b.path, b.minor))
        .collect();
    assert_eq!(held[..3], ["assets/a 150", "assets/b 2", "assets/c 3"]);
    assert_eq!(held[5], "equity/x/ACME -125");
}

#[test]
fn nothing_that_was_said_is_lost() {
    let book = book(
        "\
2024-01-31=2024-02-01 ! (INV-1) shop ; isbn: 123, isbn: 456
  ; free words: and: tags
  * assets:bank  -1.50 EUR @@ 2 USD  ; paid: twice
  assets:usd
",
    )
    .unwrap();
    let transaction = &book.transactions[0];
    assert_eq!(transaction.origin, "main.journal:1");
    assert_eq!(
        (transaction.code.as_str(), transaction.description.as_str()),
        ("INV-1", "shop")
    );
    let expected = [
        ("comment", "free words: and: tags"),
        ("date2", "2024-02-01"),
        ("isbn", "123\n456"),
        ("posting-1-cost", "@@ 2 USD"),
        ("posting-1-paid", "twice"),
        ("posting-1-status", "cleared"),
        ("status", "pending"),
        ("words", "and: tags"),
    ];
    let found = &transaction.metadata;
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(*found, BTreeMap::from(expected));
}

#[test]
fn beancount_becomes_the_same_book() {
    let journal = read_beancount(
        "\
2024-01-01 open Assets:Bank EUR
2024-01-01 open Assets:Broker
2024-01-01 open Income:Gifts
2024-01-01 open Assets:Unused USD
2024-01-02 ! \"payee\" \"gift\" #tag ^link
  note: \"so\"
  Assets:Bank  5.00 EUR
  Income:Gifts
2024-01-03 * \"shares\"
  Assets:Broker  3 ACME @ 1.111 EUR
  Assets:Bank  -3.33 EUR
",
    )
    .unwrap();
    let book = journal.to_book(&Symbols::new()).unwrap();
    let paths: Vec<&str> = book
        .accounts
        .iter()
        .map(|account| account.path.as_str())
        .collect();
    assert_eq!(
        paths,
        [
            "assets/bank",
            "assets/broker",
            "assets/unused",
            "equity/conversion/ACME-EUR/ACME",
            "equity/conversion/ACME-EUR/EUR",
            "income/gifts",
        ]
    );
    let gift = &book.transactions[0];
    assert_eq!(gift.metadata.len(), 5, "{:?}", gift.metadata);
    assert_eq!(gift.metadata["payee"], "payee");
    assert_eq!(gift.metadata["link"], "link");
    assert_eq!(gift.postings[0].amount.to_string(), "5.00 EUR");
}
