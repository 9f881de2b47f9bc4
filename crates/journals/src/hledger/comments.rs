//! Comments and the tags in them.
//!
//! Promises: tags as hledger finds them: a word, a colon, and a value up to a comma or the end
//! of the line. A posting's own date, in either syntax, is recognised so that it can be refused.

/// The text of a comment line after its semicolons' first.
pub(super) fn text(after_semicolon: &str) -> String {
    after_semicolon.trim().to_owned()
}

/// The tags of one comment line.
pub(super) fn tags(line: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = line;
    while let Some(colon) = rest.find(':') {
        let (before, after) = (&rest[..colon], &rest[colon + 1..]);
        let name = before
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        if name.is_empty() {
            rest = after;
            continue;
        }
        let end = after.find(',').unwrap_or(after.len());
        found.push((name.to_owned(), after[..end].trim().to_owned()));
        rest = after.get(end + 1..).unwrap_or_default();
    }
    found
}

/// Whether a posting's comment line gives the posting a date of its own.
pub(super) fn has_posting_date(line: &str) -> bool {
    let tagged = tags(line)
        .iter()
        .any(|(name, _)| name == "date" || name == "date2");
    let bracketed = line.match_indices('[').any(|(open, _)| {
        let inner = line[open + 1..].split(']').next().unwrap_or_default();
        let is_closed = line[open + 1..].contains(']');
        let is_date = inner.contains(['/', '-', '.']) && inner.contains(|c: char| c.is_numeric());
        is_closed
            && is_date
            && inner
                .chars()
                .all(|c| c.is_ascii_digit() || "/-.=".contains(c))
    });
    tagged || bracketed
}
