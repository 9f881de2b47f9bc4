//! What carries messages between services.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use broker::{Kafka, KafkaSettings, RabbitMq, RabbitMqSettings};
use host::Carrying;
use kit::time::Clock;
use serde::{Deserialize, Serialize};

use super::check::ConfigError;
use crate::Failure;
use crate::migrate::secret;

/// Longest ladder: more rungs than anybody waits for.
const RUNGS_MAX: usize = 16;

/// What carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CarrierKind {
    /// Services of one process read each other's outboxes.
    Embedded,
    /// A RabbitMQ server or cluster.
    RabbitMq,
    /// A Kafka cluster.
    Kafka,
}

/// What carries messages between services, and how failures are retried.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// What carries them.
    pub carrier: CarrierKind,
    /// After how long a message that failed is tried again, and again, in milliseconds.
    pub ladder_ms: Vec<u64>,
    /// The server, if `carrier` is `rabbitmq`.
    pub rabbitmq: RabbitMqServer,
    /// The servers, if `carrier` is `kafka`.
    pub kafka: KafkaServers,
}

/// A RabbitMQ server or cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RabbitMqServer {
    /// A file that holds the address with login and password: `amqps://user:password@host/vhost`.
    pub url_file: Option<PathBuf>,
    /// A file of certificates (PEM) that are trusted beside the system's.
    pub authorities_file: Option<PathBuf>,
}

/// A Kafka cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaServers {
    /// Some of its servers, `host:port`.
    pub servers: Vec<String>,
    /// Copies of every message; without it three, or as many as there are servers.
    pub replication: Option<u16>,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            carrier: CarrierKind::Embedded,
            ladder_ms: broker::LADDER_MS.to_vec(),
            rabbitmq: RabbitMqServer {
                url_file: None,
                authorities_file: None,
            },
            kafka: KafkaServers {
                servers: Vec::new(),
                replication: None,
            },
        }
    }
}

impl Messages {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key: &str, what: &str| {
            Err(ConfigError {
                place: format!("messages.{key}"),
                what: what.to_owned(),
            })
        };
        if self.ladder_ms.len() > RUNGS_MAX || self.ladder_ms.contains(&0) {
            return wrong("ladder_ms", "must be at most 16 numbers above 0");
        }
        match self.carrier {
            CarrierKind::RabbitMq if self.rabbitmq.url_file.is_none() => {
                wrong("rabbitmq.url_file", "must name the file with the address")
            }
            CarrierKind::Kafka if self.kafka.servers.is_empty() => {
                wrong("kafka.servers", "must name a server, such as kafka:9092")
            }
            _ => Ok(()),
        }
    }

    /// The ladder.
    fn ladder(&self) -> Vec<Duration> {
        let rungs = self.ladder_ms.iter().copied();
        rungs.map(Duration::from_millis).collect()
    }

    /// What the host carries messages with. Connects to nothing yet.
    pub(crate) fn host(&self, clock: &Arc<dyn Clock>) -> Result<host::Messages, Failure> {
        let carrying = match self.carrier {
            CarrierKind::Embedded => Carrying::Embedded,
            CarrierKind::RabbitMq => Carrying::Server(Arc::new(self.rabbitmq()?)),
            CarrierKind::Kafka => Carrying::Server(Arc::new(self.kafka(clock.clone()))),
        };
        let settings = broker::Settings {
            ladder: self.ladder(),
            ..broker::Settings::default()
        };
        Ok(host::Messages {
            carrying,
            settings: Arc::new(settings),
        })
    }

    fn rabbitmq(&self) -> Result<RabbitMq, Failure> {
        let of = |path: &Option<PathBuf>| path.as_deref().map(secret).transpose();
        let url = of(&self.rabbitmq.url_file)?.unwrap_or_default();
        let settings = RabbitMqSettings {
            authorities_pem: of(&self.rabbitmq.authorities_file)?,
            delays: self.ladder(),
            ..RabbitMqSettings::default()
        };
        RabbitMq::open(url.trim(), settings).map_err(|error| Failure::Refused(error.to_string()))
    }

    fn kafka(&self, clock: Arc<dyn Clock>) -> Kafka {
        let settings = KafkaSettings {
            servers: self.kafka.servers.clone(),
            replication: self.kafka.replication,
            rungs: self.ladder(),
            ..KafkaSettings::default()
        };
        Kafka::new(settings, clock)
    }
}
