//! How long, how many, how often: what the broker's futures are set to.
//!
//! Promises: every default is a constant that says where its number comes from; tests set
//! milliseconds where people set seconds.

use std::time::Duration;

/// How many messages a consumer takes into one transaction: enough that the flush of a commit
/// costs each of them microseconds, few enough that SQLite's one writer is held for milliseconds.
pub const BATCH_MAX: usize = 500;

/// After how long a failed event is tried again, and again, and again; then it becomes a dead
/// letter. The seeds' ladder of work: 10 s, 15 s, 20 s.
pub const LADDER_MS: [u64; 3] = [10_000, 15_000, 20_000];

/// How often a consumer looks for parked events that are due: a second is little next to the
/// first rung of the ladder, and one indexed read a second is nothing.
pub const PARKED_POLL_MS: u64 = 1_000;

/// The first wait after a failure of a carrier or a store; it doubles. Longer than a restart of a
/// connection, shorter than anybody notices.
pub const BACKOFF_FIRST_MS: u64 = 100;

/// The longest wait after a failure: a server that is back is found within five seconds.
pub const BACKOFF_MAX_MS: u64 = 5_000;

/// How often outboxes are read though this process published nothing: for what other processes
/// publish, and for what a transaction that still ran held back on PostgreSQL.
pub const OUTBOX_POLL_MS: u64 = 200;

/// For how long a relay holds its lease; it renews before every wave. Three times the longest
/// wave, so that only a process that hangs or died loses it.
pub const LEASE_MS: u64 = 30_000;

/// How long a carrier may take to confirm a wave before it counts as failed: a third of the lease.
pub const PUBLISH_TIMEOUT_MS: u64 = 10_000;

/// How often an outbox is measured and trimmed: every five minutes' worth of rows is far from
/// the limit, and every five seconds is often enough for a graph.
pub const UPKEEP_MS: u64 = 5_000;

/// What the futures of the broker are set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Most messages of one transaction; at least 1.
    pub batch_max: usize,
    /// The waits before each retry of a parked event; empty means none.
    pub ladder: Vec<Duration>,
    /// How often parked events that are due are looked for.
    pub parked_poll: Duration,
    /// The first wait after a failure.
    pub backoff_first: Duration,
    /// The longest wait after a failure.
    pub backoff_max: Duration,
    /// How often outboxes are read unasked.
    pub outbox_poll: Duration,
    /// For how long a relay holds its lease.
    pub lease: Duration,
    /// How long a wave may take to be confirmed.
    pub publish_timeout: Duration,
    /// How often outboxes are measured and trimmed.
    pub upkeep: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch_max: BATCH_MAX,
            ladder: LADDER_MS.into_iter().map(Duration::from_millis).collect(),
            parked_poll: Duration::from_millis(PARKED_POLL_MS),
            backoff_first: Duration::from_millis(BACKOFF_FIRST_MS),
            backoff_max: Duration::from_millis(BACKOFF_MAX_MS),
            outbox_poll: Duration::from_millis(OUTBOX_POLL_MS),
            lease: Duration::from_millis(LEASE_MS),
            publish_timeout: Duration::from_millis(PUBLISH_TIMEOUT_MS),
            upkeep: Duration::from_millis(UPKEEP_MS),
        }
    }
}
