//! The page of error codes: what a caller can see, and what to do about it.
//!
//! Written from `kit::codes`, so that the page and the answers cannot differ.

use std::fmt::Write;

use kit::codes::{AT_START, Code, OWNERS};

/// The page `docs/errors.md`: every code by owner.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for (owner, codes) in OWNERS {
        write!(page, "\n## {owner}\n\n{TABLE}").expect(INFALLIBLE);
        for code in codes {
            page.push_str(&row(code));
        }
    }
    page
}

fn row(code: &Code) -> String {
    let Code {
        name,
        status,
        title,
        remedy,
    } = code;
    let (title, remedy) = (title.replace('|', "\\|"), remedy.replace('|', "\\|"));
    let status = if AT_START.contains(&code) {
        "at start".to_owned()
    } else {
        status.to_string()
    };
    format!("| `{name}` | {status} | {title} | {remedy} |\n")
}

const INFALLIBLE: &str = "writing to a string cannot fail";

const TABLE: &str = "\
| code | status | what it says | remedy |
| --- | ---: | --- | --- |
";

const HEAD: &str = "\
# Errors

A refusal is a problem document (RFC 9457, `application/problem+json`): `code` is one of these,
`type` is `urn:florin:problem:` and the code, `title` is the same for every occurrence, `detail`
says what was wrong this time, `instance` is the request's id. A code keeps its meaning for good.
One whose status is *at start* is never answered: for such a reason a process refuses to start.
`cargo xtask errors` writes this page from the table in `crates/kit/src/codes`.
";
