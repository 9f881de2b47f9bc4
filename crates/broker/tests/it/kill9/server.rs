//! Killed: the carrier's server, in the middle of the whole path.

use std::sync::Arc;

use broker::SHARDS;
use kit::time::{Clock, SystemClock};
use store::Store;
use testkit::for_each_database;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{CHANGES_MAX, KEYS, below, kills, settings, settle};
use crate::hurt::{self, control};
use crate::rig::{self, Kind, Rig};
use crate::servers::DELAYS_MS;
use crate::toys::{self, ORDERS};

/// How many times a server is killed on each database, unless told otherwise.
const KILLS: u64 = 2;

/// How many changes may be made beyond what a test waits for: what there is to do when the server
/// dies.
const AHEAD: u64 = 200;

/// Makes changes as fast as it can, as far as it may.
struct Maker {
    made: watch::Receiver<u64>,
    allowed: Arc<watch::Sender<u64>>,
    task: JoinHandle<()>,
}

impl Maker {
    fn start(store: Store) -> Self {
        let allowed = Arc::new(watch::Sender::new(0));
        let mut may = allowed.subscribe();
        let (count, made) = watch::channel(0);
        let task = tokio::spawn(async move {
            for (number, key) in (1..).zip(KEYS.into_iter().cycle()) {
                if may.wait_for(|allowed| *allowed >= number).await.is_err() {
                    return;
                }
                toys::make(&store, key, SystemClock.now()).await;
                count.send_replace(number);
            }
        });
        Self {
            made,
            allowed,
            task,
        }
    }

    /// Waits for so many changes, and lets more be made.
    async fn make(&mut self, changes: u64) {
        let until = *self.made.borrow() + changes;
        let ahead = until + AHEAD;
        self.allowed
            .send_modify(|allowed| *allowed = ahead.max(*allowed));
        let made = self.made.wait_for(|made| *made >= until).await;
        made.expect("changes can be made whatever happens to the server");
    }

    async fn stop(self) {
        drop(self.allowed);
        self.task.await.expect("every change could be made");
    }
}

/// RabbitMQ lists a new queue on disk only after a while: see `docs/operations/rabbitmq.md`.
async fn wait_for_queues(kind: Kind, namespace: &str) {
    if kind != Kind::RabbitMq {
        return;
    }
    for topic in toys::topics() {
        let name = format!("{namespace}.{}", topic.name);
        let queues: Vec<String> = match topic.pattern {
            broker::Pattern::Events => {
                let consumers = topic.consumers.iter();
                let queues = consumers
                    .flat_map(|consumer| (0..SHARDS).map(move |shard| (consumer.clone(), shard)));
                queues
                    .map(|(consumer, shard)| format!("{name}.{consumer}.{shard}"))
                    .collect()
            }
            broker::Pattern::Work => {
                let delays = DELAYS_MS.map(|delay| format!("{name}.delay.{delay}"));
                delays.into_iter().chain([name]).collect()
            }
        };
        for queue in queues {
            control(kind, &["settle", &queue]).await;
        }
    }
}

async fn kill_and_start(kind: Kind, rig: &Rig, maker: &mut Maker) -> bool {
    maker.make(1 + below(CHANGES_MAX)).await;
    let seen = toys::seen_count(&rig.till.store, ORDERS).await;
    control(kind, &["kill"]).await;
    let under_way = seen < i64::try_from(*maker.made.borrow()).unwrap();
    // Nobody who publishes has to wait for the server.
    maker.make(1 + below(CHANGES_MAX)).await;
    control(kind, &["start"]).await;
    // The path goes on by itself, with what is made meanwhile.
    let seen = toys::seen_count(&rig.till.store, ORDERS).await;
    maker.make(1).await;
    rig.until_seen(ORDERS, seen + 1).await;
    under_way
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_no_message_and_has_none_handled_twice() {
    for kind in rig::kinds() {
        if kind == Kind::Embedded {
            continue;
        }
        for kills in kills(KILLS) {
            for_each_database(async |database| {
                let _server = hurt::alone(kind).await;
                let namespace = rig::namespace();
                let stores = rig::stores(&database).await;
                let mut rig = Rig::over(kind, stores, settings(), &namespace).await;
                wait_for_queues(kind, &namespace).await;
                rig.start();
                let mut maker = Maker::start(rig.shop.store.clone());
                let mut under_way = 0;
                for run in 0..kills {
                    match run % 2 {
                        0 => rig.mood.heal(),
                        _ => rig.mood.refuse("c"),
                    }
                    under_way += u64::from(kill_and_start(kind, &rig, &mut maker).await);
                }
                maker.stop().await;
                rig.mood.heal();
                let all = settle(&mut rig).await;
                println!(
                    "{kind:?}: {kills} kills, {under_way} with changes under way, {all} changes \
                     handled once"
                );
            })
            .await;
        }
    }
}
