//! What holds between processes: the file belongs to one, and what was acknowledged survives its
//! end. The test starts itself again as the other process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use store::{Database, SqliteFile, Statement, Store, StoreError};
use tokio::task::JoinSet;

use crate::fixture::{ADD, NOTES, add, ids};

/// Names the folder of the database to the other process, and makes it the other process.
const VARIABLE: &str = "FLORIN_TEST_OTHER_PROCESS";

/// The folder, if this is the other process.
fn as_other_process() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// This test, in another process.
fn start(mut command: Command, test: &str, folder: &Path) -> Child {
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(VARIABLE, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

async fn open(folder: &Path) -> (SqliteFile, Store) {
    let file = SqliteFile::open(&folder.join("florin.db")).await.unwrap();
    let store = Store::open(&Database::Sqlite(file.clone()), &NOTES, &[])
        .await
        .unwrap();
    (file, store)
}

/// After how many acknowledged writes the other process is killed.
const ACKNOWLEDGED_MIN: usize = 100;

/// Large, so that a commit takes long enough to be killed in.
const ADD_LARGE: Statement = Statement {
    name: "add_large",
    sql: "INSERT INTO notes (id, body) VALUES (?1, hex(zeroblob(100000)))",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_no_acknowledged_write() {
    if let Some(folder) = as_other_process() {
        write_until_killed(&folder).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let test = "process::a_killed_process_loses_no_acknowledged_write";
    let mut child = start(this_program(), test, folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        // A line that was cut off by the end was not said.
        if let Some(id) = line
            .strip_prefix("acknowledged ")
            .and_then(|id| id.strip_suffix('\n'))
        {
            acknowledged.push(id.parse::<i64>().unwrap());
        }
        line.clear();
        if acknowledged.len() == ACKNOWLEDGED_MIN {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(
        acknowledged.len() >= ACKNOWLEDGED_MIN,
        "it was killed while it wrote"
    );

    let (_file, store) = open(folder.path()).await;
    let kept = ids(&store).await;
    for id in acknowledged {
        assert!(
            kept.binary_search(&id).is_ok(),
            "{id} was acknowledged and is lost"
        );
    }
}

async fn write_until_killed(folder: &Path) {
    let (_file, store) = open(folder).await;
    let mut tasks = JoinSet::new();
    for task in 0..8_i64 {
        let store = store.clone();
        tasks.spawn(async move {
            for id in (task..).step_by(8) {
                let written: Result<_, StoreError> = store
                    .write(move |tx| tx.execute(&ADD_LARGE, &[id.into()]))
                    .await;
                written.unwrap();
                println!("acknowledged {id}");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn a_file_belongs_to_one_process() {
    if let Some(folder) = as_other_process() {
        let (_file, _store) = open(&folder).await;
        println!("open");
        // Until the parent closes the pipe.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("florin.db");
    let mut child = start(
        this_program(),
        "process::a_file_belongs_to_one_process",
        folder.path(),
    );
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().ends_with("open")),
        "it opened the file"
    );

    let refused = SqliteFile::open(&path).await.err();
    assert!(
        matches!(refused, Some(StoreError::FileInUse { .. })),
        "{refused:?}"
    );
    assert_eq!(refused.unwrap().code().name, "store_must_be_set_up");

    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    let file = SqliteFile::open(&path).await.expect("it is free again");
    assert!(
        SqliteFile::open(&path).await.is_err(),
        "also within a process"
    );
    file.close().await;
    SqliteFile::open(&path).await.expect("closing frees it");
}

#[tokio::test]
async fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let (_file, store) = open(folder.path()).await;
    add(&store, 1).await.unwrap();
    for name in ["florin.db", "florin.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

const FILL: Statement = Statement {
    name: "fill",
    sql: "INSERT INTO notes (id, body) VALUES (?1, hex(zeroblob(150000)))",
};

/// A disk that stops taking data: the operating system's limit on the size of a file.
#[tokio::test]
async fn a_failed_commit_fails_the_whole_group_and_stops_the_writer() {
    if let Some(folder) = as_other_process() {
        commit_on_a_full_disk(&folder).await;
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = open(folder.path()).await;
    add(&store, 1).await.unwrap();
    file.close().await;

    let mut limited = Command::new("bash");
    // In blocks of 1,024 bytes. Ignored, the signal becomes an error of the write.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\""]);
    limited.arg(std::env::current_exe().unwrap());
    let test = "process::a_failed_commit_fails_the_whole_group_and_stops_the_writer";
    let mut child = start(limited, test, folder.path());
    assert!(child.wait().unwrap().success(), "see its output");

    let (_file, store) = open(folder.path()).await;
    assert_eq!(ids(&store).await, [1]);
    add(&store, 2).await.unwrap();
}

async fn commit_on_a_full_disk(folder: &Path) {
    let (_file, store) = open(folder).await;
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let write = |id: i64, statement: &'static Statement| {
        let store = store.clone();
        tokio::spawn(async move {
            let body: Option<store::Value> = (statement.name == "add").then(|| "a".into());
            let values: Vec<_> = std::iter::once(id.into()).chain(body).collect();
            store
                .write(move |tx| tx.execute(statement, &values).map(drop))
                .await
        })
    };
    let blocker = tokio::spawn({
        let store = store.clone();
        async move {
            store
                .write(move |_| {
                    held.lock().unwrap().recv().unwrap();
                    Err::<(), _>(StoreError::WorkMustBeRecent)
                })
                .await
        }
    });
    let group = [blocker, write(10, &ADD), write(11, &FILL), write(12, &ADD)];
    for _ in 0..=group.len() {
        // On a runtime of one thread: lets at least one of them run up to its wait for a reply.
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    for task in group {
        let outcome = task.await.unwrap();
        let unknown = matches!(outcome, Err(StoreError::CommitOutcomeUnknown { .. }));
        assert!(unknown, "{outcome:?}");
    }
    let next = add(&store, 13).await;
    assert!(
        matches!(next, Err(StoreError::Unavailable { .. })),
        "{next:?}"
    );
    assert!(store.check().await.is_err());
    assert_eq!(ids(&store).await, [1]);
}
