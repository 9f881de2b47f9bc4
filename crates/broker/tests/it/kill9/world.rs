//! What outlives a killed process: its database, its topics on the server; and the process, which
//! is this test started again.

use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use kit::random::SystemRandom;
use kit::time::{Clock, SystemClock};
use serde::{Deserialize, Serialize};
use store::{Database, PostgresLogin, SqliteFile, Store};
use tempfile::TempDir;
use testkit::postgres::{PrivateDatabase, private_database};

use super::KEYS;
use crate::rig::{self, Kind, Rig, SCHEMAS};
use crate::toys;

/// Tells the other process what it is, and that it is one.
const ASKED: &str = "FLORIN_TEST_OTHER_PROCESS";

/// What another process does until it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// Publishes, carries and consumes.
    Everything,
    /// Carries what the test's own process publishes.
    Relay,
    /// Consumes it.
    Consumer,
}

/// Where the stores are.
#[derive(Clone, Serialize, Deserialize)]
enum Place {
    Sqlite(PathBuf),
    /// The address of each service's login.
    Postgres(Vec<String>),
}

#[derive(Clone, Serialize, Deserialize)]
struct Asked {
    place: Place,
    kind: Kind,
    namespace: String,
    part: Part,
    /// Which run this is; in every other one key fails.
    run: u64,
}

/// A database and names of its own on a carrier.
pub struct World {
    asked: Asked,
    _folder: Option<TempDir>,
    _database: Option<PrivateDatabase>,
}

impl World {
    pub fn on_sqlite(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("florin.db");
        Self {
            _folder: Some(folder),
            ..Self::at(Place::Sqlite(file), kind)
        }
    }

    pub async fn on_postgres(kind: Kind) -> Self {
        let database = private_database().await;
        let mut logins = Vec::new();
        for (schema, _) in SCHEMAS {
            database.migrate(schema).await.unwrap();
            logins.push(database.login_url(schema.service).await);
        }
        Self {
            _database: Some(database),
            ..Self::at(Place::Postgres(logins), kind)
        }
    }

    fn at(place: Place, kind: Kind) -> Self {
        let asked = Asked {
            place,
            kind,
            namespace: rig::namespace(),
            part: Part::Everything,
            run: 0,
        };
        Self {
            asked,
            _folder: None,
            _database: None,
        }
    }

    pub fn database(&self) -> &'static str {
        match self.asked.place {
            Place::Sqlite(_) => "sqlite",
            Place::Postgres(_) => "postgres",
        }
    }

    /// The toys over what is there, in this process.
    pub async fn rig(&self) -> Rig {
        self.asked.rig().await
    }

    /// Starts another process, which runs the test of this name, and answers once it is at work.
    pub fn start(&self, test: &str, part: Part, run: u64) -> Other {
        let asked = Asked {
            part,
            run,
            ..self.asked.clone()
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ASKED, serde_json::to_string(&asked).unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut other = Other {
            child,
            lines: BufReader::new(stdout).lines(),
        };
        other.wait_for("at work");
        other
    }
}

impl Asked {
    async fn rig(&self) -> Rig {
        let stores = match &self.place {
            Place::Sqlite(file) => on_file(file).await,
            Place::Postgres(logins) => on_server(logins).await,
        };
        Rig::over(self.kind, stores, super::settings(), &self.namespace).await
    }
}

async fn on_file(path: &Path) -> [Store; 3] {
    let file = SqliteFile::open(path).await.unwrap();
    open([file.clone(), file.clone(), file].map(Database::Sqlite)).await
}

async fn on_server(logins: &[String]) -> [Store; 3] {
    let login = |url: &String| PostgresLogin::new(url, Arc::new(SystemRandom));
    let logins: Vec<_> = logins.iter().map(login).map(Database::Postgres).collect();
    open(logins.try_into().ok().expect("a login for each service")).await
}

async fn open(databases: [Database; 3]) -> [Store; 3] {
    let mut stores = Vec::new();
    for (database, (schema, topics)) in databases.iter().zip(SCHEMAS) {
        stores.push(Store::open(database, schema, topics).await.unwrap());
    }
    stores.try_into().ok().expect("a store for each service")
}

/// Another process. It is killed when this is dropped.
pub struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Reads what it says until a line begins so.
    pub fn wait_for(&mut self, word: &str) {
        for line in &mut self.lines {
            if line.unwrap().starts_with(word) {
                return;
            }
        }
        panic!("the other process ended by itself");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // SIGKILL; that it has ended already was said by whoever read from it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In another process: does its part, and does not come back. Else nothing.
pub async fn live_if_asked() {
    let Ok(asked) = std::env::var(ASKED) else {
        return;
    };
    let asked: Asked = serde_json::from_str(&asked).unwrap();
    let mut rig = asked.rig().await;
    if asked.run % 2 == 1 {
        rig.mood.refuse("c");
    }
    match asked.part {
        Part::Everything => rig.start(),
        Part::Relay => rig.start_carrying(),
        Part::Consumer => {
            rig.start_till();
            rig.start_letters(false);
        }
    }
    println!("\nat work");
    if asked.part != Part::Everything {
        std::future::pending::<()>().await;
    }
    for key in KEYS.into_iter().cycle() {
        toys::make(&rig.shop.store, key, SystemClock.now()).await;
        println!("made");
    }
}
