//! What must hold for any input: no bytes make a reader panic, and what is written reads back.

use std::collections::BTreeMap;

use jiff::civil::date;
use journals::{
    Account, AccountKind, Book, Number, Posting, Price, Symbols, Transaction, write_beancount,
    write_hledger,
};
use money::{Amount, Commodity, CommodityCode};
use proptest::prelude::*;

use crate::tools::{bean_check, hledger, read_beancount, read_hledger};

/// Pieces both readers know, so that random texts get past the first character.
fn journal_pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\n",
            "\n  ",
            "\n    ",
            "  ",
            " ",
            "2024-01-01",
            "1/2",
            "*",
            "!",
            "(c)",
            "x",
            "a:b",
            "Assets:A",
            "Assets:B",
            "1",
            "-1.50",
            "1,000.00",
            "1E3",
            "EUR",
            "$",
            "\"A 1\"",
            "@",
            "@@",
            "=",
            "==*",
            ";",
            "tag: value",
            "date:2024-01-01",
            "account ",
            "commodity ",
            "D ",
            "P ",
            "Y2024",
            "include ",
            "alias a=b",
            "apply account ",
            "end apply account",
            "comment\n",
            "end comment\n",
            "decimal-mark ,",
            "open ",
            "close ",
            "balance ",
            "~",
            "option ",
            "price ",
            "{",
            "}",
            "[",
            "\"",
            "\\",
            "#",
            "^",
            "99999999999999999999",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,3}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn commodities() -> Vec<Commodity> {
    let own = |code, exponent| Commodity::define(CommodityCode::parse(code).unwrap(), exponent);
    vec![
        Commodity::iso("EUR").unwrap(),
        Commodity::iso("JPY").unwrap(),
        own("ACME.B-1", 5).unwrap(),
        own("TRUE", 12).unwrap(),
    ]
}

const KINDS: [AccountKind; 5] = [
    AccountKind::Asset,
    AccountKind::Liability,
    AccountKind::Equity,
    AccountKind::Revenue,
    AccountKind::Expense,
];

prop_compose! {
    fn accounts()(
        paths in prop::collection::btree_set(
            "(assets|customers|cus_1|EUR|[a-zA-Z :;%é_()-]{1,8})(/[a-zA-Z0-9 :;%é_.-]{1,8}){0,3}",
            2..8,
        ),
        kinds in prop::collection::vec((0..5_usize, 0..4_usize), 8),
    ) -> Vec<Account> {
        let commodities = commodities();
        let account = |(path, (kind, commodity)): (String, (usize, usize))| Account {
            path,
            kind: KINDS[kind],
            commodity: commodities[commodity],
            opened: None,
        };
        paths.into_iter().zip(kinds).map(account).collect()
    }
}

type Words = (String, String, BTreeMap<String, String>);

fn words() -> impl Strategy<Value = Words> {
    let metadata = prop::collection::btree_map("[a-zA-Z,:;*% -]{0,6}", "(\\PC|\n|\t){0,8}", 0..4);
    ("[a-z.)]{0,8}", "[ a-zA-Z;*!(=|\"\\\\é\n]{0,12}", metadata)
}

prop_compose! {
    fn books()(accounts in accounts())(
        moves in prop::collection::vec(
            (0..8_usize, 0..8_usize, 1..i64::MAX / 64, 1..28_i8, words()),
            1..6,
        ),
        accounts in Just(accounts),
    ) -> Book {
        let mut book = Book { title: "a \"book\"".to_owned(), accounts, ..Book::default() };
        for (debit, credit, minor, day, (code, description, metadata)) in moves {
            let debit = &book.accounts[debit % book.accounts.len()];
            let others = book.accounts.iter().filter(|account| {
                account.commodity == debit.commodity && account.path != debit.path
            });
            let others: Vec<&Account> = others.collect();
            let Some(credit) = others.get(credit % others.len().max(1)) else { continue };
            let posting = |debit: &Account, credit: &Account| Posting {
                debit: debit.path.clone(),
                credit: credit.path.clone(),
                amount: Amount::new(minor, debit.commodity),
            };
            let postings = vec![posting(debit, credit), posting(credit, debit)];
            let keep = 1 + usize::try_from(day).unwrap() % 2;
            let postings = postings.into_iter().take(keep).collect();
            let date = date(2024, 2, day);
            let origin = String::new();
            book.transactions
                .push(Transaction { origin, date, code, description, metadata, postings });
        }
        book.commodities = commodities();
        book.commodities.sort();
        book.prices = vec![Price {
            date: date(2024, 2, 1),
            commodity: book.commodities[0].code(),
            number: Number::from_minor(31_415_926, 7),
            quote: book.commodities[1].code(),
        }];
        book.balances = book.computed_balances().unwrap();
        book
    }
}

/// What a book is without the parts a format has no place for.
fn comparable(mut book: Book) -> Book {
    book.title = String::new();
    for transaction in &mut book.transactions {
        transaction.origin = String::new();
    }
    for account in &mut book.accounts {
        account.opened = None;
    }
    book
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let source = |_: &str| Ok(bytes.clone());
        let _ = journals::read_hledger(&source, "x");
        let _ = journals::read_beancount(&source, "x");
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in journal_pieces()) {
        for journal in [read_hledger(&text), read_beancount(&text)].into_iter().flatten() {
            let _ = journal.to_book(&Symbols::new());
        }
    }

    #[test]
    fn what_is_written_reads_back(book in books()) {
        let text = write_hledger(&book).unwrap();
        let again = read_hledger(&text).map_err(|why| format!("{why}\n{text}")).unwrap();
        let again = again.to_book(&Symbols::new()).map_err(|why| format!("{why}\n{text}")).unwrap();
        prop_assert_eq!(comparable(again), comparable(book.clone()), "{}", text);
        let text = write_beancount(&book).unwrap();
        let again = read_beancount(&text).map_err(|why| format!("{why}\n{text}")).unwrap();
        let again = again.to_book(&Symbols::new()).map_err(|why| format!("{why}\n{text}")).unwrap();
        prop_assert_eq!(comparable(again), comparable(book), "{}", text);
    }
}

proptest! {
    // A process for each case, so fewer of them.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn both_tools_confirm_what_is_written(book in books()) {
        let text = write_hledger(&book).unwrap();
        hledger(&["check", "-s"], &text).map_err(|why| format!("{why}\n{text}")).unwrap();
        let text = write_beancount(&book).unwrap();
        bean_check(&text).map_err(|why| format!("{why}\n{text}")).unwrap();
    }
}
