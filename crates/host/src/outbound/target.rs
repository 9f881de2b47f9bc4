//! One callee of one component: the way there, what is shown there, and how it is doing.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use tokio::sync::Semaphore;
use topology::EdgeKind;
use web::ServiceTokens;

use super::circuit::Circuit;
use super::error::{CallError, Refusal, Trouble};
use super::limits::Limits;
use super::request::RequestError;
use super::transport::Way;

/// What a callee knows the caller by.
pub(super) enum Credential {
    /// Nothing.
    None,
    /// A token for the component of this name.
    Service(ServiceTokens, String),
    /// A secret of ours at an outside host.
    Secret(HeaderValue),
}

/// A callee.
pub(super) struct Target {
    pub(super) component: &'static str,
    pub(super) kind: EdgeKind,
    pub(super) to: Arc<str>,
    pub(super) way: Way,
    /// What comes before the path of each request.
    pub(super) base: String,
    pub(super) credential: Credential,
    pub(super) turns: Semaphore,
    pub(super) circuit: Circuit,
}

/// Where to, how, and as whom.
pub(super) struct Route {
    pub(super) way: Way,
    pub(super) base: String,
    pub(super) credential: Credential,
}

impl Target {
    pub(super) fn new(
        component: &'static str,
        kind: EdgeKind,
        to: &str,
        route: Route,
        limits: &Limits,
    ) -> Self {
        Self {
            component,
            kind,
            to: to.into(),
            way: route.way,
            base: route.base,
            credential: route.credential,
            turns: Semaphore::new(limits.calls_max.clamp(1, Semaphore::MAX_PERMITS)),
            circuit: Circuit::new(limits.circuit_failures, limits.circuit_open),
        }
    }

    /// Whether a component of ours is there, whose codes mean what ours mean.
    pub(super) fn is_component(&self) -> bool {
        matches!(self.credential, Credential::Service(..))
    }

    pub(super) fn asked(&self, pattern: &'static str, writes: bool) -> Asked {
        Asked {
            component: self.component,
            kind: self.kind,
            to: self.to.clone(),
            pattern,
            writes,
        }
    }
}

/// Who asked whom for what, for errors.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) component: &'static str,
    pub(super) kind: EdgeKind,
    pub(super) to: Arc<str>,
    pub(super) pattern: &'static str,
    pub(super) writes: bool,
}

impl Asked {
    /// A failure; `maybe_done` says whether the request may have reached the callee.
    pub(super) fn failed(
        &self,
        maybe_done: bool,
        trouble: Trouble,
        retry_after: Option<Duration>,
    ) -> CallError {
        let (component, kind, pattern) = (self.component, self.kind, self.pattern);
        let to = self.to.to_string();
        if self.writes && maybe_done {
            return CallError::OutcomeUnknown {
                component,
                kind,
                to,
                pattern,
                trouble,
            };
        }
        CallError::Unavailable {
            component,
            kind,
            to,
            pattern,
            trouble,
            retry_after,
        }
    }

    pub(super) fn refused(&self, refusal: Refusal) -> CallError {
        CallError::Refused {
            component: self.component,
            kind: self.kind,
            to: self.to.to_string(),
            pattern: self.pattern,
            refusal,
        }
    }

    pub(super) fn malformed(&self, source: RequestError) -> CallError {
        CallError::Malformed {
            component: self.component,
            kind: self.kind,
            to: self.to.to_string(),
            pattern: self.pattern,
            source,
        }
    }
}
