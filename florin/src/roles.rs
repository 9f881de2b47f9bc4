//! The roles this binary has: a name, its tables, and how its service is built.
//!
//! A new service is one entry in [`ROLES`] and one function below. Nothing else here knows any
//! service, and no service knows which others run.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use host::outbound::Tokens;
use host::{Edges, Network, Outbound, Service};
use kit::id::IdSource;
use kit::random::Random;
use kit::time::{Clock, Zone};
use store::{Database, Schema, Store};
use tokio::sync::watch;
use web::{ServiceTokens, TokenIssuer};

use crate::Failure;
use crate::config::{Config, Environment};
use crate::trust;

/// What a service can be built from.
pub struct Wiring {
    /// The clock of the process.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub random: Arc<dyn Random>,
    /// Its ids.
    pub ids: IdSource,
    /// Everything that is configured.
    pub config: Config,
    /// A service that cannot go on says why; the process then stops, with a failure.
    pub fatal: watch::Sender<Option<String>>,
    /// Where the tables of each service are.
    pub databases: Databases,
    /// Whom the services of this process reach.
    pub network: Network,
    /// Signs for those that call each other here.
    pub inside: TokenIssuer,
}

/// Gives a service the database it has a login for.
pub type Databases = Box<dyn Fn(&'static str) -> Result<Database, Failure> + Send + Sync>;

impl Wiring {
    /// Opens the tables of one service, which may publish to `topics`.
    pub async fn store(&self, schema: &Schema, topics: &[&str]) -> Result<Store, BuildError> {
        let database = (self.databases)(schema.service)?;
        Ok(Store::open(&database, schema, topics).await?)
    }

    /// The way out of one service, which does what `edges` say. Blocking file I/O.
    pub fn outbound(&self, role: &'static str, edges: &Edges) -> Result<Outbound, BuildError> {
        let here = ServiceTokens::local(role, &self.inside, self.random.clone())?;
        let elsewhere = match self.network.calls_elsewhere(edges) {
            true => Some(trust::service_tokens(&self.config, role)?),
            false => None,
        };
        let tokens = Tokens { here, elsewhere };
        Ok(self.network.outbound(role, edges, &tokens)?)
    }
}

/// Why a service could not be built.
pub type BuildError = Box<dyn std::error::Error + Send + Sync>;

/// A service in the making.
pub type Building<'a> = Pin<Box<dyn Future<Output = Result<Service, BuildError>> + Send + 'a>>;

/// One role.
pub struct Role {
    /// Its name: that of the component in the topology.
    pub name: &'static str,
    /// Its tables, if they are in the shared store.
    pub schema: Option<&'static Schema>,
    /// Builds the service.
    pub build: for<'a> fn(&'a Wiring) -> Building<'a>,
}

/// Every role of this binary.
pub const ROLES: &[Role] = &[
    Role {
        name: "dead-letters",
        schema: Some(&dead_letters::SCHEMA),
        build: dead_letters,
    },
    Role {
        name: "ledger",
        schema: Some(&ledger::SCHEMA),
        build: ledger,
    },
    Role {
        name: "notifications",
        schema: Some(&notifications::SCHEMA),
        build: notifications,
    },
    Role {
        name: "sagas",
        schema: Some(&sagas::SCHEMA),
        build: sagas,
    },
];

/// The roles a configuration asks for: those named, else those of the edition, else all.
pub fn selected(config: &Config) -> Result<Vec<&'static Role>, Failure> {
    let topology = crate::topology()?;
    let wanted: Vec<String> = if !config.roles.is_empty() {
        config.roles.clone()
    } else if let Some(edition) = &config.edition {
        let edition = topology
            .find_edition(edition)
            .ok_or_else(|| Failure::UnknownEdition {
                edition: edition.clone(),
                known: topology
                    .editions()
                    .map(|edition| edition.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
        edition.roles.clone()
    } else {
        return Ok(ROLES.iter().collect());
    };
    let unique: BTreeSet<String> = wanted.into_iter().collect();
    unique.iter().map(|name| find(name)).collect()
}

/// The role of this name.
pub fn find(name: &str) -> Result<&'static Role, Failure> {
    ROLES
        .iter()
        .find(|role| role.name == name)
        .ok_or_else(|| Failure::UnknownRole {
            role: name.to_owned(),
            known: ROLES
                .iter()
                .map(|role| role.name)
                .collect::<Vec<_>>()
                .join(", "),
        })
}

fn dead_letters(wiring: &Wiring) -> Building<'_> {
    Box::pin(async move {
        let config = &wiring.config;
        let ladder = config.messages.ladder_ms.iter().copied();
        let settings = dead_letters::Settings {
            ladder: ladder.map(Duration::from_millis).collect(),
            letter_days: config.retention.dead_letter_days,
            rehearsals: config.environment == Environment::Development,
            ..dead_letters::Settings::default()
        };
        let publishes = settings.edges().publishes;
        Ok(dead_letters::service(dead_letters::Deps {
            store: wiring.store(&dead_letters::SCHEMA, publishes).await?,
            clock: wiring.clock.clone(),
            ids: wiring.ids.clone(),
            topics: publishes,
            settings,
        }))
    })
}

fn ledger(wiring: &Wiring) -> Building<'_> {
    Box::pin(async move {
        let config = &wiring.config;
        let folder = config.data.join(crate::ledger::FOLDER);
        Ok(ledger::service(ledger::Deps {
            store: wiring.store(&ledger::SCHEMA, &[]).await?,
            journals: ledger_store::sqlite(&folder),
            clock: wiring.clock.clone(),
            zone: Zone::parse(&config.ledger.zone)?,
            limits: ledger_core::limits::Limits::default(),
            export_rows_max: ledger::Deps::EXPORT_ROWS_MAX,
            fatal: wiring.fatal.clone(),
        })?)
    })
}

fn notifications(wiring: &Wiring) -> Building<'_> {
    Box::pin(async move {
        let publishes = notifications::EDGES.publishes;
        let store = wiring.store(&notifications::SCHEMA, publishes).await?;
        let (clock, ids) = (wiring.clock.clone(), wiring.ids.clone());
        let message_days = wiring.config.retention.message_days;
        let retention = notifications::Retention { message_days };
        Ok(notifications::service(notifications::Deps {
            store,
            clock,
            ids,
            retention,
        }))
    })
}

fn sagas(wiring: &Wiring) -> Building<'_> {
    Box::pin(async move {
        let topics = sagas::EDGES.publishes;
        let service = sagas::service(sagas::Deps {
            store: wiring.store(&sagas::SCHEMA, topics).await?,
            clock: wiring.clock.clone(),
            ids: wiring.ids.clone(),
            definitions: Arc::new(sagas::shipped()?),
            topics,
            kept_days: wiring.config.retention.saga_days,
        });
        Ok(service.await?)
    })
}
