//! Leases: what one process at a time may do, for a limited time.
//!
//! Promises: of those who ask with clocks that agree, at most one holds a lease at any time. The
//! holder renews it by asking again; another gets it once it has expired.
//! Does not: stop a holder whose time ran out while it worked. What is done under a lease must
//! bear being done twice; the lease only keeps it from being the rule.

use std::time::Duration;

use kit::time::Timestamp;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::outbox::{EVENT_KEY_BYTES_MAX, check_size};
use crate::statement::Statement;

/// Changes a row if the lease is free, expired, or the holder's own.
const LEASE_TAKE: Statement = Statement {
    name: "lease_take",
    sql: "INSERT INTO {service}_leases (name, holder, expires) VALUES (?1, ?2, ?3) \
          ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires = excluded.expires \
          WHERE {service}_leases.holder = excluded.holder OR {service}_leases.expires <= ?4",
};
const LEASE_END: Statement = Statement {
    name: "lease_end",
    sql: "DELETE FROM {service}_leases WHERE name = ?1 AND holder = ?2",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] = &[&LEASE_TAKE, &LEASE_END];

impl Store {
    /// Takes or renews a lease from `now` on for as long as `ttl`; whether `holder` has it.
    ///
    /// Clocks of the processes differ, so `ttl` is many times what they may differ by.
    pub async fn lease(
        &self,
        name: &str,
        holder: Uuid,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        check_size("lease name", name.len(), EVENT_KEY_BYTES_MAX)?;
        let expires = now.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let name = name.to_owned();
        self.write(move |tx| {
            let values = [
                name.as_str().into(),
                holder.into(),
                expires.into(),
                now.into(),
            ];
            Ok(tx.execute_own(&LEASE_TAKE, &values)? == 1)
        })
        .await
    }

    /// Gives a lease back before it expires, if `holder` has it: for an orderly stop.
    pub async fn end_lease(&self, name: &str, holder: Uuid) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |tx| {
            tx.execute_own_later(&LEASE_END, &[name.as_str().into(), holder.into()])
        })
        .await
    }
}
