//! A carrier in memory that does to messages what a test asks for.
//!
//! Promises: like a server it outlives the processes that use it; what was published and confirmed
//! is delivered until it is acknowledged, one message at a time, unless the fault says otherwise.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker::{Carrier, CarrierError, Delivery, Feed, Future, Message, Parcel, Topic};
use contracts::dead_letters::FAILURES;
use kit::id::IdSource;
use saga::wire::{Asked, EVENTS, Said};
use tokio::sync::{Notify, watch};

use super::Fault;

/// The carrier. Clones are the same.
#[derive(Clone)]
pub(super) struct Post {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Told whenever anything changes.
    changed: Notify,
    ids: IdSource,
    /// The events that answer compensations.
    undone: BTreeSet<String>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    queues: BTreeMap<String, VecDeque<String>>,
    /// Messages that wait for [`Post::release`], with their topics.
    held: Vec<(String, String)>,
    /// Messages that were delivered and not acknowledged.
    in_hand: u32,
    /// Feeds there are.
    feeds: u32,
    published: u32,
    delivered: u32,
    /// After how many deliveries there are no more.
    pause: Option<u32>,
    /// Whether the process is to be killed.
    kill: bool,
    /// Commands whose late messages are no longer held.
    released: bool,
    failures: Vec<String>,
}

impl Post {
    pub(super) fn new(ids: IdSource, undone: BTreeSet<String>) -> Self {
        let shared = Shared {
            state: Mutex::default(),
            changed: Notify::new(),
            ids,
            undone,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.lock());
        self.shared.changed.notify_waiters();
        done
    }

    /// Begins to count, and to do what the fault says.
    pub(super) fn begin(&self, fault: &Fault) {
        self.change(|state| {
            let feeds = state.feeds;
            *state = State {
                fault: Some(fault.clone()),
                pause: fault.pause(),
                feeds,
                ..State::default()
            };
        });
    }

    /// Waits until something changes.
    pub(super) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// If nothing is on its way that may arrive now: how many messages were published and
    /// delivered. The same twice means that nothing moved in between.
    pub(super) fn idle(&self) -> Option<(u32, u32)> {
        let state = self.lock();
        let waiting = state.queues.values().any(|queue| !queue.is_empty());
        let idle = state.in_hand == 0 && (!waiting || state.is_paused());
        idle.then_some((state.published, state.delivered))
    }

    /// Whether the process is to be killed; once.
    pub(super) fn take_kill(&self) -> bool {
        self.change(|state| std::mem::take(&mut state.kill))
    }

    /// The same, and it stays so.
    pub(super) fn wants_kill(&self) -> bool {
        self.lock().kill
    }

    /// How many feeds there are: none after a process has ended.
    pub(super) fn feeds(&self) -> u32 {
        self.lock().feeds
    }

    /// How many messages were delivered.
    pub(super) fn delivered(&self) -> u32 {
        self.lock().delivered
    }

    /// What was reported as failed.
    pub(super) fn failures(&self) -> Vec<String> {
        self.lock().failures.clone()
    }

    /// Lets go what was held back; says whether anything was.
    pub(super) fn release(&self) -> bool {
        self.change(|state| {
            let held = std::mem::take(&mut state.held);
            let any = !held.is_empty() || state.pause.is_some();
            (state.pause, state.released) = (None, true);
            for (topic, document) in held {
                state.queues.entry(topic).or_default().push_back(document);
            }
            any
        })
    }

    /// Takes a message in, and does to it what the fault says.
    fn take(&self, state: &mut State, parcel: &Parcel) {
        let (topic, document) = (parcel.topic.clone(), parcel.document.clone());
        if topic == FAILURES {
            state.failures.push(document);
            return;
        }
        state.published += 1;
        let number = state.published;
        let fault = state.fault.clone().unwrap_or(Fault::None);
        let message = Message::parse(&document).expect("what is published is a message");
        if self.is_late(&fault, &topic, &message) && !state.released {
            state.held.push((topic, document));
            return;
        }
        if fault == Fault::Lose(number) {
            return;
        }
        state.kill |= fault == Fault::KillPublished(number);
        let queue = state.queues.entry(topic).or_default();
        queue.push_back(document.clone());
        if fault == Fault::Repeat {
            queue.push_back(document);
            let again = Message {
                id: self.shared.ids.next(),
                ..message
            };
            queue.push_back(again.document());
        }
    }

    /// The next message of a topic, with its number, if one may be delivered.
    fn deliver(&self, topic: &str) -> Option<(u32, String)> {
        // Whoever waits is told of what may be delivered, not of who has looked.
        let mut state = self.lock();
        if state.is_paused() || state.kill {
            return None;
        }
        let reverse = state.fault == Some(Fault::Reverse);
        let queue = state.queues.get_mut(topic)?;
        let document = if reverse {
            queue.pop_back()
        } else {
            queue.pop_front()
        }?;
        state.delivered += 1;
        state.in_hand += 1;
        Some((state.delivered, document))
    }

    /// Whether a message is one that the fault holds back.
    fn is_late(&self, fault: &Fault, topic: &str, message: &Message) -> bool {
        let of = |step: &str, command: &str| step.split_once('.').map(|it| it.1) == Some(command);
        match fault {
            Fault::LateCommand(command) if topic != EVENTS => message
                .data::<Asked>()
                .is_ok_and(|asked| asked.undo.is_none() && of(&asked.step, command)),
            Fault::LateAnswer(command) if topic == EVENTS => {
                let step = message.data::<Said>().ok().and_then(|said| said.step);
                let late = step.is_some_and(|step| of(&step, command));
                // The answer to a compensation is another.
                late && !self.shared.undone.contains(&message.kind)
            }
            _ => false,
        }
    }

    fn fault(&self) -> Fault {
        self.lock().fault.clone().unwrap_or(Fault::None)
    }

    /// Has the process killed, which ends the caller here.
    async fn die(&self) {
        self.change(|state| state.kill = true);
        pending::<()>().await;
    }
}

impl State {
    fn is_paused(&self) -> bool {
        self.pause.is_some_and(|pause| self.delivered >= pause)
    }
}

impl Carrier for Post {
    fn name(&self) -> &'static str {
        "post"
    }

    fn reads_outboxes(&self) -> bool {
        false
    }

    fn declare<'a>(&'a self, _: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }

    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async move {
            let dies = self.change(|state| {
                for parcel in parcels {
                    self.take(state, parcel);
                }
                state.kill
            });
            if dies {
                pending::<()>().await;
            }
            Ok(())
        })
    }

    fn subscribe<'a>(
        &'a self,
        _: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        Box::pin(async move {
            self.change(|state| state.feeds += 1);
            let slot = Slot {
                post: self.clone(),
                topic: topic.name.clone(),
                in_hand: None,
            };
            Ok(Box::new(slot) as Box<dyn Feed>)
        })
    }

    fn run(&self, _: watch::Receiver<bool>) -> Future<'_, ()> {
        Box::pin(async {})
    }
}

/// What one consumer receives.
struct Slot {
    post: Post,
    topic: String,
    in_hand: Option<(u32, String)>,
}

impl Slot {
    /// Puts back what is not acknowledged.
    fn put_back(&mut self) {
        let Some((_, document)) = self.in_hand.take() else {
            return;
        };
        let topic = self.topic.clone();
        self.post.change(|state| {
            state.in_hand -= 1;
            state.queues.entry(topic).or_default().push_front(document);
        });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.put_back();
        self.post.change(|state| state.feeds -= 1);
    }
}

impl Feed for Slot {
    fn next(&mut self, _: usize) -> Future<'_, Result<Vec<Delivery>, CarrierError>> {
        Box::pin(async move {
            loop {
                let shared = self.post.shared.clone();
                let mut changed = std::pin::pin!(shared.changed.notified());
                changed.as_mut().enable();
                if let Some((number, document)) = self.post.deliver(&self.topic) {
                    self.in_hand = Some((number, document.clone()));
                    if self.post.fault() == Fault::KillBefore(number) {
                        self.post.die().await;
                    }
                    let origin = None;
                    return Ok(vec![Delivery { document, origin }]);
                }
                changed.await;
            }
        })
    }

    fn acknowledge(&mut self) -> Future<'_, Result<(), CarrierError>> {
        Box::pin(async move {
            let number = self.in_hand.as_ref().map_or(0, |(number, _)| *number);
            let fault = self.post.fault();
            if fault == Fault::KillAfter(number) {
                self.post.die().await;
            }
            if fault == Fault::Break(number) {
                self.put_back();
                let reason = "the test took it back".to_owned();
                return Err(CarrierError::Unavailable { reason });
            }
            self.in_hand = None;
            self.post.change(|state| state.in_hand -= 1);
            Ok(())
        })
    }
}
