//! The components whose tokens are believed, each by its own keys.
//!
//! Promises: a key speaks for one component and no other, so the same key under two names, or
//! twice under one, is refused: to remove it once is to remove it. A set with a private part is
//! refused, because whoever holds it could sign. It reads no files.

use std::collections::{BTreeMap, HashMap};

use jsonwebtoken::jwk::{JwkSet, ThumbprintHash};
use kit::name::Subject;

use crate::jwks::{JwksError, SpeaksFor, TrustedIssuer};

/// The `iss` of a component's tokens is this and the component's name.
pub const SERVICE_ISSUER_PREFIX: &str = "urn:florin:service:";

/// Longest name of a component: that of a service in Kubernetes (RFC 1123, section 2.1).
const COMPONENT_BYTES_MAX: usize = 63;

/// Members of a JWK that only a private or a symmetric key has (RFC 7518, section 6).
const PRIVATE_MEMBERS: [&str; 3] = ["d", "p", "k"];

/// The name of a component, if it can be one: lower-case letters, digits, dashes and underscores.
pub(crate) fn component(name: &str) -> Option<Subject> {
    let letters = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if name.len() > COMPONENT_BYTES_MAX || !name.bytes().all(letters) {
        return None;
    }
    Subject::parse(name).ok()
}

/// The `iss` of this component's tokens.
pub(crate) fn issuer_name(component: &Subject) -> String {
    format!("{SERVICE_ISSUER_PREFIX}{}", component.as_str())
}

/// Components with their keys, gathered set by set.
#[derive(Default)]
pub struct TrustedServices {
    issuers: BTreeMap<String, TrustedIssuer>,
    /// The component of each key, by the key's own thumbprint: its `kid` can be any word.
    owners: HashMap<String, String>,
}

impl TrustedServices {
    /// Nobody yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes one more JWK set of `component`, beside those it has.
    ///
    /// Errors: those of [`TrustedIssuer::parse`], a name that no component can have, a private
    /// key, a key that is there already. A refused set leaves nothing.
    pub fn add(&mut self, component: &str, jwks: &str) -> Result<(), JwksError> {
        let subject = self::component(component)
            .ok_or_else(|| JwksError::ComponentMalformed(component.to_owned()))?;
        refuse_private(jwks)?;
        let mut issuer = TrustedIssuer::parse(issuer_name(&subject), jwks)?;
        let set: JwkSet =
            serde_json::from_str(jwks).map_err(|error| JwksError::Malformed(error.to_string()))?;
        let mut thumbprints = Vec::new();
        for jwk in &set.keys {
            let thumbprint = jwk
                .thumbprint(ThumbprintHash::SHA256)
                .map_err(|error| JwksError::Malformed(error.to_string()))?;
            let twice = thumbprints.contains(&thumbprint).then_some(component);
            if let Some(owner) = self.owners.get(&thumbprint).map(String::as_str).or(twice) {
                return Err(JwksError::KeyHasOwner(owner.to_owned()));
            }
            thumbprints.push(thumbprint);
        }
        issuer.speaks_for = SpeaksFor::Component(subject);
        match self.issuers.get_mut(component) {
            Some(known) => known.merge(issuer)?,
            None => {
                self.issuers.insert(component.to_owned(), issuer);
            }
        }
        let owned = thumbprints
            .into_iter()
            .map(|thumbprint| (thumbprint, component.to_owned()));
        self.owners.extend(owned);
        Ok(())
    }

    /// Whether any key of this component is believed.
    #[must_use]
    pub fn has_component(&self, component: &str) -> bool {
        self.issuers.contains_key(component)
    }

    /// Whether this key of this component is believed.
    #[must_use]
    pub fn has_key(&self, component: &str, kid: &str) -> bool {
        let issuer = self.issuers.get(component);
        issuer.is_some_and(|issuer| issuer.keys.contains_key(kid))
    }

    /// The components as issuers to believe.
    #[must_use]
    pub fn into_issuers(self) -> Vec<TrustedIssuer> {
        self.issuers.into_values().collect()
    }
}

fn refuse_private(jwks: &str) -> Result<(), JwksError> {
    let document: serde_json::Value =
        serde_json::from_str(jwks).map_err(|error| JwksError::Malformed(error.to_string()))?;
    let keys = document["keys"].as_array().into_iter().flatten();
    let private = |key: &serde_json::Value| {
        PRIVATE_MEMBERS
            .iter()
            .any(|member| key.get(member).is_some())
    };
    if keys.into_iter().any(private) {
        return Err(JwksError::Private);
    }
    Ok(())
}
