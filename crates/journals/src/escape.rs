//! Percent-encoding (RFC 3986) and the tags that carry what a format cannot say plainly.
//!
//! A tag whose name ends in `*` has a percent-encoded name and value, after the example of
//! RFC 8187. Promises: decoding what was encoded gives it back; decoding anything else changes
//! nothing.

/// Ends the name of a tag that is percent-encoded.
const MARK: char = '*';

/// Every byte but RFC 3986's unreserved characters as `%XX`.
pub(crate) fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            push_escape(&mut out, '%', byte);
        }
    }
    out
}

/// What [`percent`] encoded, or `None` for any other text.
pub(crate) fn unpercent(text: &str) -> Option<String> {
    let decoded = unescape(text, "%")?;
    (percent(&decoded) == text).then_some(decoded)
}

/// Appends `introducer` and the byte's two capital hexadecimal digits.
pub(crate) fn push_escape(out: &mut String, introducer: char, byte: u8) {
    out.push(introducer);
    out.push_str(&format!("{byte:02X}"));
}

/// Replaces every introducer followed by two capital hexadecimal digits by that byte, and
/// leaves other introducers alone; `None` when the bytes are not UTF-8.
pub(crate) fn unescape(text: &str, introducer: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match rest.strip_prefix(introducer.as_bytes()).and_then(hex_byte) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[introducer.len() + 2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// The byte two capital hexadecimal digits at the start stand for.
pub(crate) fn hex_byte(text: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(*text.first()?)? * 16 + digit(*text.get(1)?)?)
}

/// A tag as hledger can hold it: as it is where that reads back, else percent-encoded.
pub(crate) fn tag(name: &str, value: &str) -> (String, String) {
    let odd_name = |c: char| c.is_whitespace() || c.is_control() || ":,;*".contains(c);
    let odd_value = |c: char| c == ',' || c.is_control();
    let is_plain = !name.is_empty()
        && !name.contains(odd_name)
        && !value.contains(odd_value)
        && value.trim() == value;
    if is_plain {
        return (name.to_owned(), value.to_owned());
    }
    (format!("{}{MARK}", percent(name)), percent(value))
}

/// The name and value a tag stands for.
pub(crate) fn untag(name: &str, value: &str) -> (String, String) {
    let decoded = name
        .strip_suffix(MARK)
        .and_then(unpercent)
        .zip(unpercent(value));
    decoded.unwrap_or_else(|| (name.to_owned(), value.to_owned()))
}
