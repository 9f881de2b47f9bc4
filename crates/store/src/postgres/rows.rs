//! One statement for many rows: what a service writes for one row, as it takes an array for each
//! value.
//!
//! Promises: an `INSERT` of plain values, and an `UPDATE` by plain conditions, has a text with the
//! same effect on many rows as the statement itself, run for one after the other, has; anything
//! else has none, and goes row by row. What is looked for is found row by row too, by the index
//! that finds it for one: a look at the whole table would have every two transactions meet.
//! Does not: see whether rows of an `UPDATE` concern each other; whoever asks for it says that they
//! do not.

use std::fmt::Write as _;

use tokio_postgres::types::{Kind, Type};

/// How many values a row may have: as many as any table of the house has columns, and then some.
const VALUES_MAX: usize = 64;

/// Words of an `UPDATE` that does more than to look for its rows by their own columns.
const MORE: [&str; 4] = ["SELECT", "FROM", "WHERE", "RETURNING"];

/// The text that takes arrays of these types, for an `INSERT`.
///
/// One with `ON CONFLICT … DO NOTHING` has it too, as it never touches a row twice.
pub(super) fn insert(text: &str, types: &[Type]) -> Option<String> {
    let (table, rest) = behind(text, "INSERT INTO ")?.split_once(" VALUES (")?;
    let (values, rest) = rest.split_once(')')?;
    let plain = values.split(',').map(str::trim).collect::<Vec<_>>();
    let numbered = (1..=types.len()).map(|number| format!("?{number}"));
    let does_nothing = rest.starts_with(" ON CONFLICT") && rest.ends_with(" DO NOTHING");
    if plain != numbered.collect::<Vec<_>>() || !(rest.is_empty() || does_nothing) {
        return None;
    }
    if !is_plain(table) || !is_plain(rest) || rest.contains('?') {
        return None;
    }
    let (given, names) = (given(types)?, names(types.len()));
    let before = &text[..text.len() - behind(text, "INSERT INTO ")?.len()];
    // `ORDER BY` gives numbered rows their numbers in the order of the rows.
    Some(format!(
        "{before}{table} SELECT {names} FROM unnest({given}) WITH ORDINALITY \
         AS given ({names}, given_place) ORDER BY given_place{rest}"
    ))
}

/// The text that takes arrays of these types, for an `UPDATE`.
pub(super) fn update(text: &str, types: &[Type]) -> Option<String> {
    let behind = behind(text, "UPDATE ")?;
    let (table, rest) = behind.split_once(" SET ")?;
    let (set, condition) = rest.split_once(" WHERE ")?;
    let is_simple = |part: &str| {
        let words = part.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let mut words = words.map(str::to_ascii_uppercase);
        is_plain(part) && !words.any(|word| MORE.contains(&&*word))
    };
    if table.contains(' ') || !is_plain(table) || !is_simple(set) || !is_simple(condition) {
        return None;
    }
    let before = &text[..text.len() - behind.len()];
    let (given, names) = (given(types)?, names(types.len()));
    let (set, condition) = (
        set.replace('?', "given.given_"),
        condition.replace('?', "given.given_"),
    );
    // `OFFSET 0` keeps the look for a row apart, so that it goes by its index.
    Some(format!(
        "{before}{table} SET {set} FROM unnest({given}) AS given ({names}), \
         LATERAL (SELECT found.ctid AS found_at FROM {table} AS found \
         WHERE {condition} OFFSET 0) AS found WHERE {table}.ctid = found.found_at"
    ))
}

/// Whether it is an `UPDATE`.
pub(super) fn is_update(text: &str) -> bool {
    behind(text, "UPDATE ").is_some()
}

/// What follows the verb, behind a comment that says whose the statement is.
fn behind<'a>(text: &'a str, verb: &str) -> Option<&'a str> {
    let text = match text.strip_prefix("/*") {
        Some(comment) => comment.split_once("*/")?.1,
        None => text,
    };
    text.strip_prefix(verb)
}

/// Nothing that is quoted or commented out.
fn is_plain(text: &str) -> bool {
    !text.contains(['\'', '"', '$', ';']) && !text.contains("--") && !text.contains("/*")
}

/// The arrays; none if a type is not one of the server's own.
fn given(types: &[Type]) -> Option<String> {
    if types.is_empty() || types.len() > VALUES_MAX {
        return None;
    }
    let mut given = String::new();
    for (place, ty) in types.iter().enumerate() {
        if ty.schema() != "pg_catalog" || *ty.kind() != Kind::Simple {
            return None;
        }
        let separator = if place == 0 { "" } else { ", " };
        let _ = write!(given, "{separator}?{}::{}[]", place + 1, ty.name());
    }
    Some(given)
}

/// What the values are called: nothing that a column is called.
fn names(count: usize) -> String {
    let names = (1..=count).map(|number| format!("given_{number}"));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [Type; 2] = [Type::INT8, Type::TEXT];

    #[test]
    fn an_insert_of_plain_values_takes_arrays() {
        for rest in ["", " ON CONFLICT (id) DO NOTHING"] {
            let text = format!("/*notes*/INSERT INTO notes (id, body) VALUES (?1, ?2){rest}");
            let expected = format!(
                "/*notes*/INSERT INTO notes (id, body) SELECT given_1, given_2 \
                 FROM unnest(?1::int8[], ?2::text[]) WITH ORDINALITY \
                 AS given (given_1, given_2, given_place) ORDER BY given_place{rest}"
            );
            assert_eq!(insert(&text, &TYPES), Some(expected));
        }
    }

    #[test]
    fn an_insert_that_does_more_goes_row_by_row() {
        for text in [
            "INSERT INTO notes (id, body) VALUES (?2, ?1)",
            "INSERT INTO notes (id, body) VALUES (?1, ?2), (3, 'c')",
            "INSERT INTO notes (id, body) VALUES (?1, lower(?2))",
            "INSERT INTO notes (id, body) VALUES (?1, ?2) RETURNING id",
            "INSERT INTO notes (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ''",
            "INSERT INTO notes (id, body) SELECT ?1, ?2",
            "SELECT 'INSERT INTO notes VALUES (?1, ?2)'",
        ] {
            assert_eq!(insert(text, &TYPES), None, "{text}");
            assert_eq!(update(text, &TYPES), None, "{text}");
        }
        let numbered = "INSERT INTO notes (id, body) VALUES (?1, ?2)";
        assert_eq!(insert(numbered, &[Type::INT8, Type::INT8_ARRAY]), None);
    }

    #[test]
    fn an_update_by_plain_conditions_takes_arrays() {
        let text = "/*notes*/UPDATE notes SET body = ?2 WHERE id = ?1";
        let expected = "/*notes*/UPDATE notes SET body = given.given_2 \
             FROM unnest(?1::int8[], ?2::text[]) AS given (given_1, given_2), \
             LATERAL (SELECT found.ctid AS found_at FROM notes AS found \
             WHERE id = given.given_1 OFFSET 0) AS found WHERE notes.ctid = found.found_at";
        assert_eq!(update(text, &TYPES).as_deref(), Some(expected));
    }

    #[test]
    fn an_update_that_does_more_goes_row_by_row() {
        for text in [
            "UPDATE notes SET body = ?2 WHERE id = ?1 RETURNING id",
            "UPDATE notes SET body = ?2 WHERE id IN (SELECT id FROM others WHERE id = ?1)",
            "UPDATE notes SET body = ?2 WHERE body = '?1'",
            "UPDATE notes SET body = ?2 FROM others WHERE id = ?1",
            "UPDATE notes AS n SET body = ?2 WHERE id = ?1",
            "UPDATE notes SET body = ?2",
        ] {
            assert_eq!(update(text, &TYPES), None, "{text}");
        }
    }
}
