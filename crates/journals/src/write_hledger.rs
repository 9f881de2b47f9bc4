//! The hledger writer.
//!
//! Promises: the same book gives the same text; `hledger check --strict` accepts it and confirms
//! every balance, because the last transaction asserts them all (`==`: this and nothing else);
//! it reads back to the same book. Amounts have exactly their commodity's decimals.
//! Does not: group digits, align columns beyond a fixed gap, or write costs: a transaction in
//! several commodities passes through position accounts and balances in each.

use std::fmt::Write;

use jiff::civil::Date;
use money::format_wide;

use crate::book::{Account, Book, BookError, Transaction};
use crate::escape::tag;
use crate::metadata::{CODE_TAG, DESCRIPTION_TAG};
use crate::model::AccountKind;
use crate::names::{hledger_account, hledger_symbol};

/// The book as an hledger journal.
///
/// # Errors
/// [`BookError`] when the book contradicts itself; then nothing is written.
pub fn write_hledger(book: &Book) -> Result<String, BookError> {
    let places = book.index()?;
    let mut out = String::new();
    let title: String = book
        .title
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    push(
        &mut out,
        format_args!("; {}\ndecimal-mark .\n\n", title.trim()),
    );
    for commodity in &book.commodities {
        let sample = format_wide(
            1000 * 10_i128.pow(commodity.exponent().into()),
            commodity.exponent(),
        );
        let mark = if commodity.exponent() == 0 { "." } else { "" };
        let symbol = hledger_symbol(commodity.code().as_str());
        push(
            &mut out,
            format_args!("commodity {sample}{mark} {symbol}\n"),
        );
    }
    out.push('\n');
    for account in book
        .accounts
        .iter()
        .filter(|account| !account.is_position())
    {
        write_account(&mut out, account, kind_code(account.kind));
    }
    if book.accounts.iter().any(Account::is_position) {
        out.push_str(
            "\n; Position accounts: what exchanges pass through, by pair and commodity.\n",
        );
    }
    for account in book.accounts.iter().filter(|account| account.is_position()) {
        write_account(&mut out, account, "V");
    }
    if !book.prices.is_empty() {
        out.push('\n');
    }
    for price in &book.prices {
        let (symbol, quote) = (price.commodity.as_str(), price.quote.as_str());
        let (symbol, quote) = (hledger_symbol(symbol), hledger_symbol(quote));
        push(
            &mut out,
            format_args!("P {} {symbol} {} {quote}\n", price.date, price.number),
        );
    }
    for transaction in &book.transactions {
        write_transaction(&mut out, transaction);
    }
    let last = book
        .transactions
        .iter()
        .map(|transaction| transaction.date)
        .max();
    if !book.balances.is_empty() {
        write_balances(
            &mut out,
            book,
            last.unwrap_or(Date::constant(1970, 1, 1)),
            |path| &book.accounts[places[path]],
        );
    }
    Ok(out)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a string cannot fail");
}

fn kind_code(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Asset => "A",
        AccountKind::Liability => "L",
        AccountKind::Equity => "E",
        AccountKind::Revenue => "R",
        AccountKind::Expense => "X",
    }
}

fn write_account(out: &mut String, account: &Account, code: &str) {
    push(
        out,
        format_args!(
            "account {}  ; type: {code}\n",
            hledger_account(&account.path)
        ),
    );
}

fn write_transaction(out: &mut String, transaction: &Transaction) {
    let Transaction {
        date,
        code,
        description,
        ..
    } = transaction;
    let mut tags: Vec<(String, String)> = Vec::new();
    push(out, format_args!("\n{date}"));
    if is_code(code) {
        push(out, format_args!(" ({code})"));
    } else if !code.is_empty() {
        tags.push(encoded(CODE_TAG, code));
    }
    let follows_code = is_code(code);
    if is_description(description, follows_code) {
        push(out, format_args!(" {description}"));
    } else if !description.is_empty() {
        tags.push(encoded(DESCRIPTION_TAG, description));
    }
    out.push('\n');
    tags.extend(
        transaction
            .metadata
            .iter()
            .map(|(name, value)| tag(name, value)),
    );
    for (name, value) in tags {
        let value = if value.is_empty() {
            value
        } else {
            format!(" {value}")
        };
        push(out, format_args!("    ; {name}:{value}\n"));
    }
    for posting in &transaction.postings {
        let minor = i128::from(posting.amount.minor);
        let exponent = posting.amount.commodity.exponent();
        let symbol = hledger_symbol(posting.amount.commodity.code().as_str());
        for (path, minor) in [(&posting.debit, minor), (&posting.credit, -minor)] {
            let (name, number) = (hledger_account(path), format_wide(minor, exponent));
            push(out, format_args!("    {name}  {number} {symbol}\n"));
        }
    }
}

/// A tag that is always percent-encoded, whatever it holds.
fn encoded(name: &str, value: &str) -> (String, String) {
    (format!("{name}*"), crate::escape::percent(value))
}

fn is_code(code: &str) -> bool {
    !code.is_empty() && !code.contains(|c: char| c == ')' || c.is_control())
}

fn is_description(description: &str, follows_code: bool) -> bool {
    let is_mark = !follows_code && description.starts_with(['*', '!', '(', '=']);
    let is_odd = description.contains(|c: char| c == ';' || c.is_control());
    !description.is_empty() && !is_mark && !is_odd && description.trim() == description
}

fn write_balances<'b>(
    out: &mut String,
    book: &Book,
    date: Date,
    account: impl Fn(&str) -> &'b Account,
) {
    push(
        out,
        format_args!("\n; What every account holds after all of the above.\n"),
    );
    push(out, format_args!("{date} (balances) balances\n"));
    for balance in &book.balances {
        let commodity = account(&balance.path).commodity;
        let symbol = hledger_symbol(commodity.code().as_str());
        let (name, exponent) = (hledger_account(&balance.path), commodity.exponent());
        let (zero, held) = (
            format_wide(0, exponent),
            format_wide(balance.minor, exponent),
        );
        push(
            out,
            format_args!("    {name}  {zero} {symbol} == {held} {symbol}\n"),
        );
    }
}
