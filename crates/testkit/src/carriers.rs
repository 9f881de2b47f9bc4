//! The carriers that a test runs over: the embedded one, and those whose servers are there.
//!
//! `scripts/with-rabbitmq` and `scripts/with-kafka` start servers and name them in the environment;
//! `FLORIN_TEST_CARRIERS=required` makes a missing one a failure instead of a carrier less.
//!
//! Promises: what one test sends, no other test on the server sees. Does not start a server, and
//! takes nothing away from the carrier beneath.

use std::sync::Arc;
use std::time::Duration;

use broker::{
    Carrier, CarrierError, Feed, Future, Kafka, KafkaSettings, Parcel, RabbitMq, RabbitMqSettings,
    Topic,
};
use host::{Carrying, Messages};
use kit::random::{Random, SystemRandom};
use kit::time::SystemClock;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::databases::{TestDatabase, for_each_database};

/// How long a process that died keeps its partitions of Kafka: the least that a busy machine keeps.
const SESSION_TIME_MAX: Duration = Duration::from_secs(3);

/// A carrier. A test that starts other processes tells them which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The outboxes themselves.
    Embedded,
    /// The server that `FLORIN_TEST_RABBITMQ` names.
    RabbitMq,
    /// The server that `FLORIN_TEST_KAFKA` names.
    Kafka,
}

/// The carriers of this run. One whose server is missing is passed over, unless all are required.
#[must_use]
pub fn kinds() -> Vec<Kind> {
    let required = std::env::var("FLORIN_TEST_CARRIERS").is_ok_and(|word| word == "required");
    let mut kinds = vec![Kind::Embedded];
    for kind in [Kind::RabbitMq, Kind::Kafka] {
        let variable = kind.variable();
        if std::env::var_os(variable).is_some() {
            kinds.push(kind);
        } else {
            let names = format!("{kind:?} is required, and {variable} does not name its server");
            assert!(!required, "{names}");
        }
    }
    kinds
}

/// Runs the test over every carrier of this run, on SQLite and on PostgreSQL.
pub async fn for_each_carrier(test: impl AsyncFn(Kind, TestDatabase)) {
    for kind in kinds() {
        for_each_database(async |database| {
            println!("over {kind:?}");
            test(kind, database).await;
        })
        .await;
    }
}

/// A name nobody else on the server has.
#[must_use]
pub fn namespace() -> String {
    let mut bytes = [0; 6];
    SystemRandom.fill(&mut bytes);
    let number = bytes
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("t{number:x}")
}

impl Kind {
    fn variable(self) -> &'static str {
        match self {
            Self::Embedded => "",
            Self::RabbitMq => "FLORIN_TEST_RABBITMQ",
            Self::Kafka => "FLORIN_TEST_KAFKA",
        }
    }

    /// The address of the server, if it is one.
    #[must_use]
    pub fn server(self) -> Option<String> {
        let named = |variable| std::env::var(variable).expect("a kind is listed if it is named");
        (self != Self::Embedded).then(|| named(self.variable()))
    }

    /// The carrier over the server, if it is one, with names that begin with `namespace`; work
    /// can be delayed by `delays`.
    #[must_use]
    pub fn carrier(self, namespace: &str, delays: &[Duration]) -> Option<Arc<dyn Carrier>> {
        let server = self.server()?;
        let delays = delays.to_vec();
        let inner: Arc<dyn Carrier> = if self == Self::RabbitMq {
            let settings = RabbitMqSettings {
                delays,
                ..RabbitMqSettings::default()
            };
            Arc::new(RabbitMq::open(&server, settings).expect("the address is one"))
        } else {
            let settings = KafkaSettings {
                servers: vec![server],
                namespace: namespace.to_owned(),
                rungs: delays,
                session_time_max: SESSION_TIME_MAX,
                ..KafkaSettings::default()
            };
            Arc::new(Kafka::new(settings, Arc::new(SystemClock)))
        };
        let namespace = format!("{namespace}.");
        Some(Arc::new(Namespaced { inner, namespace }))
    }

    /// What the host carries messages with: with names of their own, and work delayed by the
    /// ladder of `settings`.
    #[must_use]
    pub fn messages(self, settings: broker::Settings) -> Messages {
        let carrier = self.carrier(&namespace(), &settings.ladder);
        Messages {
            carrying: carrier.map_or(Carrying::Embedded, Carrying::Server),
            settings: Arc::new(settings),
        }
    }
}

/// A carrier whose topics have other names on the server than in the test.
struct Namespaced {
    inner: Arc<dyn Carrier>,
    namespace: String,
}

impl Namespaced {
    fn named(&self, topic: &str) -> String {
        format!("{}{topic}", self.namespace)
    }

    fn renamed(&self, topic: &Topic) -> Topic {
        Topic {
            name: self.named(&topic.name),
            ..topic.clone()
        }
    }
}

impl Carrier for Namespaced {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn reads_outboxes(&self) -> bool {
        self.inner.reads_outboxes()
    }

    fn declare<'a>(&'a self, topics: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async move {
            let topics: Vec<_> = topics.iter().map(|topic| self.renamed(topic)).collect();
            self.inner.declare(&topics).await
        })
    }

    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async move {
            let renamed = parcels.iter().map(|parcel| Parcel {
                topic: self.named(&parcel.topic),
                ..parcel.clone()
            });
            let renamed: Vec<_> = renamed.collect();
            self.inner.publish(&renamed).await
        })
    }

    fn subscribe<'a>(
        &'a self,
        consumer: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        Box::pin(async move {
            let topic = self.renamed(topic);
            self.inner.subscribe(consumer, &topic).await
        })
    }

    fn run(&self, stopping: watch::Receiver<bool>) -> Future<'_, ()> {
        self.inner.run(stopping)
    }
}
