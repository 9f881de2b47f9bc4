//! SQLite's writer: many closures, one commit.

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use store::{Database, GROUP_CLOSURES_MAX, SqliteFile, Store, StoreError};
use tokio::task::JoinHandle;

use crate::fixture::{ADD, NOTES, add, ids};

async fn open(folder: &Path) -> (SqliteFile, Store) {
    let file = SqliteFile::open(&folder.join("florin.db")).await.unwrap();
    let store = Store::open(&Database::Sqlite(file.clone()), &NOTES, &[])
        .await
        .unwrap();
    (file, store)
}

/// Keeps the writer busy until the sender is used: what is written meanwhile waits in the queue.
fn hold_writer(store: &Store) -> (Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (release, held) = channel();
    let (store, held) = (store.clone(), Mutex::new(held));
    let task = tokio::spawn(async move {
        store
            .write(move |_| {
                held.lock().unwrap().recv().unwrap();
                Ok(())
            })
            .await
    });
    (release, task)
}

/// Lets so many tasks run up to their wait for a reply: on a runtime of one thread, each pause of
/// this one lets at least one of them run.
async fn let_wait(tasks: usize) {
    for _ in 0..=tasks {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn closures_that_wait_share_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = open(folder.path()).await;
    let check = async |closures: usize, first: i64, commits: u64| {
        let before = file.counts();
        let (release, held) = hold_writer(&store);
        let tasks: Vec<_> = (first..)
            .take(closures)
            .map(|id| {
                let store = store.clone();
                tokio::spawn(async move { add(&store, id).await })
            })
            .collect();
        let_wait(closures + 1).await;
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let after = file.counts();
        assert_eq!(after.closures - before.closures, closures as u64 + 1);
        assert_eq!(
            after.commits - before.commits,
            commits,
            "{closures} closures"
        );
    };
    check(200, 0, 1).await;
    check(GROUP_CLOSURES_MAX - 1, 1_000, 1).await;
    check(GROUP_CLOSURES_MAX, 2_000, 2).await;
    check(3 * GROUP_CLOSURES_MAX, 3_000, 4).await;
    assert_eq!(ids(&store).await.len(), 200 + 5 * GROUP_CLOSURES_MAX - 1);
}

#[tokio::test]
async fn one_that_fails_takes_nothing_of_its_group_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = open(folder.path()).await;
    let before = file.counts().commits;
    let (release, held) = hold_writer(&store);
    let write = |id: i64, fails: bool| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(move |tx| {
                    tx.execute(&ADD, &[id.into(), "a".into()])?;
                    if fails {
                        Err(StoreError::WorkMustBeRecent)
                    } else {
                        Ok(())
                    }
                })
                .await
        })
    };
    let tasks = [
        write(1, false),
        write(2, true),
        write(3, false),
        write(3, false),
    ];
    let_wait(5).await;
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    let [first, second, third, again] = tasks;
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await.unwrap(), Err(StoreError::WorkMustBeRecent));
    assert_eq!(third.await.unwrap(), Ok(()));
    assert!(
        again
            .await
            .unwrap()
            .is_err_and(|error| error.is_duplicate())
    );
    assert_eq!(file.counts().commits - before, 1);
    assert_eq!(ids(&store).await, [1, 3]);
}

#[tokio::test]
async fn a_statement_that_rolls_everything_back_fails_its_group_and_no_other() {
    const ROLL_BACK: store::Statement = store::Statement {
        name: "roll_back",
        sql: "INSERT OR ROLLBACK INTO notes (id, body) VALUES (1, 'there already')",
    };
    let folder = tempfile::tempdir().unwrap();
    let (_file, store) = open(folder.path()).await;
    add(&store, 1).await.unwrap();
    let (release, held) = hold_writer(&store);
    let innocent = tokio::spawn({
        let store = store.clone();
        async move { add(&store, 2).await }
    });
    let_wait(5).await;
    let guilty = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write(|tx| tx.execute(&ROLL_BACK, &[]).map(drop))
                .await
        }
    });
    let_wait(5).await;
    release.send(()).unwrap();
    assert_eq!(held.await.unwrap(), Err(StoreError::GroupRolledBack));
    assert_eq!(innocent.await.unwrap(), Err(StoreError::GroupRolledBack));
    let guilty: Result<(), StoreError> = guilty.await.unwrap();
    assert!(guilty.is_err_and(|error| error.is_duplicate()));
    add(&store, 3).await.unwrap();
    assert_eq!(ids(&store).await, [1, 3]);
}

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_what_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = open(folder.path()).await;
    let (release, held) = hold_writer(&store);
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { add(&store, 1).await }
    });
    let_wait(5).await;
    release.send(()).unwrap();
    file.close().await;
    held.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(add(&store, 2).await, Err(StoreError::Closed));
    assert_eq!(store.check().await, Err(StoreError::Closed));
    assert!(
        !folder.path().join("florin.db-wal").exists(),
        "the log is folded into the file"
    );
    let (_file, store) = open(folder.path()).await;
    assert_eq!(ids(&store).await, [1]);
}

#[tokio::test]
async fn a_statement_without_end_is_ended() {
    const ENDLESS: store::Statement = store::Statement {
        name: "endless",
        sql: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
              SELECT count(i) FROM n",
    };
    let folder = tempfile::tempdir().unwrap();
    let (_file, store) = open(folder.path()).await;
    let slow = Err(StoreError::StatementTooSlow {
        statement: "endless".into(),
    });
    let read: Result<(), StoreError> = store.read(|tx| tx.query(&ENDLESS, &[]).map(drop)).await;
    assert_eq!(read, slow);
    add(&store, 1).await.unwrap();
    assert_eq!(ids(&store).await, [1]);
}
