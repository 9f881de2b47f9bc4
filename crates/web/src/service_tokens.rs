//! The tokens with which one component calls others.
//!
//! Promises: a token names its component (`sub`), is for one callee (`aud`), carries the role
//! `service` and nothing else, and lives [`SERVICE_TOKEN_LIFETIME_S`]; it is kept and given out
//! again until three quarters of its life are over, so that what a caller holds is always valid
//! for longer than a request may take. Tokens and key are never printed. It verifies nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::limits;
use kit::name::Subject;
use kit::random::Random;
use kit::time::Clock;
use serde_json::json;

use crate::issuer::{LOCAL_ISSUER, TokenIssuer};
use crate::principal::Role;
use crate::signing_key::SigningKey;
use crate::trusted_services::{component, issuer_name};

/// How long a token lives, in seconds: 5 minutes, so that one that leaks is soon worth nothing,
/// and long against the 30 s by which clocks may differ.
pub const SERVICE_TOKEN_LIFETIME_S: i64 = 5 * 60;

/// The age at which a token is replaced: three quarters of its life.
const RENEWAL_AGE_S: i64 = SERVICE_TOKEN_LIFETIME_S * 3 / 4;

// What is left of a token when it is last given out outlasts the request it is given out for.
const _: () = assert!(
    (SERVICE_TOKEN_LIFETIME_S - RENEWAL_AGE_S) * 1000 > limits::REQUEST_TIMEOUT_MS.cast_signed()
);

/// Most callees of one component: several times the components there are.
const CALLEES_MAX: usize = 64;

/// Bytes of a `jti`: as many as a UUID, so that no two tokens share one.
const TOKEN_ID_BYTES: usize = 16;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum ServiceTokenError {
    /// Not the name of a component.
    #[error("component must be 1 to 63 lower-case letters, digits, dashes or underscores: {0}")]
    ComponentMalformed(String),
    /// More callees than there are components.
    #[error("component must call at most {CALLEES_MAX} others")]
    TooManyCallees,
    /// The key cannot sign.
    #[error("key must sign: {0}")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// A signed token. Prints as `[redacted]`; cheap to clone.
#[derive(Clone)]
pub struct ServiceToken(Arc<str>);

impl ServiceToken {
    /// The token itself, to be sent and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The value of the `Authorization` header, marked so that it is not printed either.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0))
            .expect("a token is base64url and dots");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Makes and keeps the tokens of one component. Clones share them; any thread may ask.
#[derive(Clone)]
pub struct ServiceTokens {
    shared: Arc<Shared>,
}

struct Shared {
    component: Subject,
    issuer: String,
    key: SigningKey,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    kept: Mutex<BTreeMap<String, Kept>>,
}

struct Kept {
    token: ServiceToken,
    issued_s: i64,
}

impl ServiceTokens {
    /// The tokens of `component`, signed with its own key, as production wants them.
    pub fn new(
        component: &str,
        key: SigningKey,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServiceTokenError> {
        let component = parse(component)?;
        let issuer = issuer_name(&component);
        Ok(Self::of(component, issuer, key, clock, random))
    }

    /// The tokens of `component`, signed by the machine's own issuer: for development.
    pub fn local(
        component: &str,
        issuer: &TokenIssuer,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServiceTokenError> {
        let (key, clock) = issuer.parts();
        let component = parse(component)?;
        Ok(Self::of(
            component,
            LOCAL_ISSUER.to_owned(),
            key,
            clock,
            random,
        ))
    }

    fn of(
        component: Subject,
        issuer: String,
        key: SigningKey,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                component,
                issuer,
                key,
                clock,
                random,
                kept: Mutex::new(BTreeMap::new()),
            }),
        }
    }

    /// A token for calls to `callee`, with at least a quarter of its life before it.
    ///
    /// Cost: a lock; one signature (tens of microseconds, no I/O) per callee and renewal, made
    /// under the lock, so that those who ask at once get one token.
    pub fn for_callee(&self, callee: &str) -> Result<ServiceToken, ServiceTokenError> {
        let shared = &self.shared;
        // A poisoned lock guards whole tokens, which are valid whoever panicked beside them.
        let mut kept = shared.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now_s = shared.clock.now().micros().div_euclid(1_000_000);
        match kept.get(callee) {
            // A clock that was set back would make the token one of the future: it is replaced.
            Some(kept) if (0..RENEWAL_AGE_S).contains(&(now_s - kept.issued_s)) => {
                return Ok(kept.token.clone());
            }
            Some(_) => {}
            None if kept.len() >= CALLEES_MAX => return Err(ServiceTokenError::TooManyCallees),
            None => {
                parse(callee)?;
            }
        }
        let token = shared.sign(callee, now_s)?;
        let issued = Kept {
            token: token.clone(),
            issued_s: now_s,
        };
        kept.insert(callee.to_owned(), issued);
        Ok(token)
    }
}

impl fmt::Debug for ServiceTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let component = self.shared.component.as_str();
        write!(formatter, "ServiceTokens({component})")
    }
}

impl Shared {
    fn sign(&self, callee: &str, now_s: i64) -> Result<ServiceToken, ServiceTokenError> {
        let mut id = [0; TOKEN_ID_BYTES];
        self.random.fill(&mut id);
        let token = self.key.sign(&json!({
            "iss": self.issuer,
            "sub": self.component.as_str(),
            "aud": callee,
            "iat": now_s,
            "exp": now_s + SERVICE_TOKEN_LIFETIME_S,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "roles": [Role::Service.name()],
        }))?;
        Ok(ServiceToken(token.into()))
    }
}

fn parse(name: &str) -> Result<Subject, ServiceTokenError> {
    component(name).ok_or_else(|| ServiceTokenError::ComponentMalformed(name.to_owned()))
}
