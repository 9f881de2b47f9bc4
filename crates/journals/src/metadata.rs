//! What a journal says about a transaction that Florin has no field for, as metadata.
//!
//! Promises: nothing is lost: tags keep their names, and under fixed names go the mark, the
//! secondary date, the payee, free comments, and what was said of single postings.

use std::collections::BTreeMap;

use crate::escape::{hex_byte, unpercent, untag};
use crate::model::{Cost, Entry, Format, Leg, Status};
use crate::write_beancount::HEX_KEY;

/// Tag that carries a code no format field can hold.
pub(crate) const CODE_TAG: &str = "florin-code";
/// Tag that carries a description no format field can hold.
pub(crate) const DESCRIPTION_TAG: &str = "florin-description";

/// The code, description and metadata of an entry.
pub(crate) fn of(entry: &Entry, format: Format) -> (String, String, BTreeMap<String, String>) {
    let (mut code, mut description) = (entry.code.clone(), entry.description.clone());
    let mut metadata = BTreeMap::new();
    for (name, value) in &entry.tags {
        let (name, value) = match format {
            Format::Hledger => untag(name, value),
            Format::Beancount => unkey(name, value),
        };
        match name.as_str() {
            CODE_TAG => code = value,
            DESCRIPTION_TAG => description = value,
            _ => put(&mut metadata, &name, &value),
        }
    }
    put_status(&mut metadata, "status", entry.status);
    if let Some(date) = entry.second_date {
        put(&mut metadata, "date2", &date.to_string());
    }
    if !entry.payee.is_empty() {
        put(&mut metadata, "payee", &entry.payee);
    }
    for comment in entry.comments.iter().filter(|comment| !is_tags(comment)) {
        put(&mut metadata, "comment", comment);
    }
    for (leg, number) in entry.postings.iter().zip(1..) {
        put_leg(&mut metadata, leg, number);
    }
    (code, description, metadata)
}

/// The name and value a Beancount metadata line stands for.
fn unkey(name: &str, value: &str) -> (String, String) {
    let is_own = name == CODE_TAG || name == DESCRIPTION_TAG;
    let decoded = if is_own {
        Some(name.to_owned())
    } else {
        hex_key(name)
    };
    let decoded = decoded.zip(unpercent(value));
    decoded.unwrap_or_else(|| (name.to_owned(), value.to_owned()))
}

fn hex_key(name: &str) -> Option<String> {
    let digits = name.strip_prefix(HEX_KEY)?.to_ascii_uppercase();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(hex_byte).collect();
    String::from_utf8(bytes?).ok()
}

fn put_leg(metadata: &mut BTreeMap<String, String>, leg: &Leg, number: u32) {
    let name = |part: &str| format!("posting-{number}-{part}");
    put_status(metadata, &name("status"), leg.status);
    match &leg.cost {
        Some(Cost::Each(price)) => {
            put(
                metadata,
                &name("cost"),
                &format!("@ {} {}", price.number, price.symbol),
            );
        }
        Some(Cost::Total(price)) => {
            put(
                metadata,
                &name("cost"),
                &format!("@@ {} {}", price.number, price.symbol),
            );
        }
        None => {}
    }
    for (tag, value) in &leg.tags {
        put(metadata, &name(tag), value);
    }
    for comment in leg.comments.iter().filter(|comment| !is_tags(comment)) {
        put(metadata, &name("comment"), comment);
    }
}

fn put_status(metadata: &mut BTreeMap<String, String>, name: &str, status: Status) {
    match status {
        Status::Unmarked => {}
        Status::Pending => put(metadata, name, "pending"),
        Status::Cleared => put(metadata, name, "cleared"),
    }
}

/// Adds a value; a name that repeats gets its values on lines of their own.
fn put(metadata: &mut BTreeMap<String, String>, name: &str, value: &str) {
    match metadata.get_mut(name) {
        Some(values) => {
            values.push('\n');
            values.push_str(value);
        }
        None => {
            metadata.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// Whether a comment line is nothing but tags: each of its parts begins with a name and a colon.
fn is_tags(comment: &str) -> bool {
    comment.split(',').all(|part| {
        let name = part.trim_start().split(':').next().unwrap_or_default();
        name.len() < part.trim_start().len()
            && !name.is_empty()
            && !name.contains(char::is_whitespace)
    })
}
