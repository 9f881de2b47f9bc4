//! The configuration: one TOML file, overridden by `FLORIN_…` variables, then by arguments.
//!
//! Promises: a key that is not one of ours is refused with the nearest that is, and the line where
//! it stands; every value is checked before anything starts; secrets are files, never values, so
//! that what `florin config show` prints can be shown to anybody. A nested key's variable has two
//! underscores: `FLORIN_HTTP__REQUESTS_MAX`.

mod check;
mod messages;
mod reach;
mod telemetry;
mod tokens;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::UncasedStr;
use host::Settings;
use kit::limits;
use serde::{Deserialize, Serialize};

use crate::Failure;
pub use check::ConfigError;
pub use messages::{CarrierKind, Messages};
pub use reach::Outside;
pub(crate) use reach::reach;
pub use telemetry::Telemetry;
pub(crate) use tokens::must_be_component;

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "florin.toml";

/// What kind of place this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// A machine of its own: tokens come from `florin token`.
    Development,
    /// Real money: tokens come from an identity provider only.
    Production,
}

/// Where services keep their tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// One file in the data directory.
    Sqlite,
    /// A server; see [`Postgres`].
    Postgres,
}

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What kind of place this is.
    pub environment: Environment,
    /// The roles to run; none means those of the edition.
    pub roles: Vec<String>,
    /// The edition to run; none means everything.
    pub edition: Option<String>,
    /// Where files are kept.
    pub data: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where services keep their tables.
    pub store: StoreKind,
    /// The server, if `store` is `postgres`.
    pub postgres: Postgres,
    /// Whose tokens are believed.
    pub tokens: Tokens,
    /// Limits of the HTTP side.
    pub http: Http,
    /// What is logged.
    pub log: Log,
    /// Where traces go.
    pub telemetry: Telemetry,
    /// What carries messages between services.
    pub messages: Messages,
    /// By component, the address where it is found if it does not run here.
    pub components: BTreeMap<String, String>,
    /// By name in the topology, the outside hosts.
    pub outside: BTreeMap<String, Outside>,
    /// The ledger.
    pub ledger: Ledger,
    /// How long things are kept.
    pub retention: Retention,
}

/// The ledger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The time zone (IANA) of book `main`, if it must be made; a book never changes its zone.
    pub zone: String,
}

/// How long things are kept, per kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Days after which a message that was sent or cancelled is deleted.
    pub message_days: u32,
    /// Days after which a dead letter that was redriven or discarded is deleted.
    pub dead_letter_days: u32,
    /// Days after its end when a saga is deleted, with its timeline.
    pub saga_days: u32,
}

/// A PostgreSQL server with one login per service: `florin_ledger`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// Host, port and database: `db.internal:5432/florin`; no login and no password.
    pub server: String,
    /// What comes before a service's name in its login: logins belong to the whole server.
    pub login_prefix: String,
    /// A directory with one file per service, named like it, that holds its login's password.
    pub passwords: Option<PathBuf>,
    /// A file with the administrator's URL, for `florin migrate` only.
    pub admin_url_file: Option<PathBuf>,
    /// Most connections of one service.
    pub connections_max: u32,
}

/// Whose tokens are believed, and for whom they must be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// The audience people's tokens must have.
    pub audience: String,
    /// The `iss` of an identity provider's tokens.
    pub issuer: Option<String>,
    /// A file with that provider's public keys (a JWK set).
    pub jwks_file: Option<PathBuf>,
    /// A directory with the public keys of the components whose calls are believed: JWK sets in
    /// `COMPONENT.json` and `COMPONENT.LABEL.json`.
    pub service_jwks: Option<PathBuf>,
    /// By component, the file with the private key that signs its calls; read where it runs.
    pub service_key_files: BTreeMap<String, PathBuf>,
}

/// Limits of the HTTP side; times in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// A listener of its own for `/metrics`; without it they are on `listen` if that is loopback.
    pub metrics_listen: Option<SocketAddr>,
    /// How long a request may take.
    pub request_timeout_ms: u64,
    /// How long a connection may take to send a request's head.
    pub head_timeout_ms: u64,
    /// Most requests at once.
    pub requests_max: usize,
    /// Most connections at once.
    pub connections_max: usize,
    /// How long connections are still accepted after the wish to stop.
    pub drain_notice_ms: u64,
    /// How long running requests may take after that.
    pub drain_timeout_ms: u64,
}

/// What is logged.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Levels by target: `info`, or `warn,ledger=debug`.
    pub filter: String,
}

impl Default for Config {
    fn default() -> Self {
        let settings = Settings::default();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            environment: Environment::Development,
            roles: Vec::new(),
            edition: None,
            data: PathBuf::from("./data"),
            listen: settings.listen,
            store: StoreKind::Sqlite,
            postgres: Postgres {
                server: "localhost:5432/florin".to_owned(),
                login_prefix: "florin_".to_owned(),
                passwords: None,
                admin_url_file: None,
                connections_max: 8,
            },
            tokens: Tokens {
                audience: "florin".to_owned(),
                issuer: None,
                jwks_file: None,
                service_jwks: None,
                service_key_files: BTreeMap::new(),
            },
            http: Http {
                metrics_listen: None,
                request_timeout_ms: limits::REQUEST_TIMEOUT_MS,
                head_timeout_ms: ms(settings.head_timeout),
                requests_max: settings.requests_max,
                connections_max: settings.connections_max,
                drain_notice_ms: ms(settings.drain_notice),
                drain_timeout_ms: limits::DRAIN_TIMEOUT_MS,
            },
            log: Log {
                filter: "info".to_owned(),
            },
            telemetry: Telemetry::default(),
            messages: Messages::default(),
            components: BTreeMap::new(),
            outside: BTreeMap::new(),
            ledger: Ledger {
                zone: "UTC".to_owned(),
            },
            retention: Retention {
                message_days: notifications::Retention::default().message_days,
                dead_letter_days: dead_letters::Settings::default().letter_days,
                saga_days: sagas::Deps::KEPT_DAYS,
            },
        }
    }
}

/// What arguments of `florin up` put over the configuration.
#[derive(Debug, Clone, Default, clap::Args, Serialize)]
pub struct Overrides {
    /// A role to run; may be given several times.
    #[arg(long = "role", value_name = "ROLE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The edition to run.
    #[arg(long, conflicts_with = "roles")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edition: Option<String>,
    /// Where files are kept.
    #[arg(long, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// Where to listen.
    #[arg(long, value_name = "ADDR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// What can be asked about the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Check what `florin up` with the same arguments would start with: the file, the environment,
    /// the keys they name, where others are found; and explain what is wrong.
    Check(Overrides),
    /// Print what is in force. Nothing in it is secret: secrets are files.
    Show,
}

impl Config {
    /// Reads the file (`florin.toml` if none is named and it is there) and the environment, puts
    /// `overrides` over them, and checks the whole.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let file = match file {
            Some(file) => Some(file),
            None => default.is_file().then_some(default),
        };
        let text = file.map(check::read).transpose()?.unwrap_or_default();
        let figment = Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::string(&text))
            .merge(variables())
            .merge(Serialized::defaults(overrides));
        let config: Self = figment
            .extract()
            .map_err(|error| check::explain(&error, file, &text))?;
        check::values(&config)?;
        Ok(config)
    }

    /// The host's part of it.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let http = &self.http;
        Settings {
            listen: self.listen,
            metrics_listen: http.metrics_listen,
            request_timeout: Duration::from_millis(http.request_timeout_ms),
            head_timeout: Duration::from_millis(http.head_timeout_ms),
            requests_max: http.requests_max,
            connections_max: http.connections_max,
            drain_notice: Duration::from_millis(http.drain_notice_ms),
            drain_timeout: Duration::from_millis(http.drain_timeout_ms),
            timers: true,
        }
    }

    /// What telemetry is started with.
    #[must_use]
    pub fn telemetry(&self) -> ::telemetry::Settings {
        ::telemetry::Settings {
            filter: self.log.filter.clone(),
            service: "florin",
            collector: self.telemetry.collector(),
        }
    }

    /// The configuration as TOML.
    pub fn text(&self) -> Result<String, Failure> {
        toml::to_string(self).map_err(|error| Failure::Refused(error.to_string()))
    }
}

/// The variables that are configuration: not the file's own, and not those that name the servers
/// of tests.
fn variables() -> Env {
    let others = |key: &UncasedStr| key != "config" && !key.starts_with("test_");
    Env::prefixed("FLORIN_").filter(others).split("__")
}

/// `florin config check` and `florin config show`.
pub fn run(file: Option<&Path>, action: Action) -> Result<(), Failure> {
    match action {
        Action::Check(overrides) => {
            let config = Config::load(file, &overrides)?;
            crate::up::check(&config, &crate::up::topology(&config)?)?;
            println!("the configuration is good");
        }
        Action::Show => print!("{}", Config::load(file, &Overrides::default())?.text()?),
    }
    Ok(())
}
