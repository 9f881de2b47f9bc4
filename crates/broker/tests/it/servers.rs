//! The carriers that are servers, as a rig opens them. Who runs the suite starts the servers.

use std::sync::Arc;
use std::time::Duration;

use broker::{Carrier, Kafka, KafkaSettings, RabbitMq, RabbitMqSettings};
use kit::time::SystemClock;

/// The delays of the tests' ladder, which the servers keep for us.
fn delays() -> Vec<Duration> {
    [10, 100].map(Duration::from_millis).to_vec()
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
