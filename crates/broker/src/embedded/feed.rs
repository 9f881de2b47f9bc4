//! What one consumer reads of one topic: the outboxes of all who publish it.
//!
//! Promises: an outbox is read when somebody wrote to it of this topic, when what was held back
//! there may be shown, and at the latest with the poll, as other processes do not say that they
//! wrote; so what is written of other topics reads nothing here.
//! Does not: keep how far its consumer has come.

use std::time::Duration;

use store::{Position, Store, StoreError};
use tokio::sync::watch;
use tokio::time::Interval;

use super::failed;
use crate::carrier::{CarrierError, Delivery, Feed, Future, Origin, Pattern, Topic};
use crate::waiting::HeldBack;

/// After so many reads all outboxes are looked at though there was no time to wait for the poll:
/// what other processes publish is behind so many batches of this one's at most.
const READS_MAX: u32 = 16;

/// What one consumer reads of one topic.
pub(super) struct Outboxes {
    outboxes: Vec<Outbox>,
    topic: String,
    pattern: Pattern,
    poll: Interval,
    held_back: HeldBack,
    /// Reads since all outboxes were looked at.
    reads: u32,
}

/// One of them.
pub(super) struct Outbox {
    producer: String,
    store: Store,
    changes: watch::Receiver<u64>,
    read_to: Position,
    /// Whether there may be rows now.
    due: bool,
    /// Whether there are rows that were not shown.
    held_back: bool,
}

/// What was read of an outbox.
struct Found {
    documents: Vec<(Position, String)>,
    held_back: bool,
}

impl Outboxes {
    pub(super) fn new(
        outboxes: Vec<Outbox>,
        topic: &Topic,
        poll: Duration,
        held_back: HeldBack,
    ) -> Self {
        let mut poll = tokio::time::interval(poll);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self {
            outboxes,
            topic: topic.name.clone(),
            pattern: topic.pattern,
            poll,
            held_back,
            reads: 0,
        }
    }

    /// What is there now, of one outbox after the other, `max` at most.
    async fn read(&mut self, max: usize) -> Result<Vec<Delivery>, CarrierError> {
        let mut deliveries = Vec::new();
        let mut reached = Vec::new();
        self.reads += 1;
        if self.reads == READS_MAX {
            self.look_at_all();
        }
        // Before the reads, so that what ends after them is heard of.
        self.held_back.looking();
        for outbox in &mut self.outboxes {
            let room = max - deliveries.len();
            if room == 0 || !outbox.is_due() {
                reached.push(None);
                continue;
            }
            let found = outbox.read(&self.topic, self.pattern, room);
            let found = found.await.map_err(failed)?;
            let last = found.documents.last().map(|(position, _)| *position);
            reached.push(Some((found.documents.len() == room, found.held_back, last)));
            let producer = &outbox.producer;
            deliveries.extend(found.documents.into_iter().map(|(position, document)| {
                let producer = producer.clone();
                let origin = Some(Origin { producer, position });
                Delivery { document, origin }
            }));
        }
        // Nothing is awaited from here on, so a future that is dropped has passed nothing.
        for (outbox, reached) in self.outboxes.iter_mut().zip(reached) {
            if let Some((full, held_back, last)) = reached {
                outbox.due = full;
                outbox.held_back = held_back;
                outbox.read_to = last.unwrap_or(outbox.read_to);
            }
        }
        let held_back = self.outboxes.iter().any(|outbox| outbox.held_back);
        self.held_back.looked(held_back, !deliveries.is_empty());
        // The one that was read first had all the room; next time another has.
        if self.outboxes.len() > 1 {
            self.outboxes.rotate_left(1);
        }
        Ok(deliveries)
    }

    fn look_at_all(&mut self) {
        self.reads = 0;
        for outbox in &mut self.outboxes {
            outbox.due = true;
        }
    }

    /// Waits for a commit to any of the outboxes, or the end of what holds its rows back, but not
    /// for long: another process does not say when it is done.
    async fn changed(&mut self) {
        tokio::select! {
            biased;
            _ = self.poll.tick() => self.look_at_all(),
            () = any_changes(&mut self.outboxes) => {}
            () = self.held_back.may_be_shown() => {
                for outbox in &mut self.outboxes {
                    outbox.due |= outbox.held_back;
                }
            }
        }
    }
}

/// Waits until any of these has changed; each that has is due.
async fn any_changes(outboxes: &mut [Outbox]) {
    let changes = outboxes
        .iter_mut()
        .map(|outbox| (Box::pin(outbox.changes.changed()), &mut outbox.due));
    let mut changes: Vec<_> = changes.collect();
    std::future::poll_fn(|context| {
        use std::future::Future as _;
        let mut any = std::task::Poll::Pending;
        for (change, due) in &mut changes {
            if !**due && change.as_mut().poll(context).is_ready() {
                **due = true;
                any = std::task::Poll::Ready(());
            }
        }
        any
    })
    .await;
}

impl Outbox {
    pub(super) fn new(producer: String, store: Store, topic: &str, read_to: Position) -> Self {
        Self {
            changes: store.outbox_changes_of(topic),
            producer,
            store,
            read_to,
            due: true,
            held_back: false,
        }
    }

    /// Whether there may be rows now.
    fn is_due(&mut self) -> bool {
        // Before the read, so that what is committed after it is a change again.
        if self.changes.has_changed().unwrap_or(false) {
            self.changes.borrow_and_update();
            self.due = true;
        }
        self.due
    }

    async fn read(
        &self,
        topic: &str,
        pattern: Pattern,
        rows_max: usize,
    ) -> Result<Found, StoreError> {
        let (store, after) = (&self.store, self.read_to);
        Ok(match pattern {
            Pattern::Events => {
                let page = store
                    .outbox_events_page(Some(topic), after, rows_max)
                    .await?;
                let rows = page.rows.into_iter();
                Found {
                    documents: rows.map(|(at, event)| (at, event.document)).collect(),
                    held_back: page.held_back,
                }
            }
            Pattern::Work => {
                let page = store.outbox_work_page(Some(topic), after, rows_max).await?;
                let rows = page.rows.into_iter();
                Found {
                    documents: rows.map(|(at, work)| (at, work.document)).collect(),
                    held_back: page.held_back,
                }
            }
        })
    }
}

impl Feed for Outboxes {
    fn next(&mut self, max: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>> {
        Box::pin(async move {
            loop {
                let deliveries = self.read(max).await?;
                if !deliveries.is_empty() {
                    return Ok(deliveries);
                }
                self.changed().await;
            }
        })
    }

    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }

    fn reads_ahead(&self) -> bool {
        true
    }
}
