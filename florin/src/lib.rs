//! Florin's commands, configuration and role table, as a library so that tests reach them.
//!
//! Promises: the environment is read here and nowhere else; what a command needs and cannot have is
//! said in one line that names the key or the file. It decides nothing a service should decide.

pub mod access;
pub mod config;
pub mod key;
pub mod ledger;
pub mod migrate;
pub mod roles;
pub mod token;
pub mod trust;
pub mod up;

use host::Topology;

/// The topology this binary was built with.
pub const TOPOLOGY: &str = include_str!("../../topology.toml");

/// Why a command failed; shown to whoever typed it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// A role nobody has.
    #[error("role must be one of {known}: {role}")]
    UnknownRole {
        /// The word that is no role.
        role: String,
        /// The roles there are.
        known: String,
    },
    /// An edition nobody has.
    #[error("edition must be one of {known}: {edition}")]
    UnknownEdition {
        /// The word that is no edition.
        edition: String,
        /// The editions there are.
        known: String,
    },
    /// Roles that run apart, and nothing between them that carries messages.
    #[error(
        "messages.carrier must be rabbitmq or kafka where roles run apart: \
         {topic} goes from {from} to {to}, and only one of them runs here"
    )]
    Apart {
        /// The topic.
        topic: String,
        /// Who publishes.
        from: String,
        /// Who consumes.
        to: String,
    },
    /// The topology in the binary is wrong; a test of this crate prevents it.
    #[error(transparent)]
    Topology(#[from] host::TopologyError),
    /// A component that is called, or an outside host, is nowhere.
    #[error(transparent)]
    Reach(#[from] host::outbound::OutboundError),
    /// The host refused to start.
    #[error(transparent)]
    Start(#[from] host::StartError),
    /// A database refused.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// A service could not be built.
    #[error("service must start: {role}: {source}")]
    Role {
        /// The role.
        role: &'static str,
        /// What it failed with.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The issuer of this machine has no usable key.
    #[error(transparent)]
    Issuer(#[from] web::IssuerError),
    /// The keys of an issuer cannot be used.
    #[error("keys must be usable: {place}: {source}")]
    Keys {
        /// The file.
        place: String,
        /// What is wrong.
        source: web::JwksError,
    },
    /// A key that signs cannot be used.
    #[error(transparent)]
    SigningKey(#[from] web::SigningKeyError),
    /// A component cannot have tokens.
    #[error(transparent)]
    ServiceTokens(#[from] web::ServiceTokenError),
    /// Logs and traces cannot start.
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    /// A file or directory cannot be used.
    #[error("file must be usable: {place}: {source}")]
    File {
        /// The file.
        place: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A command that is not for production.
    #[error("the development issuer works only where environment is not production")]
    ProductionHasNoTokens,
    /// Something else that must hold.
    #[error("{0}")]
    Refused(String),
}

/// The topology of this binary, parsed.
pub fn topology() -> Result<Topology, Failure> {
    Ok(Topology::parse(TOPOLOGY)?)
}
