//! The id of a request.
//!
//! Promises: an `x-request-id` of 1 to 64 characters `A–Z a–z 0–9 . _ -` is kept, anything else is
//! replaced by a new UUIDv7 in text. Nothing a caller sends reaches a log unchecked.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use kit::id::{IdSource, Kind};
use kit::limits::REQUEST_ID_BYTES_MAX;

/// The header that carries the id both ways.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

struct RequestKind;

impl Kind for RequestKind {
    const PREFIX: &'static str = "req";
}

/// The id of one request: in the answer's `x-request-id`, in `instance` of a problem, in the logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The caller's id if it is well formed, else a new one.
    #[must_use]
    pub fn of(headers: &HeaderMap, ids: &IdSource) -> Self {
        let sent = headers.get(HEADER).and_then(|value| value.to_str().ok());
        match sent.filter(|text| well_formed(text)) {
            Some(text) => Self(text.to_owned()),
            None => Self(ids.next::<RequestKind>().to_string()),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header value.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("letters, digits, dots and dashes are a header value")
    }
}

fn well_formed(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=REQUEST_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}
