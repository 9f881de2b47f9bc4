//! What the services of the process say to each other, carried: consumers, relays, the carrier.
//!
//! Promises: a service that reacts to what the topology does not let it consume is not started,
//! nor one that does not react to what it consumes; every outbox of the process is carried; each
//! reaction runs in the trace of what caused it. It does not look into a message.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use broker::{Carrier, Component, Consumer, Embedded, Pattern, Reaction, Relay, Topic};
use contracts::dead_letters::{DECISIONS, FAILURES};
use kit::id::IdSource;
use kit::time::Clock;
use store::{Store, StoreError};
use telemetry::Received;
use tokio::sync::watch;
use tokio::task::JoinSet;
use topology::Topology;

use crate::service::Service;
use crate::start::StartError;

/// How long [`Settling::settle`] waits between two looks: a transaction's time.
const SETTLE_POLL: Duration = Duration::from_millis(2);

/// How the services of the process hear of each other, and of those of other processes.
#[derive(Clone, Default)]
pub struct Messages {
    /// What carries them.
    pub carrying: Carrying,
    /// How long, how many, how often.
    pub settings: Arc<broker::Settings>,
}

/// What carries messages.
#[derive(Clone, Default)]
pub enum Carrying {
    /// Nothing: services of one process read each other's outboxes.
    #[default]
    Embedded,
    /// A server.
    Server(Arc<dyn Carrier>),
}

impl Service {
    /// Says what the service does with the messages of one topic that it consumes.
    ///
    /// The reaction runs in the trace of the message, so that what it publishes continues it.
    #[must_use]
    pub fn reacts(mut self, reaction: Reaction) -> Self {
        self.reactions.push(reaction);
        self
    }
}

/// Refuses a service whose reactions are not what it says it consumes, naming the topic.
pub(crate) fn check(service: &Service, topology: &Topology) -> Result<(), StartError> {
    let name = service.name;
    let refused = |topic: &str, must: &'static str| {
        let topic = topic.to_owned();
        Err(StartError::Reaction {
            service: name,
            topic,
            must,
        })
    };
    let mut reacts = BTreeSet::new();
    for reaction in &service.reactions {
        let topic = reaction.topic();
        if !service.edges.consumes.contains(&topic) {
            return refused(topic, "be declared where it is reacted to");
        }
        if !reacts.insert(topic.to_owned()) || topic == DECISIONS {
            return refused(topic, "be reacted to once");
        }
    }
    let events = |topic: &&&str| pattern(topology, topic) == Some(Pattern::Events);
    for topic in service.edges.consumes {
        if *topic != DECISIONS && !reacts.contains(*topic) {
            return refused(topic, "be reacted to where it is declared");
        }
    }
    let fails = service
        .edges
        .consumes
        .iter()
        .any(|topic| *topic != FAILURES);
    if fails && !service.edges.publishes.contains(&FAILURES) {
        return refused(FAILURES, "be published to by who consumes");
    }
    let parks = service.edges.consumes.iter().any(|topic| events(&topic));
    if parks && !service.edges.consumes.contains(&DECISIONS) {
        return refused(DECISIONS, "be consumed by who consumes events");
    }
    let silent = service.edges.consumes.is_empty() && service.edges.publishes.is_empty();
    if !silent && service.store.is_none() {
        let topic = service.edges.consumes.iter().chain(service.edges.publishes);
        return refused(topic.last().unwrap_or(&""), "have the service's store");
    }
    Ok(())
}

fn pattern(topology: &Topology, topic: &str) -> Option<Pattern> {
    let mut topics = topology.topics();
    let found = topics.find(|declared| declared.name == topic)?;
    Some(match found.pattern {
        topology::Pattern::Events => Pattern::Events,
        topology::Pattern::Work => Pattern::Work,
    })
}

/// Every topic of the topology, as carriers know it.
fn topics(topology: &Topology) -> BTreeMap<String, Topic> {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    let carried = topology.topics().map(|topic| {
        let name = topic.name.clone();
        let topic = Topic {
            pattern: pattern(topology, &name).expect("it is one of the topology's topics"),
            publishers: owned(topology.publishers(&name)),
            consumers: owned(topology.consumers(&name)),
            name: name.clone(),
        };
        (name, topic)
    });
    carried.collect()
}

/// What the process carries messages with.
pub(crate) struct Post<'a> {
    pub(crate) messages: &'a Messages,
    pub(crate) topology: &'a Topology,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) ids: &'a IdSource,
}

/// The kind of id a process has, among those that relay for one service.
enum HolderKind {}

impl kit::id::Kind for HolderKind {
    const PREFIX: &'static str = "holder";
}

impl Post<'_> {
    /// Starts every consumer and relay of the services; they begin when the carrier has the
    /// topics, and end after `stopping` becomes true. A server that is away is waited for: what is
    /// published meanwhile stays in the outboxes.
    pub(crate) fn start(
        &self,
        services: &[Service],
        tasks: &mut JoinSet<()>,
        stopping: &watch::Receiver<bool>,
    ) -> Settling {
        let topics = topics(self.topology);
        let mut carried = Carried {
            carrier: self.carrier(services, tasks, stopping),
            declared: watch::channel(false).1,
            tasks,
            stopping,
        };
        carried.declare(topics.values().cloned().collect(), &self.messages.settings);
        let carrier = carried.carrier.clone();
        carried.run(move |until| async move { carrier.run(until).await });
        for service in services {
            let Some(component) = self.component(service) else {
                continue;
            };
            let carrier = &carried.carrier;
            if !carrier.reads_outboxes() && !service.edges.publishes.is_empty() {
                let holder = self.ids.next::<HolderKind>().uuid();
                let relay = Relay::new(component.clone(), carrier.clone(), holder);
                carried.run(move |until| async move { relay.run(until).await });
            }
            for reaction in self.reactions(service) {
                let topic = topics.get(reaction.topic()).cloned();
                let topic = topic.expect("a reaction to an undeclared topic was refused");
                let consumer = Consumer::new(component.clone(), topic, reaction)
                    .expect("a service that does not fit the topology was refused");
                let carrier = carried.carrier.clone();
                carried.run(move |until| async move { consumer.run(carrier, until).await });
            }
        }
        Settling::new(&topics, services)
    }

    /// The carrier; the embedded one with everything it reads.
    fn carrier(
        &self,
        services: &[Service],
        tasks: &mut JoinSet<()>,
        stopping: &watch::Receiver<bool>,
    ) -> Arc<dyn Carrier> {
        if let Carrying::Server(carrier) = &self.messages.carrying {
            return carrier.clone();
        }
        let embedded = Embedded::new(self.messages.settings.clone());
        for service in services {
            if let Some(store) = &service.store {
                embedded.register(service.name, store);
            }
        }
        let upkeep = embedded.clone();
        let (clock, until) = (self.clock.clone(), stopping.clone());
        tasks.spawn(async move { upkeep.upkeep(clock, until).await });
        Arc::new(embedded)
    }

    fn component(&self, service: &Service) -> Option<Component> {
        Some(Component {
            name: service.name.into(),
            store: service.store.clone()?,
            clock: self.clock.clone(),
            settings: self.messages.settings.clone(),
        })
    }

    /// The service's own reactions, and the one to decisions about what is parked in its store.
    fn reactions(&self, service: &Service) -> Vec<Reaction> {
        let mut reactions = service.reactions.clone();
        if service.edges.consumes.contains(&DECISIONS) {
            reactions.push(Reaction::decisions(service.name, self.clock.clone()));
        }
        let traced = |reaction: &Reaction| traced(service.name, reaction);
        reactions.iter().map(traced).collect()
    }
}

/// What runs beside the services.
struct Carried<'a> {
    carrier: Arc<dyn Carrier>,
    /// Becomes true when the carrier has the topics.
    declared: watch::Receiver<bool>,
    tasks: &'a mut JoinSet<()>,
    stopping: &'a watch::Receiver<bool>,
}

impl Carried<'_> {
    /// Declares the topics, as often as it takes.
    fn declare(&mut self, topics: Vec<Topic>, settings: &Arc<broker::Settings>) {
        let (declared, receiver) = watch::channel(false);
        self.declared = receiver;
        let (carrier, settings) = (self.carrier.clone(), settings.clone());
        let mut stopping = self.stopping.clone();
        self.tasks.spawn(async move {
            let mut wait = settings.backoff_first;
            while let Err(error) = carrier.declare(&topics).await {
                tracing::error!(%error, carrier = carrier.name(), "the carrier did not start");
                let stopped = stopping.wait_for(|stop| *stop);
                if tokio::time::timeout(wait, stopped).await.is_ok() {
                    return;
                }
                wait = (wait * 2).min(settings.backoff_max);
            }
            declared.send_replace(true);
            // Whoever waits for the declaration must not take its end for a stop.
            let _ = stopping.wait_for(|stop| *stop).await;
        });
    }

    /// Runs work from the declaration until the stop.
    fn run<W, F>(&mut self, work: W)
    where
        W: FnOnce(watch::Receiver<bool>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (mut declared, mut until) = (self.declared.clone(), self.stopping.clone());
        self.tasks.spawn(async move {
            tokio::select! {
                biased;
                _ = until.wait_for(|stop| *stop) => return,
                begun = declared.wait_for(|declared| *declared) => if begun.is_err() { return },
            }
            work(until).await;
        });
    }
}

/// A reaction in a span of its message's trace, which its log lines name and its messages go on
/// from.
fn traced(consumer: &'static str, reaction: &Reaction) -> Reaction {
    let topic = reaction.topic().to_owned();
    reaction.clone().within(move |message, run| {
        let span = telemetry::message_span(&Received {
            topic: &topic,
            consumer,
            kind: &message.kind,
            id: &message.id.to_string(),
            traceparent: message.traceparent.as_deref(),
        });
        if let Some(code) = span.in_scope(run) {
            telemetry::message_refused(&span, code.name);
        }
    })
}

/// Looks whether everything that was published in this process is handled, for tests.
#[derive(Clone)]
pub(crate) struct Settling {
    ways: Arc<Vec<Way>>,
}

/// From one outbox to one consumer.
struct Way {
    topic: Topic,
    producer: &'static str,
    outbox: Store,
    consumer: Store,
}

impl Settling {
    fn new(topics: &BTreeMap<String, Topic>, services: &[Service]) -> Self {
        let mut ways = Vec::new();
        for topic in topics.values() {
            let of = |names: &[String]| -> Vec<(&'static str, Store)> {
                let here = services
                    .iter()
                    .filter(|service| names.iter().any(|name| name == service.name));
                here.filter_map(|service| Some((service.name, service.store.clone()?)))
                    .collect()
            };
            for (producer, outbox) in of(&topic.publishers) {
                for (_, consumer) in of(&topic.consumers) {
                    ways.push(Way {
                        topic: topic.clone(),
                        producer,
                        outbox: outbox.clone(),
                        consumer,
                    });
                }
            }
        }
        Self {
            ways: Arc::new(ways),
        }
    }

    /// Waits until every consumer has come to the end of every outbox it reads, twice in a row,
    /// as what the last of them published may be for the first. Embedded only: a server's queues
    /// are not looked into.
    pub(crate) async fn settle(&self) -> Result<(), StoreError> {
        let mut still = 0;
        while still < 2 {
            if self.all_handled().await? {
                still += 1;
            } else {
                still = 0;
                tokio::time::sleep(SETTLE_POLL).await;
            }
        }
        Ok(())
    }

    async fn all_handled(&self) -> Result<bool, StoreError> {
        for way in self.ways.iter() {
            if way.unread().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Way {
    async fn unread(&self) -> Result<bool, StoreError> {
        let (producer, topic) = (self.producer, self.topic.name.clone());
        let reached = self.consumer.read(move |tx| tx.cursor(producer, &topic));
        let reached = reached.await?;
        let name = Some(self.topic.name.as_str());
        Ok(match self.topic.pattern {
            Pattern::Events => !self
                .outbox
                .outbox_events(name, reached, 1)
                .await?
                .is_empty(),
            Pattern::Work => !self.outbox.outbox_work(name, reached, 1).await?.is_empty(),
        })
    }
}
