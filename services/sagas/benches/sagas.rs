//! How many five-step sagas a second end, and how long each takes: at 1, 32, 128 and 1,000 at once,
//! embedded, on SQLite and on PostgreSQL, in one process.
//!
//! `make bench` runs it. A saga counts from before its start is written until it is seen ended; it
//! is looked every millisecond. Rates are of this machine and this hour.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::Messages;
use kit::time::{Clock as _, SystemClock, Timestamp};
use saga::{Catalogue, Definition, SagaId};
use sagas::{Deps, service};
use testkit::sagas::{Build, Crowd, Engine};
use testkit::{TestDatabase, for_each_database};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Sagas of one measurement; `FLORIN_BENCH_SAGAS` sets another number.
const SAGAS: usize = 4_000;
/// Sagas of the measurement of one after the other.
const ALONE: usize = 300;
/// How many run at once.
const AT_ONCE: [usize; 4] = [1, 32, 128, 1_000];
/// How often it is looked which have ended.
const LOOK: Duration = Duration::from_millis(1);
/// How far back it is looked: longer than a transaction takes to be seen.
const BACK: Duration = Duration::from_millis(500);

const BUILD: Build = |engine: Engine| {
    Box::pin(async move {
        let service = service(Deps {
            store: engine.store,
            clock: engine.clock,
            ids: engine.ids,
            definitions: engine.definitions,
            topics: engine.edges.publishes,
        });
        let service = service.await.expect("every definition is there");
        service.edges(engine.edges)
    })
};

/// Sagas that run, each with who waits for it.
type Waiting = Arc<Mutex<HashMap<SagaId, oneshot::Sender<()>>>>;

#[tokio::main]
async fn main() {
    let sagas = std::env::var("FLORIN_BENCH_SAGAS");
    let sagas = sagas.map_or(SAGAS, |text| text.parse().expect("a number of sagas"));
    println!("store      at once   sagas/s    p50 us    p99 us");
    let names = Arc::new(Mutex::new(["sqlite", "postgres"].into_iter()));
    for_each_database(async |database| {
        let name = lock(&names).next().unwrap_or("");
        measure(&database, name, sagas).await;
    })
    .await;
}

async fn measure(database: &TestDatabase, name: &str, sagas: usize) {
    let crowd = Crowd::open(database, shipment(), BUILD, Messages::default()).await;
    let crowd = Arc::new(crowd);
    for at_once in AT_ONCE {
        let count = if at_once == 1 { ALONE } else { sagas };
        let started = SystemClock.now();
        let mut times = run(&crowd, count, at_once).await;
        let elapsed = since(started).as_micros().max(1);
        times.sort_unstable();
        let (p50, p99) = (times[count / 2], times[count * 99 / 100]);
        let rate = count as u128 * 1_000_000 / elapsed;
        println!("{name:<10} {at_once:>7} {rate:>9} {p50:>9} {p99:>9}");
    }
}

/// Runs so many sagas, so many at once; answers the microseconds of each.
async fn run(crowd: &Arc<Crowd>, count: usize, at_once: usize) -> Vec<u128> {
    let waiting = Waiting::default();
    let mut workers = JoinSet::new();
    for worker in 0..at_once {
        let (crowd, waiting) = (crowd.clone(), waiting.clone());
        let own = (worker..count).step_by(at_once).count();
        workers.spawn(async move {
            let mut times = Vec::with_capacity(own);
            for _ in 0..own {
                let started = SystemClock.now();
                let (ended, end) = oneshot::channel();
                let id = crowd.start().await;
                lock(&waiting).insert(id, ended);
                end.await.expect("it is looked until all have ended");
                times.push(since(started).as_micros());
            }
            times
        });
    }
    let mut looking = tokio::time::interval(LOOK);
    let mut times = Vec::with_capacity(count);
    while times.len() < count {
        tokio::select! {
            _ = looking.tick() => look(crowd, &waiting).await,
            Some(done) = workers.join_next() => times.extend(done.expect("a worker ends")),
        }
    }
    times
}

/// Moves the process's clock on, and tells those whose sagas have ended.
async fn look(crowd: &Crowd, waiting: &Waiting) {
    let now = SystemClock.now();
    let clock = &crowd.app.world.clock;
    clock.set(clock.now().max(now));
    let back = now.checked_sub(BACK).unwrap_or(Timestamp::MIN);
    for id in crowd.ended(back).await {
        if let Some(ended) = lock(waiting).remove(&id) {
            // Its worker waits for it, unless the whole run is over.
            let _ = ended.send(());
        }
    }
}

fn shipment() -> Definition {
    let text = include_str!("../tests/it/definitions/shipment.toml");
    Definition::load(text, &catalogue()).expect("it is a definition")
}

/// What the participants of that definition take and send.
fn catalogue() -> Catalogue {
    let reserves = ["GOODS_RESERVED", "GOODS_MISSING", "GOODS_RELEASED"];
    let paid = [
        "CHARGED",
        "CARD_REFUSED",
        "REFUNDED",
        "PAID_OUT",
        "PAYOUT_REFUSED",
    ];
    let books = ["CARRIER_BOOKED", "CARRIER_FULL", "CARRIER_CANCELLED"];
    Catalogue::new()
        .with("shop", &[], &["ORDERED"])
        .with("stock", &["RESERVE_GOODS", "RELEASE_GOODS"], &reserves)
        .with("till", &["CHARGE", "REFUND", "PAY_OUT"], &paid)
        .with("carrier", &["BOOK_CARRIER", "CANCEL_CARRIER"], &books)
        .with("office", &["INVOICE"], &["INVOICED"])
}

fn since(started: Timestamp) -> Duration {
    SystemClock.now().since(started).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
