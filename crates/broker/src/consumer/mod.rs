//! One component's side of one topic: what comes is handled once, in the component's own store.
//!
//! Promises: the effect of a message and the note that it was handled are one transaction; a
//! message is acknowledged after that is committed, so a crash anywhere repeats it and the repeat
//! has no effect. Events of one key are handled in their order: one that fails is parked in the
//! component's store, those of its key behind it, while all others go on; it is retried there on
//! the ladder, and exhausted it becomes a dead letter that blocks its key until somebody decides.
//! Work that fails is reported to the service of dead letters, which sends it again.
//! Does not: know what a message means, or hold more than two batches in memory: the one that is
//! handled, and the next if the carrier lets it be read meanwhile.

mod batch;
mod parked;
mod pass;

use std::pin::pin;
use std::sync::Arc;

use kit::time::Clock;
use store::Store;
use tokio::sync::watch;

use crate::carrier::{Carrier, CarrierError, Feed, Pattern, Topic};
use crate::measure::{self, Meters};
use crate::reaction::Reaction;
use crate::settings::Settings;
use crate::waiting::{Backoff, stopped};
use batch::Batch;

/// A component, with what its messages need. Cheap to clone.
#[derive(Clone)]
pub struct Component {
    /// Its name in the topology.
    pub name: Arc<str>,
    /// Its tables. To report failures it must have been opened with the topic
    /// `dead-letters.failures`.
    pub store: Store,
    /// Tells when things happen.
    pub clock: Arc<dyn Clock>,
    /// How long, how many, how often.
    pub settings: Arc<Settings>,
}

/// A component that consumes a topic. Several may run in several processes: of work each message
/// goes to one of them, of events the carrier gives each key to one of them at a time.
pub struct Consumer {
    component: Component,
    topic: Topic,
    reaction: Reaction,
}

/// What a running consumer is made of, shared with its transactions.
struct Running {
    component: Component,
    topic: Topic,
    reaction: Reaction,
    meters: Meters,
}

impl Consumer {
    /// A consumer that does nothing yet.
    ///
    /// # Errors
    ///
    /// [`CarrierError::UndeclaredTopic`] when the topic does not list the component as a consumer,
    /// or is not the reaction's.
    pub fn new(
        component: Component,
        topic: Topic,
        reaction: Reaction,
    ) -> Result<Self, CarrierError> {
        let declared = topic.consumers.iter().any(|name| **name == *component.name);
        if !declared || reaction.topic() != topic.name {
            let topic = reaction.topic().to_owned();
            return Err(CarrierError::UndeclaredTopic { topic });
        }
        Ok(Self {
            component,
            topic,
            reaction,
        })
    }

    /// Handles what comes until the process stops: a batch that has begun is ended, unless the
    /// store does not work.
    ///
    /// Dropping the future at any point loses nothing and doubles nothing.
    pub async fn run(self, carrier: Arc<dyn Carrier>, stopping: watch::Receiver<bool>) {
        let running = Arc::new(Running {
            meters: Meters::new(&self.topic.name, &self.component.name),
            component: self.component,
            topic: self.topic,
            reaction: self.reaction,
        });
        let receive = receive(&running, &*carrier, stopping.clone());
        match running.topic.pattern {
            Pattern::Work => receive.await,
            // Side by side, so that parked events are retried while a carrier is away.
            Pattern::Events => {
                tokio::join!(receive, parked::retry(&running, stopping));
            }
        }
    }
}

/// Subscribes, handles, and begins anew after every failure of the carrier.
async fn receive(
    running: &Arc<Running>,
    carrier: &dyn Carrier,
    mut stopping: watch::Receiver<bool>,
) {
    let mut backoff = Backoff::new(&running.component.settings);
    loop {
        let failure = tokio::select! {
            biased;
            () = stopped(&mut stopping) => return,
            feed = carrier.subscribe(&running.component.name, &running.topic) => match feed {
                Ok(feed) => serve(running, feed, &mut stopping, &mut backoff).await,
                Err(error) => Some(error),
            },
        };
        let Some(error) = failure else { return };
        tracing::warn!(
            %error, topic = running.topic.name, consumer = &*running.component.name,
            "the carrier failed"
        );
        measure::carrier_failed(carrier.name());
        if !backoff.wait(&mut stopping).await {
            return;
        }
    }
}

/// Handles what a feed answers until the process stops (none) or the feed is of no use.
async fn serve(
    running: &Arc<Running>,
    mut feed: Box<dyn Feed>,
    stopping: &mut watch::Receiver<bool>,
    backoff: &mut Backoff,
) -> Option<CarrierError> {
    let batch_max = running.component.settings.batch_max.max(1);
    let mut ahead = None;
    loop {
        let batch = match ahead.take() {
            Some(batch) if !*stopping.borrow() => batch,
            Some(_) => return None,
            None => tokio::select! {
                biased;
                () = stopped(stopping) => return None,
                batch = next(running, &mut *feed, batch_max) => batch,
            },
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Some(error),
        };
        let handle = batch.handle(stopping);
        let handled = if feed.reads_ahead() && batch.len() == batch_max {
            let next = next(running, &mut *feed, batch_max);
            meanwhile(handle, next, &mut ahead).await
        } else {
            handle.await
        };
        if !handled {
            return None;
        }
        if let Err(error) = feed.acknowledge().await {
            return Some(error);
        }
        backoff.reset();
    }
}

/// What a feed answers next, read.
async fn next(
    running: &Arc<Running>,
    feed: &mut dyn Feed,
    batch_max: usize,
) -> Result<Arc<Batch>, CarrierError> {
    let deliveries = feed.next(batch_max).await?;
    Ok(Arc::new(Batch::read(running, deliveries)))
}

/// Waits for the first; what the second comes to meanwhile is put aside.
async fn meanwhile<T, U>(
    first: impl Future<Output = T>,
    second: impl Future<Output = U>,
    aside: &mut Option<U>,
) -> T {
    let (mut first, mut second) = (pin!(first), pin!(second));
    loop {
        tokio::select! {
            biased;
            ended = &mut first => return ended,
            came = &mut second, if aside.is_none() => *aside = Some(came),
        }
    }
}
