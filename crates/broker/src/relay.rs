//! The relay: from a service's outbox to a carrier that is a server.
//!
//! Promises: a row is forgotten after the carrier confirmed it, so a crash anywhere publishes it
//! again and consumers recognise it. Events go in waves: one of each key, and the next of a key
//! only after the one before is confirmed, so none is ever overtaken. A key whose event is refused
//! waits; the others go on. One relay works per service and lease; two would do no harm.
//! Does not: read documents, or order work.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kit::time::Timestamp;
use store::{Envelope, OUTBOX_PAGE_BYTES_MAX, Position, StoreError, Work};
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use crate::carrier::{Carrier, CarrierError, Parcel};
use crate::consumer::Component;
use crate::measure;
use crate::waiting::{Backoff, HeldBack, stopped};

/// How many rows are read at once: a page of some hundred kilobytes to some megabytes.
const ROWS_MAX: usize = 1_000;

/// How many pages one pass reads before it begins at the start again. Rows of refused keys stay
/// at the start; behind a hundred thousand of them the others wait too.
const PAGES_MAX: usize = 100;

/// The name of the lease.
const LEASE: &str = "relay";

/// A service's relay.
pub struct Relay {
    component: Component,
    carrier: Arc<dyn Carrier>,
    holder: Uuid,
}

/// Why a pass did not come to its end.
enum Trouble {
    Store(StoreError),
    Carrier(CarrierError),
    /// Another process has the lease.
    Lost,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How far the outbox is known to be empty, since everything up to there was confirmed and
/// forgotten: no row is ever committed before a place that was passed. A pass goes on from there
/// instead of walking over what is deleted; after any trouble the next begins at the start.
#[derive(Clone, Copy, Default)]
struct Places {
    events: Position,
    work: Position,
}

/// What a pass knows.
#[derive(Default)]
struct Pass {
    /// Keys of events that were refused: the next of them must not go before.
    blocked: HashSet<(String, String)>,
    /// Why the first of them was.
    refused: Option<CarrierError>,
    /// What is left.
    left: Left,
}

/// What a pass leaves, and found.
#[derive(Clone, Copy, Default)]
struct Left {
    /// Whether there may be more rows than were read.
    more: bool,
    /// Whether there are rows that were not shown, as a transaction before theirs still runs.
    held_back: bool,
    /// Whether any rows were read.
    found: bool,
}

impl Relay {
    /// A relay that does nothing yet. `holder` names this process to the others of the service.
    #[must_use]
    pub fn new(component: Component, carrier: Arc<dyn Carrier>, holder: Uuid) -> Self {
        Self {
            component,
            carrier,
            holder,
        }
    }

    /// Carries what is in the outbox until the process stops.
    ///
    /// Dropping the future at any point loses nothing; what was on its way comes again.
    pub async fn run(self, stopping: watch::Receiver<bool>) {
        self.component.store.set_outbox_relayed(true);
        tokio::join!(self.carry(stopping.clone()), self.upkeep(stopping));
    }

    async fn carry(&self, mut stopping: watch::Receiver<bool>) {
        let settings = &self.component.settings;
        let mut backoff = Backoff::new(settings);
        let mut changes = self.component.store.outbox_changes();
        let mut held_back = HeldBack::new(&self.component.store, settings.outbox_poll);
        let (mut renewed, mut places) = (None, Places::default());
        while !*stopping.borrow() {
            changes.borrow_and_update();
            held_back.looking();
            let passed = self.pass(&mut renewed, places, &stopping).await;
            places = passed.as_ref().map_or(Places::default(), |passed| passed.0);
            match passed {
                Ok((_, left)) => {
                    backoff.reset();
                    held_back.looked(left.held_back, left.found);
                    if !left.more {
                        tokio::select! {
                            () = stopped(&mut stopping) => break,
                            _ = timeout(settings.outbox_poll, changes.changed()) => {}
                            () = held_back.may_be_shown() => {}
                        }
                    }
                }
                Err(Trouble::Lost) => {
                    renewed = None;
                    let _ = timeout(settings.lease / 10, stopped(&mut stopping)).await;
                }
                Err(trouble) => {
                    self.warn(&trouble);
                    backoff.wait(&mut stopping).await;
                }
            }
        }
        // If it fails, the lease expires.
        let _ = self.component.store.end_lease(LEASE, self.holder).await;
    }

    fn warn(&self, trouble: &Trouble) {
        let service = &*self.component.name;
        match trouble {
            Trouble::Store(error) => tracing::warn!(%error, service, "the relay's store failed"),
            Trouble::Carrier(error) => {
                tracing::warn!(%error, service, "the carrier failed");
                measure::carrier_failed(self.carrier.name());
            }
            Trouble::Lost => {}
        }
    }

    /// Measures the outbox now and then.
    async fn upkeep(&self, mut stopping: watch::Receiver<bool>) {
        let Component {
            store,
            clock,
            settings,
            ..
        } = &self.component;
        loop {
            if let Err(error) = measure::outbox(store, clock.now()).await {
                self.warn(&Trouble::Store(error));
            }
            if timeout(settings.upkeep, stopped(&mut stopping))
                .await
                .is_ok()
            {
                return;
            }
        }
    }

    /// Everything that is there, once; how far it came, and what is left.
    async fn pass(
        &self,
        renewed: &mut Option<Timestamp>,
        mut places: Places,
        stopping: &watch::Receiver<bool>,
    ) -> Result<(Places, Left), Trouble> {
        let mut pass = Pass::default();
        self.renew(renewed).await?;
        for _ in 0..PAGES_MAX {
            let page = self
                .component
                .store
                .outbox_events_page(None, places.events, ROWS_MAX)
                .await?;
            pass.left.held_back |= page.held_back;
            let page = page.rows;
            let Some((last, _)) = page.last() else { break };
            places.events = *last;
            pass.left.found = true;
            pass.left.more = may_go_on(&page, |event| &event.document);
            self.events(&page, &mut pass, renewed).await?;
            if !pass.left.more || *stopping.borrow() {
                break;
            }
        }
        self.work(&mut pass, &mut places.work, renewed).await?;
        self.delayed(&mut pass, renewed).await?;
        match pass.refused {
            Some(error) => Err(Trouble::Carrier(error)),
            None => Ok((places, pass.left)),
        }
    }

    /// Holds the lease for at least two more waves.
    async fn renew(&self, renewed: &mut Option<Timestamp>) -> Result<(), Trouble> {
        let Component {
            store,
            clock,
            settings,
            ..
        } = &self.component;
        let now = clock.now();
        let fresh = renewed
            .and_then(|at| now.since(at))
            .is_some_and(|age| age < settings.lease / 3);
        if fresh {
            return Ok(());
        }
        if !store.lease(LEASE, self.holder, now, settings.lease).await? {
            return Err(Trouble::Lost);
        }
        *renewed = Some(now);
        Ok(())
    }

    /// A page of events, in waves. What was confirmed is forgotten also when a later wave fails.
    async fn events(
        &self,
        page: &[(Position, Envelope)],
        pass: &mut Pass,
        renewed: &mut Option<Timestamp>,
    ) -> Result<(), Trouble> {
        let mut confirmed = Vec::with_capacity(page.len());
        let mut outcome = Ok(());
        for wave in waves(page) {
            let wave: Vec<_> = wave
                .into_iter()
                .filter(|(_, event)| pass.blocked.is_empty() || !pass.blocks(event))
                .collect();
            outcome = self.renew(renewed).await;
            if outcome.is_err() {
                break;
            }
            let parcels: Vec<Parcel> = wave.iter().map(|(_, event)| parcel(event)).collect();
            match self.publish(&parcels).await {
                Ok(refused) => {
                    for (place, (position, event)) in wave.into_iter().enumerate() {
                        match refused.places.contains(&place) {
                            false => confirmed.push(*position),
                            true => pass.block(event),
                        }
                    }
                    pass.refused = pass.refused.take().or(refused.error);
                }
                Err(error) => {
                    outcome = Err(Trouble::Carrier(error));
                    break;
                }
            }
        }
        if !confirmed.is_empty() {
            self.component.store.forget_events(&confirmed).await?;
        }
        outcome
    }

    /// All work that is due: each page is one wave, and refused rows do not hold back others.
    async fn work(
        &self,
        pass: &mut Pass,
        after: &mut Position,
        renewed: &mut Option<Timestamp>,
    ) -> Result<(), Trouble> {
        let store = &self.component.store;
        for _ in 0..PAGES_MAX {
            self.renew(renewed).await?;
            let page = store.outbox_work_page(None, *after, ROWS_MAX).await?;
            pass.left.held_back |= page.held_back;
            let page = page.rows;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            *after = *last;
            pass.left.found = true;
            let confirmed = self.sent(&page, pass).await?;
            if !confirmed.is_empty() {
                store.forget_work(&confirmed).await?;
            }
            if !may_go_on(&page, |work| &work.document) {
                return Ok(());
            }
        }
        pass.left.more = true;
        Ok(())
    }

    /// Work that is not due: the carrier keeps it meanwhile.
    async fn delayed(
        &self,
        pass: &mut Pass,
        renewed: &mut Option<Timestamp>,
    ) -> Result<(), Trouble> {
        let store = &self.component.store;
        let mut after = Position::default();
        for _ in 0..PAGES_MAX {
            self.renew(renewed).await?;
            let page = store.outbox_delayed(after, ROWS_MAX).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            let confirmed = self.sent(&page, pass).await?;
            if !confirmed.is_empty() {
                store.forget_delayed(&confirmed).await?;
            }
            if !may_go_on(&page, |work| &work.document) {
                return Ok(());
            }
        }
        pass.left.more = true;
        Ok(())
    }

    /// Publishes work in one wave; answers what was confirmed.
    async fn sent(
        &self,
        page: &[(Position, Work)],
        pass: &mut Pass,
    ) -> Result<Vec<Position>, Trouble> {
        let now = self.component.clock.now();
        let parcels: Vec<Parcel> = page.iter().map(|(_, work)| order(work, now)).collect();
        let refused = self.publish(&parcels).await.map_err(Trouble::Carrier)?;
        pass.refused = pass.refused.take().or(refused.error);
        let places = page.iter().enumerate();
        let confirmed = places.filter(|(place, _)| !refused.places.contains(place));
        Ok(confirmed.map(|(_, (position, _))| *position).collect())
    }

    /// Publishes a wave; answers which of it were refused.
    async fn publish(&self, parcels: &[Parcel]) -> Result<Refused, CarrierError> {
        if parcels.is_empty() {
            return Ok(Refused::default());
        }
        let wait = self.component.settings.publish_timeout;
        let published = timeout(wait, self.carrier.publish(parcels)).await;
        let late = || CarrierError::Unavailable {
            reason: "a wave was not confirmed in time".to_owned(),
        };
        let refused = match published.unwrap_or_else(|_| Err(late())) {
            Ok(()) => Refused::default(),
            Err(error) => match &error {
                CarrierError::Refused { refused, .. } => Refused {
                    places: refused.iter().copied().collect(),
                    error: Some(error),
                },
                _ => return Err(error),
            },
        };
        let confirmed = parcels.len().saturating_sub(refused.places.len());
        measure::published(&self.component.name).increment(confirmed as u64);
        Ok(refused)
    }
}

/// Which parcels of a wave were refused, and why.
#[derive(Default)]
struct Refused {
    places: HashSet<usize>,
    error: Option<CarrierError>,
}

impl Pass {
    fn blocks(&self, event: &Envelope) -> bool {
        self.blocked
            .contains(&(event.topic.clone(), event.key.clone()))
    }

    fn block(&mut self, event: &Envelope) {
        self.blocked
            .insert((event.topic.clone(), event.key.clone()));
    }
}

/// Whether there may be more behind a page: it ends with its rows, or with its bytes, of which
/// documents are most.
fn may_go_on<T>(page: &[(Position, T)], document: impl Fn(&T) -> &str) -> bool {
    let bytes: usize = page.iter().map(|(_, row)| document(row).len()).sum();
    page.len() == ROWS_MAX || bytes >= OUTBOX_PAGE_BYTES_MAX / 2
}

/// The first event of every key, then the second of each, and so on.
fn waves(page: &[(Position, Envelope)]) -> Vec<Vec<&(Position, Envelope)>> {
    let mut waves: Vec<Vec<&(Position, Envelope)>> = Vec::new();
    let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
    for row in page {
        let wave = seen.entry((&row.1.topic, &row.1.key)).or_default();
        if waves.len() == *wave {
            waves.push(Vec::new());
        }
        waves[*wave].push(row);
        *wave += 1;
    }
    waves
}

fn parcel(event: &Envelope) -> Parcel {
    Parcel {
        id: event.id,
        topic: event.topic.clone(),
        key: event.key.clone(),
        document: event.document.clone(),
        delay: std::time::Duration::ZERO,
    }
}

fn order(work: &Work, now: Timestamp) -> Parcel {
    Parcel {
        id: work.id,
        topic: work.topic.clone(),
        key: work.key.clone(),
        document: work.document.clone(),
        delay: work.due.since(now).unwrap_or_default(),
    }
}
