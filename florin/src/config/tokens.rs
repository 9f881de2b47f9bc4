//! What must hold of `[tokens]`.

use std::path::Path;

use super::check::nearest;
use super::{Config, ConfigError, Environment};
use crate::Failure;

/// What no type can say.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let tokens = &config.tokens;
    let wrong = |place: &str, what: &str| {
        Err(ConfigError {
            place: place.to_owned(),
            what: what.to_owned(),
        })
    };
    if tokens.issuer.is_some() != tokens.jwks_file.is_some() {
        return wrong("tokens", "issuer and jwks_file must be given together");
    }
    if config.environment == Environment::Production && tokens.issuer.is_none() {
        return wrong(
            "tokens.issuer",
            "production must have an issuer and its jwks_file",
        );
    }
    let issuer = tokens.issuer.as_deref().unwrap_or_default();
    if issuer == web::LOCAL_ISSUER {
        return wrong(
            "tokens.issuer",
            "this name is that of the machine's own issuer",
        );
    }
    if issuer.starts_with(web::SERVICE_ISSUER_PREFIX) {
        return wrong("tokens.issuer", "this name is that of a component's key");
    }
    if tokens.audience.is_empty() {
        return wrong("tokens.audience", "must not be empty");
    }
    for component in tokens.service_key_files.keys() {
        must_be_component(&format!("tokens.service_key_files.{component}"), component)?;
    }
    Ok(())
}

/// Refuses a word that is no component of the topology, with the nearest that is.
pub(crate) fn must_be_component(place: &str, word: &str) -> Result<(), ConfigError> {
    let topology = crate::topology().map_err(|error: Failure| ConfigError {
        place: Path::new("topology.toml").display().to_string(),
        what: error.to_string(),
    })?;
    let known: Vec<&str> = topology
        .components()
        .map(|component| component.name.as_str())
        .collect();
    if known.contains(&word) {
        return Ok(());
    }
    let what = match nearest(word, &known) {
        Some(near) => format!("unknown component; did you mean `{near}`?"),
        None => format!("unknown component; known here: {}", known.join(", ")),
    };
    Err(ConfigError {
        place: place.to_owned(),
        what,
    })
}
