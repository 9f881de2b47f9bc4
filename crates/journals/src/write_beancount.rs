//! The Beancount writer.
//!
//! Promises: the same book gives the same text; `bean-check` accepts it and confirms every
//! balance with no tolerance (`~ 0`) on the day after the last transaction; it reads back to the
//! same book. Amounts have exactly their commodity's decimals.
//! Does not: write costs or lots: a transaction in several commodities passes through position
//! accounts and balances in each.
//!
//! Beancount counts subaccounts into a balance, so an account above others asserts their sum.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::civil::Date;
use money::{Commodity, CommodityCode, format_wide};

use crate::book::{Account, Book, BookError, Transaction};
use crate::escape::percent;
use crate::metadata::{CODE_TAG, DESCRIPTION_TAG};
use crate::names::{beancount_account, beancount_commodity};

/// Opens accounts of a book that has neither transactions nor opening dates.
const EPOCH: Date = Date::constant(1970, 1, 1);
/// Begins a metadata key that is the hexadecimal of another key, its value percent-encoded.
pub(crate) const HEX_KEY: &str = "m-";

/// The book as a Beancount file.
///
/// # Errors
/// [`BookError`] when the book contradicts itself, two paths become one name, or no day follows
/// the last transaction; then nothing is written.
pub fn write_beancount(book: &Book) -> Result<String, BookError> {
    let places = book.index()?;
    let names = names(book)?;
    let opened = first_days(book);
    let mut out = String::new();
    push(
        &mut out,
        format_args!("option \"title\" {}\n\n", quoted(&book.title)),
    );
    let first = opened.values().min().copied().unwrap_or(EPOCH);
    for commodity in &book.commodities {
        let (code, exponent) = (currency(commodity.code()), commodity.exponent());
        push(
            &mut out,
            format_args!("{first} commodity {code}\n  precision: {exponent}\n"),
        );
    }
    out.push('\n');
    let open = |out: &mut String, account: &Account| {
        let path = account.path.as_str();
        let code = currency(account.commodity.code());
        let day = opened.get(path).copied().unwrap_or(first);
        push(out, format_args!("{day} open {} {code}\n", names[path]));
    };
    for account in book
        .accounts
        .iter()
        .filter(|account| !account.is_position())
    {
        open(&mut out, account);
    }
    if book.accounts.iter().any(Account::is_position) {
        out.push_str(
            "\n; Position accounts: what exchanges pass through, by pair and commodity.\n",
        );
    }
    for account in book.accounts.iter().filter(|account| account.is_position()) {
        open(&mut out, account);
    }
    if !book.prices.is_empty() {
        out.push('\n');
    }
    for price in &book.prices {
        let (code, quote) = (currency(price.commodity), currency(price.quote));
        push(
            &mut out,
            format_args!("{} price {code} {} {quote}\n", price.date, price.number),
        );
    }
    for transaction in &book.transactions {
        write_transaction(&mut out, transaction, &names);
    }
    if !book.balances.is_empty() {
        let account = |path: &str| &book.accounts[places[path]];
        write_balances(&mut out, book, &names, &account)?;
    }
    Ok(out)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a string cannot fail");
}

type Names<'b> = BTreeMap<&'b str, String>;

/// The name of each account by path. The map is injective but for a path beneath another kind's
/// word, which no two accounts of one book can share.
fn names(book: &Book) -> Result<Names<'_>, BookError> {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let mut names = Names::new();
    for account in &book.accounts {
        let name = beancount_account(&account.path, account.kind);
        if taken.insert(name.clone(), &account.path).is_some() {
            return Err(BookError::AccountMustBeUnique(account.path.clone()));
        }
        names.insert(&account.path, name);
    }
    Ok(names)
}

/// The day each account is opened on: when it was, or its first posting if that is earlier.
fn first_days(book: &Book) -> BTreeMap<&str, Date> {
    let mut days: BTreeMap<&str, Date> = BTreeMap::new();
    let mut see = |path, date: Date| {
        let day = days.entry(path).or_insert(date);
        *day = date.min(*day);
    };
    for account in &book.accounts {
        if let Some(opened) = account.opened {
            see(account.path.as_str(), opened);
        }
    }
    for transaction in &book.transactions {
        for posting in &transaction.postings {
            see(posting.debit.as_str(), transaction.date);
            see(posting.credit.as_str(), transaction.date);
        }
    }
    days
}

fn currency(code: CommodityCode) -> String {
    beancount_commodity(code.as_str())
}

fn write_transaction(out: &mut String, transaction: &Transaction, names: &Names<'_>) {
    let Transaction {
        date,
        code,
        description,
        ..
    } = transaction;
    push(out, format_args!("\n{date} * {}\n", quoted(description)));
    if description.contains(is_unquotable) {
        let value = percent(description);
        push(out, format_args!("  {DESCRIPTION_TAG}: \"{value}\"\n"));
    }
    if !code.is_empty() {
        push(out, format_args!("  {CODE_TAG}: \"{}\"\n", percent(code)));
    }
    for (name, value) in &transaction.metadata {
        if is_key(name) && !value.contains(is_unquotable) {
            push(out, format_args!("  {name}: {}\n", quoted(value)));
        } else {
            let key: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
            push(
                out,
                format_args!("  {HEX_KEY}{key}: \"{}\"\n", percent(value)),
            );
        }
    }
    for posting in &transaction.postings {
        let minor = i128::from(posting.amount.minor);
        let commodity = posting.amount.commodity;
        for (path, minor) in [(&posting.debit, minor), (&posting.credit, -minor)] {
            let number = format_wide(minor, commodity.exponent());
            let name = &names[path.as_str()];
            push(
                out,
                format_args!("  {name}  {number} {}\n", currency(commodity.code())),
            );
        }
    }
}

/// Whether Beancount takes the key as it is, and it is neither Beancount's own nor ours.
fn is_key(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_own = ["filename", "lineno", CODE_TAG, DESCRIPTION_TAG].contains(&name);
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    begins_well
        && name.len() > 1
        && name.chars().all(is_word)
        && !is_own
        && !name.starts_with(HEX_KEY)
}

/// Control characters Beancount's string escapes do not cover.
fn is_unquotable(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn write_balances<'b>(
    out: &mut String,
    book: &Book,
    names: &Names<'_>,
    account: &dyn Fn(&str) -> &'b Account,
) -> Result<(), BookError> {
    let last = book
        .transactions
        .iter()
        .map(|transaction| transaction.date)
        .max();
    let last = last.unwrap_or(EPOCH);
    let day = last
        .tomorrow()
        .map_err(|_| BookError::DateMustHaveSuccessor(last))?;
    let mut sums: BTreeMap<(&str, Commodity), i128> = BTreeMap::new();
    for balance in &book.balances {
        let (name, commodity) = (
            names[balance.path.as_str()].as_str(),
            account(&balance.path).commodity,
        );
        let parents = name.match_indices(':').map(|(end, _)| &name[..end]);
        for above in parents.chain([name]) {
            *sums.entry((above, commodity)).or_default() += balance.minor;
        }
    }
    out.push_str("\n; What every account holds after all of the above.\n");
    for balance in &book.balances {
        let (name, commodity) = (
            names[balance.path.as_str()].as_str(),
            account(&balance.path).commodity,
        );
        let held = format_wide(sums[&(name, commodity)], commodity.exponent());
        let code = currency(commodity.code());
        push(
            out,
            format_args!("{day} balance {name}  {held} ~ 0 {code}\n"),
        );
    }
    Ok(())
}
