//! The sample journal: as generated, accepted by hledger strictly, imported to the balances
//! hledger gives it, and exported to what both tools confirm.

use std::path::PathBuf;

use journals::{Account, Symbols, write_beancount, write_hledger};

use crate::tools::{bean_check, held, held_by_hledger, hledger, hledger_file, read_hledger};
use crate::trading_company;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn main_file() -> PathBuf {
    folder().join(trading_company::files()[0].0)
}

fn read() -> journals::Journal {
    let files = trading_company::files();
    let source = |path: &str| {
        let found = files.iter().find(|(name, _)| *name == path);
        found
            .map(|(_, text)| text.clone().into_bytes())
            .ok_or_else(|| "no such file".to_owned())
    };
    journals::read_hledger(&source, files[0].0).unwrap_or_else(|why| panic!("{why}"))
}

#[test]
fn the_committed_sample_is_what_the_generator_makes() {
    for (name, text) in trading_company::files() {
        let committed = std::fs::read_to_string(folder().join(name)).unwrap();
        assert!(
            committed == text,
            "{name} differs; examples/README.md says how to remake it"
        );
    }
}

#[test]
fn hledger_accepts_the_sample_strictly_and_agrees_on_every_balance() {
    hledger_file(&["check", "-s"], &main_file()).unwrap();
    let json = hledger_file(&["bal", "-N", "--flat", "-E", "-O", "json"], &main_file()).unwrap();
    let journal = read();
    assert_eq!(held(&journal), held_by_hledger(&json));
    assert!(journal.transactions.len() >= 1_000);
}

#[test]
fn both_tools_confirm_the_exported_sample() {
    let book = read()
        .to_book(&Symbols::new())
        .unwrap_or_else(|why| panic!("{why}"));
    assert!(book.commodities.len() >= 4);
    assert!(book.accounts.iter().any(Account::is_position));
    let text = write_hledger(&book).unwrap();
    hledger(&["check", "-s"], &text).unwrap_or_else(|why| panic!("{why}"));
    let again = read_hledger(&text)
        .unwrap()
        .to_book(&Symbols::new())
        .unwrap();
    assert_eq!(again.balances, book.balances);
    assert_eq!(again.prices, book.prices);
    let text = write_beancount(&book).unwrap();
    bean_check(&text).unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn a_cent_too_much_is_found_by_both_tools() {
    let mut book = read().to_book(&Symbols::new()).unwrap();
    book.balances[0].minor += 1;
    assert!(hledger(&["check"], &write_hledger(&book).unwrap()).is_err());
    assert!(bean_check(&write_beancount(&book).unwrap()).is_err());
}
