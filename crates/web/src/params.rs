//! Path and query parameters, read into types or refused as problems.
//!
//! Promises: a path parameter that does not parse is 400 `path_must_match_schema`; a query
//! parameter that does not parse, or is unknown to a type with `deny_unknown_fields`, is 400
//! `query_must_match_schema`. The names are those of axum, so that OpenAPI sees them.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use kit::codes;
use serde::de::DeserializeOwned;

use crate::problem::Problem;

/// Parameters of the path, as [`axum::extract::Path`], with a problem for a refusal.
#[derive(Debug, Clone)]
pub struct Path<T>(pub T);

/// Parameters of the query, as [`axum::extract::Query`], with a problem for a refusal.
///
/// Give `T` the attribute `deny_unknown_fields`.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let names = RawPathParams::from_request_parts(parts, state).await;
                let names: Vec<String> = names
                    .map(|raw| raw.iter().map(|(name, _)| name.to_owned()).collect())
                    .unwrap_or_default();
                let problem = Problem::new(&codes::PATH_MUST_MATCH_SCHEMA);
                Err(match names.as_slice() {
                    [name] => problem.field(
                        name.clone(),
                        &codes::PATH_MUST_MATCH_SCHEMA,
                        rejection.body_text(),
                    ),
                    _ => problem.detail(rejection.body_text()),
                })
            }
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let text = text
                    .strip_prefix("Failed to deserialize query string: ")
                    .unwrap_or(&text);
                Err(Problem::new(&codes::QUERY_MUST_MATCH_SCHEMA).detail(text))
            }
        }
    }
}
