//! `florin up`: opens what is needed, builds the roles, serves until it is told to stop.
//!
//! Promises: what is printed for people goes to standard error, so that standard output is the log
//! and nothing else; the order of stopping is that of [`host::Running::stop`], then the database.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use host::outbound::Reach;
use host::{Host, Network, Running, Service, StopSignals, Topology};
use kit::id::IdSource;
use kit::random::SystemRandom;
use kit::time::{Clock, SystemClock};
use store::{Database, PostgresLogin, SqliteFile};
use tokio::sync::watch;
use web::AccessTable;

use crate::Failure;
use crate::config::{CarrierKind, Config, Environment, Overrides, StoreKind};
use crate::migrate::{login, secret};
use crate::roles::{self, Databases, Role, Wiring};
use crate::trust::{self, Trust};

/// The file of all services in the data directory.
const SQLITE_FILE: &str = "florin.db";

/// Runs until SIGTERM or SIGINT, or until a service cannot go on.
pub async fn run(file: Option<&Path>, overrides: &Overrides) -> Result<(), Failure> {
    let config = Config::load(file, overrides)?;
    let telemetry = telemetry::start(&config.telemetry())?;
    let mut signals =
        StopSignals::listen().map_err(|source| file_failure(Path::new("signals"), source))?;
    let outcome = serve(&config, &mut signals).await;
    // The last traces may wait for a collector; a thread of the runtime must not.
    tokio::task::block_in_place(|| telemetry.stop());
    outcome
}

async fn serve(config: &Config, signals: &mut StopSignals) -> Result<(), Failure> {
    let up = Up::start(config).await?;
    up.announce(config);
    let mut fatal = up.fatal.clone();
    let reason = tokio::select! {
        () = signals.next() => None,
        Ok(reason) = fatal.wait_for(Option::is_some) => reason.clone(),
    };
    eprintln!("stopping; once more stops at once");
    tokio::select! {
        () = up.stop() => {}
        () = signals.next() => return Err(Failure::Refused("stopped at once".to_owned())),
    }
    match reason {
        None => Ok(()),
        Some(reason) => Err(Failure::Refused(reason)),
    }
}

/// A started process.
pub struct Up {
    running: Running,
    roles: Vec<&'static str>,
    sqlite: Option<SqliteFile>,
    fatal: watch::Receiver<Option<String>>,
}

impl Up {
    /// Opens, builds, checks, binds.
    pub async fn start(config: &Config) -> Result<Self, Failure> {
        let topology = Arc::new(topology(config)?);
        let roles = check(config, &topology)?;
        make_private(&config.data)?;
        let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let ids = IdSource::new(clock.clone(), random.clone());
        let Trust {
            verifier,
            jwks,
            inside,
        } = Trust::open(config)?;
        let sqlite = match config.store {
            StoreKind::Sqlite => Some(SqliteFile::open(&config.data.join(SQLITE_FILE)).await?),
            StoreKind::Postgres => None,
        };
        let fatal = watch::Sender::new(None);
        let wiring = Wiring {
            clock: clock.clone(),
            random,
            ids: ids.clone(),
            config: config.clone(),
            fatal: fatal.clone(),
            databases: databases(config, sqlite.clone()),
            network: network(config, &topology, &roles)?,
            inside,
        };
        let mut services: Vec<Service> = Vec::new();
        for role in &roles {
            let service = (role.build)(&wiring).await;
            services.push(service.map_err(|source| Failure::Role {
                role: role.name,
                source,
            })?);
        }
        let host = Host {
            services,
            topology,
            access: AccessTable::embedded(),
            verifier,
            jwks,
            ids,
            messages: config.messages.host(&(clock.clone() as Arc<dyn Clock>))?,
            clock,
            settings: config.settings(),
        };
        let roles = roles.iter().map(|role| role.name).collect();
        Ok(Self {
            running: host.start().await?,
            roles,
            sqlite,
            fatal: fatal.subscribe(),
        })
    }

    /// What runs.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Says where it listens, how to get a token, where the data is.
    fn announce(&self, config: &Config) {
        let address = self.running.address();
        let roles = if self.roles.is_empty() {
            "none".to_owned()
        } else {
            self.roles.join(", ")
        };
        eprintln!("florin listens on http://{address}");
        eprintln!("  roles    {roles}");
        match config.store {
            StoreKind::Sqlite => eprintln!("  data     {}", config.data.display()),
            StoreKind::Postgres => eprintln!("  data     {}", config.postgres.server),
        }
        if let Some(address) = self.running.metrics_address() {
            eprintln!("  metrics  http://{address}/metrics");
        }
        if config.environment == Environment::Development {
            let data = config.data.display();
            eprintln!("  token    florin token --role operator --subject alice --data {data}");
        }
        eprintln!("  stop     Ctrl-C");
    }

    /// Stops in order.
    pub async fn stop(self) {
        let drained = self.running.stop().await;
        if drained.connections_cut > 0 {
            tracing::error!(connections = drained.connections_cut, "connections cut off");
        }
        if let Some(file) = self.sqlite {
            file.close().await;
        }
    }
}

/// Refuses what a process cannot start with: roles that are none, apart without a carrier between
/// them, without their keys, or without a way to whom they call. Reads only; answers the roles.
pub fn check(config: &Config, topology: &Topology) -> Result<Vec<&'static Role>, Failure> {
    let roles = roles::selected(config)?;
    check_carried(config, topology, &roles)?;
    trust::check(config)?;
    reach(config, &roles)?.check(topology)?;
    Ok(roles)
}

/// What may be done here: in production nothing that is there to try things out.
pub(crate) fn topology(config: &Config) -> Result<Topology, Failure> {
    let topology = crate::topology()?;
    Ok(match config.environment {
        Environment::Development => topology,
        Environment::Production => topology.in_production(),
    })
}

/// Whom the roles of this process reach, each other included.
pub fn network(
    config: &Config,
    topology: &Arc<Topology>,
    roles: &[&'static Role],
) -> Result<Network, Failure> {
    let reach = reach(config, roles)?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    Ok(Network::new(topology.clone(), reach, clock, random))
}

fn reach(config: &Config, roles: &[&'static Role]) -> Result<Reach, Failure> {
    let running: Vec<&str> = roles.iter().map(|role| role.name).collect();
    crate::config::reach(config, &running)
}

/// The embedded carrier reaches no other process: roles that run apart need a server between them.
fn check_carried(
    config: &Config,
    topology: &Topology,
    roles: &[&'static Role],
) -> Result<(), Failure> {
    if config.messages.carrier != CarrierKind::Embedded || config.roles.is_empty() {
        return Ok(());
    }
    let here = |name: &str| roles.iter().any(|role| role.name == name);
    for topic in topology.topics() {
        for from in topology.publishers(&topic.name) {
            let apart = |to: &&str| here(from) != here(to);
            if let Some(to) = topology.consumers(&topic.name).into_iter().find(apart) {
                return Err(Failure::Apart {
                    topic: topic.name.clone(),
                    from: from.to_owned(),
                    to: to.to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Where each service's tables are; on PostgreSQL with its own login and password file.
fn databases(config: &Config, sqlite: Option<SqliteFile>) -> Databases {
    let postgres = config.postgres.clone();
    Box::new(move |service| {
        if let Some(file) = &sqlite {
            return Ok(Database::Sqlite(file.clone()));
        }
        let passwords = postgres.passwords.as_deref().unwrap_or(Path::new("."));
        let password = secret(&passwords.join(service))?;
        let (user, password) = (login(&postgres.login_prefix, service), escaped(&password));
        let url = format!("postgres://{user}:{password}@{}", postgres.server);
        let login = PostgresLogin::new(&url, Arc::new(SystemRandom));
        Ok(Database::Postgres(
            login.with_connections_max(postgres.connections_max),
        ))
    })
}

/// A password inside a URL (RFC 3986, section 2.1).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Makes a directory that only its owner can look into.
fn make_private(path: &Path) -> Result<(), Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| file_failure(path, source))
}

pub(crate) fn file_failure(path: &Path, source: std::io::Error) -> Failure {
    Failure::File {
        place: path.display().to_string(),
        source,
    }
}
