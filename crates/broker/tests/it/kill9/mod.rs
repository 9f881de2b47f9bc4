//! Processes that publish, carry and consume, and servers that carry, killed without warning,
//! again and again.
//!
//! At the end a run in which nothing is killed must have handled every change that was kept: each
//! once, and each key's in their order. Time and again one key fails, so that kills also meet what
//! is parked.
//!
//! Each test kills a few times; `FLORIN_KILL9_RUNS=200` makes it so many on each carrier and
//! database (a server that is killed takes some ten seconds to come back):
//!
//! ```text
//! FLORIN_KILL9_RUNS=200 FLORIN_TEST_CARRIERS=required scripts/with-postgres \
//!     scripts/with-rabbitmq scripts/with-kafka cargo test --profile ci -p broker --test it -- \
//!     --nocapture kill9::
//! ```

mod processes;
mod server;
mod world;

use std::time::Duration;

use broker::Settings;
use kit::random::{Random, SystemRandom};
use kit::time::{Clock, SystemClock};

use crate::rig::{self, Rig};
use crate::toys::{self, ORDERS, TASKS};

/// Says how many times each test kills.
const RUNS: &str = "FLORIN_KILL9_RUNS";

/// The latest kill, in changes after the one before.
const CHANGES_MAX: u64 = 150;

/// After so many kills a test begins anew with empty tables: what a query of the toys answers is
/// bounded, and a third of it is made between so many kills.
const KILLS_OF_WORLD: u64 = 40;

/// The orders that are changed in turn.
const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// How many kills each world of a test sees: `usually` in all, or as many as the environment says.
fn kills(usually: u64) -> Vec<u64> {
    let said = std::env::var(RUNS).ok();
    let runs = said.map_or(usually, |said| said.parse().expect("a number of runs"));
    let whole = std::iter::repeat_n(
        KILLS_OF_WORLD,
        usize::try_from(runs / KILLS_OF_WORLD).unwrap(),
    );
    let rest = Some(runs % KILLS_OF_WORLD).filter(|rest| *rest > 0);
    whole.chain(rest).collect()
}

fn below(max: u64) -> u64 {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes);
    u64::from_le_bytes(bytes) % max
}

/// As other tests, but that a relay that was killed is soon followed by another.
fn settings() -> Settings {
    Settings {
        lease: Duration::from_secs(1),
        ..rig::settings()
    }
}

/// Waits until every change that was kept is handled, and checks each; answers how many.
async fn settle(rig: &mut Rig) -> i64 {
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
        let whole: Vec<i64> = (1..=*version).collect();
        assert_eq!(rig.versions(key).await, whole, "{key}");
    }
    let mut tasks: Vec<_> = toys::seen(&rig.till.store, TASKS).await;
    tasks.sort();
    tasks.dedup();
    let distinct = i64::try_from(tasks.len()).unwrap();
    assert_eq!(distinct, all, "each task once");
    assert_eq!(toys::seen_count(&rig.till.store, TASKS).await, all);
    all
}
