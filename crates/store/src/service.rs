//! What the store knows of an open service: its prefix, its topics, the statements on the tables
//! every service has, and which of its statements have run.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::schema::Schema;
use crate::statement::Recorder;

/// An open service. Shared by its stores and by every closure of it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) prefix: Arc<str>,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) recorder: Recorder,
    pub(crate) own: OwnStatements,
}

impl Service {
    pub(crate) fn new(schema: &Schema, topics: &[&str]) -> Self {
        let prefix = schema.prefix();
        Self {
            name: schema.service,
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            recorder: Recorder::default(),
            own: OwnStatements::new(&prefix),
            prefix: prefix.into(),
        }
    }
}

/// A statement on one of the tables every service has. Its text differs per service only in the
/// names of the tables.
#[derive(Debug)]
pub(crate) struct OwnStatement {
    pub(crate) name: &'static str,
    pub(crate) sql: String,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct OwnStatements {
    pub(crate) outbox_append: OwnStatement,
    pub(crate) outbox_trim: OwnStatement,
    pub(crate) inbox_watermark: OwnStatement,
    pub(crate) inbox_advance: OwnStatement,
    pub(crate) inbox_trim: OwnStatement,
    pub(crate) work_append: OwnStatement,
    pub(crate) work_trim: OwnStatement,
    pub(crate) idempotency_begin: OwnStatement,
    pub(crate) idempotency_find: OwnStatement,
    pub(crate) idempotency_renew: OwnStatement,
    pub(crate) idempotency_finish: OwnStatement,
    pub(crate) idempotency_trim: OwnStatement,
    pub(crate) audit_last: OwnStatement,
    pub(crate) audit_append: OwnStatement,
    pub(crate) audit_page: OwnStatement,
}

impl OwnStatements {
    fn new(prefix: &str) -> Self {
        let own = |name, sql: &str| OwnStatement {
            name,
            sql: sql.replace("{service}", prefix),
        };
        Self {
            outbox_append: own(
                "outbox_append",
                "INSERT INTO {service}_outbox (id, topic, key, version, payload, created) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            ),
            outbox_trim: own(
                "outbox_trim",
                "DELETE FROM {service}_outbox WHERE position IN (SELECT position \
                 FROM {service}_outbox WHERE created < ?1 ORDER BY created LIMIT ?2)",
            ),
            inbox_watermark: own(
                "inbox_watermark",
                "SELECT version FROM {service}_inbox WHERE producer = ?1 AND key = ?2",
            ),
            inbox_advance: own(
                "inbox_advance",
                "INSERT INTO {service}_inbox (producer, key, version, seen) \
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT (producer, key) \
                 DO UPDATE SET version = excluded.version, seen = excluded.seen",
            ),
            inbox_trim: own(
                "inbox_trim",
                "DELETE FROM {service}_inbox WHERE (producer, key) IN (SELECT producer, key \
                 FROM {service}_inbox WHERE seen < ?1 ORDER BY seen LIMIT ?2)",
            ),
            work_append: own(
                "work_append",
                "INSERT INTO {service}_inbox_work (id, seen) VALUES (?1, ?2) \
                 ON CONFLICT (id) DO NOTHING",
            ),
            work_trim: own(
                "work_trim",
                "DELETE FROM {service}_inbox_work WHERE id IN (SELECT id \
                 FROM {service}_inbox_work WHERE seen < ?1 ORDER BY seen LIMIT ?2)",
            ),
            idempotency_begin: own(
                "idempotency_begin",
                "INSERT INTO {service}_idempotency (principal, route, key, request, expires) \
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (principal, route, key) DO NOTHING",
            ),
            idempotency_find: own(
                "idempotency_find",
                "SELECT request, status, body, expires FROM {service}_idempotency \
                 WHERE principal = ?1 AND route = ?2 AND key = ?3",
            ),
            idempotency_renew: own(
                "idempotency_renew",
                "UPDATE {service}_idempotency \
                 SET request = ?4, expires = ?5, status = NULL, body = NULL \
                 WHERE principal = ?1 AND route = ?2 AND key = ?3",
            ),
            idempotency_finish: own(
                "idempotency_finish",
                "UPDATE {service}_idempotency SET status = ?4, body = ?5 \
                 WHERE principal = ?1 AND route = ?2 AND key = ?3 AND status IS NULL",
            ),
            idempotency_trim: own(
                "idempotency_trim",
                "DELETE FROM {service}_idempotency WHERE (principal, route, key) IN \
                 (SELECT principal, route, key FROM {service}_idempotency \
                 WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
            ),
            audit_last: own(
                "audit_last",
                "SELECT sequence, hash FROM {service}_audit ORDER BY sequence DESC LIMIT 1",
            ),
            audit_append: own(
                "audit_append",
                "INSERT INTO {service}_audit \
                 (sequence, recorded, actor, action, subject, detail, hash) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            ),
            audit_page: own(
                "audit_page",
                "SELECT sequence, recorded, actor, action, subject, detail, hash \
                 FROM {service}_audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
            ),
        }
    }
}
