//! The id of a request and the trace it belongs to.
//!
//! Promises: an `x-request-id` of 1 to 64 characters `A–Z a–z 0–9 . _ -` is kept, anything else is
//! replaced by a new UUIDv7 in text; a `traceparent` is read as W3C Trace Context level 1 says, and
//! a malformed one is as good as none. Nothing a caller sends reaches a log unchecked.

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

/// The trace a request belongs to (W3C Trace Context, section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent {
    /// 32 lower-case hexadecimal digits.
    pub trace_id: String,
    /// The caller's span: 16 lower-case hexadecimal digits.
    pub span_id: String,
    /// Whether the caller records this trace.
    pub sampled: bool,
}

impl TraceParent {
    /// The trace of a request that carries exactly one well-formed `traceparent`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let text = values.next()?.to_str().ok()?;
        values.next().is_none().then(|| Self::parse(text)).flatten()
    }

    /// Reads `version-trace-parent-flags`; version `ff` and all-zero ids are malformed. A later
    /// version may carry more fields after the flags.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split('-');
        let version = hex(fields.next()?, 2)?;
        let trace_id = hex(fields.next()?, 32)?;
        let span_id = hex(fields.next()?, 16)?;
        let flags = hex(fields.next()?, 2)?;
        let zero = |text: &str| text.bytes().all(|byte| byte == b'0');
        let surplus = version == "00" && fields.next().is_some();
        if version == "ff" || zero(trace_id) || zero(span_id) || surplus {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).is_ok_and(|bits| bits & 1 == 1);
        Some(Self {
            trace_id: trace_id.to_owned(),
            span_id: span_id.to_owned(),
            sampled,
        })
    }
}

fn hex(text: &str, length: usize) -> Option<&str> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == length && text.bytes().all(digit)).then_some(text)
}
