//! Who changed what when: the change in the making, and the lines of a history.
//!
//! Promises: what a change publishes and what it leaves in the audit log carry the time of the
//! change; a history's line reads and looks the same in every service. It does not store: tables
//! are the services' own.

use contracts::Event;
use kit::id::IdSource;
use kit::name::Subject;
use kit::time::{Clock, Timestamp};
use serde::Serialize;
use store::{AuditEntry, Row, StoreError, Tx};
use utoipa::ToSchema;

use crate::events::publish;

/// Who changes something, when, and where the ids of its events come from.
#[derive(Clone)]
pub struct Change {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    ids: IdSource,
}

impl Change {
    /// A change that happens now.
    #[must_use]
    pub fn now(by: Subject, clock: &dyn Clock, ids: &IdSource) -> Self {
        Self {
            by,
            at: clock.now(),
            ids: ids.clone(),
        }
    }

    /// Appends an event of this change to the outbox; see [`publish`].
    pub fn publish<E: Event>(&self, tx: &mut Tx<'_>, event: &E) -> Result<(), StoreError> {
        publish(tx, &self.ids, event, self.at)
    }

    /// Appends a line of its own to the audit log, beside the one that every write of staff has:
    /// what was done (`letter_redriven`), to what, and what else a reader of the log must know,
    /// such as the reason. It is kept if and only if the transaction is.
    pub fn audit(
        &self,
        tx: &mut Tx<'_>,
        action: &str,
        subject: impl ToString,
        detail: serde_json::Value,
    ) -> Result<(), StoreError> {
        tx.audit(&AuditEntry {
            recorded: self.at,
            actor: self.by.to_string(),
            action: action.to_owned(),
            subject: subject.to_string(),
            detail,
        })
    }
}

/// One line of a history, as a row gives it and as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "revision": 1,
    "change": "created",
    "changed_by": "ops-1",
    "changed_at": "2026-02-28T10:00:00.000000Z"
}))]
pub struct HistoryLine {
    /// The revision the change led to.
    pub revision: u32,
    /// What happened, in one word.
    pub change: String,
    /// Who did it.
    #[schema(value_type = String)]
    pub changed_by: Subject,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Timestamp,
}

impl HistoryLine {
    /// Reads a line from the first four columns: revision, change, changed_by, changed_at.
    pub fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            revision: row.count(0)?,
            change: row.text(1)?,
            changed_by: row.parsed(2)?,
            changed_at: row.timestamp(3)?,
        })
    }
}
