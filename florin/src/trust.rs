//! Whose tokens this process believes, and with which keys its components sign theirs.
//!
//! Promises: in development the data directory's own issuer signs for every component, with
//! nothing to configure; in production a component signs with its own key, and one that calls
//! another process without a key is refused before anything is opened; among components of one
//! process a key drawn at the start does. Everything a configuration
//! can get wrong about keys is found by [`check`], which makes nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use host::{EdgeKind, Topology};
use kit::random::SystemRandom;
use kit::time::SystemClock;
use web::{ServiceTokens, SigningKey, TokenIssuer, TokenVerifier, TrustedIssuer, TrustedServices};

use crate::Failure;
use crate::config::{Config, ConfigError, Environment, must_be_component};
use crate::roles;
use crate::up::file_failure;

/// Longest JWK set, 256 KiB: as many keys as one may have, of the longest kind there is.
const JWKS_BYTES_MAX: u64 = 256 * 1024;

/// Most files in the directory of public keys: several for each of the components there are.
const JWKS_FILES_MAX: usize = 1024;

/// What the files of public keys end with; others, such as those Kubernetes keeps beside what it
/// mounts, are passed over.
const JWKS_SUFFIX: &str = ".json";

/// Who is believed.
pub struct Trust {
    /// Verifies every token of the process.
    pub verifier: TokenVerifier,
    /// The machine's own public key, in development.
    pub jwks: Option<String>,
    /// Signs for components of this process that call each other. In production its key is drawn
    /// at the start, kept nowhere, and believed by this process alone.
    pub inside: TokenIssuer,
}

impl Trust {
    /// Reads every public key, and in development opens the machine's own issuer, which is made
    /// if there is none yet. Blocking file I/O.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        let clock = Arc::new(SystemClock);
        let mut trusted = services(config)?.into_issuers();
        trusted.extend(provider(config)?);
        let (inside, jwks) = match config.environment {
            Environment::Development => {
                let issuer = TokenIssuer::open(&config.data, &SystemRandom, clock.clone())?;
                let jwks = Some(issuer.jwks());
                (issuer, jwks)
            }
            Environment::Production => (TokenIssuer::new(&SystemRandom, clock.clone())?, None),
        };
        let own = inside.trusted();
        trusted.push(own.map_err(|source| keys_failure(&config.data, source))?);
        let audiences = vec![config.tokens.audience.clone()];
        let verifier = TokenVerifier::new(trusted, audiences, clock);
        Ok(Self {
            verifier,
            jwks,
            inside,
        })
    }
}

/// The tokens with which `component` calls others: signed with its key if one is configured, else
/// in development by the machine's own issuer. Blocking file I/O; ask once and clone.
pub fn service_tokens(config: &Config, component: &str) -> Result<ServiceTokens, Failure> {
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    if let Some(path) = config.tokens.service_key_files.get(component) {
        let key = SigningKey::open(path)?;
        return Ok(ServiceTokens::new(component, key, clock, random)?);
    }
    if config.environment == Environment::Production {
        let what = format!("must have the key of {component}, which calls others");
        return Err(key_missing(what));
    }
    let issuer = TokenIssuer::open(&config.data, &SystemRandom, clock)?;
    Ok(ServiceTokens::local(component, &issuer, random)?)
}

/// Refuses keys that are missing or cannot be used, in the configuration and in the files it
/// names. Reads only: what is not there yet in development is not made.
pub fn check(config: &Config) -> Result<(), Failure> {
    let running: Vec<&str> = roles::selected(config)?
        .iter()
        .map(|role| role.name)
        .collect();
    let key_files = &config.tokens.service_key_files;
    if config.environment == Environment::Production {
        check_callers(&crate::topology()?, &running, key_files)?;
    }
    provider(config)?;
    let services = services(config)?;
    for component in running {
        let Some(path) = key_files.get(component) else {
            continue;
        };
        let key = SigningKey::open(path)?;
        // A directory may leave out who never calls here; but one that has other keys of this
        // component is the one before the rotation, and everybody would refuse the new key.
        if services.has_component(component) && !services.has_key(component, key.kid()) {
            let what = format!(
                "the public key of this file must be among those of {component} in \
                 tokens.service_jwks before it signs"
            );
            return Err(wrong(path, what));
        }
    }
    Ok(())
}

/// Refuses the first component of `running` that calls one of another process and has no key.
pub fn check_callers(
    topology: &Topology,
    running: &[&str],
    key_files: &BTreeMap<String, PathBuf>,
) -> Result<(), Failure> {
    for component in topology.components() {
        let name = component.name.as_str();
        if !running.contains(&name) || key_files.contains_key(name) {
            continue;
        }
        let mut calls = component.edges(EdgeKind::Calls).iter();
        if let Some(edge) = calls.find(|edge| !running.contains(&edge.to.as_str())) {
            let callee = &edge.to;
            let what = format!("must have the key of {name}, which calls {callee} elsewhere");
            return Err(key_missing(what));
        }
    }
    Ok(())
}

/// The identity provider, if there is one.
fn provider(config: &Config) -> Result<Option<TrustedIssuer>, Failure> {
    let (Some(name), Some(path)) = (&config.tokens.issuer, &config.tokens.jwks_file) else {
        return Ok(None);
    };
    let issuer = TrustedIssuer::parse(name, &read(path)?);
    Ok(Some(issuer.map_err(|source| keys_failure(path, source))?))
}

/// The components in the directory of public keys, none without one.
fn services(config: &Config) -> Result<TrustedServices, Failure> {
    let mut services = TrustedServices::new();
    let Some(folder) = &config.tokens.service_jwks else {
        return Ok(services);
    };
    let failed = |source| file_failure(folder, source);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let name = name.to_string_lossy().into_owned();
        if name.ends_with(JWKS_SUFFIX) && !name.starts_with('.') {
            files.push(name);
        }
        if files.len() > JWKS_FILES_MAX {
            let what = format!("must have at most {JWKS_FILES_MAX} files");
            return Err(wrong(folder, what));
        }
    }
    // In order, so that the same mistake is always told of the same file.
    files.sort_unstable();
    for file in files {
        let path = folder.join(&file);
        let component = file.split('.').next().unwrap_or_default();
        must_be_component(&path.display().to_string(), component)?;
        services
            .add(component, &read(&path)?)
            .map_err(|source| keys_failure(&path, source))?;
    }
    Ok(services)
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |source| file_failure(path, source);
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(JWKS_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > JWKS_BYTES_MAX {
        let what = format!("must have at most {JWKS_BYTES_MAX} bytes");
        return Err(wrong(path, what));
    }
    Ok(text)
}

fn keys_failure(path: &Path, source: web::JwksError) -> Failure {
    Failure::Keys {
        place: path.display().to_string(),
        source,
    }
}

fn wrong(path: &Path, what: String) -> Failure {
    let place = path.display().to_string();
    Failure::Config(ConfigError { place, what })
}

fn key_missing(what: String) -> Failure {
    let place = "tokens.service_key_files".to_owned();
    Failure::Config(ConfigError { place, what })
}
