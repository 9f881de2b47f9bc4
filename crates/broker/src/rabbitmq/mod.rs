//! RabbitMQ as a carrier, over AMQP 0-9-1.
//!
//! Events go to a direct exchange per topic and from there to [`SHARDS`] quorum queues per
//! consumer, each with one active consumer: order per key, whoever dies. Work goes to one quorum
//! queue, and delays to queues that hand their messages on when their time is over.
//!
//! Promises: what [`Carrier::publish`] answers is replicated and on disk; what is not acknowledged
//! comes again, in its order; no call waits for ever; a connection that broke is made again by the
//! next call. It does not retry by itself. Everything it makes on the server is in `layout`.

mod feed;
mod layout;
mod publishing;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Waker};
use std::time::Duration;

use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::{Mutex, Semaphore, watch};

pub use self::layout::{SHARDS, shard_of};
use self::publishing::{CALLS_MAX, Line};
use crate::settings::PUBLISH_TIMEOUT_MS;
use crate::{Carrier, CarrierError, Feed, Future, Parcel, Topic};

/// Seconds after which a silent connection is given up: half of it without traffic sends a sign of
/// life. The server's own default of 60 would leave keys waiting for a minute after a machine died.
const HEARTBEAT_SECONDS: u16 = 10;

/// How the carrier is used. The defaults are those of production.
#[derive(Clone, Debug)]
pub struct RabbitMqSettings {
    /// Certificates in PEM that are trusted beside those of the system, for `amqps` addresses.
    pub authorities_pem: Option<String>,
    /// How long work can be delayed: one queue each. A delay is rounded up to the next of them.
    pub delays: Vec<Duration>,
    /// How many messages a queue takes before it refuses more.
    pub queue_length_max: u32,
    /// How many unacknowledged messages a feed holds of each of its queues; twice a batch, so that
    /// the next one is there while one is handled.
    pub prefetch: u16,
    /// How long one answer of the server may take: connecting, declaring, consuming.
    pub wait_max: Duration,
    /// How long a call that publishes may take in all. What a queue has not confirmed by then is
    /// refused by its place; less than a relay gives a wave, so that the relay hears which it was.
    pub publish_max: Duration,
}

impl Default for RabbitMqSettings {
    fn default() -> Self {
        Self {
            authorities_pem: None,
            // The ladder on which work is retried.
            delays: [10, 15, 20].map(Duration::from_secs).to_vec(),
            // A tenth of what an outbox holds: with documents of 4 KiB, 400 MB of disk a queue.
            queue_length_max: 100_000,
            prefetch: 200,
            // Longer than the election of a new leader of a queue, shorter than people wait.
            wait_max: Duration::from_secs(20),
            publish_max: Duration::from_millis(PUBLISH_TIMEOUT_MS / 5 * 4),
        }
    }
}

/// A RabbitMQ server or cluster.
pub struct RabbitMq {
    uri: AMQPUri,
    settings: RabbitMqSettings,
    topics: RwLock<BTreeMap<String, Topic>>,
    /// The connection that publishes; apart from the one that consumes, as a server short of
    /// memory or disk stops reading from connections that publish.
    publishing: Mutex<Option<Arc<Line>>>,
    publish_calls: Semaphore,
    consuming: Mutex<Option<Arc<Connection>>>,
}

impl RabbitMq {
    /// A carrier over the server at `amqp://` or `amqps://`, which it connects to when it is first
    /// asked for something. `amqps` verifies the server's certificate and name.
    pub fn open(url: &str, settings: RabbitMqSettings) -> Result<Self, CarrierError> {
        // The parser's own message is left out: it may quote the address with its password.
        let mut uri: AMQPUri = url.parse().map_err(|_| CarrierError::Mismatch {
            reason: "address must be amqp[s]://user:password@host:port/vhost".to_owned(),
        })?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        Ok(Self {
            uri,
            settings,
            topics: RwLock::default(),
            publishing: Mutex::new(None),
            publish_calls: Semaphore::new(CALLS_MAX),
            consuming: Mutex::new(None),
        })
    }

    async fn connect(&self, purpose: &str) -> Result<Connection, CarrierError> {
        let properties = ConnectionProperties::default()
            .with_connection_name(format!("florin {purpose}").into());
        let trust = OwnedTLSConfig {
            identity: None,
            cert_chain: self.settings.authorities_pem.clone(),
        };
        let runtime = lapin::runtime::default_runtime().map_err(|error| unavailable(&error))?;
        let uri = self.uri.clone();
        let connecting = Connection::connect_uri_with_config(uri, properties, trust, runtime);
        in_time(&self.settings, "connection", connecting)
            .await?
            .map_err(|error| unavailable(&error))
    }

    /// The connection that consumes, made again if it broke.
    async fn consuming(&self) -> Result<Arc<Connection>, CarrierError> {
        let mut held = self.consuming.lock().await;
        if let Some(connection) = held.as_ref().filter(|held| held.status().connected()) {
            return Ok(Arc::clone(connection));
        }
        *held = None;
        let connection = Arc::new(self.connect("consuming").await?);
        *held = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// The connection that publishes, made again if it broke, and with it what is declared: the
    /// server may have lost it too.
    async fn publishing(&self) -> Result<Arc<Line>, CarrierError> {
        let mut held = self.publishing.lock().await;
        if let Some(line) = held.as_ref().filter(|held| held.is_up()) {
            return Ok(Arc::clone(line));
        }
        *held = None;
        let line = Arc::new(Line::new(self.connect("publishing").await?));
        let topics: Vec<Topic> = self.known(|topics| topics.values().cloned().collect());
        self.declare_on(&line, &topics).await?;
        *held = Some(Arc::clone(&line));
        Ok(line)
    }

    /// Gives a connection up, unless somebody else did already.
    async fn give_up(&self, line: &Arc<Line>) {
        let mut held = self.publishing.lock().await;
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, line)) {
            *held = None;
        }
    }

    async fn declare_on(&self, line: &Line, topics: &[Topic]) -> Result<(), CarrierError> {
        let channel = line.open(&self.settings).await?;
        for topic in topics {
            layout::declare(&channel.0, topic, &self.settings).await?;
        }
        Ok(())
    }

    fn known<T>(&self, read: impl FnOnce(&BTreeMap<String, Topic>) -> T) -> T {
        read(&self.topics.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Carrier for RabbitMq {
    fn name(&self) -> &'static str {
        "rabbitmq"
    }

    fn reads_outboxes(&self) -> bool {
        false
    }

    fn declare<'a>(&'a self, topics: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async move {
            let line = self.publishing().await?;
            let declared = self.declare_on(&line, topics).await;
            if declared.is_err() {
                self.give_up(&line).await;
            }
            declared?;
            let mut known = self.topics.write().unwrap_or_else(PoisonError::into_inner);
            for topic in topics {
                known.insert(topic.name.clone(), topic.clone());
            }
            Ok(())
        })
    }

    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(self.publish_all(parcels))
    }

    fn subscribe<'a>(
        &'a self,
        consumer: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        Box::pin(self.feed(consumer, topic))
    }

    /// Nothing: the server brings delayed work back by itself.
    fn run(&self, _: watch::Receiver<bool>) -> Future<'_, ()> {
        Box::pin(async {})
    }
}

/// A channel that is closed when it is dropped, at whatever moment.
///
/// The library would leave it open when a consumer is still being asked for: the server would go on
/// handing messages to a consumer nobody has. And once there is one it would only cancel it: then
/// the next consumer begins while this one still holds messages, and what comes back comes too
/// late. A closed channel gives everything back first.
struct OwnChannel(Channel);

impl Drop for OwnChannel {
    fn drop(&mut self) {
        // The first poll sends the request; the answer need not be waited for.
        let closing = pin!(self.0.close(200, "OK".into()));
        let _ = closing.poll(&mut Context::from_waker(Waker::noop()));
    }
}

/// An answer of the server, or that there was none in time.
async fn in_time<T>(
    settings: &RabbitMqSettings,
    what: &str,
    answer: impl std::future::Future<Output = T>,
) -> Result<T, CarrierError> {
    tokio::time::timeout(settings.wait_max, answer)
        .await
        .map_err(|_| CarrierError::Unavailable {
            reason: format!("no answer in time: {what}"),
        })
}

fn unavailable(error: &lapin::Error) -> CarrierError {
    CarrierError::Unavailable {
        reason: error.to_string(),
    }
}
