//! What can go wrong with a store, and the stable code of each.
//!
//! Promises: an error never carries a parameter's value or a row's contents, so it can be logged.
//! Does not: decide what a caller sees; a service maps what its domain expects (a duplicate, say)
//! to an error of its own and passes the rest on.

use kit::codes::{Code, store, web};

/// Why a transaction, a start or a migration failed.
///
/// Except for [`CommitOutcomeUnknown`](StoreError::CommitOutcomeUnknown), an error from
/// [`Store::write`](crate::Store::write) means that nothing of the closure was kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The queue stayed full, or every connection in use, for as long as a caller may wait.
    #[error("the store is busy")]
    Busy,
    /// The database was closed, or this process is stopping.
    #[error("the store is closed")]
    Closed,
    /// The database cannot be reached, or its disk refuses to work. Nothing was kept.
    #[error("the database is unavailable: reason={reason}")]
    Unavailable {
        /// What the driver said.
        reason: String,
    },
    /// What is stored cannot be read back as it was written. Waiting does not help.
    #[error("the database is damaged: reason={reason}")]
    Damaged {
        /// What the driver said.
        reason: String,
    },
    /// The flush of a commit failed or the connection was lost during `COMMIT`: the writes are
    /// either all there or none is. Repeat with the same idempotency key to find out.
    #[error("the outcome of the commit is unknown: reason={reason}")]
    CommitOutcomeUnknown {
        /// What the driver said.
        reason: String,
    },
    /// Another closure of the same group commit took the whole group down. Nothing was kept.
    #[error("the group of transactions was rolled back")]
    GroupRolledBack,
    /// Concurrent transactions got in the way of every attempt.
    #[error("the transaction met too many concurrent ones: attempts={attempts}")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// A statement ran longer than a statement may.
    #[error("the statement took too long: statement={statement}")]
    StatementTooSlow {
        /// The name of the statement.
        statement: String,
    },
    /// A statement touches a table, or does a thing, that is not the service's to touch.
    #[error("the statement must stay within the service's own tables: statement={statement}")]
    StatementNotAllowed {
        /// The name of the statement.
        statement: String,
    },
    /// A constraint of a table refused the row.
    #[error("a constraint refused the row: statement={statement} constraint={constraint}")]
    ConstraintViolated {
        /// The name of the statement; empty when it was found at `COMMIT`.
        statement: String,
        /// Which kind of constraint.
        kind: Constraint,
        /// PostgreSQL: the constraint's name; SQLite: `table.column`.
        constraint: String,
    },
    /// The database refused the statement for any other reason.
    #[error("the statement failed: statement={statement} reason={reason}")]
    StatementFailed {
        /// The name of the statement.
        statement: String,
        /// What the database said.
        reason: String,
    },
    /// A statement failed earlier in this closure; the closure must pass that error on.
    #[error("a transaction in which a statement failed must end")]
    TransactionMustEnd,
    /// A query found more rows than a query may; it lacks a `LIMIT`.
    #[error("the query found too many rows: statement={statement}")]
    TooManyRows {
        /// The name of the statement.
        statement: String,
    },
    /// A placeholder was written `?` instead of `?1`.
    #[error("placeholders must be numbered: statement={statement}")]
    PlaceholderMustBeNumbered {
        /// The name of the statement.
        statement: String,
    },
    /// A column does not hold what the code expects of it.
    #[error("the column must hold the expected kind: statement={statement} column={column}")]
    ColumnMustFit {
        /// The name of the statement.
        statement: String,
        /// The column's place, from 0.
        column: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// The topic is not one the service declares.
    #[error("the topic must be declared in the topology: topic={topic}")]
    UndeclaredTopic {
        /// The topic.
        topic: String,
    },
    /// The same idempotency key came with another request.
    #[error("an idempotency key must not be used again for another request")]
    IdempotencyKeyReused,
    /// A closure began an idempotent request and ended without storing its reply.
    #[error("an idempotent request must be finished in the transaction it was begun in")]
    IdempotencyMustBeFinished,
    /// A work message is older than the inbox remembers, so it may have been done before.
    #[error("a work message must be younger than the inbox's memory")]
    WorkMustBeRecent,
    /// The outbox holds as many rows as it may: whoever takes them is behind, or away.
    #[error("the outbox must have room")]
    OutboxMustHaveRoom,
    /// As many events of the topic are parked as may be. Wait: what is parked goes when it is
    /// handled or decided on.
    #[error("the parked events of a topic must have room: topic={topic}")]
    ParkedMustHaveRoom {
        /// The topic.
        topic: String,
    },
    /// Something to be kept is larger than it may be.
    #[error("a stored part must keep its limit: part={part} bytes_max={bytes_max}")]
    TooLarge {
        /// Which part.
        part: &'static str,
        /// How many bytes it may have.
        bytes_max: usize,
    },
    /// The closure panicked; it was rolled back and the store goes on.
    #[error("the transaction closure panicked")]
    ClosurePanicked,
    /// Another process has the database file open.
    #[error("the database file must not be open in another process: path={path}")]
    FileInUse {
        /// The file.
        path: String,
    },
    /// The database is not set up so that it can keep Florin's promises.
    #[error("the database must be set up for florin: reason={reason}")]
    Unsuitable {
        /// What is wrong.
        reason: String,
    },
    /// A service's name is not usable in table names.
    #[error("a service name must be an identifier: service={service}")]
    ServiceNameMustBeAnIdentifier {
        /// The name.
        service: String,
    },
    /// Two services' table names could not be told apart.
    #[error("service names must not begin with one another: service={service} other={other}")]
    ServiceNamesMustDiffer {
        /// The service being opened.
        service: String,
        /// The one that is open already.
        other: String,
    },
    /// A migration failed; none of its statements was kept.
    #[error("the migration failed: migration={migration} reason={reason}")]
    MigrationFailed {
        /// The migration, or the history table when it concerns all of them.
        migration: String,
        /// What the database said.
        reason: String,
    },
    /// What was applied to the database is not what this program holds: a migration was edited
    /// after it was applied, or the database is newer than the program.
    #[error("applied migrations must be those of this program: migration={migration}")]
    MigrationsMustMatch {
        /// The first migration that differs.
        migration: String,
    },
    /// The database lacks migrations this program needs.
    #[error("migrations must be applied before the start: migration={migration}")]
    MigrationsMustBeApplied {
        /// The first one that is missing.
        migration: String,
    },
}

/// The kinds of constraint a table can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// Two rows would have the same key.
    Unique,
    /// A row refers to one that does not exist, or is referred to.
    ForeignKey,
    /// A `CHECK`, a `STRICT` column type, or a trigger refused the value.
    Check,
    /// A value is missing.
    NotNull,
}

impl StoreError {
    /// The stable code of this error in the platform's table.
    pub fn code(&self) -> &'static Code {
        match self {
            Self::Busy => &store::STORE_MUST_HAVE_ROOM,
            Self::Closed | Self::Unavailable { .. } | Self::GroupRolledBack => {
                &store::STORE_MUST_BE_AVAILABLE
            }
            Self::Damaged { .. } => &store::STORE_MUST_BE_INTACT,
            Self::CommitOutcomeUnknown { .. } => &store::COMMIT_OUTCOME_UNKNOWN,
            Self::Contended { .. } => &store::TRANSACTION_MUST_NOT_CONFLICT,
            Self::StatementTooSlow { .. } => &store::STATEMENT_MUST_END_IN_TIME,
            Self::ConstraintViolated { .. } => &store::ROW_MUST_KEEP_CONSTRAINTS,
            Self::IdempotencyKeyReused => &web::IDEMPOTENCY_KEY_REUSED,
            Self::WorkMustBeRecent => &store::WORK_MUST_BE_RECENT,
            Self::OutboxMustHaveRoom => &store::OUTBOX_MUST_HAVE_ROOM,
            Self::ParkedMustHaveRoom { .. } => &store::PARKED_MUST_HAVE_ROOM,
            Self::TooLarge { .. } => &store::STORED_PART_MUST_FIT,
            Self::FileInUse { .. }
            | Self::Unsuitable { .. }
            | Self::ServiceNameMustBeAnIdentifier { .. }
            | Self::ServiceNamesMustDiffer { .. }
            | Self::MigrationFailed { .. }
            | Self::MigrationsMustMatch { .. }
            | Self::MigrationsMustBeApplied { .. } => &store::STORE_MUST_BE_SET_UP,
            _ => &web::INTERNAL_ERROR,
        }
    }

    /// Whether the same may go well later without anybody changing what was asked for, or the code.
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::Closed
                | Self::Unavailable { .. }
                | Self::CommitOutcomeUnknown { .. }
                | Self::GroupRolledBack
                | Self::Contended { .. }
                | Self::OutboxMustHaveRoom
                | Self::ParkedMustHaveRoom { .. }
        )
    }

    /// Whether this is a unique key that exists already: what a service usually turns into an
    /// error of its own.
    pub fn is_duplicate(&self) -> bool {
        matches!(
            self,
            Self::ConstraintViolated {
                kind: Constraint::Unique,
                ..
            }
        )
    }
}
