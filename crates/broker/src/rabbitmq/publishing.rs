//! Publishing to RabbitMQ, with confirmations.
//!
//! Promises: an answer without error means that every parcel is confirmed by a quorum of each of
//! its queues; one that no queue takes, or a full queue refuses, is named by its place. A topic of
//! events that nobody consumes is published nowhere, and that is no failure.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};

use super::layout::{delay_queue, exchange_of, shard_of};
use super::{RabbitMq, RabbitMqSettings, in_time, unavailable};
use crate::{CarrierError, Parcel, Pattern};

/// How many messages of one call wait for their confirmation at once. Quorum queues confirm in
/// batches as they flush, so fewer are slower; more would only wait in the server's memory.
const WINDOW: usize = 500;

/// How many calls publish at once, each on a channel of its own: the relays of the components of
/// one process, of which there are some twenty.
pub(super) const CALLS_MAX: usize = 32;

/// A connection that publishes, with channels that nobody uses at the moment.
pub(super) struct Line {
    connection: Connection,
    idle: Mutex<Vec<Channel>>,
}

impl Line {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected()
    }

    /// A channel for one caller; two would mix up whose confirmation is whose.
    pub(super) async fn channel(
        &self,
        settings: &RabbitMqSettings,
    ) -> Result<Channel, CarrierError> {
        loop {
            let idle = self
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            match idle {
                Some(channel) if channel.status().connected() => return Ok(channel),
                Some(_) => {}
                None => break,
            }
        }
        let opened = in_time(settings, "channel", self.connection.create_channel()).await?;
        let channel = opened.map_err(|error| unavailable(&error))?;
        let confirming = channel.confirm_select(ConfirmSelectOptions::default());
        let selected = in_time(settings, "confirmations", confirming).await?;
        selected.map_err(|error| unavailable(&error))?;
        Ok(channel)
    }

    /// Keeps a channel that owes no answer.
    pub(super) fn put_back(&self, channel: Channel) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CALLS_MAX {
            idle.push(channel);
        }
    }
}

/// Where a parcel goes: an exchange and a routing key.
struct Route {
    exchange: String,
    key: String,
}

impl RabbitMq {
    pub(super) async fn publish_all(&self, parcels: &[Parcel]) -> Result<(), CarrierError> {
        let mut refused = Refused::default();
        let mut routed = Vec::with_capacity(parcels.len());
        for (place, parcel) in parcels.iter().enumerate() {
            match self.route(parcel)? {
                Destination::Route(route) => routed.push((place, route)),
                Destination::Nobody => {}
                Destination::TooLate => refused.add(place, "delay must be at most the longest"),
            }
        }
        if !routed.is_empty() {
            let allowed = self.publish_calls.acquire().await;
            let _allowed = allowed.expect("nothing closes the semaphore of calls");
            let line = self.publishing().await?;
            let sent = Call::new(self, parcels, &mut refused)
                .send(&line, routed)
                .await;
            // What was returned lacks a queue or binding, which the next connection makes.
            if sent.is_err() || refused.unroutable {
                self.give_up(&line).await;
            }
            sent?;
        }
        refused.answer(parcels)
    }

    fn route(&self, parcel: &Parcel) -> Result<Destination, CarrierError> {
        self.known(|topics| {
            let topic = topics.get(&parcel.topic);
            let topic = topic.ok_or_else(|| CarrierError::UndeclaredTopic {
                topic: parcel.topic.clone(),
            })?;
            Ok(match topic.pattern {
                Pattern::Events if topic.consumers.is_empty() => Destination::Nobody,
                Pattern::Events => Destination::Route(Route {
                    exchange: exchange_of(&topic.name),
                    key: shard_of(&parcel.key).to_string(),
                }),
                Pattern::Work if parcel.delay.is_zero() => Destination::queue(&topic.name),
                Pattern::Work => match rung(&self.settings.delays, parcel.delay) {
                    Some(delay) => Destination::queue(&delay_queue(&topic.name, delay)),
                    None => Destination::TooLate,
                },
            })
        })
    }
}

enum Destination {
    Route(Route),
    /// Events that no component consumes.
    Nobody,
    /// A delay longer than any there is a queue for.
    TooLate,
}

impl Destination {
    /// The default exchange takes a message to the queue that its routing key names.
    fn queue(name: &str) -> Self {
        Self::Route(Route {
            exchange: String::new(),
            key: name.to_owned(),
        })
    }
}

/// The shortest delay that is not shorter.
fn rung(delays: &[Duration], delay: Duration) -> Option<Duration> {
    delays.iter().copied().filter(|rung| *rung >= delay).min()
}

/// The parcels of a call that the server did not take, by place, with what it says.
#[derive(Default)]
struct Refused {
    places: BTreeMap<usize, String>,
    unroutable: bool,
}

impl Refused {
    fn add(&mut self, place: usize, reason: &str) {
        self.places
            .entry(place)
            .or_insert_with(|| reason.to_owned());
    }

    fn answer(self, parcels: &[Parcel]) -> Result<(), CarrierError> {
        let Some((first, reason)) = self.places.first_key_value() else {
            return Ok(());
        };
        Err(CarrierError::Refused {
            reason: format!("{}: {reason}", parcels[*first].topic),
            refused: self.places.keys().copied().collect(),
        })
    }
}

/// One call that publishes, on a channel of its own.
struct Call<'a> {
    settings: &'a RabbitMqSettings,
    parcels: &'a [Parcel],
    places: HashMap<String, usize>,
    refused: &'a mut Refused,
}

impl<'a> Call<'a> {
    fn new(carrier: &'a RabbitMq, parcels: &'a [Parcel], refused: &'a mut Refused) -> Self {
        let places = parcels.iter().enumerate();
        Self {
            settings: &carrier.settings,
            parcels,
            places: places
                .map(|(place, parcel)| (parcel.id.to_string(), place))
                .collect(),
            refused,
        }
    }

    async fn send(&mut self, line: &Line, routed: Vec<(usize, Route)>) -> Result<(), CarrierError> {
        let channel = line.channel(self.settings).await?;
        let mut open = VecDeque::with_capacity(WINDOW.min(routed.len()));
        for (place, route) in routed {
            if open.len() == WINDOW {
                self.confirm(open.pop_front()).await?;
            }
            open.push_back((place, self.begin(&channel, place, &route).await?));
        }
        while !open.is_empty() {
            self.confirm(open.pop_front()).await?;
        }
        line.put_back(channel);
        Ok(())
    }

    async fn begin(
        &self,
        channel: &Channel,
        place: usize,
        route: &Route,
    ) -> Result<PublisherConfirm, CarrierError> {
        let parcel = &self.parcels[place];
        let properties = BasicProperties::default()
            .with_content_type("application/cloudevents+json".into())
            // Written to disk; quorum queues do so anyway.
            .with_delivery_mode(2)
            .with_message_id(parcel.id.to_string().into());
        let options = BasicPublishOptions {
            // What no queue takes comes back instead of being dropped.
            mandatory: true,
            immediate: false,
        };
        let published = channel.basic_publish(
            route.exchange.as_str().into(),
            route.key.as_str().into(),
            options,
            parcel.document.as_bytes(),
            properties,
        );
        let begun = in_time(self.settings, "publishing", published).await?;
        begun.map_err(|error| unavailable(&error))
    }

    async fn confirm(
        &mut self,
        oldest: Option<(usize, PublisherConfirm)>,
    ) -> Result<(), CarrierError> {
        let Some((place, confirm)) = oldest else {
            return Ok(());
        };
        let answer = in_time(self.settings, "confirmation", confirm).await?;
        let confirmation = answer.map_err(|error| unavailable(&error))?;
        match &confirmation {
            Confirmation::Ack(_) => {}
            Confirmation::Nack(_) => self.refused.add(place, "queue must have room"),
            Confirmation::NotRequested => {
                let reason = "channel must confirm".to_owned();
                return Err(CarrierError::Unavailable { reason });
            }
        }
        // The library hands a returned message over with some confirmation that follows it, so
        // which one it is only its own id says.
        if let Some(returned) = confirmation.take_message() {
            let id = returned.delivery.properties.message_id();
            let id = id.as_ref().map(ToString::to_string).unwrap_or_default();
            let whose = self.places.get(&id).copied().unwrap_or(place);
            let reason = format!("queue must be there: {}", returned.reply_text);
            self.refused.unroutable = true;
            self.refused.add(whose, &reason);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_rounded_up_and_never_down() {
        let delays = [10, 15, 20].map(Duration::from_secs);
        let of = |milliseconds| rung(&delays, Duration::from_millis(milliseconds));
        assert_eq!(of(1), Some(delays[0]));
        assert_eq!(of(10_000), Some(delays[0]));
        assert_eq!(of(10_001), Some(delays[1]));
        assert_eq!(of(20_000), Some(delays[2]));
        assert_eq!(of(20_001), None);
    }
}
