//! Account paths and commodity codes as the two formats write them, reversibly.
//!
//! **hledger**: `/` and `:` change places (`customers/cus_1/wallets/EUR` is
//! `customers:cus_1:wallets:EUR`). What would end or change a name there (`;`, control
//! characters, white space that is not one plain space inside, a mark or bracket in front) is
//! written `%XX` for each UTF-8 byte, and so is a `%` that could be taken for such an escape.
//!
//! **Beancount**: the root names the kind. A path that begins with its kind's own word
//! (`assets/bank`) is `Assets:Bank`; any other stands beneath `Florin`
//! (`Liabilities:Florin:Customers:Cus-x5F1:Wallets:EUR`). In a component, letters, digits and
//! dashes stay; anything else is `-xXX` for each UTF-8 byte, and so is a dash that could be
//! taken for such an escape. A component that begins with a small letter begins with its
//! capital if a small letter follows somewhere; one that has no small letters, or begins with a
//! digit, stays; every other is written whole after `X-r-`.
//!
//! Both maps are total on Florin's paths and injective. Reading back refuses a name that no path
//! is written as, so name → path → name is the identity on what is accepted.

use crate::escape::{hex_byte, push_escape, unescape};
use crate::model::AccountKind;

/// Component beneath a Beancount root that marks a path without its kind's word in front.
const BOOK: &str = "Florin";
/// Introduces a component that is written whole.
const WHOLE: &str = "X-r-";
/// Introduces an escaped byte in a component.
const BYTE: &str = "-x";
/// Ends a commodity code that Beancount could not hold as it is.
const CODE_END: &str = "-X";

/// The hledger account name of a Florin path.
pub fn hledger_account(path: &str) -> String {
    let mut name = String::with_capacity(path.len());
    let mut previous = None;
    for (at, c) in path.char_indices() {
        let rest = &path[at + c.len_utf8()..];
        let next = rest.chars().next();
        let is_edge = |neighbour: Option<char>| neighbour.is_none_or(char::is_whitespace);
        let must_escape = match c {
            ';' => true,
            '%' => hex_byte(rest.as_bytes()).is_some(),
            ' ' => is_edge(previous) || is_edge(next),
            '(' | '[' | '*' | '!' | '#' => at == 0,
            _ => c.is_whitespace() || c.is_control(),
        };
        match c {
            _ if must_escape => {
                let mut buffer = [0; 4];
                c.encode_utf8(&mut buffer)
                    .bytes()
                    .for_each(|byte| push_escape(&mut name, '%', byte));
            }
            '/' => name.push(':'),
            ':' => name.push('/'),
            _ => name.push(c),
        }
        previous = Some(c);
    }
    name
}

/// The Florin path of an hledger account name; `None` when no path is written so.
pub fn path_of_hledger(name: &str) -> Option<String> {
    let swapped: String = name.chars().map(swap_separator).collect();
    let path = unescape(&swapped, "%")?;
    (is_path(&path) && hledger_account(&path) == name).then_some(path)
}

fn swap_separator(c: char) -> char {
    match c {
        '/' => ':',
        ':' => '/',
        other => other,
    }
}

fn is_path(path: &str) -> bool {
    !path.split('/').any(str::is_empty)
}

fn root(kind: AccountKind) -> (&'static str, &'static str) {
    match kind {
        AccountKind::Asset => ("Assets", "assets"),
        AccountKind::Liability => ("Liabilities", "liabilities"),
        AccountKind::Equity => ("Equity", "equity"),
        AccountKind::Revenue => ("Income", "income"),
        AccountKind::Expense => ("Expenses", "expenses"),
    }
}

/// The Beancount account name of a Florin path of a kind.
pub fn beancount_account(path: &str, kind: AccountKind) -> String {
    let (root, word) = root(kind);
    let inside = path
        .strip_prefix(word)
        .and_then(|rest| rest.strip_prefix('/'));
    let mut name = root.to_owned();
    if inside.is_none() {
        name.push(':');
        name.push_str(BOOK);
    }
    for (place, segment) in inside.unwrap_or(path).split('/').enumerate() {
        let component = component(segment);
        name.push(':');
        // A segment that would read as the mark itself is written whole.
        if place == 0 && inside.is_some() && component == BOOK {
            name.push_str(WHOLE);
            name.push_str(&escaped(segment));
        } else {
            name.push_str(&component);
        }
    }
    name
}

/// The kind and Florin path of a Beancount account name; `None` when no path is written so.
pub fn path_of_beancount(name: &str) -> Option<(AccountKind, String)> {
    let (first, inside) = name.split_once(':')?;
    let kind = beancount_kind(first)?;
    let (_, word) = root(kind);
    let (mut path, inside) = match inside.split_once(':') {
        Some((BOOK, inside)) => (String::new(), inside),
        _ => (word.to_owned(), inside),
    };
    for component in inside.split(':') {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&segment(component)?);
    }
    (is_path(&path) && beancount_account(&path, kind) == name).then_some((kind, path))
}

/// The kind a Beancount root stands for.
pub(crate) fn beancount_kind(root: &str) -> Option<AccountKind> {
    match root {
        "Assets" => Some(AccountKind::Asset),
        "Liabilities" => Some(AccountKind::Liability),
        "Equity" => Some(AccountKind::Equity),
        "Income" => Some(AccountKind::Revenue),
        "Expenses" => Some(AccountKind::Expense),
        _ => None,
    }
}

fn component(segment: &str) -> String {
    let plain = escaped(segment);
    let mut chars = plain.chars();
    let first = chars.next().unwrap_or('-');
    let has_small = chars.as_str().contains(char::is_lowercase);
    let is_mine = plain.starts_with(WHOLE);
    let capital = capital_of(first).filter(|_| has_small);
    if let Some(capital) = capital {
        let candidate = format!("{capital}{}", chars.as_str());
        if !candidate.starts_with(WHOLE) {
            return candidate;
        }
    } else if !is_mine && (first.is_ascii_digit() || (is_capital(first) && !has_small)) {
        return plain;
    }
    format!("{WHOLE}{plain}")
}

fn segment(component: &str) -> Option<String> {
    if let Some(whole) = component.strip_prefix(WHOLE) {
        return unescape(whole, BYTE);
    }
    let first = component.chars().next()?;
    let rest = &component[first.len_utf8()..];
    let small = small_of(first).filter(|_| rest.contains(char::is_lowercase));
    let plain = match small {
        Some(small) => format!("{small}{rest}"),
        None => component.to_owned(),
    };
    unescape(&plain, BYTE)
}

/// Letters, digits and dashes as they are, every other character as escaped bytes.
fn escaped(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for (at, c) in segment.char_indices() {
        let is_lookalike = c == '-'
            && segment[at + 1..]
                .strip_prefix('x')
                .is_some_and(starts_with_hex);
        if (c == '-' && !is_lookalike) || c.is_ascii_alphanumeric() || is_letter(c) {
            out.push(c);
            continue;
        }
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            out.push_str("-x");
            out.push_str(&format!("{byte:02X}"));
        }
    }
    out
}

fn starts_with_hex(text: &str) -> bool {
    hex_byte(text.as_bytes()).is_some()
}

/// Letters outside ASCII that Beancount, which asks Unicode for `\p{L}`, is sure to take: whole
/// alphabets, listed because the standard library's notion of a letter is a wider one.
fn is_letter(c: char) -> bool {
    let listed = matches!(c,
        '\u{C0}'..='\u{24F}' | '\u{386}' | '\u{388}'..='\u{3FF}' | '\u{400}'..='\u{481}'
        | '\u{48A}'..='\u{52F}' | '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}');
    listed && c.is_alphabetic()
}

fn is_capital(c: char) -> bool {
    c.is_ascii_uppercase() || (is_letter(c) && small_of(c).is_some())
}

/// The capital of a small letter, where the two are one another's only counterpart.
fn capital_of(small: char) -> Option<char> {
    let mut upper = small.to_uppercase();
    let capital = upper.next().filter(|capital| *capital != small)?;
    let is_single = upper.next().is_none() && capital.to_lowercase().eq([small]);
    (is_single && small.is_lowercase() && capital.is_uppercase()).then_some(capital)
}

fn small_of(capital: char) -> Option<char> {
    let small = capital.to_lowercase().next()?;
    (capital_of(small) == Some(capital)).then_some(small)
}

/// The Beancount spelling of a commodity code: the codes that Beancount reads as literals, and
/// those that end like the escape, get `-X` behind them.
pub fn beancount_commodity(code: &str) -> String {
    let is_literal = matches!(code, "TRUE" | "FALSE" | "NULL");
    let end = if is_literal || code.ends_with(CODE_END) {
        CODE_END
    } else {
        ""
    };
    format!("{code}{end}")
}

/// The commodity code a Beancount currency stands for; `None` when no code is written so.
pub fn commodity_of_beancount(currency: &str) -> Option<String> {
    let code = currency.strip_suffix(CODE_END).unwrap_or(currency);
    (beancount_commodity(code) == currency).then(|| code.to_owned())
}

/// An hledger commodity symbol, quoted when it is not letters alone.
pub(crate) fn hledger_symbol(symbol: &str) -> String {
    let is_plain = !symbol.is_empty() && symbol.chars().all(|c| c.is_ascii_alphabetic());
    if is_plain {
        symbol.to_owned()
    } else {
        format!("\"{symbol}\"")
    }
}
