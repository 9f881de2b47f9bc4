//! Publishing to RabbitMQ, with confirmations.
//!
//! Promises: an answer without error means that every parcel is confirmed by a quorum of each of
//! its queues; one that no queue takes, a full queue refuses, or that was not confirmed in time, is
//! named by its place. A call ends within [`RabbitMqSettings::publish_max`], also when the server
//! says nothing. A topic of events that nobody consumes is published nowhere, and that is no
//! failure.
//!
//! A queue without a leader keeps the server's side of a channel waiting, and with it all that is
//! behind on the same channel (seen with 3.10.8). So each queue has channels of its own here, and
//! while one owes the answer to a message, that queue's messages are refused at once.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation, Connection, PublisherConfirm};
use tokio::time::Sleep;

use super::layout::{delay_queue, exchange_of, shard_of};
use super::{OwnChannel, RabbitMq, RabbitMqSettings, in_time, unavailable};
use crate::{CarrierError, Parcel, Pattern};

/// How many messages of one call wait at one queue for their confirmation. Quorum queues confirm in
/// batches as they flush, so fewer are slower. The server reads 400 ahead of a channel that is
/// kept waiting, and then nothing more from the whole connection.
const WINDOW: usize = 300;

/// How many calls publish at once: the relays of the components of one process, of which there are
/// some twenty.
pub(super) const CALLS_MAX: usize = 32;

/// A connection that publishes, with the channels of its queues.
pub(super) struct Line {
    connection: Connection,
    queues: Mutex<BTreeMap<Route, Queue>>,
}

/// The channels of a queue that nobody uses at the moment, and one that is kept waiting.
#[derive(Default)]
struct Queue {
    idle: Vec<OwnChannel>,
    owing: Option<Owing>,
}

/// A message that the server did not confirm in time, and its channel. It may do so yet: until
/// then there is no use in sending more.
struct Owing {
    confirm: PublisherConfirm,
    channel: OwnChannel,
}

impl Line {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            queues: Mutex::default(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected()
    }

    /// A channel that confirms nothing, for declaring.
    pub(super) async fn open(
        &self,
        settings: &RabbitMqSettings,
    ) -> Result<OwnChannel, CarrierError> {
        let opened = in_time(settings, "channel", self.connection.create_channel()).await?;
        Ok(OwnChannel(opened.map_err(|error| unavailable(&error))?))
    }

    /// A channel for one call and queue; two would mix up whose confirmation is whose.
    async fn channel(
        &self,
        route: &Route,
        settings: &RabbitMqSettings,
    ) -> Result<OwnChannel, CarrierError> {
        loop {
            let idle = self.queues().entry(route.clone()).or_default().idle.pop();
            match idle {
                Some(channel) if channel.0.status().connected() => return Ok(channel),
                Some(_) => {}
                None => break,
            }
        }
        let channel = self.open(settings).await?;
        let confirming = channel.0.confirm_select(ConfirmSelectOptions::default());
        let selected = in_time(settings, "confirmations", confirming).await?;
        selected.map_err(|error| unavailable(&error))?;
        Ok(channel)
    }

    /// Keeps a channel that owes no answer.
    fn put_back(&self, route: Route, channel: OwnChannel) {
        let mut queues = self.queues();
        let idle = &mut queues.entry(route).or_default().idle;
        if idle.len() < CALLS_MAX {
            idle.push(channel);
        }
    }

    /// Keeps a channel that owes an answer, until it comes.
    fn keep_owing(&self, route: Route, owing: Owing) {
        self.queues().entry(route).or_default().owing = Some(owing);
    }

    /// Whether a queue still owes an answer from before.
    fn owes(&self, route: &Route) -> bool {
        let mut queues = self.queues();
        let Some(queue) = queues.get_mut(route) else {
            return false;
        };
        let owes = queue.owing.as_mut().is_some_and(|owing| {
            let asked = Pin::new(&mut owing.confirm).poll(&mut Context::from_waker(Waker::noop()));
            asked.is_pending() && owing.channel.0.status().connected()
        });
        if !owes {
            queue.owing = None;
        }
        owes
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<Route, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a parcel goes: an exchange and a routing key, which here lead to one queue of each
/// consumer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    exchange: String,
    key: String,
}

impl RabbitMq {
    pub(super) async fn publish_all(&self, parcels: &[Parcel]) -> Result<(), CarrierError> {
        let mut refused = Refused::default();
        let mut routed: BTreeMap<Route, VecDeque<usize>> = BTreeMap::new();
        for (place, parcel) in parcels.iter().enumerate() {
            match self.route(parcel)? {
                Destination::Route(route) => routed.entry(route).or_default().push_back(place),
                Destination::Nobody => {}
                Destination::TooLate => refused.add(place, "delay must be at most the longest"),
            }
        }
        if !routed.is_empty() {
            self.send(parcels, routed, &mut refused).await?;
        }
        refused.answer(parcels)
    }

    async fn send(
        &self,
        parcels: &[Parcel],
        routed: BTreeMap<Route, VecDeque<usize>>,
        refused: &mut Refused,
    ) -> Result<(), CarrierError> {
        let mut over = pin!(tokio::time::sleep(self.settings.publish_max));
        let begun = async {
            let allowed = self.publish_calls.acquire().await;
            let allowed = allowed.expect("nothing closes the semaphore of calls");
            Ok((allowed, self.publishing().await?))
        };
        let (_allowed, line) = before(over.as_mut(), begun).await?;
        let mut call = Call::new(parcels, refused);
        let opened = before(over.as_mut(), call.open(&line, routed, &self.settings)).await;
        let sent = match opened {
            Ok(()) => call.send(&line, over).await,
            Err(error) => Err(error),
        };
        let sent = sent.and_then(|()| call.close(&line));
        // What was returned lacks a queue or binding, which the next connection makes.
        if sent.is_err() || refused.incomplete {
            self.give_up(&line).await;
        }
        sent
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
    /// Whether something that was declared is not there.
    incomplete: bool,
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

/// What the future answers, unless the time of the call is over first.
async fn before<T>(
    over: Pin<&mut Sleep>,
    answer: impl Future<Output = Result<T, CarrierError>>,
) -> Result<T, CarrierError> {
    tokio::select! {
        biased;
        answer = answer => answer,
        () = over => Err(CarrierError::Unavailable {
            reason: "no answer in time: publishing".to_owned(),
        }),
    }
}

/// One call that publishes.
struct Call<'a> {
    parcels: &'a [Parcel],
    places: HashMap<String, usize>,
    refused: &'a mut Refused,
    lanes: Vec<Lane>,
}

/// What a call sends to one queue.
struct Lane {
    route: Route,
    channel: OwnChannel,
    unsent: VecDeque<usize>,
    sent: VecDeque<(usize, PublisherConfirm)>,
}

impl<'a> Call<'a> {
    fn new(parcels: &'a [Parcel], refused: &'a mut Refused) -> Self {
        let places = parcels.iter().enumerate();
        Self {
            parcels,
            places: places
                .map(|(place, parcel)| (parcel.id.to_string(), place))
                .collect(),
            refused,
            lanes: Vec::new(),
        }
    }

    async fn open(
        &mut self,
        line: &Line,
        routed: BTreeMap<Route, VecDeque<usize>>,
        settings: &RabbitMqSettings,
    ) -> Result<(), CarrierError> {
        for (route, unsent) in routed {
            if line.owes(&route) {
                self.refuse(unsent, "queue must confirm what it was sent before");
                continue;
            }
            self.lanes.push(Lane {
                channel: line.channel(&route, settings).await?,
                route,
                unsent,
                sent: VecDeque::new(),
            });
        }
        Ok(())
    }

    /// Sends and confirms until all is done or the time is over.
    async fn send(&mut self, line: &Line, mut over: Pin<&mut Sleep>) -> Result<(), CarrierError> {
        let mut lanes = std::mem::take(&mut self.lanes);
        let done = async {
            loop {
                for lane in &mut lanes {
                    if let Err(error) = lane.fill(self.parcels).await {
                        self.broke(line, lane, &error)?;
                    }
                }
                if lanes.iter().all(|lane| lane.sent.is_empty()) {
                    return Ok(());
                }
                for (index, place, answer) in
                    poll_fn(|context| confirmed(&mut lanes, context)).await
                {
                    match answer {
                        Ok(confirmation) => self.note(place, confirmation)?,
                        Err(error) => {
                            self.refuse([place], "channel must stay open");
                            self.broke(line, &mut lanes[index], &error)?;
                        }
                    }
                }
            }
        };
        let done = tokio::select! {
            biased;
            done = done => done,
            () = over.as_mut() => Ok(()),
        };
        self.lanes = lanes;
        done
    }

    /// A channel was closed by the server, for something its queue lacks; or the connection broke.
    fn broke(
        &mut self,
        line: &Line,
        lane: &mut Lane,
        error: &lapin::Error,
    ) -> Result<(), CarrierError> {
        if !line.is_up() {
            return Err(unavailable(error));
        }
        self.refused.incomplete = true;
        let sent = lane.sent.drain(..).map(|(place, _)| place);
        let places: Vec<_> = sent.chain(lane.unsent.drain(..)).collect();
        self.refuse(places, &error.to_string());
        Ok(())
    }

    /// What the server did not confirm in time is refused.
    fn close(mut self, line: &Line) -> Result<(), CarrierError> {
        for mut lane in std::mem::take(&mut self.lanes) {
            let mut owing = None;
            for (place, mut confirm) in std::mem::take(&mut lane.sent) {
                let asked = Pin::new(&mut confirm).poll(&mut Context::from_waker(Waker::noop()));
                if let Poll::Ready(Ok(confirmation)) = asked {
                    self.note(place, confirmation)?;
                } else {
                    self.refuse([place], "queue must confirm in time");
                    owing.get_or_insert(confirm);
                }
            }
            let is_cut = !lane.unsent.is_empty();
            self.refuse(lane.unsent, "queue must confirm in time");
            if (is_cut || owing.is_some()) && !line.is_up() {
                let reason = "connection must last".to_owned();
                return Err(CarrierError::Unavailable { reason });
            }
            let channel = lane.channel;
            match owing {
                Some(confirm) => line.keep_owing(lane.route, Owing { confirm, channel }),
                None if !is_cut => line.put_back(lane.route, channel),
                // Given up while it was sending: what it owes nobody knows.
                None => drop(channel),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, places: impl IntoIterator<Item = usize>, reason: &str) {
        for place in places {
            self.refused.add(place, reason);
        }
    }

    fn note(&mut self, place: usize, confirmation: Confirmation) -> Result<(), CarrierError> {
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
            self.refused.incomplete = true;
            self.refused.add(whose, &reason);
        }
        Ok(())
    }
}

type Answered = (usize, usize, lapin::Result<Confirmation>);

/// Waits for a confirmation, then answers those that are there: lane, place and what was said.
/// Of each queue the oldest is asked first; the others are hardly ever before it.
fn confirmed(lanes: &mut [Lane], context: &mut Context<'_>) -> Poll<Vec<Answered>> {
    let mut answered = Vec::new();
    for (index, lane) in lanes.iter_mut().enumerate() {
        while let Some((place, confirm)) = lane.sent.front_mut() {
            let Poll::Ready(answer) = Pin::new(confirm).poll(context) else {
                break;
            };
            answered.push((index, *place, answer));
            lane.sent.pop_front();
        }
    }
    if answered.is_empty() {
        return Poll::Pending;
    }
    Poll::Ready(answered)
}

impl Lane {
    /// Sends as much as may wait for its confirmation.
    async fn fill(&mut self, parcels: &[Parcel]) -> lapin::Result<()> {
        while self.sent.len() < WINDOW
            && let Some(place) = self.unsent.front().copied()
        {
            let parcel = &parcels[place];
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
            let published = self.channel.0.basic_publish(
                self.route.exchange.as_str().into(),
                self.route.key.as_str().into(),
                options,
                parcel.document.as_bytes(),
                properties,
            );
            let confirm = published.await?;
            self.unsent.pop_front();
            self.sent.push_back((place, confirm));
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
