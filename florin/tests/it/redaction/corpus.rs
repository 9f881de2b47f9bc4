//! What must not be read anywhere but where it belongs: data of persons and cards, and secrets.
//!
//! None of it is anybody's: names are invented, numbers are the public ones of test cards and of
//! specimen accounts.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Each by itself is enough to be a leak.
pub(super) const CORPUS: [&str; 18] = [
    "Zoltana Quetzalbrandt",
    "Þorvaldur Ögmundsson",
    "zoltana.quetzal@example.org",
    "o'quetzal+bank@example.net",
    "+36 20 998 7654",
    "+36209987654",
    "5425233430109903",
    "4263 9826 4026 9299",
    "374245455400126",
    "DE89370400440532013000",
    "GB33 BUKB 2020 1555 5555 55",
    "1987-03-29T04:05:06",
    "passport C01X00T47",
    "12 Rue de la Quetzalerie",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJxdWV0emFsIn0.c2lnbmF0dXJl",
    "correct-horse-quetzal-9!",
    "fl_live_9aQ7quetzalK2",
    "mpin 730955",
];

/// Nothing but unreserved characters stays (RFC 3986, section 2.3).
pub(super) fn percent(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The pieces of the corpus that stand in this text, as they are or as they travel.
pub(super) fn found(within: &str) -> Vec<&'static str> {
    let travels = |text: &&str| {
        let escaped = serde_json::to_string(text).unwrap();
        let forms = [
            (*text).to_owned(),
            percent(text),
            text.replace(' ', "+"),
            escaped.trim_matches('"').to_owned(),
            format!("{text:?}").trim_matches('"').to_owned(),
            format!("{:?}", text.as_bytes()),
            STANDARD_NO_PAD.encode(text),
            URL_SAFE_NO_PAD.encode(text),
        ];
        forms.iter().any(|form| within.contains(form.as_str()))
    };
    CORPUS
        .iter()
        .copied()
        .filter(|text| travels(text))
        .collect()
}
