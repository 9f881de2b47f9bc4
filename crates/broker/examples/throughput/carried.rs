//! What carries the messages, and what runs: relays or upkeep, and the three consumers.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use broker::{Carrier, Component, Consumer, Embedded, Kafka, KafkaSettings};
use broker::{RabbitMq, RabbitMqSettings, Relay, Settings};
use kit::time::SystemClock;
use lapin::{Connection, ConnectionProperties};
use tokio::sync::watch;
use uuid::Uuid;

use crate::Outcome;
use crate::shop::{ORDERS, TASKS, handle, send_again, topics};

/// A relay, a consumer, or what the carrier does by itself.
pub type Running = broker::Future<'static, ()>;

/// Where the messages go, as the arguments say.
pub enum Way {
    Embedded(Embedded),
    RabbitMq(RabbitMq, String),
    Kafka(Kafka),
}

impl Way {
    pub fn parse(words: &[String], settings: &Arc<Settings>) -> Outcome<Self> {
        let Some(place) = words.iter().position(|word| word == "--carrier") else {
            return Ok(Self::Embedded(Embedded::new(settings.clone())));
        };
        let address = words.get(place + 2).ok_or("the carrier's address")?;
        Ok(match words[place + 1].as_str() {
            "rabbitmq" => {
                let carrier = RabbitMq::open(address, RabbitMqSettings::default())?;
                Self::RabbitMq(carrier, address.clone())
            }
            "kafka" => {
                let settings = KafkaSettings {
                    servers: vec![address.clone()],
                    ..KafkaSettings::default()
                };
                Self::Kafka(Kafka::new(settings, Arc::new(SystemClock)))
            }
            other => return Err(format!("rabbitmq or kafka, not {other}").into()),
        })
    }
}

impl Way {
    /// The server's queues, if it has any whose length can be asked for.
    pub async fn queues(&self) -> Outcome<Option<lapin::Channel>> {
        let Self::RabbitMq(_, url) = self else {
            return Ok(None);
        };
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        Ok(Some(connection.create_channel().await?))
    }
}

/// Starts relays or upkeep, and the three consumers.
pub async fn start(
    way: Way,
    components: &[Component; 3],
    handled: &Arc<watch::Sender<u64>>,
    stopping: &watch::Receiver<bool>,
) -> Outcome<Vec<Running>> {
    let mut tasks: Vec<Running> = Vec::new();
    let carrier: Arc<dyn Carrier> = match way {
        Way::Embedded(embedded) => {
            for component in components {
                embedded.register(&component.name, &component.store);
            }
            let (upkeep, stopping) = (embedded.clone(), stopping.clone());
            tasks.push(Box::pin(async move {
                upkeep.upkeep(Arc::new(SystemClock), stopping).await;
            }));
            Arc::new(embedded)
        }
        Way::RabbitMq(carrier, _) => Arc::new(carrier),
        Way::Kafka(carrier) => Arc::new(carrier),
    };
    carrier.declare(&topics()).await?;
    if !carrier.reads_outboxes() {
        let (mover, until) = (carrier.clone(), stopping.clone());
        tasks.push(Box::pin(async move { mover.run(until).await }));
        for (number, component) in components.iter().enumerate() {
            let holder = Uuid::from_u128(number as u128);
            let relay = Relay::new(component.clone(), carrier.clone(), holder);
            tasks.push(Box::pin(relay.run(stopping.clone())));
        }
    }
    let [_, till, letters] = components;
    let [orders, work, failures] = topics();
    let consumers = [
        (till, orders, handle(ORDERS, handled.clone())),
        (till, work, handle(TASKS, handled.clone())),
        (letters, failures, send_again()),
    ];
    for (component, topic, reaction) in consumers {
        let consumer = Consumer::new(component.clone(), topic, reaction)?;
        tasks.push(Box::pin(consumer.run(carrier.clone(), stopping.clone())));
    }
    Ok(tasks)
}

/// Runs all of them side by side until the last has ended.
pub async fn together(mut running: Vec<Running>) {
    poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        match running.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
