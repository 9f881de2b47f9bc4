//! Who of those that read an outbox is woken by a write to it: the readers of its topic, at once
//! and without the poll, and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use broker::{Carrier as _, Feed, Settings};
use testkit::{for_each_database, in_time};

use crate::rig::{self, Kind, Rig, stores};
use crate::toys::{self, ORDERS, TASKS};

/// Longer than any test waits, so that nothing is found by the poll.
const NEVER: Duration = Duration::from_secs(24 * 3_600);
/// Longer than it takes until the first look of the poll is due: it is due at once.
const FIRST_LOOK: Duration = Duration::from_millis(20);
/// More than there are, so that a reader knows when it has all.
const MANY: usize = 50;

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicU32);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Writes one message of a topic.
async fn add(rig: &Rig, topic: &str, number: u64) {
    match topic {
        ORDERS => rig.publish(&[("a", number)]).await,
        _ => rig.send(&[(number.into(), "task")]).await,
    }
}

/// The next messages, of which there is one.
async fn one(feed: &mut dyn Feed) {
    let came = in_time("who reads a topic hears of it", feed.next(MANY)).await;
    assert_eq!(came.unwrap().len(), 1);
}

/// Has a reader of one topic wait, and sees what wakes it.
async fn check(rig: &Rig, topic: &'static str, other: &'static str) {
    let embedded = rig.embedded.as_ref().unwrap();
    let subscribed = toys::topic(topic);
    let feed = embedded.subscribe("till", &subscribed).await;
    let mut feed = feed.unwrap();
    add(rig, topic, 1).await;
    one(&mut *feed).await;
    // Nothing is left to be looked at once the poll's first look is over, which is due when
    // somebody waits, and something is read that was written before.
    let waited = tokio::time::timeout(FIRST_LOOK, feed.next(MANY)).await;
    assert!(waited.is_err(), "all is read");
    add(rig, topic, 2).await;
    one(&mut *feed).await;

    let counter = Arc::new(Counter::default());
    let waker = Waker::from(counter.clone());
    let mut next = feed.next(MANY);
    let polled = next.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Pending), "all is read");
    add(rig, other, 1).await;
    let woken = || counter.0.load(Ordering::SeqCst);
    assert_eq!(woken(), 0, "{other} is nothing to who reads {topic}");
    add(rig, topic, 3).await;
    assert_eq!(woken(), 1, "who reads {topic} hears of it");
    let came = in_time("what was heard of is read", next).await;
    assert_eq!(came.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_wakes_those_who_read_its_topic_and_nobody_else() {
    for (topic, other) in [(ORDERS, TASKS), (TASKS, ORDERS)] {
        for_each_database(async |database| {
            let settings = Settings {
                outbox_poll: NEVER,
                ..rig::settings()
            };
            let stores = stores(&database).await;
            let rig = Rig::over(Kind::Embedded, stores, settings, "").await;
            check(&rig, topic, other).await;
        })
        .await;
    }
}
