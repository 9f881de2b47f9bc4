//! The relay by itself, in front of a shelf instead of a server: what it remembers between passes,
//! and what it does about rows that are held back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Carrier, CarrierError, Component, Feed, Future, Parcel, Relay, Settings, Topic};
use kit::time::{Clock as _, SystemClock};
use store::{Envelope, StoreError};
use testkit::{IN_TIME, TestDatabase, for_each_database, in_time};
use tokio::sync::watch;
use uuid::Uuid;

use crate::held_back::Holder;
use crate::rig::{self, stores};
use crate::toys::{self, ORDERS, TASKS};

/// Longer than any test waits, so that nothing is found by the poll.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

/// Takes what it is given, but for what it is told to refuse so many times.
#[derive(Default)]
struct Shelf {
    refused: Mutex<BTreeMap<Uuid, u32>>,
    taken: watch::Sender<Vec<Uuid>>,
}

impl Shelf {
    fn refuses(&self, id: Uuid) -> bool {
        let mut refused = self.refused.lock().unwrap();
        let left = refused.get_mut(&id).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    }

    async fn until(&self, wanted: &[u128]) {
        self.until_so(wanted, <[Uuid]>::to_vec).await;
    }

    /// In any order: events and work are read one after the other, and have none between them.
    async fn until_in_any_order(&self, wanted: &[u128]) {
        let sorted = |taken: &[Uuid]| {
            let mut taken = taken.to_vec();
            taken.sort_unstable();
            taken
        };
        self.until_so(wanted, sorted).await;
    }

    async fn until_so(&self, wanted: &[u128], seen: impl Fn(&[Uuid]) -> Vec<Uuid>) {
        let mut taken = self.taken.subscribe();
        let wanted: Vec<Uuid> = wanted.iter().map(|id| Uuid::from_u128(*id)).collect();
        let all = taken.wait_for(|taken| seen(taken) == wanted);
        if tokio::time::timeout(IN_TIME, all).await.is_err() {
            panic!("{:?} instead of {wanted:?}", *self.taken.borrow());
        }
    }
}

impl Carrier for Shelf {
    fn name(&self) -> &'static str {
        "shelf"
    }

    fn reads_outboxes(&self) -> bool {
        false
    }

    fn declare<'a>(&'a self, _: &'a [Topic]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async { Ok(()) })
    }

    fn publish<'a>(&'a self, parcels: &'a [Parcel]) -> Future<'a, Result<(), CarrierError>> {
        Box::pin(async move {
            let (mut refused, mut taken) = (Vec::new(), Vec::new());
            for (place, parcel) in parcels.iter().enumerate() {
                match self.refuses(parcel.id) {
                    true => refused.push(place),
                    false => taken.push(parcel.id),
                }
            }
            self.taken.send_modify(|all| all.extend(taken));
            let reason = "the test says so".to_owned();
            match refused.is_empty() {
                true => Ok(()),
                false => Err(CarrierError::Refused { refused, reason }),
            }
        })
    }

    fn subscribe<'a>(
        &'a self,
        _: &'a str,
        topic: &'a Topic,
    ) -> Future<'a, Result<Box<dyn Feed>, CarrierError>> {
        Box::pin(async {
            let topic = topic.name.clone();
            Err(CarrierError::UndeclaredTopic { topic })
        })
    }

    fn run(&self, _: watch::Receiver<bool>) -> Future<'_, ()> {
        Box::pin(async {})
    }
}

/// The shop with its relay and a shelf.
struct Shop {
    component: Component,
    shelf: Arc<Shelf>,
    stopping: watch::Sender<bool>,
}

impl Shop {
    async fn open(database: &TestDatabase, outbox_poll: Duration) -> Self {
        let [store, ..] = stores(database).await;
        let settings = Settings {
            outbox_poll,
            ..rig::settings()
        };
        let component = Component {
            name: store.service().into(),
            store,
            clock: Arc::new(SystemClock),
            settings: Arc::new(settings),
        };
        Self {
            component,
            shelf: Arc::default(),
            stopping: watch::Sender::new(false),
        }
    }

    fn refuse(&self, id: u128, times: u32) {
        let mut refused = self.shelf.refused.lock().unwrap();
        refused.insert(Uuid::from_u128(id), times);
    }

    /// Publishes an event of a key of its own, or sends work.
    async fn add(&self, id: u128, work: bool) {
        let now = SystemClock.now();
        let event = Envelope {
            id: Uuid::from_u128(id),
            ..toys::order(&format!("order-{id}"), 1, now)
                .envelope(ORDERS)
                .unwrap()
        };
        let asked = toys::task(id, "task", now).sending(TASKS, now, now);
        let asked = store::Work {
            id: Uuid::from_u128(id),
            ..asked.unwrap()
        };
        let adding = self.component.store.write(move |tx| match work {
            true => tx.send(&asked),
            false => tx.publish(&event),
        });
        let added: Result<(), StoreError> = in_time("a row is added", adding).await;
        added.unwrap();
    }

    fn relay(&self) -> tokio::task::JoinHandle<()> {
        let (component, shelf) = (self.component.clone(), self.shelf.clone());
        let relay = Relay::new(component, shelf, Uuid::from_u128(1));
        tokio::spawn(relay.run(self.stopping.subscribe()))
    }

    async fn stop(&self, relay: tokio::task::JoinHandle<()>) {
        self.stopping.send_replace(true);
        in_time("the relay stops", relay).await.unwrap();
        let depth = self.component.store.outbox_depth().await.unwrap();
        assert_eq!((depth.events, depth.work), (0, 0), "all is forgotten");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_stays_behind_the_remembered_place_and_is_carried_all_the_same() {
    for_each_database(async |database| {
        for work in [false, true] {
            let ids: [u128; 6] = if work {
                [11, 12, 13, 14, 15, 16]
            } else {
                [1, 2, 3, 4, 5, 6]
            };
            let [a, b, c, d, e, f] = ids;
            let shop = Shop::open(&database, rig::settings().outbox_poll).await;
            shop.refuse(a, 2);
            shop.refuse(e, 1);
            for id in [a, b] {
                shop.add(id, work).await;
            }
            let relay = shop.relay();
            shop.shelf.until(&[b, a]).await;
            // The place is behind these now; what comes is after it, until there is trouble again.
            for (id, until) in [(c, vec![b, a, c]), (d, vec![b, a, c, d])] {
                shop.add(id, work).await;
                shop.shelf.until(&until).await;
            }
            shop.add(e, work).await;
            shop.shelf.until(&[b, a, c, d, e]).await;
            shop.add(f, work).await;
            shop.shelf.until(&[b, a, c, d, e, f]).await;
            shop.stop(relay).await;
        }
    })
    .await;
}

/// On PostgreSQL only: on SQLite no two transactions are open at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_carries_what_was_held_back_without_waiting_for_the_poll() {
    for_each_database(async |database| {
        let Some(server) = database.postgres() else {
            return;
        };
        let shop = Shop::open(&database, NEVER).await;
        let relay = shop.relay();
        shop.add(1, false).await;
        shop.shelf.until(&[1]).await;
        let holder = Holder::of_this_process(&shop.component.store).await;
        shop.add(2, false).await;
        shop.add(3, true).await;
        holder.assert_holds(shop.shelf.taken.subscribe()).await;
        holder.let_go().await;
        shop.shelf.until_in_any_order(&[1, 2, 3]).await;
        let elsewhere = Holder::elsewhere(server);
        tokio::join!(elsewhere, async {
            shop.add(4, false).await;
            shop.add(5, true).await;
            shop.shelf.until_in_any_order(&[1, 2, 3, 4, 5]).await;
        });
        shop.stop(relay).await;
    })
    .await;
}
