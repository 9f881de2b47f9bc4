//! The idempotency key of a write.
//!
//! Promises: a route that takes [`IdempotencyKey`] refuses a request without one (400), with one
//! that is too long or not plain text (400), or with two (400). Keys of different callers and
//! routes never meet. What a repeat answers is the store's part: it keeps the record.

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;
use kit::codes;
use kit::limits;
use kit::name::{Subject, is_visible};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use crate::principal::Principal;
use crate::problem::Problem;

/// The request header (draft-ietf-httpapi-idempotency-key-header).
pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The client's name for one write, with the two things that make it unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The subject that called; keys of different subjects are different keys.
    pub principal: Subject,
    /// Method and path as sent, such as `POST /ledger/v1/books/main/holds/hld_01j…/capture`.
    pub route: String,
    /// The header's value: 1 to IDEMPOTENCY_KEY_BYTES_MAX visible ASCII characters.
    pub key: String,
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let principal = Principal::from_request_parts(parts, state).await?;
        let mut values = parts.headers.get_all(HEADER).iter();
        let value = values
            .next()
            .ok_or(&codes::IDEMPOTENCY_KEY_MUST_BE_PRESENT)?;
        let key = value.to_str().unwrap_or_default();
        let fits = is_visible(key, limits::IDEMPOTENCY_KEY_BYTES_MAX);
        if !fits || values.next().is_some() {
            return Err(
                Problem::new(&codes::IDEMPOTENCY_KEY_MUST_BE_WELL_FORMED).detail(format!(
                    "the header must be given once, with 1 to {} visible ASCII characters",
                    limits::IDEMPOTENCY_KEY_BYTES_MAX
                )),
            );
        }
        Ok(Self {
            principal: principal.subject,
            route: format!("{} {}", parts.method, parts.uri.path()),
            key: key.to_owned(),
        })
    }
}

/// The header, for the parameters of an operation: `params(IdempotencyKey)`.
impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(limits::IDEMPOTENCY_KEY_BYTES_MAX))
            .build();
        let header = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(
                "The client's name for this write; a repeat has the same key",
            ))
            .schema(Some(text))
            .build();
        vec![header]
    }
}
