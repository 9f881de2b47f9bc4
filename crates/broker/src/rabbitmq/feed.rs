//! Receiving from RabbitMQ.
//!
//! Promises: messages of one queue come in their order; an acknowledgement covers what was handed
//! out and nothing else; a feed that is dropped gives back what it did not acknowledge, and the
//! server puts it in front, in its order, before anybody else receives.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, Consumer};

use super::layout::{SHARDS, declare, events_queue};
use super::{OwnChannel, RabbitMq, RabbitMqSettings, in_time, unavailable};
use crate::{CarrierError, Delivery, Feed, Future, Pattern, Topic};

impl RabbitMq {
    pub(super) async fn feed(
        &self,
        consumer: &str,
        topic: &Topic,
    ) -> Result<Box<dyn Feed>, CarrierError> {
        if !topic.consumers.iter().any(|declared| declared == consumer) {
            return Err(CarrierError::UndeclaredTopic {
                topic: topic.name.clone(),
            });
        }
        let settings = &self.settings;
        let connection = self.consuming().await?;
        let opened = in_time(settings, "channel", connection.create_channel()).await?;
        let channel = opened.map_err(|error| unavailable(&error))?;
        declare(&channel, topic, settings).await?;
        drop(channel);
        let queues = match topic.pattern {
            Pattern::Events => {
                let shards = 0..SHARDS;
                shards
                    .map(|shard| events_queue(&topic.name, consumer, shard))
                    .collect()
            }
            Pattern::Work => vec![topic.name.clone()],
        };
        let mut lanes = Vec::with_capacity(queues.len());
        for queue in queues {
            lanes.push(Lane::open(&connection, &queue, settings).await?);
        }
        Ok(Box::new(RabbitFeed {
            lanes,
            turn: 0,
            lost: None,
            settings: settings.clone(),
            _connection: connection,
        }))
    }
}

/// What one consumer receives of one topic: a lane for each of its queues.
struct RabbitFeed {
    lanes: Vec<Lane>,
    /// The lane that is asked first, another each time, so that a busy one starves nobody.
    turn: usize,
    /// Why nothing more can be received.
    lost: Option<CarrierError>,
    settings: RabbitMqSettings,
    _connection: Arc<Connection>,
}

/// One queue on a channel of its own: an acknowledgement covers everything before it on the
/// channel, which with two queues on one would be what the other has not yet handed out.
struct Lane {
    // Before the consumer: fields are dropped in their order, and the channel must be closed first.
    channel: OwnChannel,
    consumer: Consumer,
    /// The newest message that was handed out and not acknowledged.
    handed_out: Option<u64>,
}

impl Lane {
    async fn open(
        connection: &Connection,
        queue: &str,
        settings: &RabbitMqSettings,
    ) -> Result<Self, CarrierError> {
        let opened = in_time(settings, "channel", connection.create_channel()).await?;
        let channel = OwnChannel(opened.map_err(|error| unavailable(&error))?);
        let limited = channel
            .0
            .basic_qos(settings.prefetch, BasicQosOptions::default());
        in_time(settings, "prefetch", limited)
            .await?
            .map_err(|error| unavailable(&error))?;
        let consuming = channel.0.basic_consume(
            queue.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = in_time(settings, "consumer", consuming)
            .await?
            .map_err(|error| unavailable(&error))?;
        Ok(Self {
            channel,
            consumer,
            handed_out: None,
        })
    }

    /// Takes what is there, up to `max` in all.
    fn take(
        &mut self,
        context: &mut Context<'_>,
        max: usize,
        into: &mut Vec<Delivery>,
    ) -> Result<(), CarrierError> {
        while into.len() < max {
            let delivery = match Pin::new(&mut self.consumer).poll_next(context) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Some(Ok(delivery))) => delivery,
                Poll::Ready(Some(Err(error))) => return Err(unavailable(&error)),
                Poll::Ready(None) => {
                    let reason = format!("queue must be there: {}", self.consumer.queue());
                    return Err(CarrierError::Unavailable { reason });
                }
            };
            self.handed_out = Some(delivery.delivery_tag);
            into.push(Delivery {
                // What is not UTF-8 is no message of ours; whoever reads it will say so.
                document: String::from_utf8_lossy(&delivery.data).into_owned(),
                origin: None,
            });
        }
        Ok(())
    }

    async fn acknowledge(&mut self, settings: &RabbitMqSettings) -> Result<(), CarrierError> {
        let Some(newest) = self.handed_out else {
            return Ok(());
        };
        let options = BasicAckOptions { multiple: true };
        let acknowledged = self.channel.0.basic_ack(newest, options);
        in_time(settings, "acknowledgement", acknowledged)
            .await?
            .map_err(|error| unavailable(&error))?;
        self.handed_out = None;
        Ok(())
    }
}

impl RabbitFeed {
    fn take(
        &mut self,
        context: &mut Context<'_>,
        max: usize,
    ) -> Poll<Result<Vec<Delivery>, CarrierError>> {
        if let Some(error) = &self.lost {
            return Poll::Ready(Err(error.clone()));
        }
        let mut taken = Vec::new();
        let count = self.lanes.len();
        for step in 0..count {
            let lane = &mut self.lanes[(self.turn + step) % count];
            if let Err(error) = lane.take(context, max.max(1), &mut taken) {
                self.lost = Some(error.clone());
                return Poll::Ready(Err(error));
            }
        }
        if taken.is_empty() {
            return Poll::Pending;
        }
        self.turn = (self.turn + 1) % count;
        Poll::Ready(Ok(taken))
    }
}

impl Feed for RabbitFeed {
    fn next(&mut self, max: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>> {
        Box::pin(poll_fn(move |context| self.take(context, max)))
    }

    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            if let Some(error) = &self.lost {
                return Err(error.clone());
            }
            for lane in &mut self.lanes {
                if let Err(error) = lane.acknowledge(&self.settings).await {
                    self.lost = Some(error.clone());
                    return Err(error);
                }
            }
            Ok(())
        })
    }
}
