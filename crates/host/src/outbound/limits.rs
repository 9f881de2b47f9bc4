//! How long, how many, how large.

use std::time::Duration;

use kit::limits;

/// Largest answer unless a request allows more: that of a request, as answers hold pages.
pub(super) const ANSWER_BYTES_DEFAULT: usize = limits::BODY_BYTES_MAX;

/// Largest answer a request can allow: the largest body there is in Florin.
pub(super) const ANSWER_BYTES_MAX: usize = limits::BULK_BODY_BYTES_MAX;

/// Most of a refusal's document that is read, 64 KiB: a code, and a line for each of many fields.
pub(super) const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Longest head of an answer: twice that of a request, for those who set many cookies.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Most header lines of an answer: what the HTTP library takes by default, said here.
pub(super) const HEADERS_MAX: usize = 100;

/// Longest `Retry-After` that is waited for: a longer one is the caller's to hear, not to sit out.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(3);

/// How long an unused connection is kept: less than the 10 s after which a listener of Florin
/// closes it, so that few requests meet a connection that is just being closed.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(5);

/// Most unused connections per target: as many as a burst leaves behind, no more.
pub(super) const IDLE_CONNECTIONS_MAX: usize = 16;

/// Longest certificates file: every authority of a system is a fifth of this.
pub(super) const AUTHORITIES_MAX: usize = 1_024;

/// The limits of calls; tests shorten them.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How long a connection may take: name, TCP and TLS. Twice a lost first packet (RFC 6298).
    pub connect: Duration,
    /// How long one try may take, connection and answer: a page is answered in milliseconds.
    pub attempt: Duration,
    /// How long a call may take with its repeats, waiting for its turn included: less than the
    /// 30 s of the request it serves, so that the caller hears why.
    pub whole: Duration,
    /// Most calls of one target at once; more wait. Well below the requests one process takes.
    pub calls_max: usize,
    /// Most repeats: with three tries a single lost process is not noticed, and a broken callee
    /// gets three times its load at worst.
    pub retries_max: u32,
    /// The first wait before a repeat; it doubles, and a random part of its half is taken off.
    pub backoff_first: Duration,
    /// Failures in a row after which a target is left alone: more than one call's tries.
    pub circuit_failures: u32,
    /// How long it is left alone before one call tries again.
    pub circuit_open: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            attempt: Duration::from_secs(10),
            whole: Duration::from_secs(25),
            calls_max: 64,
            retries_max: 2,
            backoff_first: Duration::from_millis(100),
            circuit_failures: 5,
            circuit_open: Duration::from_secs(10),
        }
    }
}
