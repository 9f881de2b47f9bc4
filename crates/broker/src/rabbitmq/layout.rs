//! What Florin makes on a RabbitMQ server: names, arguments, and the declaring of them.
//!
//! Promises: declaring twice changes nothing; what is there but differs is refused by name and
//! left alone. Every queue is a quorum queue (replicated, on disk) and has a length it refuses
//! beyond.

use std::time::Duration;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ErrorKind, ExchangeKind};

use super::{RabbitMqSettings, in_time, unavailable};
use crate::{CarrierError, Pattern, Topic};

/// How many queues the events of a topic are divided into, per consumer: so many processes of a
/// consumer can share the work. It can never change: a key would move to another queue, and its
/// next event could overtake the last.
pub const SHARDS: u8 = 8;

/// How often a message may be delivered again. Florin counts attempts itself, so this is as good
/// as no limit; it is set because from version 4 on the server's own default of 20 would throw
/// away what a crashing process keeps asking for again.
const DELIVERIES_MAX: i32 = i32::MAX;

/// The queue among [`SHARDS`] that events of a key go to: the first byte of its BLAKE3 hash,
/// modulo [`SHARDS`]. The same in every version, for ever.
#[must_use]
pub fn shard_of(key: &str) -> u8 {
    blake3::hash(key.as_bytes()).as_bytes()[0] % SHARDS
}

/// The exchange that events of a topic are published to.
pub(super) fn exchange_of(topic: &str) -> String {
    format!("florin.events.{topic}")
}

/// The queue of a shard of a consumer of events.
pub(super) fn events_queue(topic: &str, consumer: &str, shard: u8) -> String {
    format!("{topic}.{consumer}.{shard}")
}

/// The queue in which work waits for `delay` before it goes to its topic's own.
pub(super) fn delay_queue(topic: &str, delay: Duration) -> String {
    format!("{topic}.delay.{}", delay.as_millis())
}

/// Makes what a topic needs, in an order in which nothing is ever published to a queue that does
/// not know where to go on.
pub(super) async fn declare(
    channel: &Channel,
    topic: &Topic,
    settings: &RabbitMqSettings,
) -> Result<(), CarrierError> {
    match topic.pattern {
        Pattern::Events => declare_events(channel, topic, settings).await,
        Pattern::Work => declare_work(channel, topic, settings).await,
    }
}

async fn declare_events(
    channel: &Channel,
    topic: &Topic,
    settings: &RabbitMqSettings,
) -> Result<(), CarrierError> {
    let exchange = exchange_of(&topic.name);
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let declared = channel.exchange_declare(
        exchange.as_str().into(),
        ExchangeKind::Direct,
        options,
        FieldTable::default(),
    );
    made(in_time(settings, "exchange", declared).await?, &exchange)?;
    for consumer in &topic.consumers {
        for shard in 0..SHARDS {
            let queue = events_queue(&topic.name, consumer, shard);
            let mut arguments = bounded(settings);
            arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
            declare_queue(channel, &queue, arguments, settings).await?;
            let bound = channel.queue_bind(
                queue.as_str().into(),
                exchange.as_str().into(),
                shard.to_string().into(),
                QueueBindOptions::default(),
                FieldTable::default(),
            );
            made(in_time(settings, "binding", bound).await?, &queue)?;
        }
    }
    Ok(())
}

async fn declare_work(
    channel: &Channel,
    topic: &Topic,
    settings: &RabbitMqSettings,
) -> Result<(), CarrierError> {
    declare_queue(channel, &topic.name, bounded(settings), settings).await?;
    for delay in &settings.delays {
        let milliseconds = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let mut arguments = bounded(settings);
        arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(milliseconds));
        // The default exchange takes a message to the queue that its routing key names.
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-routing-key".into(), text(&topic.name));
        // Kept until the topic's queue has confirmed it, even while that is full.
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        declare_queue(
            channel,
            &delay_queue(&topic.name, *delay),
            arguments,
            settings,
        )
        .await?;
    }
    Ok(())
}

async fn declare_queue(
    channel: &Channel,
    name: &str,
    arguments: FieldTable,
    settings: &RabbitMqSettings,
) -> Result<(), CarrierError> {
    let declared = channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments);
    made(in_time(settings, "queue", declared).await?, name)
}

fn bounded(settings: &RabbitMqSettings) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    let length = AMQPValue::LongLongInt(settings.queue_length_max.into());
    arguments.insert("x-max-length".into(), length);
    arguments.insert(
        "x-delivery-limit".into(),
        AMQPValue::LongInt(DELIVERIES_MAX),
    );
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// What the server said of something declared: one that exists and differs is a mismatch.
fn made<T>(answer: lapin::Result<T>, name: &str) -> Result<(), CarrierError> {
    let Err(error) = answer else { return Ok(()) };
    if let ErrorKind::ProtocolError(protocol) = error.kind()
        && *protocol.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
    {
        let said: &ShortString = protocol.get_message();
        return Err(CarrierError::Mismatch {
            reason: format!("{name}: {said}"),
        });
    }
    Err(unavailable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_shard_for_ever() {
        // Fixed when the first version was made; a failure here means events would be reordered.
        let expected = [("", 7), ("abc", 4), ("wallet-1", 5)];
        for (key, shard) in expected {
            assert_eq!(shard_of(key), shard, "{key}");
        }
    }

    #[test]
    fn keys_are_spread_over_all_shards() {
        let mut counts = [0_u32; SHARDS as usize];
        for number in 0..8_000 {
            counts[usize::from(shard_of(&format!("wallet_{number}")))] += 1;
        }
        assert!(
            counts.iter().all(|count| (800..1_200).contains(count)),
            "{counts:?}"
        );
    }
}
