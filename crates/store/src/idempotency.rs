//! Idempotency: the same request with the same key has one effect and one reply.
//!
//! Promises: the effect, the record of the request and its reply are one transaction. Concurrent
//! requests with the same key are put in order by the database; all but the first get the reply
//! of the first. A record is kept `kit::limits::IDEMPOTENCY_RETENTION_HOURS`; after that the key
//! is new again.
//! Does not: check the form of keys (`web` does), or keep replies to requests that were refused:
//! a closure that returns an error leaves no record, so the refusal is decided anew.

use std::time::Duration;

use kit::limits::{BODY_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, IDEMPOTENCY_RETENTION_HOURS};
use kit::time::Timestamp;

use crate::error::StoreError;
use crate::outbox::check_size;
use crate::statement::Statement;
use crate::tx::Tx;
use crate::value::{Row, Value};

const IDEMPOTENCY_BEGIN: Statement = Statement {
    name: "idempotency_begin",
    sql: "INSERT INTO {service}_idempotency (principal, route, key, request, expires) \
          VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (principal, route, key) DO NOTHING",
};
const IDEMPOTENCY_FIND: Statement = Statement {
    name: "idempotency_find",
    sql: "SELECT request, status, body, expires FROM {service}_idempotency \
          WHERE principal = ?1 AND route = ?2 AND key = ?3",
};
const IDEMPOTENCY_RENEW: Statement = Statement {
    name: "idempotency_renew",
    sql: "UPDATE {service}_idempotency \
          SET request = ?4, expires = ?5, status = NULL, body = NULL \
          WHERE principal = ?1 AND route = ?2 AND key = ?3",
};
const IDEMPOTENCY_FINISH: Statement = Statement {
    name: "idempotency_finish",
    sql: "UPDATE {service}_idempotency SET status = ?4, body = ?5 \
          WHERE principal = ?1 AND route = ?2 AND key = ?3 AND status IS NULL",
};
pub(crate) const IDEMPOTENCY_TRIM: Statement = Statement {
    name: "idempotency_trim",
    sql: "DELETE FROM {service}_idempotency WHERE (principal, route, key) IN \
          (SELECT principal, route, key FROM {service}_idempotency \
          WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] = &[
    &IDEMPOTENCY_BEGIN,
    &IDEMPOTENCY_FIND,
    &IDEMPOTENCY_RENEW,
    &IDEMPOTENCY_FINISH,
    &IDEMPOTENCY_TRIM,
];

/// The longest principal or route of a record: room for an issuer's subject, or a path.
const PRINCIPAL_BYTES_MAX: usize = 512;

/// A request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    principal: String,
    route: String,
    key: String,
    request: [u8; 32],
}

/// A reply as it was, or will be, sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReply {
    /// HTTP status.
    pub status: u16,
    /// The body as sent, at most [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a request that was answered before must get that answer again"]
pub enum Idempotency {
    /// It is new: do it, then call [`Tx::idempotency_finish`].
    New,
    /// It was done: send this reply again.
    Done(StoredReply),
}

impl IdempotentRequest {
    /// The request of `principal` (a subject, who may not see others' replies) to `route`
    /// (method and path, ids included) with this `key` and `content` (the body's bytes).
    ///
    /// Only a BLAKE3 hash of the content is kept.
    pub fn new(principal: &str, route: &str, key: &str, content: &[u8]) -> Self {
        Self {
            principal: principal.into(),
            route: route.into(),
            key: key.into(),
            request: blake3::hash(content).into(),
        }
    }

    fn key_values(&self) -> [Value; 3] {
        [
            self.principal.as_str().into(),
            self.route.as_str().into(),
            self.key.as_str().into(),
        ]
    }
}

impl Tx<'_> {
    /// The reply this request was answered with; none if it is not known, or no longer. Writes
    /// nothing: it is for a service whose effect is elsewhere, and which begins and finishes in
    /// one transaction once the effect is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::IdempotencyKeyReused`] when the key came with other content before.
    pub fn idempotency_find(
        &mut self,
        request: &IdempotentRequest,
        now: Timestamp,
    ) -> Result<Option<StoredReply>, StoreError> {
        let outcome = self.find(request, now);
        self.keep_failure(outcome)
    }

    fn find(
        &mut self,
        request: &IdempotentRequest,
        now: Timestamp,
    ) -> Result<Option<StoredReply>, StoreError> {
        let found = self.query_own(&IDEMPOTENCY_FIND, &request.key_values())?;
        match found.first() {
            Some(row) if row.timestamp(3)? > now => reply_of(row, request).map(Some),
            _ => Ok(None),
        }
    }

    /// Looks the request up and, when it is new, notes that it has begun.
    ///
    /// # Errors
    ///
    /// [`StoreError::IdempotencyKeyReused`] when the key came with other content before;
    /// [`StoreError::TooLarge`].
    pub fn idempotency_begin(
        &mut self,
        request: &IdempotentRequest,
        now: Timestamp,
    ) -> Result<Idempotency, StoreError> {
        let outcome = self.begin(request, now);
        self.keep_failure(outcome)
    }

    fn begin(
        &mut self,
        request: &IdempotentRequest,
        now: Timestamp,
    ) -> Result<Idempotency, StoreError> {
        check_size(
            "idempotency key",
            request.key.len(),
            IDEMPOTENCY_KEY_BYTES_MAX,
        )?;
        check_size("principal", request.principal.len(), PRINCIPAL_BYTES_MAX)?;
        check_size("route", request.route.len(), PRINCIPAL_BYTES_MAX)?;
        let [principal, route, key] = request.key_values();
        let expires = now
            .checked_add(Duration::from_secs(IDEMPOTENCY_RETENTION_HOURS * 3_600))
            .unwrap_or(Timestamp::MAX);
        let record = [
            principal,
            route,
            key,
            request.request.into(),
            expires.into(),
        ];
        // Insert first: of two concurrent requests PostgreSQL lets one wait for the other here,
        // then fails it as not serializable, so that it runs again and finds the reply.
        if self.execute_own(&IDEMPOTENCY_BEGIN, &record)? == 1 {
            self.unfinished.push(request.clone());
            return Ok(Idempotency::New);
        }
        let found = self.query_own(&IDEMPOTENCY_FIND, &request.key_values())?;
        let row = found.first().ok_or(StoreError::IdempotencyMustBeFinished)?;
        if row.timestamp(3)? <= now {
            self.execute_own_later(&IDEMPOTENCY_RENEW, &record)?;
            self.unfinished.push(request.clone());
            return Ok(Idempotency::New);
        }
        reply_of(row, request).map(Idempotency::Done)
    }

    /// Keeps the reply to a request begun in this transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::IdempotencyMustBeFinished`] when it was not begun, or finished already;
    /// [`StoreError::TooLarge`]. A closure that begins and returns `Ok` without this is refused.
    pub fn idempotency_finish(
        &mut self,
        request: &IdempotentRequest,
        reply: &StoredReply,
    ) -> Result<(), StoreError> {
        let outcome = self.finish(request, reply);
        self.keep_failure(outcome)
    }

    fn finish(
        &mut self,
        request: &IdempotentRequest,
        reply: &StoredReply,
    ) -> Result<(), StoreError> {
        check_size("stored reply", reply.body.len(), BODY_BYTES_MAX)?;
        let begun = self.unfinished.iter().position(|begun| begun == request);
        let begun = begun.ok_or(StoreError::IdempotencyMustBeFinished)?;
        self.unfinished.swap_remove(begun);
        let [principal, route, key] = request.key_values();
        let values = [
            principal,
            route,
            key,
            reply.status.into(),
            reply.body.as_slice().into(),
        ];
        // It changes the one row that this very transaction put there.
        self.execute_own_later(&IDEMPOTENCY_FINISH, &values)
    }
}

/// The reply in a row of [`IDEMPOTENCY_FIND`], if the row is of this request.
fn reply_of(row: &Row, request: &IdempotentRequest) -> Result<StoredReply, StoreError> {
    if row.bytes(0)? != request.request {
        return Err(StoreError::IdempotencyKeyReused);
    }
    // A record without a reply is one this very closure began: asked twice, finished never.
    let status = row
        .opt_int(1)?
        .ok_or(StoreError::IdempotencyMustBeFinished)?;
    let status = u16::try_from(status).map_err(|_| StoreError::ColumnMustFit {
        statement: IDEMPOTENCY_FIND.name.into(),
        column: 1,
        expected: "an HTTP status",
    })?;
    Ok(StoredReply {
        status,
        body: row.bytes(2)?,
    })
}
