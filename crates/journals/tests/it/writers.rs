//! What is written, to the letter, and what is not written at all.

use std::collections::BTreeMap;

use jiff::civil::date;
use journals::{
    Account, AccountKind, Balance, Book, BookError, Posting, Transaction, write_beancount,
    write_hledger,
};
use money::{Amount, Commodity, CommodityCode};

use crate::tools::{bean_check, hledger};

fn account(path: &str, kind: AccountKind, commodity: Commodity) -> Account {
    Account {
        path: path.to_owned(),
        kind,
        commodity,
        opened: None,
    }
}

fn posting(debit: &str, credit: &str, minor: i64, commodity: Commodity) -> Posting {
    let amount = Amount::new(minor, commodity);
    Posting {
        debit: debit.to_owned(),
        credit: credit.to_owned(),
        amount,
    }
}

/// An exchange of a customer's euros for yen, and an account above another.
fn book() -> Book {
    let euro = Commodity::iso("EUR").unwrap();
    let yen = Commodity::iso("JPY").unwrap();
    let fund = Commodity::define(CommodityCode::parse("FUND-X").unwrap(), 3).unwrap();
    let (own, customer) = (AccountKind::Asset, AccountKind::Liability);
    let mut book = Book {
        title: "Florin book main".to_owned(),
        commodities: vec![euro, fund, yen],
        accounts: vec![
            account("assets/bank", own, euro),
            account("customers/cus_1", customer, euro),
            account("customers/cus_1/JPY", customer, yen),
            account("customers/cus_1/fee", customer, euro),
            account("equity/conversion/EUR-JPY/EUR", AccountKind::Equity, euro),
            account("equity/conversion/EUR-JPY/JPY", AccountKind::Equity, yen),
            account("funds", own, fund),
        ],
        transactions: vec![
            Transaction {
                origin: String::new(),
                date: date(2024, 1, 31),
                code: "transfer".to_owned(),
                description: "pay-in; \"first\"".to_owned(),
                metadata: BTreeMap::from([
                    ("order".to_owned(), "1,5".to_owned()),
                    ("Über uns".to_owned(), "x".to_owned()),
                ]),
                postings: vec![
                    posting("assets/bank", "customers/cus_1", 100_005, euro),
                    posting("customers/cus_1", "customers/cus_1/fee", 5, euro),
                ],
            },
            Transaction {
                origin: String::new(),
                date: date(2023, 12, 31),
                code: String::new(),
                description: "exchange".to_owned(),
                metadata: BTreeMap::new(),
                postings: vec![
                    posting(
                        "customers/cus_1",
                        "equity/conversion/EUR-JPY/EUR",
                        1_000,
                        euro,
                    ),
                    posting(
                        "equity/conversion/EUR-JPY/JPY",
                        "customers/cus_1/JPY",
                        1_600,
                        yen,
                    ),
                ],
            },
        ],
        balances: Vec::new(),
        prices: Vec::new(),
    };
    book.balances = book.computed_balances().unwrap();
    book
}

const HLEDGER: &str = "\
; Florin book main
decimal-mark .

commodity 1000.00 EUR
commodity 1000.000 \"FUND-X\"
commodity 1000. JPY

account assets:bank  ; type: A
account customers:cus_1  ; type: L
account customers:cus_1:JPY  ; type: L
account customers:cus_1:fee  ; type: L
account funds  ; type: A

; Position accounts: what exchanges pass through, by pair and commodity.
account equity:conversion:EUR-JPY:EUR  ; type: V
account equity:conversion:EUR-JPY:JPY  ; type: V

2024-01-31 (transfer)
    ; florin-description*: pay-in%3B%20%22first%22
    ; order*: 1%2C5
    ; %C3%9Cber%20uns*: x
    assets:bank  1000.05 EUR
    customers:cus_1  -1000.05 EUR
    customers:cus_1  0.05 EUR
    customers:cus_1:fee  -0.05 EUR

2023-12-31 exchange
    customers:cus_1  10.00 EUR
    equity:conversion:EUR-JPY:EUR  -10.00 EUR
    equity:conversion:EUR-JPY:JPY  1600 JPY
    customers:cus_1:JPY  -1600 JPY

; What every account holds after all of the above.
2024-01-31 (balances) balances
    assets:bank  0.00 EUR == 1000.05 EUR
    customers:cus_1  0.00 EUR == -990.00 EUR
    customers:cus_1:JPY  0 JPY == -1600 JPY
    customers:cus_1:fee  0.00 EUR == -0.05 EUR
    equity:conversion:EUR-JPY:EUR  0.00 EUR == -10.00 EUR
    equity:conversion:EUR-JPY:JPY  0 JPY == 1600 JPY
    funds  0.000 \"FUND-X\" == 0.000 \"FUND-X\"
";

const BEANCOUNT: &str = "\
option \"title\" \"Florin book main\"

2023-12-31 commodity EUR
  precision: 2
2023-12-31 commodity FUND-X-X
  precision: 3
2023-12-31 commodity JPY
  precision: 0

2024-01-31 open Assets:Bank EUR
2023-12-31 open Liabilities:Florin:Customers:Cus-x5F1 EUR
2023-12-31 open Liabilities:Florin:Customers:Cus-x5F1:JPY JPY
2024-01-31 open Liabilities:Florin:Customers:Cus-x5F1:Fee EUR
2023-12-31 open Assets:Florin:Funds FUND-X-X

; Position accounts: what exchanges pass through, by pair and commodity.
2023-12-31 open Equity:Conversion:EUR-JPY:EUR EUR
2023-12-31 open Equity:Conversion:EUR-JPY:JPY JPY

2024-01-31 * \"pay-in; \\\"first\\\"\"
  florin-code: \"transfer\"
  order: \"1,5\"
  m-c39c62657220756e73: \"x\"
  Assets:Bank  1000.05 EUR
  Liabilities:Florin:Customers:Cus-x5F1  -1000.05 EUR
  Liabilities:Florin:Customers:Cus-x5F1  0.05 EUR
  Liabilities:Florin:Customers:Cus-x5F1:Fee  -0.05 EUR

2023-12-31 * \"exchange\"
  Liabilities:Florin:Customers:Cus-x5F1  10.00 EUR
  Equity:Conversion:EUR-JPY:EUR  -10.00 EUR
  Equity:Conversion:EUR-JPY:JPY  1600 JPY
  Liabilities:Florin:Customers:Cus-x5F1:JPY  -1600 JPY

; What every account holds after all of the above.
2024-02-01 balance Assets:Bank  1000.05 ~ 0 EUR
2024-02-01 balance Liabilities:Florin:Customers:Cus-x5F1  -990.05 ~ 0 EUR
2024-02-01 balance Liabilities:Florin:Customers:Cus-x5F1:JPY  -1600 ~ 0 JPY
2024-02-01 balance Liabilities:Florin:Customers:Cus-x5F1:Fee  -0.05 ~ 0 EUR
2024-02-01 balance Equity:Conversion:EUR-JPY:EUR  -10.00 ~ 0 EUR
2024-02-01 balance Equity:Conversion:EUR-JPY:JPY  1600 ~ 0 JPY
2024-02-01 balance Assets:Florin:Funds  0.000 ~ 0 FUND-X-X
";

#[test]
fn hledger_is_written_to_the_letter() {
    let text = write_hledger(&book()).unwrap();
    assert_eq!(text, HLEDGER);
    hledger(&["check", "-s"], &text).unwrap();
}

#[test]
fn beancount_is_written_to_the_letter() {
    let text = write_beancount(&book()).unwrap();
    assert_eq!(text, BEANCOUNT);
    bean_check(&text).unwrap();
}

#[test]
fn a_book_that_contradicts_itself_is_not_written() {
    let check = |change: fn(&mut Book), expected: BookError| {
        let mut book = book();
        change(&mut book);
        assert_eq!(write_hledger(&book).unwrap_err(), expected);
        assert_eq!(write_beancount(&book).unwrap_err(), expected);
    };
    let bank = "assets/bank".to_owned();
    check(
        |book| book.accounts.push(book.accounts[0].clone()),
        BookError::AccountMustBeUnique(bank),
    );
    let unlisted = BookError::AccountMustBeListed("nobody".to_owned());
    check(
        |book| book.transactions[0].postings[0].debit = "nobody".to_owned(),
        unlisted.clone(),
    );
    check(|book| book.balances[0].path = "nobody".to_owned(), unlisted);
    let unfit = || BookError::PostingMustFitAccounts("assets/bank".to_owned());
    check(
        |book| book.transactions[0].postings[0].amount.minor = 0,
        unfit(),
    );
    check(
        |book| book.accounts[0].commodity = Commodity::iso("USD").unwrap(),
        unfit(),
    );
    let formed = BookError::PathMustBeWellFormed("/x".to_owned());
    check(|book| book.accounts[0].path = "/x".to_owned(), formed);
}

#[test]
fn an_empty_book_is_still_a_journal() {
    hledger(&["check", "-s"], &write_hledger(&Book::default()).unwrap()).unwrap();
    bean_check(&write_beancount(&Book::default()).unwrap()).unwrap();
}

#[test]
fn balances_come_from_the_book_and_not_from_its_postings() {
    let mut book = book();
    let other = Balance {
        path: "funds".to_owned(),
        minor: 5,
    };
    book.balances = vec![other];
    let text = write_hledger(&book).unwrap();
    assert!(
        text.contains("funds  0.000 \"FUND-X\" == 0.005 \"FUND-X\""),
        "{text}"
    );
    hledger(&["check"], &text).unwrap_err();
}
