//! Who calls, as the token says.
//!
//! Promises: a [`Principal`] in a handler was verified (signature, issuer, audience, time) and
//! admitted by the access table. It does not say whose data may be touched: ownership is a
//! predicate in SQL, with `subject` as its argument.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use kit::codes;
use kit::name::Subject;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// What a principal is for; the vocabulary of the access table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A customer: reaches own resources only.
    Customer,
    /// Runs the daily business.
    Operator,
    /// Decides cases of KYC and AML.
    Compliance,
    /// Keeps the books.
    Accountant,
    /// Reads everything, changes nothing.
    Auditor,
    /// Helps customers; reads what that needs.
    Support,
    /// Runs the platform itself.
    Admin,
    /// Another component of the platform.
    Service,
}

/// A word that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "role must be customer, operator, compliance, accountant, auditor, support, admin or service"
)]
pub struct RoleUnknown;

impl Role {
    /// Every role there is.
    pub const ALL: [Self; 8] = [
        Self::Customer,
        Self::Operator,
        Self::Compliance,
        Self::Accountant,
        Self::Auditor,
        Self::Support,
        Self::Admin,
        Self::Service,
    ];

    /// The role's name in tokens and in the access table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Operator => "operator",
            Self::Compliance => "compliance",
            Self::Accountant => "accountant",
            Self::Auditor => "auditor",
            Self::Support => "support",
            Self::Admin => "admin",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = RoleUnknown;

    fn from_str(text: &str) -> Result<Self, RoleUnknown> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or(RoleUnknown)
    }
}

/// A person, or a component of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrincipalKind {
    /// A person or a client of the platform.
    Person,
    /// A component: the token carries the role `service` and the callee as its audience.
    Service,
}

/// Who calls. As an extractor it is refused with `token_missing` where no token was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The token's `sub`: a customer's id, a user's name, a component's name.
    pub subject: Subject,
    /// Person or component.
    pub kind: PrincipalKind,
    /// The roles the token grants; roles Florin does not know were dropped.
    pub roles: BTreeSet<Role>,
    /// The scopes the token grants.
    pub scopes: BTreeSet<String>,
}

impl Principal {
    /// Whether the token grants this role.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The subject to whose resources this caller is confined: a customer without any other role.
    /// Put it into the ownership predicate; `None` means that the role alone decided.
    #[must_use]
    pub fn owner(&self) -> Option<&Subject> {
        let customer_only = self.roles.iter().all(|role| *role == Role::Customer);
        customer_only.then_some(&self.subject)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::new(&codes::TOKEN_MISSING))
    }
}
