//! Who may call what: the role × route table, and the list of open endpoints.
//!
//! Promises: the table is compiled in and read once; an unknown role, an unknown key, a row twice,
//! a row without anyone and a path outside the conventions are refused; a route that is not in the
//! table is served to nobody. Whose data a caller may see is not here: that is a predicate in SQL.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::http::Method;
use serde::Deserialize;

use crate::principal::{Principal, Role};

/// The endpoints anybody may call, all of them. The host serves them; no service can add one.
/// `/metrics` is on the public listener only when that is a loopback address.
pub const OPEN: [(&str, &str); 4] = [
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/.well-known/jwks.json"),
];

/// The methods a row may have. HEAD is served where GET is; OPTIONS is not served.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Why a table is refused, or does not fit the routes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// Not the TOML the table is written in.
    #[error("access table must be well-formed: {0}")]
    Malformed(String),
    /// A role nobody has.
    #[error("role must be known: {role} in {route}")]
    UnknownRole {
        /// The word that is no role.
        role: String,
        /// The row.
        route: String,
    },
    /// The same method and path twice.
    #[error("route must have one row: {0}")]
    DuplicateRow(String),
    /// A row that admits nobody.
    #[error("row must name a role or a scope: {0}")]
    NobodyAdmitted(String),
    /// A path that does not begin with `/service/vN/`, or a method that is not served.
    #[error("row must have a served method and a versioned path: {0}")]
    OutsideConventions(String),
    /// A served route without a row.
    #[error("route must be in the access table: {0}")]
    RouteNotInTable(String),
    /// A row without a served route.
    #[error("row must have a route: {0}")]
    RowWithoutRoute(String),
}

/// Who may call one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Any of these roles is enough.
    pub roles: BTreeSet<Role>,
    /// A token with this scope is enough, for machine clients without a role.
    pub scope: Option<String>,
}

impl Rule {
    /// Whether this caller may call the route.
    #[must_use]
    pub fn admits(&self, principal: &Principal) -> bool {
        let by_role = self.roles.iter().any(|role| principal.roles.contains(role));
        by_role
            || self
                .scope
                .as_ref()
                .is_some_and(|scope| principal.scopes.contains(scope))
    }
}

/// A method and a path as the router has it: `("GET", "/ledger/v1/books/{book}")`.
pub type Route = (String, String);

/// The role × route table.
#[derive(Debug, Clone, Default)]
pub struct AccessTable {
    rules: BTreeMap<Route, Rule>,
    methods: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    route: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    method: String,
    path: String,
    #[serde(default)]
    roles: Vec<String>,
    scope: Option<String>,
}

static EMBEDDED: LazyLock<AccessTable> = LazyLock::new(|| {
    AccessTable::parse(include_str!("../access.toml"))
        .expect("the access table in the binary was parsed by a test of this crate")
});

impl AccessTable {
    /// The table of this build, `access.toml`.
    #[must_use]
    pub fn embedded() -> &'static Self {
        &EMBEDDED
    }

    /// Reads a table; see the module for what is refused.
    pub fn parse(text: &str) -> Result<Self, AccessError> {
        let document: Document =
            toml::from_str(text).map_err(|error| AccessError::Malformed(error.to_string()))?;
        let mut table = Self::default();
        for row in document.route {
            table.insert(row)?;
        }
        Ok(table)
    }

    fn insert(&mut self, row: Row) -> Result<(), AccessError> {
        let route = format!("{} {}", row.method, row.path);
        if !METHODS.contains(&row.method.as_str()) || service_of(&row.path).is_none() {
            return Err(AccessError::OutsideConventions(route));
        }
        let mut roles = BTreeSet::new();
        for word in row.roles {
            match word.parse() {
                Ok(role) => roles.insert(role),
                Err(_) => return Err(AccessError::UnknownRole { role: word, route }),
            };
        }
        if roles.is_empty() && row.scope.as_deref().is_none_or(str::is_empty) {
            return Err(AccessError::NobodyAdmitted(route));
        }
        self.methods
            .entry(row.path.clone())
            .or_default()
            .push(row.method.clone());
        let rule = Rule {
            roles,
            scope: row.scope,
        };
        match self.rules.insert((row.method, row.path), rule) {
            Some(_) => Err(AccessError::DuplicateRow(route)),
            None => Ok(()),
        }
    }

    /// The rule of a route; HEAD has the rule of GET.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<&Rule> {
        let method = if method == Method::HEAD {
            "GET"
        } else {
            method.as_str()
        };
        self.rules.get(&(method.to_owned(), path.to_owned()))
    }

    /// The methods the table has for a path, for `Allow`.
    #[must_use]
    pub fn methods(&self, path: &str) -> &[String] {
        self.methods.get(path).map_or(&[], Vec::as_slice)
    }

    /// Every row, in the order of paths.
    pub fn rows(&self) -> impl Iterator<Item = (&Route, &Rule)> {
        self.rules.iter()
    }

    /// Refuses the first route that is not in the table.
    pub fn check_routes(&self, routes: &[Route]) -> Result<(), AccessError> {
        match routes.iter().find(|route| !self.rules.contains_key(*route)) {
            Some((method, path)) => Err(AccessError::RouteNotInTable(format!("{method} {path}"))),
            None => Ok(()),
        }
    }

    /// Refuses the first row that has no route; `routes` must be those of all services.
    pub fn check_rows(&self, routes: &[Route]) -> Result<(), AccessError> {
        let served: BTreeSet<&Route> = routes.iter().collect();
        match self.rules.keys().find(|route| !served.contains(route)) {
            Some((method, path)) => Err(AccessError::RowWithoutRoute(format!("{method} {path}"))),
            None => Ok(()),
        }
    }
}

/// The service a versioned path belongs to: `ledger` of `/ledger/v1/books`.
#[must_use]
pub fn service_of(path: &str) -> Option<&str> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let service = segments
        .next()
        .filter(|name| !name.is_empty() && !name.starts_with('{'))?;
    let version = segments.next()?.strip_prefix('v')?;
    let numbered = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    (numbered && segments.next().is_some_and(|rest| !rest.is_empty())).then_some(service)
}
