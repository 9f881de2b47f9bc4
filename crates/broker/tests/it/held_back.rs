//! Rows that are committed and not shown, as an older transaction still runs: on PostgreSQL they
//! are carried when it ends, not when somebody looks by the clock.

use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use broker::Settings;
use store::{Statement, Store, StoreError};
use testkit::postgres::PrivateDatabase;
use testkit::{for_each_database, in_time};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::rig::{self, Kind, Rig, stores};
use crate::toys::ORDERS;

/// Longer than any test waits, so that nothing is found by the poll.
const NEVER: Duration = Duration::from_secs(24 * 3_600);
/// For how long it is watched that nothing comes: many times what it takes to come.
const WATCHED: Duration = Duration::from_millis(100);

/// Gives the transaction a number, from which on it holds others back.
const NUMBER: Statement = Statement {
    name: "number",
    sql: "SELECT pg_current_xact_id()::text",
};

/// A transaction that has a number and is open.
pub struct Holder {
    go: Sender<()>,
    held: JoinHandle<Result<(), StoreError>>,
}

impl Holder {
    /// One of this process, of any service.
    pub async fn of_this_process(store: &Store) -> Self {
        let (wrote, written) = oneshot::channel();
        let (go, may_go) = channel::<()>();
        let ends = Mutex::new(Some((wrote, may_go)));
        let store = store.clone();
        let held = tokio::spawn(async move {
            let held = store.write(move |tx| {
                tx.query(&NUMBER, &[])?;
                let ends = ends.lock().unwrap().take();
                if let Some((wrote, may_go)) = ends {
                    wrote.send(()).unwrap();
                    may_go.recv().unwrap();
                }
                Ok(())
            });
            held.await
        });
        let written = in_time("a transaction has its number", written).await;
        written.unwrap();
        Self { go, held }
    }

    /// One of nobody here, which ends by itself after a while.
    pub async fn elsewhere(server: &PrivateDatabase) {
        let sql = "SELECT pg_current_xact_id(); SELECT pg_sleep(0.2)";
        server.run_as_migrator(sql).await;
    }

    /// While it is open nothing is seen to change.
    pub async fn assert_holds<T>(&self, mut changes: watch::Receiver<T>) {
        changes.mark_unchanged();
        let changed = tokio::time::timeout(WATCHED, changes.changed()).await;
        assert!(changed.is_err(), "an older transaction is open");
    }

    pub async fn let_go(self) {
        self.go.send(()).unwrap();
        let held = in_time("what may commit commits", self.held).await;
        held.unwrap().unwrap();
    }
}

/// On PostgreSQL only: on SQLite no two transactions are open at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_gets_what_was_held_back_without_waiting_for_the_poll() {
    for_each_database(async |database| {
        let Some(server) = database.postgres() else {
            return;
        };
        let settings = Settings {
            outbox_poll: NEVER,
            ..rig::settings()
        };
        let stores = stores(&database).await;
        let mut rig = Rig::over(Kind::Embedded, stores, settings, "").await;
        rig.start();
        // The very first: its consumer has read nothing yet.
        let holder = Holder::of_this_process(&rig.letters.store).await;
        let publishing = rig.publish(&[("a", 1)]);
        in_time("an event is published beside the holder", publishing).await;
        holder.assert_holds(rig.mood.runs.subscribe()).await;
        holder.let_go().await;
        let seen = rig.until_seen(ORDERS, 1);
        in_time("what a transaction here held back is seen", seen).await;
        let both = async {
            tokio::join!(Holder::elsewhere(server), async {
                rig.publish(&[("a", 2)]).await;
                rig.until_seen(ORDERS, 2).await;
            })
        };
        in_time("what a transaction elsewhere held back is seen", both).await;
        in_time("everything stops", rig.stop()).await;
    })
    .await;
}
