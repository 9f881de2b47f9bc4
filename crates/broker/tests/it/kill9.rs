//! A process that publishes, carries and consumes, killed without warning, again and again.
//!
//! The test starts itself again as the other process, on the same SQLite file (and the same server
//! of a carrier), kills it after a number of changes nobody chose, and starts the next on what the
//! kill left. At the end a run that is not killed must have handled every change that was kept:
//! each once, and each key's in their order. In every other run one key fails, so that kills also
//! meet what is parked.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kit::random::{Random, SystemRandom};
use kit::time::{Clock, SystemClock};
use store::{Database, SqliteFile};

use crate::rig::{self, Kind, Rig};
use crate::toys::{self, ORDERS, TASKS};

/// Names the folder of the database to the other process, and makes it the other process.
const FOLDER: &str = "FLORIN_TEST_OTHER_PROCESS";
/// The names of its topics, its carrier, and which run this is.
const NAMESPACE: &str = "FLORIN_TEST_OTHER_NAMESPACE";
const CARRIER: &str = "FLORIN_TEST_OTHER_CARRIER";
const RUN: &str = "FLORIN_TEST_OTHER_RUN";

/// How many times it is killed on each carrier.
const RUNS: u64 = 8;

/// The latest kill, in changes after the start.
const CHANGES_MAX: u64 = 150;

/// The orders it changes in turn.
const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn below(max: u64) -> u64 {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    u64::from_le_bytes(bytes) % max
}

async fn open(folder: &Path, kind: Kind, namespace: &str) -> (SqliteFile, Rig) {
    let file = SqliteFile::open(&folder.join("florin.db")).await.unwrap();
    let database = Database::Sqlite(file.clone());
    let rig = Rig::on_file(kind, &database, rig::settings(), namespace).await;
    (file, rig)
}

/// Publishes, carries and consumes until it is killed.
async fn live(folder: PathBuf) {
    let named = |variable| std::env::var(variable).unwrap();
    let carrier = named(CARRIER);
    let kinds = rig::kinds().into_iter();
    let kind = kinds
        .into_iter()
        .find(|kind| format!("{kind:?}") == carrier)
        .unwrap();
    let (_file, mut rig) = open(&folder, kind, &named(NAMESPACE)).await;
    if named(RUN).parse::<u64>().unwrap() % 2 == 1 {
        rig.mood.refuse("c");
    }
    rig.start();
    for key in KEYS.into_iter().cycle() {
        let version = toys::make(&rig.shop.store, key, SystemClock.now()).await;
        println!("made {key} {version}");
    }
}

/// Starts the other process and kills it after some changes.
fn run_until_killed(test: &str, folder: &Path, kind: Kind, namespace: &str, run: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(NAMESPACE, namespace)
        .env(CARRIER, format!("{kind:?}"))
        .env(RUN, run.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let kill_after = 1 + below(CHANGES_MAX);
    let mut made = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        made += u64::from(line.unwrap().starts_with("made "));
        if made == kill_after {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(
        made >= kill_after,
        "it ended by itself in run {run} after {made} changes"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_no_message_and_handles_none_twice() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        live(folder.into()).await;
    }
    let test = "kill9::a_killed_process_loses_no_message_and_handles_none_twice";
    for kind in rig::kinds() {
        let folder = tempfile::tempdir().unwrap();
        let namespace = rig::namespace();
        for run in 0..RUNS {
            run_until_killed(test, folder.path(), kind, &namespace, run);
        }
        let (_file, mut rig) = open(folder.path(), kind, &namespace).await;
        rig.start();
        settle(&mut rig).await;
        println!("{kind:?}: {RUNS} kills, none lost, none doubled");
    }
}

/// Waits until every change that was kept is handled, and checks each.
async fn settle(rig: &mut Rig) {
    let made = toys::made(&rig.shop.store).await;
    let all: i64 = made.iter().map(|(_, version)| version).sum();
    rig.until("every change", async || {
        let keys = KEYS.map(str::to_owned).to_vec();
        toys::revive(&rig.till.store, keys, SystemClock.now()).await;
        toys::seen_count(&rig.till.store, ORDERS).await >= all
    })
    .await;
    rig.until_seen(TASKS, all).await;
    rig.stop().await;
    for (key, version) in &made {
        assert_eq!(
            rig.versions(key).await,
            (1..=*version).collect::<Vec<_>>(),
            "{key}"
        );
    }
    let mut tasks: Vec<_> = toys::seen(&rig.till.store, TASKS).await;
    tasks.sort();
    tasks.dedup();
    assert_eq!(
        tasks.len(),
        usize::try_from(all).unwrap(),
        "each task once, of {all}"
    );
    assert_eq!(toys::seen_count(&rig.till.store, TASKS).await, all);
}
