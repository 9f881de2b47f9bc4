//! `florin token`: a token of this machine's own issuer.
//!
//! Promises: it refuses to work when the configuration says production; the token is the only thing
//! on standard output, so that it can be captured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kit::random::SystemRandom;
use kit::time::SystemClock;
use web::{Grant, Role, TokenIssuer};

use crate::Failure;
use crate::config::{Config, Environment, Overrides};

/// What the token shall say.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// A role the token grants; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<Role>,
    /// A scope the token grants; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE")]
    pub scopes: Vec<String>,
    /// Who calls.
    #[arg(long)]
    pub subject: String,
    /// For whom it is: the deployment, or the called service for the role `service`.
    #[arg(long)]
    pub audience: Option<String>,
    /// How long it is valid: `90s`, `30m`, `12h`.
    #[arg(long, default_value = "1h", value_parser = lifetime)]
    pub ttl: Duration,
    /// The data directory with the key.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Prints a token.
pub fn run(file: Option<&Path>, options: &Options) -> Result<(), Failure> {
    println!("{}", mint(file, options)?);
    Ok(())
}

/// Makes a token with the key in the data directory, which is made if there is none yet.
pub fn mint(file: Option<&Path>, options: &Options) -> Result<String, Failure> {
    let overrides = Overrides {
        data: options.data.clone(),
        ..Overrides::default()
    };
    let config = Config::load(file, &overrides)?;
    if config.environment == Environment::Production {
        return Err(Failure::ProductionHasNoTokens);
    }
    let issuer = TokenIssuer::open(&config.data, &SystemRandom, Arc::new(SystemClock))?;
    let grant = Grant {
        subject: options.subject.clone(),
        roles: options.roles.clone(),
        scopes: options.scopes.clone(),
        audience: options.audience.clone().unwrap_or(config.tokens.audience),
        lifetime: options.ttl,
    };
    Ok(issuer.mint(&grant)?)
}

/// Reads `90s`, `30m`, `12h`.
fn lifetime(text: &str) -> Result<Duration, String> {
    let refused = || "must be a number with s, m or h, such as 30m".to_owned();
    let unit = text.chars().next_back().ok_or_else(refused)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(refused()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| refused())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(refused)
}
