//! A batch of messages, each handled once: usually in one transaction.
//!
//! Promises: a transaction covers messages in the order they came, and ends before the first that
//! fails or with its being put aside; so every message runs at most twice more than it must,
//! however many fail, if the reaction says which did. Within it all are noted, then all that are
//! new are handled. What the store cannot do now is tried again until it can, with the batch
//! kept: giving it back to the carrier might reorder it.
//! Does not: acknowledge.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::dead_letters::{FAILURES, FailureKind};
use kit::time::Timestamp;
use store::{Delivery as Noted, Parked, Position, StoreError, Tx, inbox_remembers};
use tokio::sync::watch;

use super::Running;
use super::parked::{self, Standing};
use crate::carrier::{Delivery, Origin, Pattern};
use crate::failure::{self, Failed, report_id};
use crate::message::Message;
use crate::reaction::{Afterwards, Arrived, Cause, Stopped};
use crate::waiting::Backoff;

/// Messages that a feed answered, read.
pub(super) struct Batch {
    running: Arc<Running>,
    items: Vec<Item>,
}

struct Item {
    document: String,
    origin: Option<Origin>,
    content: Content,
}

enum Content {
    Event(Message, u64),
    Work(Message),
    Unreadable(Cause),
}

/// Which messages one transaction covers; if the last of them cannot be handled, why.
#[derive(Clone)]
struct Part {
    from: usize,
    to: usize,
    failing: Option<Cause>,
}

/// Why a transaction was undone, and at which message, if it was at one.
struct Undone {
    index: Option<usize>,
    why: Stopped,
}

impl Undone {
    fn at(index: usize, why: Stopped) -> Self {
        Self {
            index: Some(index),
            why,
        }
    }
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self {
            index: None,
            why: Stopped::of(error),
        }
    }
}

/// A message that may be new to the store.
struct Fresh<'a> {
    index: usize,
    item: &'a Item,
    message: &'a Message,
    note: Note<'a>,
    failing: Option<&'a Cause>,
}

/// How the inbox knows a message.
#[derive(Clone, Copy)]
enum Note<'a> {
    /// By its place, which the cursor has passed or not.
    Place,
    /// By its key and this version.
    Event(&'a str, u64),
    /// By its id.
    Work(&'a Message),
}

/// What became of the messages of a transaction.
#[derive(Default)]
struct Counts {
    handled: u64,
    repeated: u64,
    parked: u64,
    reported: u64,
}

impl Batch {
    /// Reads every document, once.
    pub(super) fn read(running: &Arc<Running>, deliveries: Vec<Delivery>) -> Self {
        let items = deliveries.into_iter().map(|delivery| {
            let content = match running.topic.pattern {
                Pattern::Events => Message::parse_event(&delivery.document)
                    .map(|(message, version)| Content::Event(message, version)),
                Pattern::Work if running.topic.name == FAILURES => {
                    Message::parse_report(&delivery.document).map(Content::Work)
                }
                Pattern::Work => Message::parse(&delivery.document).map(Content::Work),
            };
            Item {
                content: content.unwrap_or_else(|error| {
                    Content::Unreadable(failure::unreadable(&error.to_string()))
                }),
                document: delivery.document,
                origin: delivery.origin,
            }
        });
        Self {
            items: items.collect(),
            running: running.clone(),
        }
    }

    /// Handles all of it; `false` when the process stops before the store could.
    pub(super) async fn handle(self: &Arc<Self>, stopping: &mut watch::Receiver<bool>) -> bool {
        let mut backoff = Backoff::new(&self.running.component.settings);
        let mut part = self.rest(0);
        while part.from < self.items.len() {
            match self.transaction(part.clone()).await {
                Ok((counts, afterwards)) => {
                    backoff.reset();
                    afterwards.happen();
                    self.measure(&part, &counts);
                    part = self.rest(part.to);
                }
                Err(undone) => {
                    if let Some(next) = self.narrowed(&part, &undone) {
                        part = next;
                        continue;
                    }
                    self.warn(&undone.why);
                    if !backoff.wait(stopping).await {
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Everything from here on.
    fn rest(&self, from: usize) -> Part {
        Part {
            from,
            to: self.items.len(),
            failing: None,
        }
    }

    /// What to try after a transaction was undone; none to try the same again after a wait.
    fn narrowed(&self, part: &Part, undone: &Undone) -> Option<Part> {
        let Stopped::Refused(cause) = &undone.why else {
            return None;
        };
        let (from, failing) = (part.from, Some(cause.clone()));
        match undone.index {
            // To put it aside is refused too: the store must come round first.
            Some(index) if index + 1 == part.to && part.failing.is_some() => None,
            Some(index) => Some(Part {
                from,
                to: index + 1,
                failing,
            }),
            // Refused at the commit, by none in particular: it is in the first half or after it.
            None if part.to - from > 1 => Some(Part {
                from,
                to: from + (part.to - from) / 2,
                failing: None,
            }),
            None if part.failing.is_some() => None,
            None => Some(Part {
                from,
                to: part.to,
                failing,
            }),
        }
    }

    async fn transaction(self: &Arc<Self>, part: Part) -> Result<(Counts, Afterwards), Undone> {
        let batch = Arc::clone(self);
        let store = &self.running.component.store;
        store.write(move |tx| batch.run(tx, &part)).await
    }

    fn run(&self, tx: &mut Tx<'_>, part: &Part) -> Result<(Counts, Afterwards), Undone> {
        let mut pass = Pass::begin(&self.running, tx)?;
        let mut fresh = Vec::with_capacity(part.to - part.from);
        for (index, item) in self.items.iter().enumerate().take(part.to).skip(part.from) {
            let failing = part.failing.as_ref().filter(|_| index + 1 == part.to);
            let take = pass
                .take(item, failing)
                .map_err(|why| Undone::at(index, why))?;
            fresh.extend(take.map(|(message, note)| Fresh {
                index,
                item,
                message,
                note,
                failing,
            }));
        }
        let fresh = pass.note(fresh)?;
        let fresh = pass.put_aside(fresh)?;
        let afterwards = pass.react(&fresh)?;
        Ok((pass.end()?, afterwards))
    }

    fn measure(&self, part: &Part, counts: &Counts) {
        let meters = &self.running.meters;
        meters.handled.increment(counts.handled);
        meters.repeated.increment(counts.repeated);
        meters.parked.increment(counts.parked);
        meters.reported.increment(counts.reported);
        let now = self.running.component.clock.now();
        for item in &self.items[part.from..part.to] {
            if let Content::Event(message, _) | Content::Work(message) = &item.content {
                meters
                    .age
                    .record(now.since(message.time).unwrap_or_default());
            }
        }
    }

    fn warn(&self, why: &Stopped) {
        let topic = &self.running.topic.name;
        let consumer = &*self.running.component.name;
        match why {
            Stopped::Waiting(error) => {
                tracing::warn!(%error, topic, consumer, "the store must work to go on");
            }
            Stopped::Refused(cause) => tracing::error!(
                code = cause.code.name,
                reason = cause.reason,
                topic,
                consumer,
                "a message can neither be handled nor put aside"
            ),
        }
    }
}

/// One transaction over messages of a batch.
struct Pass<'a, 'tx> {
    running: &'a Running,
    tx: &'a mut Tx<'tx>,
    now: Timestamp,
    /// Whether any event of the topic is parked, so that keys must be asked about.
    any_parked: bool,
    /// Of each outbox read from: how far the store says, and how far this comes.
    cursors: BTreeMap<&'a str, (Position, Position)>,
    counts: Counts,
}

impl<'a, 'tx> Pass<'a, 'tx> {
    fn begin(running: &'a Running, tx: &'a mut Tx<'tx>) -> Result<Self, StoreError> {
        let any_parked = match running.topic.pattern {
            Pattern::Events => tx.parked_topic_count(&running.topic.name)? > 0,
            Pattern::Work => false,
        };
        Ok(Self {
            now: running.component.clock.now(),
            running,
            tx,
            any_parked,
            cursors: BTreeMap::new(),
            counts: Counts::default(),
        })
    }

    /// Keeps how far it came.
    fn end(self) -> Result<Counts, StoreError> {
        for (producer, (known, reached)) in self.cursors {
            if reached > known {
                self.tx
                    .set_cursor(producer, &self.running.topic.name, reached)?;
            }
        }
        Ok(self.counts)
    }

    /// Puts aside what cannot be read and work that fails; answers what else may be new.
    fn take(
        &mut self,
        item: &'a Item,
        failing: Option<&Cause>,
    ) -> Result<Option<(&'a Message, Note<'a>)>, Stopped> {
        if let Some(origin) = &item.origin
            && self.has_passed(origin).map_err(Stopped::of)?
        {
            self.counts.repeated += 1;
            return Ok(None);
        }
        let placed = item.origin.is_some();
        match (&item.content, failing) {
            (Content::Event(message, _), _) if placed => Ok(Some((message, Note::Place))),
            (Content::Event(message, version), _) => {
                Ok(Some((message, Note::Event(&message.subject, *version))))
            }
            (Content::Work(message), Some(cause)) => {
                let reported = self.report_work(item, message, cause);
                reported.map_err(Stopped::of).map(|()| None)
            }
            // A place in an outbox is passed once. What dead letters send again has a new place,
            // and may have been sent again twice.
            (Content::Work(message), None) if placed && message.attempt == 0 => {
                Ok(Some((message, Note::Place)))
            }
            (Content::Work(message), None) if inbox_remembers(message.time, self.now) => {
                Ok(Some((message, Note::Work(message))))
            }
            (Content::Work(_), None) => Err(Stopped::of(StoreError::WorkMustBeRecent)),
            (Content::Unreadable(cause), _) => {
                let reported = self.report_unreadable(item, cause);
                reported.map_err(Stopped::of).map(|()| None)
            }
        }
    }

    /// Notes all of them; answers those that are new.
    fn note<'b>(&mut self, fresh: Vec<Fresh<'b>>) -> Result<Vec<Fresh<'b>>, StoreError> {
        let (mut events, mut work) = (Vec::new(), Vec::new());
        for fresh in &fresh {
            match fresh.note {
                Note::Place => {}
                Note::Event(key, version) => events.push((key, version)),
                Note::Work(message) => work.push((message.id.uuid(), message.time)),
            }
        }
        let topic = &self.running.topic.name;
        // A topic is of events or of work, so one of the two is empty.
        let mut noted = Vec::new();
        if !events.is_empty() {
            noted = self.tx.note_events(topic, &events, self.now)?;
        }
        if !work.is_empty() {
            noted = self.tx.note_work_many(&work, self.now)?;
        }
        let all = fresh.len();
        let mut noted = noted.into_iter();
        let is_new = |fresh: &Fresh<'_>| match fresh.note {
            Note::Place => true,
            Note::Event(..) | Note::Work(_) => noted.next() == Some(Noted::First),
        };
        let fresh: Vec<_> = fresh.into_iter().filter(is_new).collect();
        self.counts.repeated += (all - fresh.len()) as u64;
        Ok(fresh)
    }

    /// Parks events of keys that are parked, and the one that fails; answers the others.
    fn put_aside<'b>(&mut self, fresh: Vec<Fresh<'b>>) -> Result<Vec<Fresh<'b>>, Undone> {
        if !self.any_parked && fresh.last().is_none_or(|last| last.failing.is_none()) {
            return Ok(fresh);
        }
        let mut left = Vec::with_capacity(fresh.len());
        for fresh in fresh {
            let aside = self.aside(&fresh).map_err(|error| {
                let why = Stopped::of(error);
                Undone::at(fresh.index, why)
            })?;
            if !aside {
                left.push(fresh);
            }
        }
        Ok(left)
    }

    /// Parks an event if that is its place; whether it was.
    fn aside(&mut self, fresh: &Fresh<'_>) -> Result<bool, StoreError> {
        let Fresh { item, message, .. } = *fresh;
        let topic = &self.running.topic.name;
        if self.any_parked && self.tx.is_parked(topic, &message.subject)? {
            self.park(item, message, Standing::behind(self.now))?;
            return Ok(true);
        }
        let Some(cause) = fresh.failing else {
            return Ok(false);
        };
        let failed = self.failed(item, cause);
        let standing = parked::climb(self.running, self.tx, message, &failed, 0)?;
        self.park(item, message, standing)?;
        Ok(true)
    }

    fn react(&mut self, fresh: &[Fresh<'_>]) -> Result<Afterwards, Undone> {
        let running = self.running;
        let arrived = fresh
            .iter()
            .map(|fresh| Arrived::of(&running.reaction, fresh.message));
        let arrived: Vec<_> = arrived.collect();
        let reacted = running.reaction.run(self.tx, &arrived);
        let afterwards = reacted.map_err(|(place, why)| Undone {
            index: place.and_then(|place| fresh.get(place)).map(|it| it.index),
            why,
        })?;
        self.counts.handled += arrived.len() as u64;
        Ok(afterwards)
    }

    /// Whether the cursor is already there; if not, it will be.
    fn has_passed(&mut self, origin: &'a Origin) -> Result<bool, StoreError> {
        let producer = origin.producer.as_str();
        if !self.cursors.contains_key(producer) {
            let known = self.tx.cursor(producer, &self.running.topic.name)?;
            self.cursors.insert(producer, (known, known));
        }
        let reached = &mut self
            .cursors
            .get_mut(producer)
            .expect("it was put in just above")
            .1;
        let passed = origin.position <= *reached;
        *reached = origin.position.max(*reached);
        Ok(passed)
    }

    fn park(
        &mut self,
        item: &Item,
        message: &Message,
        standing: Standing,
    ) -> Result<(), StoreError> {
        self.tx.park(&Parked {
            id: message.id.uuid(),
            topic: self.running.topic.name.clone(),
            key: message.subject.clone(),
            version: message.aggregateversion.unwrap_or_default(),
            document: item.document.clone(),
            created: message.time,
            parked_at: self.now,
            attempts: standing.attempts,
            due: standing.due,
            dead: standing.dead,
            error: standing.error,
        })?;
        self.any_parked = true;
        self.counts.parked += 1;
        Ok(())
    }

    /// Sends a report, once however often the message comes. The message's own id is not noted,
    /// as it comes again with the next attempt.
    fn report_work(
        &mut self,
        item: &Item,
        message: &Message,
        cause: &Cause,
    ) -> Result<(), StoreError> {
        let failed = self.failed(item, cause);
        let failure = failed.of(
            message,
            FailureKind::Work,
            message.attempt.saturating_add(1),
        );
        let id = message.id.uuid();
        self.report(id.as_bytes(), message.attempt, &failure)
    }

    fn report_unreadable(&mut self, item: &Item, cause: &Cause) -> Result<(), StoreError> {
        let failure = self.failed(item, cause).unreadable();
        self.report(item.document.as_bytes(), 0, &failure)
    }

    fn report(
        &mut self,
        what: &[u8],
        attempt: u32,
        failure: &contracts::dead_letters::Failure,
    ) -> Result<(), StoreError> {
        let id = report_id(&failure.consumer, &failure.topic, what, attempt);
        if self.tx.note_work(id.uuid(), self.now, self.now)? == Noted::Repeated {
            self.counts.repeated += 1;
            return Ok(());
        }
        self.counts.reported += 1;
        failure::send(self.tx, id, failure)
    }

    fn failed<'f>(&self, item: &'f Item, cause: &'f Cause) -> Failed<'f>
    where
        'a: 'f,
    {
        Failed {
            consumer: &self.running.component.name,
            topic: &self.running.topic.name,
            document: &item.document,
            cause,
            now: self.now,
        }
    }
}
