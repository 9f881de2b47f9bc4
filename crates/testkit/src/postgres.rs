//! Private databases on a PostgreSQL server that a test was given.
//!
//! Promises: every [`PrivateDatabase`] is new and empty, is owned by a migrator that is no
//! superuser, has a login per service, and goes when it is dropped. Without a server a test fails
//! and says what to do; it is never passed over.
//! Does not: start a server; `scripts/with-postgres` does, and names it in the environment.

use std::fmt::Write;
use std::sync::Arc;

use kit::random::{Random, SystemRandom};
use postgres::config::Host;
use postgres::{Client, Config, NoTls};
use store::{Database, PostgresLogin, Schema, StoreError};
use tokio::task::spawn_blocking;

/// Where the address of the server is, as a superuser.
const VARIABLE: &str = "FLORIN_TEST_POSTGRES";

/// What to do when it is not there.
const REMEDY: &str = "this test needs a PostgreSQL server: run it with \
                      `scripts/with-postgres cargo test …`, or set FLORIN_TEST_POSTGRES to the \
                      address of a superuser on a server for tests";

/// The owner of all private databases of a server.
const MIGRATOR: &str = "florin_test_migrator";

/// A database of one test.
pub struct PrivateDatabase {
    server: Config,
    name: String,
}

/// Makes a new, empty database.
///
/// # Panics
///
/// If there is no server, or it refuses.
pub async fn private_database() -> PrivateDatabase {
    let address = std::env::var(VARIABLE).unwrap_or_else(|_| panic!("{REMEDY}"));
    let server: Config = address.parse().unwrap_or_else(|_| panic!("{REMEDY}"));
    let name = format!("florin_test_{}", random_word());
    let database = PrivateDatabase { server, name };
    let sql = format!(
        "CREATE DATABASE {} OWNER {MIGRATOR} TEMPLATE template0",
        database.name
    );
    let server = database.server.clone();
    blocking(move || {
        let mut client = connected(&server);
        make_login(&mut client, &server, MIGRATOR);
        run(&mut client, &sql);
    })
    .await;
    database
}

impl PrivateDatabase {
    /// The address of the migrator, who owns the database.
    #[must_use]
    pub fn migrator_url(&self) -> String {
        self.address(MIGRATOR)
    }

    /// Makes the login of a service, if need be, and answers its address.
    pub async fn login_url(&self, service: &str) -> String {
        let (server, login) = (self.server.clone(), login_of(service));
        let address = self.address(&login);
        blocking(move || make_login(&mut connected(&server), &server, &login)).await;
        address
    }

    /// Applies the service's migrations as the migrator.
    pub async fn migrate(&self, schema: &Schema) -> Result<(), StoreError> {
        self.login_url(schema.service).await;
        store::migrate(&self.migrator_url(), schema, &login_of(schema.service)).await
    }

    /// Where a service finds its tables. Its migrations are applied by [`Self::migrate`].
    pub async fn database(&self, service: &str) -> Database {
        let url = self.login_url(service).await;
        Database::Postgres(PostgresLogin::new(&url, Arc::new(SystemRandom)))
    }

    /// Runs SQL as the migrator: what an administrator could do behind the service's back.
    ///
    /// # Panics
    ///
    /// If the server refuses it.
    pub async fn run_as_migrator(&self, sql: &str) {
        let (address, sql) = (self.migrator_url(), sql.to_owned());
        blocking(move || {
            let config: Config = address.parse().expect("this module wrote the address");
            run(&mut connected(&config), &sql);
        })
        .await;
    }

    fn address(&self, login: &str) -> String {
        let mut address = format!("user={login} dbname={}", self.name);
        for host in self.server.get_hosts() {
            let host = match host {
                Host::Tcp(name) => name.clone(),
                Host::Unix(path) => path.display().to_string(),
            };
            let _ = write!(address, " host='{host}'");
        }
        for port in self.server.get_ports() {
            let _ = write!(address, " port={port}");
        }
        if let Some(password) = password(&self.server) {
            let _ = write!(address, " password='{password}'");
        }
        address
    }
}

impl Drop for PrivateDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // The driver blocks, and a drop may be on a thread of the async runtime. Nobody waits:
        // a database that stays behind goes with the server.
        std::thread::spawn(move || {
            if let Ok(mut client) = server.connect(NoTls) {
                let _ = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"));
            }
        });
    }
}

fn login_of(service: &str) -> String {
    format!("florin_test_{}", service.replace('-', "_"))
}

/// Makes a role that may log in with the superuser's password. Roles belong to the server, so
/// another test may be making the same one.
fn make_login(client: &mut Client, server: &Config, login: &str) {
    let password = match password(server) {
        Some(password) => format!("PASSWORD '{password}'"),
        None => String::new(),
    };
    let sql = format!(
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{login}') THEN \
         CREATE ROLE {login} LOGIN {password}; END IF; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    );
    run(client, &sql);
}

fn password(server: &Config) -> Option<String> {
    let password = server.get_password()?;
    Some(String::from_utf8_lossy(password).replace('\'', "''"))
}

fn connected(config: &Config) -> Client {
    config
        .connect(NoTls)
        .unwrap_or_else(|error| panic!("{REMEDY}; it answered: {error}"))
}

fn run(client: &mut Client, sql: &str) {
    client
        .batch_execute(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// Twelve characters that no other test has.
fn random_word() -> String {
    let mut bytes = [0; 6];
    SystemRandom.fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut word, byte| {
        let _ = write!(word, "{byte:02x}");
        word
    })
}

/// The driver blocks, and must not do so on a thread of the async runtime.
async fn blocking<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(call).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
