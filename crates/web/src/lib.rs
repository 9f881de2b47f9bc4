//! HTTP conventions of every service: problems, strict bodies, pages, idempotency keys, entity
//! tags, principals, the access table, tokens and OpenAPI.
//!
//! Promises: an error answer is always a [`Problem`] (RFC 9457); a body, a query and a path are
//! read strictly or refused with the JSON pointer of what is wrong; a route that is not in
//! `access.toml` is never served; every bound has a name. What this crate does not do: listen on a
//! socket, spawn tasks, keep state in a database, or know any business word.
//!
//! A write handler takes `Principal`, [`IdempotencyKey`] and [`Body`], and answers
//! `Result<_, Problem>`.

pub mod access;
mod body;
mod denials;
mod etag;
mod gate;
mod idempotency;
mod issuer;
mod jwks;
pub mod openapi;
mod page;
mod params;
mod pointer;
mod principal;
pub mod problem;
mod request_id;
mod service_tokens;
mod signing_key;
mod token;
mod trusted_services;

pub use access::{AccessError, AccessTable};
pub use body::{Body, BulkBody};
pub use denials::{Denial, DenialLog, DenialSink, Recording};
pub use etag::{Etag, IfMatch, IfNoneMatch};
pub use gate::Gate;
pub use idempotency::IdempotencyKey;
pub use issuer::{Grant, IssuerError, LOCAL_ISSUER, TokenIssuer};
pub use jwks::{JwksError, TrustedIssuer};
pub use page::{Cursor, Page, PageQuery};
pub use params::{Path, Query};
pub use principal::{Principal, PrincipalKind, Role};
pub use problem::{FieldError, Problem};
pub use request_id::{HEADER as REQUEST_ID_HEADER, RequestId};
pub use service_tokens::{
    SERVICE_TOKEN_LIFETIME_S, ServiceToken, ServiceTokenError, ServiceTokens,
};
pub use signing_key::{SigningKey, SigningKeyError};
pub use token::{SERVICE_TOKEN_LIFETIME_MAX_S, TOKEN_LIFETIME_MAX_S, TokenVerifier};
pub use trusted_services::{SERVICE_ISSUER_PREFIX, TrustedServices};
