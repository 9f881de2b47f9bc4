//! A batch of messages, each handled once: usually in one transaction.
//!
//! Promises: a transaction covers messages in the order they came, and ends before the first that
//! fails or with its being put aside; so every message runs at most twice more than it must,
//! however many fail, if the reaction says which did. Within it all are noted, then all that are
//! new are handled. What the store cannot do now is tried again until it can, with the batch
//! kept: giving it back to the carrier might reorder it.
//! Does not: acknowledge.

use std::sync::Arc;

use contracts::dead_letters::FAILURES;
use store::{StoreError, Tx};
use tokio::sync::watch;

use super::Running;
use super::pass::{Counts, Fresh, Pass};
use crate::carrier::{Delivery, Origin, Pattern};
use crate::failure;
use crate::message::Message;
use crate::reaction::{Afterwards, Cause, ReactionError, Reading, Stopped};
use crate::waiting::Backoff;

/// Messages that a feed answered, read.
pub(super) struct Batch {
    running: Arc<Running>,
    items: Vec<Item>,
}

/// One of them.
pub(super) struct Item {
    pub(super) document: String,
    pub(super) origin: Option<Origin>,
    pub(super) content: Content,
    /// What the reaction reads of it before the transaction; none if it is no message.
    pub(super) reading: Option<Reading>,
}

/// What its document says.
pub(super) enum Content {
    Event(Message, u64),
    Work(Message),
    Unreadable(Cause),
}

impl Content {
    fn message(&self) -> Option<&Message> {
        match self {
            Self::Event(message, _) | Self::Work(message) => Some(message),
            Self::Unreadable(_) => None,
        }
    }
}

/// Which messages one transaction covers; if the last of them cannot be handled, why.
#[derive(Clone)]
struct Part {
    from: usize,
    to: usize,
    failing: Option<Cause>,
}

/// Why a transaction was undone, and at which message, if it was at one.
pub(super) struct Undone {
    pub(super) index: Option<usize>,
    pub(super) why: Stopped,
}

impl Undone {
    pub(super) fn at(index: usize, why: Stopped) -> Self {
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

impl Batch {
    /// Reads every document, and what it says, once.
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
            let content = content.unwrap_or_else(|error| {
                Content::Unreadable(failure::unreadable(&error.to_string()))
            });
            Item {
                reading: content.message().map(|it| running.reaction.read(it)),
                content,
                document: delivery.document,
                origin: delivery.origin,
            }
        });
        Self {
            items: items.collect(),
            running: running.clone(),
        }
    }

    /// How many messages it has.
    pub(super) fn len(&self) -> usize {
        self.items.len()
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
        let from = part.from;
        let cause = match &undone.why {
            Stopped::Refused(cause) => cause,
            // Only what is behind it waits.
            Stopped::Waiting(ReactionError::Wait { .. }) => {
                let to = undone.index.filter(|index| *index > from)?;
                return Some(Part {
                    from,
                    to,
                    failing: None,
                });
            }
            Stopped::Waiting(_) => return None,
        };
        let failing = Some(cause.clone());
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
        let first = self.items.get(part.from);
        let mut pass = Pass::begin(
            &self.running,
            tx,
            first.and_then(|item| item.origin.as_ref()),
        )?;
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
            if let Some(message) = item.content.message() {
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
                tracing::warn!(%error, topic, consumer, "this must pass before it goes on");
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
