//! What one test has to itself.

use std::path::Path;
use std::sync::Arc;

use host::outbound::{OutboundError, Reach, Tokens};
use host::{Edges, Messages, Network, Outbound, Settings, Topology};
use kit::id::IdSource;
use kit::random::SeededRandom;
use kit::time::{Clock, ManualClock, Timestamp};
use store::{Database, SqliteFile};
use tempfile::TempDir;
use web::{AccessTable, ServiceTokens, TokenIssuer, TrustedIssuer};

/// When the clock of every world stands at first: 2025-06-02T09:00:00Z, a Monday.
pub const START: Timestamp = Timestamp::from_micros(1_748_854_800_000_000);

/// A clock, ids, a directory and a database that no other test sees.
pub struct World {
    /// Stands still until the test moves it.
    pub clock: Arc<ManualClock>,
    /// Ids from the clock and seeded randomness.
    pub ids: IdSource,
    /// Where the services' tables are.
    pub database: Database,
    /// The host's limits; a test changes what it is about.
    pub settings: Settings,
    /// What carries messages: embedded, unless a test brings a server.
    pub messages: Messages,
    /// The access table; the embedded one unless a test brings its own.
    pub access: &'static AccessTable,
    /// The topology; the root's unless a test brings its own.
    pub topology: Arc<Topology>,
    /// Issuers whose tokens are believed beside those of the world's own, such as components.
    pub trusted: Vec<TrustedIssuer>,
    pub(crate) issuer: TokenIssuer,
    pub(crate) directory: TempDir,
}

impl World {
    /// A world with an empty SQLite database in a directory that goes with it.
    pub async fn sqlite() -> Self {
        let directory = TempDir::new().expect("the system has room for a temporary directory");
        let file = SqliteFile::open(&directory.path().join("florin.db")).await;
        let database = Database::Sqlite(file.expect("a new file can be opened"));
        Self::build(database, directory)
    }

    /// A world over a database that the test made, such as a private one on PostgreSQL.
    #[must_use]
    pub fn over(database: Database) -> Self {
        let directory = TempDir::new().expect("the system has room for a temporary directory");
        Self::build(database, directory)
    }

    fn build(database: Database, directory: TempDir) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let random = Arc::new(SeededRandom::new(1));
        let issuer = TokenIssuer::new(random.as_ref(), clock.clone())
            .expect("any 32 bytes are an Ed25519 key");
        let topology = Topology::parse(include_str!("../../../topology.toml"))
            .expect("a test of the host parses the topology");
        let listen = "127.0.0.1:0".parse().expect("this is an address");
        Self {
            ids: IdSource::new(clock.clone(), random),
            clock,
            database,
            settings: Settings {
                listen,
                timers: false,
                ..Settings::default()
            },
            messages: Messages::default(),
            access: AccessTable::embedded(),
            topology: Arc::new(topology),
            trusted: Vec::new(),
            issuer,
            directory,
        }
    }

    /// The clock as services take it.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// The way out of `component`, which the services of this world believe, over a network of its
    /// own: what is `here` in `reach` is called in the process that is started with it.
    pub fn outbound(
        &self,
        component: &'static str,
        edges: &Edges,
        reach: Reach,
    ) -> Result<Outbound, OutboundError> {
        let random = Arc::new(SeededRandom::new(2));
        let tokens = ServiceTokens::local(component, &self.issuer, random.clone());
        let tokens = tokens.expect("a component of the test has a component's name");
        let tokens = Tokens {
            here: tokens.clone(),
            elsewhere: Some(tokens),
        };
        let network = Network::new(self.topology.clone(), reach, self.clock(), random);
        network.outbound(component, edges, &tokens)
    }

    /// A directory that goes with the test.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}
