//! The platform-wide limits, each with its reason. A limit of one service stands in that service.
//!
//! Promises nothing by itself: whoever reads input refuses what exceeds a limit, early and by
//! name. Units last.

/// Most items of a page. Larger pages make slow answers and big bodies; whoever wants everything
/// follows the cursor.
pub const PAGE_ITEMS_MAX: u32 = 200;

/// Items of a page when the client does not say: a screenful, and well under a body limit.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;

/// Longest page cursor. Ours are a few ids, times and signatures; anything longer is not ours.
pub const CURSOR_BYTES_MAX: usize = 512;

/// Largest request body, 1 MiB: hundreds of times the largest single request.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Largest body of a bulk request, 16 MiB: [`BULK_ITEMS_MAX`] items of 2 kB.
pub const BULK_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most items of a bulk request: as many as a batch of the fastest known ledger database (one
/// mebibyte of 128-byte transfers, less its header), so that the two can be compared.
pub const BULK_ITEMS_MAX: usize = 8_190;

/// Largest metadata of one thing, as JSON: notes and foreign keys, not documents. Keeps a page of
/// [`PAGE_ITEMS_MAX`] items below 1 MiB.
pub const METADATA_BYTES_MAX: usize = 4_096;

/// Longest idempotency key: room for two UUIDs and words between them, and short enough to index.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;

/// How long an idempotency record is kept outside the ledger, 7 days: longer than any client
/// retries, a long weekend included.
pub const IDEMPOTENCY_RETENTION_HOURS: u64 = 7 * 24;

/// Longest request target, path and query: what common proxies let through by default.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;

/// Longest request id that is taken over from a client: a UUID, a ULID or a trace id, with room.
pub const REQUEST_ID_BYTES_MAX: usize = 64;

/// Longest bearer token, 8 KiB: what common servers accept as one header line.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How long a request may take before it is answered with 503. Below the 60 s after which common
/// load balancers hang up, so that the client hears from us.
pub const REQUEST_TIMEOUT_MS: u64 = 30_000;

/// How long running requests may take to end once the process was told to. Below the 30 s that
/// Kubernetes gives by default, so that the process ends by itself.
pub const DRAIN_TIMEOUT_MS: u64 = 25_000;

/// Most requests that one process works on at once; more are answered with 503. A request holds
/// at most a body of 16 MiB and typically kilobytes, so this bounds memory before it hurts.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 1_024;

/// How far clocks of issuer and verifier may differ when a token's times are checked: what machines
/// that ask for the time drift at worst, and RFC 7519 asks for no more than a few minutes.
pub const CLOCK_LEEWAY_SECONDS: u64 = 30;

/// How often a database transaction is retried after a conflict before the caller hears 503. With
/// doubling waits from a few milliseconds the last try comes after about a second.
pub const TRANSACTION_RETRIES_MAX: u32 = 8;
