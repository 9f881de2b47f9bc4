//! The one place that decides whether a request may go on: token, then access table.
//!
//! Promises: a request reaches a service's handler only if the access table has a row for its
//! method and matched path and that row admits its principal; everything else is answered here. A
//! refusal is recorded ([`DenialLog`]). It does not look at the request's body or at any data.

use axum::http::{HeaderValue, Method, header, request::Parts};
use kit::codes::{self, Code};

use crate::access::{AccessTable, service_of};
use crate::denials::DenialLog;
use crate::principal::Principal;
use crate::problem::Problem;
use crate::request_id::RequestId;
use crate::token::TokenVerifier;

/// Decides who comes in. Clones share keys and counts.
#[derive(Clone)]
pub struct Gate {
    verifier: TokenVerifier,
    table: &'static AccessTable,
    denials: DenialLog,
}

impl Gate {
    /// A gate over `table`, [`AccessTable::embedded`] in every shipped binary.
    #[must_use]
    pub fn new(verifier: TokenVerifier, table: &'static AccessTable, denials: DenialLog) -> Self {
        Self {
            verifier,
            table,
            denials,
        }
    }

    /// The table this gate decides by.
    #[must_use]
    pub fn table(&self) -> &'static AccessTable {
        self.table
    }

    /// The log of refusals, to be flushed.
    #[must_use]
    pub fn denials(&self) -> &DenialLog {
        &self.denials
    }

    /// Admits a request whose path matched `path`, and says who calls.
    ///
    /// Errors: `method_must_be_allowed` (405) where the table has the path but not the method, the
    /// token's codes (401 with `WWW-Authenticate`), `role_not_allowed` (403).
    pub async fn admit(&self, parts: &Parts, path: &str) -> Result<Principal, Problem> {
        let Some(rule) = self.table.find(&parts.method, path) else {
            return Err(self.no_row(path));
        };
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .map_or("", RequestId::as_str);
        let route = format!("{} {path}", canonical(&parts.method));
        let callee = service_of(path).unwrap_or_default();
        match self.verifier.authenticate(&parts.headers, callee) {
            Err(code) => {
                self.denials.count(&route, code.name, request_id);
                Err(unauthenticated(code))
            }
            Ok(principal) if rule.admits(&principal) => Ok(principal),
            Ok(principal) => {
                let code = &codes::ROLE_NOT_ALLOWED;
                self.denials
                    .write(&route, code.name, request_id, principal.subject.as_str())
                    .await;
                Err(Problem::new(code))
            }
        }
    }

    fn no_row(&self, path: &str) -> Problem {
        let methods = self.table.methods(path);
        if methods.is_empty() {
            return Problem::new(&codes::ROUTE_MUST_EXIST);
        }
        let mut allow = methods.join(", ");
        if methods.iter().any(|method| method == "GET") {
            allow.push_str(", HEAD");
        }
        let problem = Problem::new(&codes::METHOD_MUST_BE_ALLOWED);
        match HeaderValue::from_str(&allow) {
            Ok(value) => problem.header(header::ALLOW, value),
            Err(_) => problem,
        }
    }
}

/// HEAD is recorded as the GET it is.
fn canonical(method: &Method) -> &str {
    if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    }
}

/// A 401 with the challenge RFC 6750, section 3, asks for.
fn unauthenticated(code: &'static Code) -> Problem {
    let challenge = if code.name == codes::TOKEN_MISSING.name {
        HeaderValue::from_static("Bearer realm=\"florin\"")
    } else {
        HeaderValue::from_static("Bearer realm=\"florin\", error=\"invalid_token\"")
    };
    Problem::new(code).header(header::WWW_AUTHENTICATE, challenge)
}
