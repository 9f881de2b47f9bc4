//! What is asked of a callee.
//!
//! Promises: the path is a pattern of the source with its gaps filled; what fills a gap is escaped
//! (RFC 3986), so it can neither leave its segment nor reach another route, and the pattern alone
//! is seen in logs, metrics and spans. Nothing is sent by it.

use std::fmt::{self, Write as _};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, Method};
use kit::limits;
use kit::name::is_visible;
use serde::Serialize;

use super::limits::{ANSWER_BYTES_DEFAULT, ANSWER_BYTES_MAX};

/// Why a request cannot be sent: the caller's mistake, found before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Too few or too many values, or a pattern that is none.
    #[error("path must have one value for each gap of its pattern")]
    Gaps,
    /// An empty value, or one that would climb.
    #[error("value of a path must not be empty, a dot or two dots")]
    Value,
    /// Too long a path.
    #[error("path and query must be at most {max} bytes", max = limits::TARGET_BYTES_MAX)]
    TooLong,
    /// A header that cannot be sent.
    #[error("header must be visible ASCII characters within its limit: {0}")]
    Header(&'static str),
    /// Too large a body.
    #[error("body must be at most {max} bytes", max = limits::BULK_BODY_BYTES_MAX)]
    TooLarge,
    /// A body that is no JSON.
    #[error("body must be representable as JSON")]
    NotJson,
}

/// A request in the making: `Request::get("/deals/v1/deals/{deal}", &[id])`.
pub struct Request {
    pub(super) method: Method,
    pub(super) pattern: &'static str,
    pub(super) key: Option<HeaderValue>,
    pub(super) version: Option<HeaderValue>,
    pub(super) body: Option<Bytes>,
    pub(super) limit: Option<Duration>,
    pub(super) answer_bytes_max: usize,
    /// Path and query, or what is wrong with the first thing that is.
    target: Result<String, RequestError>,
}

impl Request {
    /// Reads something. It is repeated if it fails.
    #[must_use]
    pub fn get(pattern: &'static str, values: &[&str]) -> Self {
        Self::new(Method::GET, pattern, values)
    }

    /// Makes or does something; repeated only with a [`Request::key`].
    #[must_use]
    pub fn post(pattern: &'static str, values: &[&str]) -> Self {
        Self::new(Method::POST, pattern, values)
    }

    /// Replaces something; repeated only with a [`Request::key`], because what a repeat is
    /// answered says nothing of what the first one did.
    #[must_use]
    pub fn put(pattern: &'static str, values: &[&str]) -> Self {
        Self::new(Method::PUT, pattern, values)
    }

    /// Removes something; repeated only with a [`Request::key`], as [`Request::put`].
    #[must_use]
    pub fn delete(pattern: &'static str, values: &[&str]) -> Self {
        Self::new(Method::DELETE, pattern, values)
    }

    fn new(method: Method, pattern: &'static str, values: &[&str]) -> Self {
        Self {
            method,
            pattern,
            key: None,
            version: None,
            body: None,
            limit: None,
            answer_bytes_max: ANSWER_BYTES_DEFAULT,
            target: filled(pattern, values),
        }
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        if let Ok(target) = &mut self.target {
            target.push(if target.contains('?') { '&' } else { '?' });
            escape(target, name);
            target.push('=');
            escape(target, value);
        }
        self
    }

    /// The caller's name for this write: the callee does it once, however often it is sent. For
    /// callees that keep this promise, as every component does, and no others.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        let fits = is_visible(key, limits::IDEMPOTENCY_KEY_BYTES_MAX);
        self.key = self.header("idempotency-key", key, fits);
        self
    }

    /// The version that must be current (`If-Match`), as an entity tag.
    #[must_use]
    pub fn if_match(mut self, tag: &str) -> Self {
        let fits = is_visible(tag, limits::IDEMPOTENCY_KEY_BYTES_MAX);
        self.version = self.header("if-match", tag, fits);
        self
    }

    /// The body, as JSON.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) if body.len() > limits::BULK_BODY_BYTES_MAX => {
                self.refuse(RequestError::TooLarge);
            }
            Ok(body) => self.body = Some(body.into()),
            Err(_) => self.refuse(RequestError::NotJson),
        }
        self
    }

    /// How long the call may take, repeats included, if that is less than the usual.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Takes an answer of up to so many bytes; more than 16 MiB cannot be asked for.
    #[must_use]
    pub fn answer_bytes_max(mut self, bytes_max: usize) -> Self {
        self.answer_bytes_max = bytes_max.min(ANSWER_BYTES_MAX);
        self
    }

    /// Path and query behind `base`.
    pub(super) fn target(&self, base: &str) -> Result<String, RequestError> {
        let target = format!("{base}{}", self.target.as_deref().map_err(Clone::clone)?);
        if target.len() > limits::TARGET_BYTES_MAX {
            return Err(RequestError::TooLong);
        }
        Ok(target)
    }

    /// Whether it may change something.
    pub(super) fn writes(&self) -> bool {
        self.method != Method::GET
    }

    /// Whether sending it twice does no more than sending it once.
    pub(super) fn repeatable(&self) -> bool {
        !self.writes() || self.key.is_some()
    }

    fn header(&mut self, name: &'static str, text: &str, fits: bool) -> Option<HeaderValue> {
        let value = HeaderValue::from_str(text).ok().filter(|_| fits);
        if value.is_none() {
            self.refuse(RequestError::Header(name));
        }
        value
    }

    fn refuse(&mut self, error: RequestError) {
        if self.target.is_ok() {
            self.target = Err(error);
        }
    }
}

/// Method and pattern, and nothing that was filled in.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.pattern)
    }
}

fn filled(pattern: &str, values: &[&str]) -> Result<String, RequestError> {
    let mut target = String::with_capacity(pattern.len());
    let (mut rest, mut values) = (pattern, values.iter());
    if !pattern.starts_with('/') || pattern.contains(['?', '#', ' ']) {
        return Err(RequestError::Gaps);
    }
    while let Some((before, behind)) = rest.split_once('{') {
        let (_, after) = behind.split_once('}').ok_or(RequestError::Gaps)?;
        let value = values.next().ok_or(RequestError::Gaps)?;
        if matches!(*value, "" | "." | "..") {
            return Err(RequestError::Value);
        }
        target.push_str(before);
        escape(&mut target, value);
        rest = after;
    }
    if values.next().is_some() {
        return Err(RequestError::Gaps);
    }
    target.push_str(rest);
    Ok(target)
}

/// Leaves the unreserved characters (RFC 3986, section 2.3).
fn escape(target: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            target.push(char::from(byte));
        } else {
            write!(target, "%{byte:02X}").expect("a string takes whatever is written to it");
        }
    }
}
