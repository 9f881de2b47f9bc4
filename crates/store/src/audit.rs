//! The audit log: who did what, insert-only and hash-chained.
//!
//! Each row's hash is BLAKE3 (in key-derivation mode, with a context of its own) over the hash of
//! the row before and the row's fields, each preceded by its length, so that no two different
//! rows have the same encoding.
//!
//! Promises: a row that is changed, removed or inserted between others is found by
//! [`Store::verify_audit`], which names the first one. Update and delete are refused to the
//! service itself: by SQLite's authorizer, by PostgreSQL's grants.
//! Does not: notice that the newest rows were cut off, or that the whole log was written anew by
//! someone who owns the database; for that, keep the [`AuditState::Intact`] head elsewhere and
//! compare. It is never trimmed.

use kit::time::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::outbox::check_size;
use crate::statement::Statement;
use crate::tx::Tx;
use crate::value::{Row, Value};

pub(crate) const AUDIT_LAST: Statement = Statement {
    name: "audit_last",
    sql: "SELECT sequence, hash FROM {service}_audit ORDER BY sequence DESC LIMIT 1",
};
const AUDIT_APPEND: Statement = Statement {
    name: "audit_append",
    sql: "INSERT INTO {service}_audit \
          (sequence, recorded, actor, action, subject, detail, hash) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
};
const AUDIT_PAGE: Statement = Statement {
    name: "audit_page",
    sql: "SELECT sequence, recorded, actor, action, subject, detail, hash \
          FROM {service}_audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] = &[&AUDIT_LAST, &AUDIT_APPEND, &AUDIT_PAGE];

/// The longest actor, action or subject: room for an issuer's subject or a path.
const AUDIT_TEXT_BYTES_MAX: usize = 512;

/// The largest detail as text: what changed, not the whole of it.
const AUDIT_DETAIL_BYTES_MAX: usize = 16 * 1024;

/// How many rows a check reads in one transaction: short enough not to keep old rows alive.
pub const AUDIT_PAGE_ROWS: u16 = 1_000;

/// What the hash of a row is derived for; a change of the encoding needs a new text.
const HASH_CONTEXT: &str = "florin 2026 audit row v1";

/// The hash before the first row.
const GENESIS: [u8; 32] = [0; 32];

/// Something that must be told to an auditor.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When it happened.
    pub recorded: Timestamp,
    /// Who did it: a subject, or a component.
    pub actor: String,
    /// What was done, as a code: `message_redriven`, `access_denied`.
    pub action: String,
    /// What it was done to: an id, a route.
    pub subject: String,
    /// What else matters; no secrets, no card data.
    pub detail: serde_json::Value,
}

/// The result of a check of the whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditState {
    /// Every row is as it was written, none is missing between them.
    Intact {
        /// How many rows there are.
        rows: u64,
        /// The hash of the last one; 32 zero bytes when there is none.
        head: [u8; 32],
    },
    /// The chain is broken.
    Broken {
        /// The sequence number of the first row that is not as it was written, or that is missing.
        sequence: u64,
    },
}

impl Tx<'_> {
    /// Appends a row to the service's audit log.
    ///
    /// On PostgreSQL, transactions of one service that write audit rows at the same time get in
    /// each other's way and are repeated: the chain is a single file by nature.
    pub fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let outcome = self.append_audit(entry);
        self.keep_failure(outcome)
    }

    fn append_audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let detail = entry.detail.to_string();
        for text in [&entry.actor, &entry.action, &entry.subject] {
            check_size("audit text", text.len(), AUDIT_TEXT_BYTES_MAX)?;
        }
        check_size("audit detail", detail.len(), AUDIT_DETAIL_BYTES_MAX)?;
        let last = self.query_own(&AUDIT_LAST, &[])?;
        let (sequence, previous) = match last.first() {
            None => (1, GENESIS),
            Some(row) => (row.int(0)? + 1, hash_of(row, 1)?),
        };
        let fields = Fields {
            sequence,
            recorded: entry.recorded.micros(),
            texts: [&entry.actor, &entry.action, &entry.subject, &detail],
        };
        let [actor, action, subject, detail] = fields.texts.map(Value::from);
        let hash = fields.hash(&previous);
        let values = [
            sequence.into(),
            fields.recorded.into(),
            actor,
            action,
            subject,
            detail,
            hash.into(),
        ];
        self.execute_own_later(&AUDIT_APPEND, &values)
    }
}

impl Store {
    /// The lines of the audit log after the first `after`, at most [`AUDIT_PAGE_ROWS`], oldest
    /// first. It does not check them: that is [`Store::verify_audit`].
    pub async fn list_audit(&self, after: u64) -> Result<Vec<AuditEntry>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read(move |tx| {
            let values = [after.into(), AUDIT_PAGE_ROWS.into()];
            tx.query_own(&AUDIT_PAGE, &values)?
                .iter()
                .map(entry)
                .collect()
        })
        .await
    }

    /// Reads the whole audit log, page by page, and checks the chain.
    ///
    /// Rows appended meanwhile are checked too. Costs one read of the table.
    pub async fn verify_audit(&self) -> Result<AuditState, StoreError> {
        let (mut rows, mut head) = (0_u64, GENESIS);
        loop {
            let after = i64::try_from(rows).unwrap_or(i64::MAX);
            let page = self
                .read(move |tx| {
                    let values = [after.into(), AUDIT_PAGE_ROWS.into()];
                    tx.query_own(&AUDIT_PAGE, &values)
                })
                .await?;
            for row in &page {
                match verified(row, rows + 1, &head) {
                    Some(hash) => (rows, head) = (rows + 1, hash),
                    None => return Ok(AuditState::Broken { sequence: rows + 1 }),
                }
            }
            if page.len() < usize::from(AUDIT_PAGE_ROWS) {
                return Ok(AuditState::Intact { rows, head });
            }
        }
    }
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        recorded: row.timestamp(1)?,
        actor: row.text(2)?,
        action: row.text(3)?,
        subject: row.text(4)?,
        detail: row.json(5)?,
    })
}

/// What a row's hash covers.
struct Fields<'a> {
    sequence: i64,
    recorded: i64,
    texts: [&'a str; 4],
}

impl Fields<'_> {
    fn hash(&self, previous: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key(HASH_CONTEXT);
        hasher.update(previous);
        hasher.update(&self.sequence.to_be_bytes());
        hasher.update(&self.recorded.to_be_bytes());
        for text in self.texts {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.finalize().into()
    }
}

/// The row's hash, if the row is the one that belongs here.
fn verified(row: &Row, sequence: u64, previous: &[u8; 32]) -> Option<[u8; 32]> {
    let texts = [
        row.text(2).ok()?,
        row.text(3).ok()?,
        row.text(4).ok()?,
        row.text(5).ok()?,
    ];
    let fields = Fields {
        sequence: row.int(0).ok()?,
        recorded: row.int(1).ok()?,
        texts: [&texts[0], &texts[1], &texts[2], &texts[3]],
    };
    let hash = fields.hash(previous);
    let in_place = u64::try_from(fields.sequence) == Ok(sequence);
    (in_place && hash_of(row, 6).ok()? == hash).then_some(hash)
}

fn hash_of(row: &Row, column: usize) -> Result<[u8; 32], StoreError> {
    row.bytes(column)?
        .try_into()
        .map_err(|_| StoreError::ColumnMustFit {
            statement: row.statement.into(),
            column,
            expected: "a hash of 32 bytes",
        })
}
