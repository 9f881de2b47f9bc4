//! Why a call has no answer that can be used, so that money knows what happened.
//!
//! Promises: [`CallError::Refused`] and [`CallError::Unavailable`] of a write mean that nothing
//! happened; whenever that is not certain it is [`CallError::OutcomeUnknown`]. What the callee said
//! is printed nowhere.

use std::fmt;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use kit::codes::{self, Code};
use serde::Deserialize;
use telemetry::Redacted;
use topology::EdgeKind;
use web::Problem;

use super::request::RequestError;

/// Longest code of a callee that is kept: ours are half as long.
const CODE_BYTES_MAX: usize = 64;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The topology does not let this component do that.
    #[error("edge must be declared in the topology: {component} {kind} {to}")]
    Undeclared {
        /// Who calls.
        component: &'static str,
        /// Calls or outside.
        kind: EdgeKind,
        /// The component or host.
        to: String,
    },
    /// It could not be sent as it is; nothing was.
    #[error("call must be well-formed: {component} {kind} {to} {pattern}: {source}")]
    Malformed {
        /// Who calls.
        component: &'static str,
        /// Calls or outside.
        kind: EdgeKind,
        /// The component or host.
        to: String,
        /// The path's pattern.
        pattern: &'static str,
        /// What is wrong.
        source: RequestError,
    },
    /// The callee said no (4xx): nothing happened.
    #[error("callee must accept the call: {component} {kind} {to} {pattern}: {refusal}")]
    Refused {
        /// Who calls.
        component: &'static str,
        /// Calls or outside.
        kind: EdgeKind,
        /// The component or host.
        to: String,
        /// The path's pattern.
        pattern: &'static str,
        /// What it said.
        refusal: Refusal,
    },
    /// A write did not reach it, or it said that it did nothing; or a read failed.
    #[error("callee must be available: {component} {kind} {to} {pattern}: {trouble}")]
    Unavailable {
        /// Who calls.
        component: &'static str,
        /// Calls or outside.
        kind: EdgeKind,
        /// The component or host.
        to: String,
        /// The path's pattern.
        pattern: &'static str,
        /// What happened.
        trouble: Trouble,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// A write was sent, and whether it was done is not known. Ask again with the same key, or
    /// look whether it is there.
    #[error("outcome of the call must be known: {component} {kind} {to} {pattern}: {trouble}")]
    OutcomeUnknown {
        /// Who calls.
        component: &'static str,
        /// Calls or outside.
        kind: EdgeKind,
        /// The component or host.
        to: String,
        /// The path's pattern.
        pattern: &'static str,
        /// What happened.
        trouble: Trouble,
    },
}

impl CallError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        match self {
            Self::Undeclared { .. } => &codes::EDGE_MUST_BE_DECLARED,
            Self::Malformed { .. } => &codes::CALL_MUST_BE_WELL_FORMED,
            Self::Refused { .. } => &codes::CALLEE_MUST_ACCEPT_CALL,
            Self::Unavailable { .. } => &codes::CALLEE_MUST_BE_AVAILABLE,
            Self::OutcomeUnknown { .. } => &codes::CALL_OUTCOME_UNKNOWN,
        }
    }

    /// What the callee said, if it refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }

    /// The label of metrics.
    pub(super) fn result(&self) -> &'static str {
        match self {
            Self::Undeclared { .. } => "undeclared",
            Self::Malformed { .. } => "malformed",
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::OutcomeUnknown { .. } => "unknown",
        }
    }
}

/// A service that does not know better answers its own caller so.
impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let problem = Self::new(error.code()).detail(error.to_string());
        let wait = match &error {
            CallError::Unavailable { retry_after, .. } => retry_after.unwrap_or_default(),
            CallError::OutcomeUnknown { .. } => Duration::ZERO,
            _ => return problem,
        };
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        problem.header(header::RETRY_AFTER, seconds)
    }
}

/// What happened to a call that was not answered well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No connection: name, network, port or certificate.
    #[error("it could not be connected to")]
    NotConnected,
    /// No turn among the calls of this target, or no answer, in time.
    #[error("it took too long")]
    TimedOut,
    /// The connection ended before the answer did, or what came was not HTTP.
    #[error("the connection ended before the answer did")]
    HungUp,
    /// More than the request takes.
    #[error("the answer is too large")]
    TooLarge,
    /// Not what the caller reads.
    #[error("the answer is not what it must be")]
    Unreadable,
    /// A status that is neither success nor refusal.
    #[error("it answered with status {0}")]
    Status(u16),
    /// It failed so often that it is left alone.
    #[error("it failed so often that it is left alone for a while")]
    LeftAlone,
    /// The process it would run in is not serving.
    #[error("this process does not serve")]
    NotServing,
}

/// A callee's no.
#[derive(Clone)]
pub struct Refusal {
    status: u16,
    code: Option<String>,
    document: Redacted<Bytes>,
}

impl Refusal {
    /// Of this status, with what was read of the body.
    pub(super) fn new(status: u16, document: Bytes) -> Self {
        Self {
            status,
            code: code_of(&document),
            document: Redacted(document),
        }
    }

    /// The HTTP status, 400 to 499.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The stable code of a problem document; none from who has no codes.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The code as one of ours, if it is one.
    #[must_use]
    pub fn known(&self) -> Option<&'static Code> {
        codes::find(self.code()?)
    }

    /// Whether it is this one of ours.
    #[must_use]
    pub fn is(&self, code: &Code) -> bool {
        self.code() == Some(code.name)
    }

    /// The whole document, up to 64 KiB. It may hold what must not be logged.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document.0
    }
}

/// Status and code, and nothing else of what the callee said.
impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code().unwrap_or("no code");
        write!(formatter, "{} {code}", self.status)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Refusal({self})")
    }
}

/// The code of a problem document, if that is what it is: a word, nothing a log would trip over.
pub(super) fn code_of(document: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Coded {
        code: String,
    }
    let Coded { code } = serde_json::from_slice(document).ok()?;
    let word = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    let fits = (1..=CODE_BYTES_MAX).contains(&code.len()) && code.bytes().all(word);
    fits.then_some(code)
}
