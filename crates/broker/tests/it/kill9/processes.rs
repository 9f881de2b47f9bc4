//! Killed: one process that does everything; the relays' and the consumers', one at a time.

use kit::time::{Clock, SystemClock};

use super::world::{Other, Part, World, live_if_asked};
use super::{CHANGES_MAX, KEYS, below, kills, settle};
use crate::rig::{self, Kind};
use crate::servers;
use crate::toys::{self, ORDERS};

/// How many times a process is killed on each carrier and database, unless told otherwise.
const KILLS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_no_message_and_handles_none_twice() {
    live_if_asked().await;
    let test = "kill9::processes::a_killed_process_loses_no_message_and_handles_none_twice";
    for kind in rig::kinds() {
        let _server = servers::together(kind).await;
        for kills in kills(KILLS) {
            for world in [World::on_sqlite(kind), World::on_postgres(kind).await] {
                for run in 0..kills {
                    let mut other = world.start(test, Part::Everything, run);
                    for _ in 0..=below(CHANGES_MAX) {
                        other.wait_for("made");
                    }
                }
                let mut rig = world.rig().await;
                rig.start();
                let all = settle(&mut rig).await;
                let database = world.database();
                println!("{kind:?}, {database}: {kills} kills, {all} changes handled once");
            }
        }
    }
}

/// On a server only: the embedded carrier and its consumers are one process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_or_a_consumer_killed_alone_loses_no_message_and_handles_none_twice() {
    live_if_asked().await;
    let test = "kill9::processes::\
                a_relay_or_a_consumer_killed_alone_loses_no_message_and_handles_none_twice";
    for kind in rig::kinds() {
        if kind == Kind::Embedded {
            continue;
        }
        let _server = servers::together(kind).await;
        for kills in kills(KILLS) {
            let world = World::on_postgres(kind).await;
            // Publishes, and at the end carries and consumes what is left.
            let mut rig = world.rig().await;
            let parts = [Part::Relay, Part::Consumer];
            let mut others: Vec<Other> = parts.map(|part| world.start(test, part, 0)).into();
            let mut keys = KEYS.into_iter().cycle();
            let (mut made, mut under_way) = (0, [0; 2]);
            for run in 0..kills {
                for key in keys.by_ref().take(1 + below(CHANGES_MAX) as usize) {
                    toys::make(&rig.shop.store, key, SystemClock.now()).await;
                    made += 1;
                }
                let victim = usize::try_from(run % 2).unwrap();
                drop(others.remove(victim));
                let seen = toys::seen_count(&rig.till.store, ORDERS).await;
                under_way[victim] += u64::from(seen < made);
                others.insert(victim, world.start(test, parts[victim], run));
            }
            drop(others);
            rig.start();
            let all = settle(&mut rig).await;
            println!(
                "{kind:?}: {kills} kills, of them with changes under way {under_way:?} (relay, \
                 consumer), {all} changes handled once"
            );
        }
    }
}
