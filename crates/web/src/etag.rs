//! Entity tags: a version number as a strong validator (RFC 9110, sections 8.8.3 and 13.1.1).
//!
//! Promises: an update that takes [`IfMatch`] is refused without the header (428) or with another
//! version than the row has (412), so that nobody overwrites what they have not seen; a read that
//! takes [`IfNoneMatch`] sends nothing the caller has already (304).

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use kit::codes;
use serde::Serialize;

use crate::problem::Problem;

/// The version of what is answered; put it before the body: `(Etag(version), Json(…))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Etag(pub i64);

impl IntoResponseParts for Etag {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        let value = HeaderValue::from_str(&format!("\"{}\"", self.0))
            .expect("digits in quotes are a header value");
        parts.headers_mut().insert(header::ETAG, value);
        Ok(parts)
    }
}

/// Which versions the caller has; a malformed header is as good as none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IfNoneMatch(String);

impl IfNoneMatch {
    /// 304 without a body if the caller has this version, else the body; both with the tag.
    pub fn answer(&self, version: Etag, body: &impl Serialize) -> Response {
        let tag = format!("\"{}\"", version.0);
        let mut tags = self
            .0
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"));
        if tags.any(|known| known == tag || known == "*") {
            return (StatusCode::NOT_MODIFIED, version, ()).into_response();
        }
        (version, Json(body)).into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let values = parts.headers.get_all(header::IF_NONE_MATCH).iter();
        let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        Ok(Self(values.join(",")))
    }
}

/// Which version the caller has seen; required on updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch {
    /// `If-Match: *`: any version, as long as the thing exists.
    Any,
    /// `If-Match: "7"`: exactly this version.
    Version(i64),
}

impl IfMatch {
    /// Compares with the version the row has now: `version_must_match` (412) if it is another.
    pub fn check(self, version: i64) -> Result<(), Problem> {
        match self {
            Self::Version(seen) if seen != version => Err(Problem::new(&codes::VERSION_MUST_MATCH)),
            Self::Any | Self::Version(_) => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let value = values.next().ok_or(&codes::VERSION_MUST_BE_STATED)?;
        let refused = || {
            Problem::new(&codes::REQUEST_MUST_BE_WELL_FORMED)
                .detail("the header must be * or one etag as it was answered")
        };
        let text = value.to_str().map_err(|_| refused())?;
        if values.next().is_some() {
            return Err(refused());
        }
        if text == "*" {
            return Ok(Self::Any);
        }
        let digits = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let version = digits.and_then(|digits| digits.parse().ok());
        version.map(Self::Version).ok_or_else(refused)
    }
}
