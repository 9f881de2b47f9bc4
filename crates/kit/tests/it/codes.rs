//! The table of error codes, read as a table and as source text.
//!
//! The compiler cannot say that a constant is missing from a list; so the source is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kit::codes::{self, ALL, Code};

/// The constants of the owners' files: the name of the constant, and the `name` inside it.
fn constants_in_source() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/codes");
    let mut constants = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut lines = source.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(rest) = line.strip_prefix("pub const ") else {
                continue;
            };
            let Some((constant, _)) = rest.split_once(": Code =") else {
                continue;
            };
            let name = lines.next().and_then(|line| line.strip_prefix("name: \""));
            let name = name.and_then(|rest| rest.strip_suffix("\","));
            let name = name.unwrap_or_else(|| panic!("{constant} must begin with its name"));
            constants.push((constant.to_owned(), name.to_owned()));
        }
    }
    constants
}

fn is_lower_snake_case(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .chars()
                .all(|each| each.is_ascii_lowercase() || each.is_ascii_digit())
    };
    name.split('_').all(is_word)
}

#[test]
fn every_constant_is_in_the_table() {
    let in_source: BTreeSet<_> = constants_in_source()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    let in_table: BTreeSet<_> = ALL.iter().map(|code| code.name.to_owned()).collect();
    assert_eq!(in_source, in_table);
    assert!(
        in_table.contains("internal_error"),
        "the source must have been read"
    );
}

#[test]
fn constants_have_the_names_of_their_codes() {
    for (constant, name) in constants_in_source() {
        assert_eq!(constant.to_ascii_lowercase(), name);
    }
}

#[test]
fn names_are_unique_lower_snake_case() {
    let mut seen = BTreeSet::new();
    for code in ALL {
        assert!(is_lower_snake_case(code.name), "{}", code.name);
        assert!(seen.insert(code.name), "{} is there twice", code.name);
    }
}

#[test]
fn statuses_are_of_errors() {
    for code in ALL {
        assert!((400..=599).contains(&code.status), "{}", code.name);
    }
}

#[test]
fn titles_and_remedies_are_written_for_people() {
    for Code {
        name,
        title,
        remedy,
        ..
    } in ALL
    {
        let is_sentence = |text: &str| {
            text.starts_with(char::is_uppercase) && !text.contains("  ") && text.trim() == text
        };
        assert!(
            is_sentence(title) && !title.ends_with('.'),
            "{name}: {title}"
        );
        assert!(
            is_sentence(remedy) && remedy.ends_with('.'),
            "{name}: {remedy}"
        );
    }
}

#[test]
fn codes_are_found_by_name() {
    for code in ALL {
        assert_eq!(codes::find(code.name), Some(*code));
    }
    assert_eq!(codes::find("no_such_code"), None);
}
