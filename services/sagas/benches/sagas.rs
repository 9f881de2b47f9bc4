//! How many five-step sagas a second end, how long each takes and what it costs: at 1, 32, 128 and
//! 1,000 at once, on SQLite and on PostgreSQL, over every carrier that is there, all components in
//! one process and each in a process of its own.
//!
//! `make bench` runs it with the servers. A saga counts from before its start is written until it
//! is seen ended; it is looked every millisecond or every few. At the end of each form every saga
//! that was started must have ended well, and each of its five steps must be in the tables of its
//! participant, once. Rates are of this machine and this hour; what can be compared are the shares
//! of one run.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::{Carrying, Messages};
use kit::random::SystemRandom;
use kit::time::{Clock as _, SystemClock, Timestamp};
use mimalloc::MiMalloc;
use saga::{Catalogue, Definition, SagaId};
use sagas::{Deps, service};
use store::{Database, PostgresLogin};
use testkit::carriers::{Kind, kinds, namespace};
use testkit::sagas::{Build, Crowd, Databases, Engine, Part, Totals, databases};
use testkit::{TestDatabase, for_each_database};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// As of the binary.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Sagas of one measurement; `FLORIN_BENCH_SAGAS` sets another number.
const SAGAS: usize = 10_000;
/// Sagas of the measurement of one after the other, at most.
const ALONE: usize = 300;
/// How many run at once.
const AT_ONCE: [usize; 4] = [1, 32, 128, 1_000];
/// Sagas that end before anything is measured: statements are prepared, files have grown.
const FIRST: usize = 200;
/// How far back it is looked which have ended: longer than a commit usually takes to be seen.
const BACK: Duration = Duration::from_millis(50);
/// How far back it is looked now and then, for a commit that took longer.
const BACK_FAR: Duration = Duration::from_secs(30);
/// How often a command is sent again: not before a busy machine has answered.
const PATIENT: &str = "first_ms = 30_000, factor = 1, max = 3, cap_ms = 30_000";
/// Steps of each saga, and where it ends.
const STEPS: u64 = 5;
const LAST_STATE: &str = "DELIVERED";

/// The component that a process is, if it is not the whole; where its tables are; its carrier.
const ROLE: &str = "FLORIN_BENCH_ROLE";
const ADDRESS: &str = "FLORIN_BENCH_ADDRESS";
const NAMESPACE: &str = "FLORIN_BENCH_NAMESPACE";
const CARRIER: &str = "FLORIN_BENCH_CARRIER";
/// Only forms whose names contain this are measured.
const ONLY: &str = "FLORIN_BENCH_ONLY";

const BUILD: Build = |engine: Engine| {
    Box::pin(async move {
        let service = service(Deps {
            store: engine.store,
            clock: engine.clock,
            ids: engine.ids,
            definitions: engine.definitions,
            topics: engine.edges.publishes,
            kept_days: Deps::KEPT_DAYS,
        });
        let service = service.await.expect("every definition is there");
        service.edges(engine.edges)
    })
};

/// Sagas that run, each with who waits for it.
type Waiting = Arc<Mutex<HashMap<SagaId, oneshot::Sender<()>>>>;

#[tokio::main]
async fn main() {
    if let Ok(role) = std::env::var(ROLE) {
        return be(role).await;
    }
    let wanted = std::env::var("FLORIN_BENCH_SAGAS");
    let wanted = wanted.map_or(SAGAS, |text| text.parse().expect("a number of sagas"));
    println!(
        "form                       at once  sagas/s   p50 us   p99 us  \
         cpu us  writer us  server us  commits/100  undone/100"
    );
    for kind in kinds() {
        let stores = Arc::new(Mutex::new(["sqlite", "postgres"].into_iter()));
        for_each_database(async |database| {
            let store = lock(&stores).next().unwrap_or("");
            let carrier = format!("{kind:?}").to_lowercase();
            // A file belongs to one process, which needs no server to carry messages.
            if kind != Kind::Embedded && store == "sqlite" {
                return;
            }
            let name = format!("{carrier} {store} together");
            measure(&database, (kind, Part::All), &name, wanted).await;
        })
        .await;
        if kind != Kind::Embedded {
            let stores = Arc::new(Mutex::new(["sqlite", "postgres"].into_iter()));
            for_each_database(async |database| {
                if lock(&stores).next() == Some("postgres") {
                    let name = format!("{kind:?} postgres apart").to_lowercase();
                    let starter = Part::One(shipment().starter().to_owned());
                    measure(&database, (kind, starter), &name, wanted).await;
                }
            })
            .await;
        }
    }
}

/// Measures one form: this process is that part, others are the rest.
async fn measure(database: &TestDatabase, (kind, part): (Kind, Part), name: &str, wanted: usize) {
    if std::env::var(ONLY).is_ok_and(|only| !name.contains(&only)) {
        return;
    }
    let namespace = namespace();
    let tables = databases(database, &shipment()).await;
    let others = others(database, kind, &part, &namespace).await;
    let made = (shipment(), BUILD);
    let crowd = Crowd::open(&tables, made, &part, messages(kind, &namespace)).await;
    let crowd = Arc::new(crowd);
    let mut started = FIRST.min(wanted);
    run(&crowd, started, 32).await;
    analyze(database).await;
    for at_once in AT_ONCE {
        let count = if at_once == 1 {
            ALONE.min(wanted)
        } else {
            wanted.max(at_once)
        };
        let before = Used::now(database, &crowd, &others).await;
        let began = SystemClock.now();
        let mut times = run(&crowd, count, at_once).await;
        let elapsed = since(began).as_micros().max(1);
        let used = Used::now(database, &crowd, &others).await;
        started += count;
        times.sort_unstable();
        let (p50, p99) = (times[count / 2], times[count * 99 / 100]);
        let rate = count as u128 * 1_000_000 / elapsed;
        let per = |after: u64, before: u64, of: usize| (after - before) / of.max(1) as u64;
        println!(
            "{name:<26} {at_once:>7} {rate:>8} {p50:>8} {p99:>8} {:>7} {:>10} {:>10} {:>12} {:>11}",
            per(used.own_us, before.own_us, count),
            per(used.writer_us, before.writer_us, count),
            per(used.server_us, before.server_us, count),
            per(used.commits * 100, before.commits * 100, count),
            per(used.undone * 100, before.undone * 100, count),
        );
    }
    verify(&crowd, started as u64).await;
    drop(others);
    if let Ok(crowd) = Arc::try_unwrap(crowd) {
        crowd.stop().await;
    }
}

/// What the server does by itself within minutes: without it, it plans for empty tables.
async fn analyze(database: &TestDatabase) {
    if let Some(server) = database.postgres() {
        server.run_as_migrator("ANALYZE").await;
    }
}

/// Every saga ended well, and did each of its steps once.
async fn verify(crowd: &Crowd, sagas: u64) {
    let expected = Totals {
        ended: sagas,
        done: sagas * STEPS,
        steps: sagas * STEPS,
    };
    assert_eq!(crowd.totals(LAST_STATE).await, expected);
}

fn messages(kind: Kind, namespace: &str) -> Messages {
    let settings = broker::Settings::default();
    let carrier = kind.carrier(namespace, &settings.ladder);
    Messages {
        carrying: carrier.map_or(Carrying::Embedded, Carrying::Server),
        settings: Arc::new(settings),
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
    // Of many, each look finds many.
    let every = Duration::from_millis(if at_once == 1 { 1 } else { 10 });
    let mut looking = tokio::time::interval(every);
    looking.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut times = Vec::with_capacity(count);
    let (mut newest, mut looks) = (SystemClock.now(), 0_u32);
    while times.len() < count {
        tokio::select! {
            _ = looking.tick() => {
                looks += 1;
                let back = if looks.is_multiple_of(200) { BACK_FAR } else { BACK };
                newest = newest.max(look(crowd, &waiting, before(newest, back)).await);
            }
            Some(done) = workers.join_next() => times.extend(done.expect("a worker ends")),
        }
    }
    times
}

/// Tells those whose sagas have ended; answers when the newest of them did.
async fn look(crowd: &Crowd, waiting: &Waiting, back: Timestamp) -> Timestamp {
    let ended = crowd.ended(back).await;
    let mut waiting = lock(waiting);
    for (id, _) in &ended {
        if let Some(ended) = waiting.remove(id) {
            // Its worker waits for it, unless the whole run is over.
            let _ = ended.send(());
        }
    }
    ended.last().map_or(back, |(_, at)| *at)
}

/// Processes beside this one. They end when they are dropped.
struct Others(Vec<Child>);

impl Drop for Others {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It stops when nobody writes to it any more; what is measured is over, so at once.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a process for each component that is not this one's.
async fn others(database: &TestDatabase, kind: Kind, part: &Part, namespace: &str) -> Others {
    let mut others = Others(Vec::new());
    let (Part::One(own), Some(server)) = (part, database.postgres()) else {
        return others;
    };
    let definition = shipment();
    let components = definition.receivers().into_iter().chain(["sagas"]);
    for component in components.filter(|name| name != own) {
        let child = Command::new(std::env::current_exe().expect("this process has a file"))
            .env(ROLE, component)
            .env(ADDRESS, server.login_url(component).await)
            .env(NAMESPACE, namespace)
            .env(CARRIER, format!("{kind:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.expect("this process can be started again");
        let output = child.stdout.take().expect("its output is a pipe");
        others.0.push(child);
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        read.expect("it says that it has started");
        assert_eq!(line.trim(), "started", "{component}");
    }
    others
}

/// Is one component until nobody writes to this process any more.
async fn be(role: String) {
    let named = |variable| std::env::var(variable).expect("whoever starts it says so");
    let login = PostgresLogin::new(&named(ADDRESS), Arc::new(SystemRandom));
    let tables = Databases::from([(role.clone(), Database::Postgres(login))]);
    let kind = kinds().into_iter();
    let kind = kind
        .into_iter()
        .find(|kind| format!("{kind:?}") == named(CARRIER));
    let kind = kind.expect("a carrier that is there");
    let messages = messages(kind, &named(NAMESPACE));
    let crowd = Crowd::open(&tables, (shipment(), BUILD), &Part::One(role), messages).await;
    println!("started");
    let until = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    let _ = until.await;
    crowd.stop().await;
}

/// What was used so far.
struct Used {
    /// Of the processors, by this process and the others.
    own_us: u64,
    /// By the thread that writes to the file of SQLite: there is one, and it bounds the rate.
    writer_us: u64,
    /// By the PostgreSQL server.
    server_us: u64,
    commits: u64,
    undone: u64,
}

impl Used {
    async fn now(database: &TestDatabase, crowd: &Crowd, others: &Others) -> Self {
        let own = others.0.iter().map(Child::id).chain([std::process::id()]);
        let own_us = own.map(|id| processor_us(id, false)).sum();
        let (commits, undone) = match database.sqlite() {
            Some((file, _)) => (file.counts().commits, 0),
            None => crowd.transactions().await,
        };
        Self {
            own_us,
            writer_us: writer_us(),
            server_us: server_us(),
            commits,
            undone,
        }
    }
}

/// What a process has used, with its children that ended if they are asked for. Linux only.
fn processor_us(process: u32, with_ended: bool) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    ticks_us(&text, with_ended)
}

/// What this process's thread that writes to a file of SQLite has used.
fn writer_us() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    let texts = threads.flatten().map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("stat"));
        text.unwrap_or_default()
    });
    // The system keeps fifteen bytes of a thread's name.
    let writers = texts.filter(|text| text.contains("(florin-store-wr)"));
    writers.map(|text| ticks_us(&text, false)).sum()
}

/// What the line of a process or a thread says that it has used.
fn ticks_us(stat: &str, with_ended: bool) -> u64 {
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return 0;
    };
    // The fields after the name: state is 3 of proc(5), utime 14, stime 15, cutime 16, cstime 17.
    let places = if with_ended { 11..15 } else { 11..13 };
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = fields.get(places).unwrap_or_default().iter();
    // A hundred ticks a second, on every Linux there is.
    ticks
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum::<u64>()
        * 10_000
}

/// What the PostgreSQL server has used: the process that listens on its port, and its children.
fn server_us() -> u64 {
    let address = std::env::var("FLORIN_TEST_POSTGRES").unwrap_or_default();
    let port = address
        .rsplit_once(':')
        .and_then(|(_, rest)| rest.split_once('/'));
    let Some((port, _)) = port else { return 0 };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    let is_server = |process: &&u32| {
        let line = std::fs::read_to_string(format!("/proc/{process}/cmdline"));
        line.is_ok_and(|line| line.contains("postgres") && line.contains(&format!("-p\0{port}\0")))
    };
    let Some(server) = numbers.iter().find(is_server) else {
        return 0;
    };
    let is_child = |process: &&u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1));
        parent == Some(&server.to_string())
    };
    let children = numbers.iter().filter(is_child);
    children
        .map(|child| processor_us(*child, false))
        .sum::<u64>()
        + processor_us(*server, true)
}

fn shipment() -> Definition {
    let text = include_str!("../tests/it/definitions/shipment.toml");
    // What is slow here is load, and asking again would be more of it.
    let text = text.replace("deadline_ms = 10_000", "deadline_ms = 120_000");
    let text = text.replace("deadline_ms = 20_000", "deadline_ms = 120_000");
    let text = text.replace(
        "first_ms = 100, factor = 2, max = 3, cap_ms = 1_000",
        PATIENT,
    );
    assert!(text.contains(PATIENT));
    Definition::load(&text, &catalogue()).expect("it is a definition")
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

fn before(time: Timestamp, back: Duration) -> Timestamp {
    time.checked_sub(back).unwrap_or(Timestamp::MIN)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
