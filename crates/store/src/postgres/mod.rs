//! PostgreSQL: per service a login, a schema and a pool of connections.
//!
//! Promises: a write is one `SERIALIZABLE` transaction, repeated a bounded number of times when it
//! met another; a read is one `REPEATABLE READ` snapshot. What was lost during `COMMIT` is never
//! repeated. Statements, locks, connecting and idling in a transaction have time-outs.
//! Does not: encrypt the connection (`sslmode=require` is refused; the mesh or a local proxy does
//! it), and does not speak to a pooler in transaction mode.

mod check;
mod failure;
mod link;
mod migrate;
mod numeric;
mod queue;
mod rows;
mod session;
mod values;
mod wire;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use kit::limits::TRANSACTION_RETRIES_MAX;
use kit::random::Random;
use tokio::sync::Semaphore;
use tokio_postgres::Config;

use crate::WAIT_MS;
use crate::drain::{Changed, transaction_ended};
use crate::error::StoreError;
use crate::schema::Schema;
use crate::service::Service;
use crate::tx::{Connection, Tx};
use link::Link;
pub(crate) use link::Rows;
pub use migrate::migrate;
pub(crate) use queue::Parameter;
pub(crate) use session::Session;

/// Connections per service and process unless told otherwise: twenty services of two replicas
/// stay below the few hundred a server takes.
const CONNECTIONS_DEFAULT: u32 = 8;

/// How long one statement may run: a third of a request's time.
const STATEMENT_TIMEOUT_MS: u64 = 10_000;

/// How long a statement may wait for a lock; half of its time.
const LOCK_TIMEOUT_MS: u64 = 5_000;

/// How long a transaction may do nothing: closures never wait, so this is a process that hangs.
const IDLE_TIMEOUT_MS: u32 = 15_000;

/// Whatever has an index is found by it, also in a table that was empty when it was planned: an
/// outbox is, and has thousands of rows a moment later. And a look at a whole table meets every
/// transaction that writes to it. Without compiling, as what has no index seems to cost very much.
const BY_INDEX: &str = "-c enable_seqscan=off -c jit=off";

/// How long to wait for the server to answer.
const CONNECT_TIMEOUT_MS: u64 = 5_000;

/// After how much silence, and then how often, a connection is probed, and how long sent bytes
/// may go without an answer: a dead server is known within half a minute.
const KEEPALIVE_IDLE_MS: u64 = 10_000;
const KEEPALIVE_INTERVAL_MS: u64 = 5_000;
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED_MS: u64 = 30_000;

/// The wait after the first conflict; it doubles. A transaction takes about as long.
const FIRST_WAIT_MS: u64 = 4;

/// How a service reaches its tables: an address with the service's own login.
#[derive(Clone)]
pub struct PostgresLogin {
    url: String,
    connections_max: u32,
    statement_timeout: Duration,
    lock_timeout: Duration,
    connection_wait: Duration,
    random: Arc<dyn Random>,
}

impl PostgresLogin {
    /// `postgres://login:password@host:port/database`; `random` spreads repeated attempts.
    ///
    /// Opens nothing. At most 8 connections per process, a statement may run for 10 s and wait 5 s
    /// of them for a lock, a caller waits 10 s for a connection: see the methods below.
    pub fn new(url: &str, random: Arc<dyn Random>) -> Self {
        Self {
            url: url.into(),
            connections_max: CONNECTIONS_DEFAULT,
            statement_timeout: Duration::from_millis(STATEMENT_TIMEOUT_MS),
            lock_timeout: Duration::from_millis(LOCK_TIMEOUT_MS),
            connection_wait: Duration::from_millis(WAIT_MS),
            random,
        }
    }

    /// With another number of connections, at least 1.
    #[must_use]
    pub fn with_connections_max(self, connections_max: u32) -> Self {
        Self {
            connections_max: connections_max.max(1),
            ..self
        }
    }

    /// With another time that one statement may run; then [`StoreError::StatementTooSlow`].
    ///
    /// In whole milliseconds, from 1 to the 2^31 - 1 that the server takes. There is no way to
    /// say "for ever", which is what the server understands by 0.
    #[must_use]
    pub fn with_statement_timeout(self, statement_timeout: Duration) -> Self {
        Self {
            statement_timeout,
            ..self
        }
    }

    /// With another time that a statement may wait for a lock; then
    /// [`StoreError::StatementTooSlow`] too. Bounds as of [`Self::with_statement_timeout`], which
    /// includes this wait.
    #[must_use]
    pub fn with_lock_timeout(self, lock_timeout: Duration) -> Self {
        Self {
            lock_timeout,
            ..self
        }
    }

    /// With another time that a caller waits for a connection; then [`StoreError::Busy`].
    #[must_use]
    pub fn with_connection_wait(self, connection_wait: Duration) -> Self {
        Self {
            connection_wait,
            ..self
        }
    }
}

/// A time-out as the server takes it: never its 0, which would be none at all.
fn timeout_ms(timeout: Duration) -> u128 {
    timeout.as_millis().clamp(1, i32::MAX as u128)
}

/// The connections of one service.
pub(crate) struct Pool {
    links: Option<r2d2::Pool<Connector>>,
    permits: Arc<Semaphore>,
    wait: Duration,
    random: Arc<dyn Random>,
}

impl Drop for Pool {
    fn drop(&mut self) {
        // The driver says goodbye to the server while it is dropped, and blocks for it, which a
        // thread of the async runtime must not; and the runtime may be ending itself.
        let links = self.links.take();
        std::thread::spawn(move || drop(links));
    }
}

impl Pool {
    pub(crate) async fn open(
        login: &PostgresLogin,
        schema: &Schema,
        service: &Arc<Service>,
    ) -> Result<Self, StoreError> {
        let config = configured(login, service)?;
        let (connections_max, schema, service) = (login.connections_max, *schema, service.clone());
        let wait = login.connection_wait;
        let links = crate::blocking(move || {
            check::migrations(&config, &schema)?;
            let links = r2d2::Pool::builder()
                .max_size(connections_max)
                .min_idle(Some(1))
                .connection_timeout(wait)
                .build(Connector { config })
                .map_err(|error| unavailable(&error))?;
            let mut link = links.get().map_err(|error| unavailable(&error))?;
            check::database(&mut link, &schema, &service)?;
            drop(link);
            Ok::<_, StoreError>(links)
        })
        .await??;
        let permits = Arc::new(Semaphore::new(connections_max as usize));
        Ok(Self {
            links: Some(links),
            permits,
            wait,
            random: login.random.clone(),
        })
    }

    pub(crate) async fn write<T, E, F>(&self, service: &Arc<Service>, closure: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (service, random) = (service.clone(), self.random.clone());
        self.with_link(move |link| {
            for attempt in 0..=TRANSACTION_RETRIES_MAX {
                if attempt > 0 {
                    // Sleeping is allowed here: this thread is for blocking.
                    std::thread::sleep(wait(attempt - 1, &*random));
                }
                if let Attempt::Ended(outcome) = write_once(link, &service, &closure) {
                    return outcome;
                }
            }
            Err(StoreError::Contended {
                attempts: TRANSACTION_RETRIES_MAX + 1,
            }
            .into())
        })
        .await
    }

    pub(crate) async fn read<T, E, F>(&self, service: &Arc<Service>, closure: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let service = service.clone();
        self.with_link(move |link| {
            link.begin("START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
            let ran = run(link, &service, Access::Read, closure);
            link.end_reading();
            ran.outcome
        })
        .await
    }

    async fn with_link<T, E>(
        &self,
        work: impl FnOnce(&mut Link) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let waited = tokio::time::timeout(self.wait, self.permits.clone().acquire_owned());
        let permit = waited
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(|_| StoreError::Closed)?;
        let links = self.links.clone().ok_or(StoreError::Closed)?;
        crate::blocking(move || {
            // The permit travels along: a caller that goes away must not free the place while
            // the closure still runs.
            let _permit = permit;
            let mut link = links.get().map_err(|error| unavailable(&error))?;
            work(&mut link)
        })
        .await?
    }
}

enum Attempt<T, E> {
    Ended(Result<T, E>),
    Conflicted,
}

fn write_once<T, E: From<StoreError>>(
    link: &mut Link,
    service: &Service,
    closure: impl Fn(&mut Tx<'_>) -> Result<T, E>,
) -> Attempt<T, E> {
    link.begin("START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ WRITE");
    let ran = run(link, service, Access::Write, closure);
    if ran.outcome.is_err() || ran.conflicted {
        link.roll_back();
        transaction_ended();
        return if ran.conflicted {
            Attempt::Conflicted
        } else {
            Attempt::Ended(ran.outcome)
        };
    }
    let committed = link.commit();
    // Also when the commit failed: it may be there all the same, and looking in vain is cheap.
    service.outbox.tick(&ran.changed);
    transaction_ended();
    match committed {
        Ok(()) => {
            for name in ran.later {
                service.recorder.record(name);
            }
            Attempt::Ended(ran.outcome)
        }
        Err(StoreError::Contended { .. }) => Attempt::Conflicted,
        Err(error) => Attempt::Ended(Err(error.into())),
    }
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

/// What came of a closure.
struct Ran<T, E> {
    outcome: Result<T, E>,
    /// Whether it met a concurrent transaction.
    conflicted: bool,
    /// What the commit changes for those who read the outbox.
    changed: Changed,
    /// The service's statements that ran if the transaction is kept.
    later: BTreeSet<&'static str>,
}

/// Runs a closure.
fn run<T, E: From<StoreError>>(
    link: &mut Link,
    service: &Service,
    access: Access,
    closure: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Ran<T, E> {
    let session = Session {
        link,
        may_wait: access == Access::Write,
    };
    let mut tx = Tx::new(service, Connection::Postgres(session));
    // What the closure leaves half done is in the transaction, which is rolled back.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let outcome = closure(&mut tx);
        crate::judged(outcome, &tx)
    }));
    let outcome = outcome.unwrap_or_else(|_| Err(StoreError::ClosurePanicked.into()));
    Ran {
        outcome,
        conflicted: tx.conflicted(),
        changed: std::mem::take(tx.changed()),
        later: tx.later(),
    }
}

/// The wait before the next attempt: doubling, and spread over its second half so that those
/// who met do not meet again.
fn wait(attempt: u32, random: &dyn Random) -> Duration {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    let longest_us = (FIRST_WAIT_MS << attempt) * 1_000;
    let spread_us = u64::from_be_bytes(bytes) % (longest_us / 2);
    Duration::from_micros(longest_us / 2 + spread_us)
}

/// The address, with what every connection must have.
fn configured(login: &PostgresLogin, service: &Service) -> Result<Config, StoreError> {
    let mut config: Config = login.url.parse().map_err(|_| address_refused())?;
    let given = config.get_options().unwrap_or_default().to_owned();
    let options = format!(
        "{given} -c search_path={},pg_temp -c statement_timeout={} -c lock_timeout={} \
         -c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} \
         -c default_transaction_read_only=on {BY_INDEX}",
        service.prefix,
        timeout_ms(login.statement_timeout),
        timeout_ms(login.lock_timeout),
    );
    config
        .options(options.trim_start())
        .application_name(format!("florin-{}", service.name))
        .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
        .tcp_user_timeout(Duration::from_millis(UNACKNOWLEDGED_MS))
        .keepalives_idle(Duration::from_millis(KEEPALIVE_IDLE_MS))
        .keepalives_interval(Duration::from_millis(KEEPALIVE_INTERVAL_MS))
        .keepalives_retries(KEEPALIVE_RETRIES);
    Ok(config)
}

/// Without the parser's words: they could show a password.
fn address_refused() -> StoreError {
    StoreError::Unsuitable {
        reason: "the address must be a postgres:// one".into(),
    }
}

fn unavailable(error: &r2d2::Error) -> StoreError {
    StoreError::Unavailable {
        reason: error.to_string(),
    }
}

/// Makes and checks connections for the pool.
struct Connector {
    config: Config,
}

/// Why a connection is of no use.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the connection was closed")]
    Closed,
    #[error(transparent)]
    Refused(#[from] tokio_postgres::Error),
}

impl r2d2::ManageConnection for Connector {
    type Connection = Link;
    type Error = Unusable;

    fn connect(&self) -> Result<Link, Unusable> {
        Ok(Link::connect(&self.config)?)
    }

    /// Without asking the server, which would be an exchange for every transaction: a server that
    /// went away has closed the connection, and one that is silent is found by the next statement.
    fn is_valid(&self, link: &mut Link) -> Result<(), Unusable> {
        if link.is_open() {
            Ok(())
        } else {
            Err(Unusable::Closed)
        }
    }

    fn has_broken(&self, link: &mut Link) -> bool {
        link.is_broken()
    }
}
