//! Verification of bearer tokens: JSON Web Tokens (RFC 7519), as RFC 8725 and RFC 9068 advise.
//!
//! Promises: a token is believed only with a valid signature by the key its `kid` names, under the
//! one algorithm of that key's type, from a trusted issuer, for an audience of this deployment,
//! within its time (leeway 30 s) and with a bounded lifetime. A key that belongs to a component
//! speaks for that component alone; a component never speaks with another role or a scope. The
//! header is never trusted for anything but finding the key. Each way to fail has its own code, all
//! 401. Cost: one signature check, tens of microseconds, no I/O.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use kit::codes::{self, Code};
use kit::limits;
use kit::name::Subject;
use kit::time::Clock;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::jwks::{Key, SpeaksFor, TrustedIssuer};
use crate::principal::{Principal, PrincipalKind, Role};
use crate::service_tokens::SERVICE_TOKEN_LIFETIME_S;

/// Longest lifetime of a token, `exp - iat`, in seconds: a day, so that a leaked token dies soon.
pub const TOKEN_LIFETIME_MAX_S: i64 = 24 * 60 * 60;

/// Longest lifetime of a token that a component signed, in seconds: three times what they live
/// today, so that a release can lengthen them while the one before it still runs beside it.
pub const SERVICE_TOKEN_LIFETIME_MAX_S: i64 = 3 * SERVICE_TOKEN_LIFETIME_S;

/// [`limits::CLOCK_LEEWAY_SECONDS`], signed like the times it is added to.
const LEEWAY_S: i64 = limits::CLOCK_LEEWAY_SECONDS.cast_signed();

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(audience) => audience == wanted,
            Self::Many(audiences) => audiences.iter().any(|audience| audience == wanted),
        }
    }
}

/// Verifies tokens. Clones share their keys.
#[derive(Clone)]
pub struct TokenVerifier {
    issuers: Arc<RwLock<HashMap<String, TrustedIssuer>>>,
    audiences: Arc<[String]>,
    clock: Arc<dyn Clock>,
}

impl TokenVerifier {
    /// Believes these issuers, for tokens whose `aud` has one of `audiences`.
    #[must_use]
    pub fn new(issuers: Vec<TrustedIssuer>, audiences: Vec<String>, clock: Arc<dyn Clock>) -> Self {
        let issuers = issuers
            .into_iter()
            .map(|issuer| (issuer.name.clone(), issuer))
            .collect();
        Self {
            issuers: Arc::new(RwLock::new(issuers)),
            audiences: audiences.into(),
            clock,
        }
    }

    /// Replaces the keys of one issuer, for all clones: how keys rotate without a restart.
    pub fn replace(&self, issuer: TrustedIssuer) {
        let mut issuers = self.issuers.write().unwrap_or_else(PoisonError::into_inner);
        issuers.insert(issuer.name.clone(), issuer);
    }

    /// The principal of the one `Authorization: Bearer …` header of a request to `callee`, the
    /// service it is for.
    ///
    /// Errors: `token_missing` without the header, `token_malformed` with two or another scheme,
    /// and those of [`TokenVerifier::verify`].
    pub fn authenticate(
        &self,
        headers: &HeaderMap,
        callee: &str,
    ) -> Result<Principal, &'static Code> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or(&codes::TOKEN_MISSING)?;
        if values.next().is_some() {
            return Err(&codes::TOKEN_MALFORMED);
        }
        let text = value.to_str().map_err(|_| &codes::TOKEN_MALFORMED)?;
        let (scheme, token) = text.split_once(' ').ok_or(&codes::TOKEN_MALFORMED)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(&codes::TOKEN_MALFORMED);
        }
        self.verify(token.trim(), callee)
    }

    /// The principal of a token. A token with the role `service` must have `callee` as an
    /// audience; any other must have one of this deployment's audiences.
    ///
    /// Errors, in the order of the checks: `token_too_long`, `token_malformed`,
    /// `token_issuer_wrong`, `token_key_unknown`, `token_algorithm_not_allowed`,
    /// `token_signature_invalid`, `token_expired`, `token_not_yet_valid`,
    /// `token_lifetime_too_long`, `token_subject_wrong`, `token_roles_wrong`,
    /// `token_audience_wrong`.
    pub fn verify(&self, token: &str, callee: &str) -> Result<Principal, &'static Code> {
        if token.len() > limits::TOKEN_BYTES_MAX {
            return Err(&codes::TOKEN_TOO_LONG);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(&codes::TOKEN_MALFORMED)?;
        let (head, body) = message.split_once('.').ok_or(&codes::TOKEN_MALFORMED)?;
        let header: Header = decode(head)?;
        let claims: Claims = decode(body)?;
        if header.crit.is_some() {
            return Err(&codes::TOKEN_MALFORMED);
        }
        let (key, speaks_for) = self.key(&claims.iss, header.kid.as_deref())?;
        if header.alg != algorithm_name(key.algorithm) {
            return Err(&codes::TOKEN_ALGORITHM_NOT_ALLOWED);
        }
        let signed = jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            &key.decoding,
            key.algorithm,
        );
        if !signed.unwrap_or(false) {
            return Err(&codes::TOKEN_SIGNATURE_INVALID);
        }
        self.check_time(&claims, &speaks_for)?;
        let principal = principal_of(&claims)?;
        check_speaker(&claims, &principal, &speaks_for)?;
        self.check_audience(&claims, &principal, callee)?;
        Ok(principal)
    }

    fn key(&self, issuer: &str, kid: Option<&str>) -> Result<(Key, SpeaksFor), &'static Code> {
        let issuers = self.issuers.read().unwrap_or_else(PoisonError::into_inner);
        let issuer = issuers.get(issuer).ok_or(&codes::TOKEN_ISSUER_WRONG)?;
        let kid = kid.ok_or(&codes::TOKEN_KEY_UNKNOWN)?;
        let key = issuer.keys.get(kid).ok_or(&codes::TOKEN_KEY_UNKNOWN)?;
        Ok((key.clone(), issuer.speaks_for.clone()))
    }

    fn check_time(&self, claims: &Claims, speaks_for: &SpeaksFor) -> Result<(), &'static Code> {
        let now_s = self.clock.now().micros().div_euclid(1_000_000);
        if now_s >= claims.exp.saturating_add(LEEWAY_S) {
            return Err(&codes::TOKEN_EXPIRED);
        }
        let begins_s = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if now_s.saturating_add(LEEWAY_S) < begins_s {
            return Err(&codes::TOKEN_NOT_YET_VALID);
        }
        let lifetime_max_s = match speaks_for {
            SpeaksFor::Component(_) => SERVICE_TOKEN_LIFETIME_MAX_S,
            SpeaksFor::Anybody | SpeaksFor::People => TOKEN_LIFETIME_MAX_S,
        };
        if claims.exp.saturating_sub(claims.iat) > lifetime_max_s {
            return Err(&codes::TOKEN_LIFETIME_TOO_LONG);
        }
        Ok(())
    }

    fn check_audience(
        &self,
        claims: &Claims,
        principal: &Principal,
        callee: &str,
    ) -> Result<(), &'static Code> {
        let meant = match principal.kind {
            PrincipalKind::Service => claims.aud.contains(callee),
            PrincipalKind::Person => self.audiences.iter().any(|own| claims.aud.contains(own)),
        };
        if meant {
            Ok(())
        } else {
            Err(&codes::TOKEN_AUDIENCE_WRONG)
        }
    }
}

/// Refuses a token that speaks for somebody its key may not speak for, and a component that claims
/// anything beside being one.
fn check_speaker(
    claims: &Claims,
    principal: &Principal,
    speaks_for: &SpeaksFor,
) -> Result<(), &'static Code> {
    // As written, not as understood: a role this release does not know is too much as well.
    let only_service = claims.roles == [Role::Service.name()] && principal.scopes.is_empty();
    let allowed = match speaks_for {
        SpeaksFor::Component(component) if principal.subject != *component => {
            return Err(&codes::TOKEN_SUBJECT_WRONG);
        }
        SpeaksFor::Component(_) => only_service,
        SpeaksFor::People => !principal.has(Role::Service),
        SpeaksFor::Anybody => only_service || !principal.has(Role::Service),
    };
    if allowed {
        Ok(())
    } else {
        Err(&codes::TOKEN_ROLES_WRONG)
    }
}

fn principal_of(claims: &Claims) -> Result<Principal, &'static Code> {
    let subject = Subject::parse(claims.sub.as_str()).map_err(|_| &codes::TOKEN_MALFORMED)?;
    let roles: std::collections::BTreeSet<Role> = claims
        .roles
        .iter()
        .filter_map(|word| word.parse().ok())
        .collect();
    let service = roles.contains(&Role::Service);
    Ok(Principal {
        subject,
        kind: if service {
            PrincipalKind::Service
        } else {
            PrincipalKind::Person
        },
        roles,
        scopes: claims
            .scope
            .split_ascii_whitespace()
            .map(str::to_owned)
            .collect(),
    })
}

fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDSA => "EdDSA",
        Algorithm::ES256 => "ES256",
        Algorithm::RS256 => "RS256",
        // No key is ever given another algorithm; the empty name matches no header.
        _ => "",
    }
}

fn decode<T: DeserializeOwned>(part: &str) -> Result<T, &'static Code> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| &codes::TOKEN_MALFORMED)?;
    serde_json::from_slice(&bytes).map_err(|_| &codes::TOKEN_MALFORMED)
}
