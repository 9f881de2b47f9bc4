//! The keys an issuer signs with: JWK sets (RFC 7517).
//!
//! Promises: a key is used for exactly one algorithm, the one of its type: Ed25519 → EdDSA (RFC
//! 8037), P-256 → ES256, RSA of 2048 bits or more → RS256 (RFC 7518). Symmetric keys, keys meant
//! for encryption and keys without an id are never used. It does not fetch anything.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use kit::name::Subject;

/// Shortest RSA modulus accepted, in bytes: 2048 bits (RFC 7518, section 3.3).
const RSA_MODULUS_BYTES_MIN: usize = 256;

/// Most keys of one issuer: a provider that rotates publishes two or three.
const KEYS_MAX: usize = 64;

/// Why a JWK set cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not a JWK set.
    #[error("jwks must be a json document with keys: {0}")]
    Malformed(String),
    /// Nothing in it can verify a token.
    #[error("jwks must have a signing key of a supported type with a kid")]
    NoUsableKey,
    /// More keys than any issuer has.
    #[error("jwks must have at most {KEYS_MAX} keys")]
    TooManyKeys,
    /// Two keys with the same id.
    #[error("jwks must have each kid once: {0}")]
    DuplicateKeyId(String),
    /// Not the name of a component.
    #[error("component must be 1 to 63 lower-case letters, digits, dashes or underscores: {0}")]
    ComponentMalformed(String),
    /// A private or symmetric key among a component's public ones.
    #[error("jwks must have public keys only: this private key must be replaced")]
    Private,
    /// A key that speaks for a component already.
    #[error("key must be trusted once and for one component: it is already a key of {0}")]
    KeyHasOwner(String),
}

/// A key and the only algorithm it verifies.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

/// For whom an issuer's tokens may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SpeaksFor {
    /// People and components of any name: the machine's own issuer.
    Anybody,
    /// People and outside clients, never a component: an identity provider.
    People,
    /// One component, never anybody else.
    Component(Subject),
}

/// An issuer this deployment believes, with its keys.
#[derive(Clone)]
pub struct TrustedIssuer {
    pub(crate) name: String,
    pub(crate) speaks_for: SpeaksFor,
    pub(crate) keys: HashMap<String, Key>,
}

impl TrustedIssuer {
    /// Reads the JWK set of an identity provider; `name` is the `iss` its tokens carry. Tokens of
    /// components are not believed from it.
    pub fn parse(name: impl Into<String>, jwks: &str) -> Result<Self, JwksError> {
        let set: JwkSet =
            serde_json::from_str(jwks).map_err(|error| JwksError::Malformed(error.to_string()))?;
        if set.keys.len() > KEYS_MAX {
            return Err(JwksError::TooManyKeys);
        }
        let mut keys = HashMap::new();
        for jwk in &set.keys {
            let Some((id, key)) = usable(jwk) else {
                continue;
            };
            if keys.insert(id.clone(), key).is_some() {
                return Err(JwksError::DuplicateKeyId(id));
            }
        }
        if keys.is_empty() {
            return Err(JwksError::NoUsableKey);
        }
        Ok(Self {
            name: name.into(),
            speaks_for: SpeaksFor::People,
            keys,
        })
    }

    /// Takes the keys of another set of the same issuer, under the same limits as in one set.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), JwksError> {
        if self.keys.len() + other.keys.len() > KEYS_MAX {
            return Err(JwksError::TooManyKeys);
        }
        if let Some(id) = other.keys.keys().find(|id| self.keys.contains_key(*id)) {
            return Err(JwksError::DuplicateKeyId(id.clone()));
        }
        self.keys.extend(other.keys);
        Ok(())
    }
}

/// The key with its id and its one algorithm; none if it may not verify tokens here.
fn usable(jwk: &Jwk) -> Option<(String, Key)> {
    let id = jwk.common.key_id.clone().filter(|id| !id.is_empty())?;
    if matches!(&jwk.common.public_key_use, Some(used) if *used != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            Algorithm::EdDSA
        }
        AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::RSA(rsa) if modulus_bytes(&rsa.n) >= RSA_MODULUS_BYTES_MIN => {
            Algorithm::RS256
        }
        _ => return None,
    };
    let declared = jwk.common.key_algorithm;
    if declared.is_some_and(|declared| declared != algorithm.into()) {
        return None;
    }
    let decoding = DecodingKey::from_jwk(jwk).ok()?;
    Some((
        id,
        Key {
            algorithm,
            decoding,
        },
    ))
}

fn modulus_bytes(encoded: &str) -> usize {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).unwrap_or_default();
    bytes.iter().skip_while(|byte| **byte == 0).count()
}
