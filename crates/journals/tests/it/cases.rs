//! Tables of small journals, in the files beneath `tests/cases`: what must become of each.
//!
//! A case begins with `=== NAME: FATE`; its text goes on to the next. The fate is `accepted`,
//! `refused KIND LINE` (by the outside tool too) or `unsupported KIND LINE` (by Florin alone).

/// What must become of a journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Both accept it.
    Accepted,
    /// Both refuse it, Florin first of this kind and at this line.
    Refused(String, u32),
    /// The outside tool accepts it; Florin does not support it and says so.
    Unsupported(String, u32),
}

/// One row of a table.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub fate: Fate,
    pub text: String,
}

/// The cases of a table.
pub fn parse(table: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in table.lines() {
        if let Some(header) = line.strip_prefix("=== ") {
            let (name, fate) = header.rsplit_once(": ").unwrap();
            let text = String::new();
            cases.push(Case {
                name: name.to_owned(),
                fate: fate_of(fate),
                text,
            });
        } else {
            let case = cases.last_mut().unwrap();
            case.text.push_str(line);
            case.text.push('\n');
        }
    }
    for case in &mut cases {
        // The blank line before the next header is the table's, not the journal's.
        case.text.truncate(case.text.trim_end_matches('\n').len());
        case.text.push('\n');
    }
    cases
}

fn fate_of(text: &str) -> Fate {
    match text.split(' ').collect::<Vec<_>>().as_slice() {
        ["accepted"] => Fate::Accepted,
        ["refused", kind, line] => Fate::Refused((*kind).to_owned(), line.parse().unwrap()),
        ["unsupported", kind, line] => Fate::Unsupported((*kind).to_owned(), line.parse().unwrap()),
        other => panic!("{other:?} is no fate"),
    }
}

/// Holds a case to its fate: what Florin refused first if it refused, and whether the outside
/// tool accepts.
pub fn check(case: &Case, refused: Option<(&str, u32)>, is_accepted: bool) -> Result<(), String> {
    let (expected, expected_accepted) = match &case.fate {
        Fate::Accepted => (None, true),
        Fate::Refused(kind, line) => (Some((kind.as_str(), *line)), false),
        Fate::Unsupported(kind, line) => (Some((kind.as_str(), *line)), true),
    };
    if refused == expected && is_accepted == expected_accepted {
        return Ok(());
    }
    let tool = if is_accepted { "accepts" } else { "refuses" };
    Err(format!(
        "{}: {:?}, but Florin: {refused:?}; the tool {tool}",
        case.name, case.fate
    ))
}

/// Runs every case of a table and fails with all that went wrong.
pub fn check_all(table: &str, check: fn(&Case) -> Result<(), String>) {
    let cases = parse(table);
    assert!(!cases.is_empty());
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
