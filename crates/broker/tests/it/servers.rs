//! The carriers that are servers, as a rig opens them. Who runs the suite starts the servers;
//! [`lock`] keeps those who use one apart from those who hurt it.

use std::sync::Arc;
use std::time::Duration;

use broker::{Carrier, Kafka, KafkaSettings, RabbitMq, RabbitMqSettings};
use kit::time::SystemClock;
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::rig::Kind;

static RABBITMQ: RwLock<()> = RwLock::const_new(());
static KAFKA: RwLock<()> = RwLock::const_new(());

/// Who kills a server holds this alone; everybody else holds it together with others. A test holds
/// one server once, or two of them could wait for each other.
pub fn lock(kind: Kind) -> Option<&'static RwLock<()>> {
    match kind {
        Kind::Embedded => None,
        Kind::RabbitMq => Some(&RABBITMQ),
        Kind::Kafka => Some(&KAFKA),
    }
}

/// The server of a carrier, if it has one, while nobody kills it.
pub async fn together(kind: Kind) -> Option<RwLockReadGuard<'static, ()>> {
    Some(lock(kind)?.read().await)
}

/// The delays of the tests' ladder, which the servers keep for us.
pub const DELAYS_MS: [u64; 2] = [10, 100];

fn delays() -> Vec<Duration> {
    DELAYS_MS.map(Duration::from_millis).to_vec()
}

/// RabbitMQ. Tests keep apart by the names of their topics.
pub fn rabbitmq() -> Arc<dyn Carrier> {
    let url = std::env::var("FLORIN_TEST_RABBITMQ").expect("the kind is listed if it is set");
    let settings = RabbitMqSettings {
        delays: delays(),
        ..RabbitMqSettings::default()
    };
    Arc::new(RabbitMq::open(&url, settings).expect("the address is one"))
}

/// Kafka. Tests keep apart by the names of their topics and groups.
pub fn kafka(namespace: &str) -> Arc<dyn Carrier> {
    let server = std::env::var("FLORIN_TEST_KAFKA").expect("the kind is listed if it is set");
    let settings = KafkaSettings {
        servers: vec![server],
        namespace: namespace.to_owned(),
        rungs: delays(),
        session_time_max: Duration::from_secs(3),
        ..KafkaSettings::default()
    };
    Arc::new(Kafka::new(settings, Arc::new(SystemClock)))
}
