//! One transaction over messages of a batch: what is known of them, what they do, what is kept.
//!
//! Promises: what it asks does not grow with the number of messages, unless some are put aside; on
//! PostgreSQL a batch of events from an outbox is one question, the reaction's own, and a commit
//! that takes the cursor and all that was published along.
//! Does not: begin again; see [`super::batch`].

use std::collections::BTreeMap;

use contracts::dead_letters::FailureKind;
use kit::time::Timestamp;
use store::{Delivery as Noted, Parked, Position, StoreError, Tx, inbox_remembers};

use super::Running;
use super::batch::{Content, Item, Undone};
use super::parked::{self, Standing};
use crate::carrier::{Origin, Pattern};
use crate::failure::{self, Failed, report_id};
use crate::message::Message;
use crate::reaction::{Afterwards, Cause, Handed, Stopped};

/// A message that may be new to the store.
pub(super) struct Fresh<'a> {
    pub(super) index: usize,
    pub(super) item: &'a Item,
    pub(super) message: &'a Message,
    pub(super) note: Note<'a>,
    pub(super) failing: Option<&'a Cause>,
}

/// How the inbox knows a message.
#[derive(Clone, Copy)]
pub(super) enum Note<'a> {
    /// By its place, which the cursor has passed or not.
    Place,
    /// By its key and this version.
    Event(&'a str, u64),
    /// By its id.
    Work(&'a Message),
}

/// What became of the messages of a transaction.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) handled: u64,
    pub(super) repeated: u64,
    pub(super) parked: u64,
    pub(super) reported: u64,
}

/// One transaction over messages of a batch.
pub(super) struct Pass<'a, 'tx> {
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
    /// Asks what it must know of every batch: whether events are parked, and how far the outbox
    /// of the first message is known, if that is where it comes from.
    pub(super) fn begin(
        running: &'a Running,
        tx: &'a mut Tx<'tx>,
        origin: Option<&'a Origin>,
    ) -> Result<Self, StoreError> {
        let topic = &running.topic.name;
        let mut cursors = BTreeMap::new();
        let parked = match (running.topic.pattern, origin) {
            (Pattern::Work, _) => 0,
            (Pattern::Events, None) => tx.parked_topic_count(topic)?,
            (Pattern::Events, Some(origin)) => {
                let (known, parked) = tx.cursor_and_parked(&origin.producer, topic)?;
                cursors.insert(origin.producer.as_str(), (known, known));
                parked
            }
        };
        Ok(Self {
            now: running.component.clock.now(),
            running,
            tx,
            any_parked: parked > 0,
            cursors,
            counts: Counts::default(),
        })
    }

    /// Keeps how far it came.
    pub(super) fn end(self) -> Result<Counts, StoreError> {
        for (producer, (known, reached)) in self.cursors {
            if reached > known {
                self.tx
                    .set_cursor(producer, &self.running.topic.name, reached)?;
            }
        }
        Ok(self.counts)
    }

    /// Puts aside what cannot be read and work that fails; answers what else may be new.
    pub(super) fn take(
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
    pub(super) fn note<'b>(&mut self, fresh: Vec<Fresh<'b>>) -> Result<Vec<Fresh<'b>>, StoreError> {
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
    pub(super) fn put_aside<'b>(
        &mut self,
        fresh: Vec<Fresh<'b>>,
    ) -> Result<Vec<Fresh<'b>>, Undone> {
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

    pub(super) fn react(&mut self, fresh: &[Fresh<'_>]) -> Result<Afterwards, Undone> {
        let running = self.running;
        let handed = fresh.iter().map(|fresh| {
            let reading = fresh.item.reading.as_ref();
            let reading = reading.expect("what is fresh is a message, and was read");
            Handed::of(&running.reaction, fresh.message, reading)
        });
        let handed: Vec<_> = handed.collect();
        let reacted = running.reaction.run(self.tx, &handed);
        let afterwards = reacted.map_err(|(place, why)| Undone {
            index: place.and_then(|place| fresh.get(place)).map(|it| it.index),
            why,
        })?;
        self.counts.handled += handed.len() as u64;
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
