//! What an error of the server means.
//!
//! Promises: an error never carries a value.

use std::error::Error;

use tokio_postgres::error::SqlState;

use crate::error::{Constraint, StoreError};

/// What an error of the server or the driver means to a caller.
pub(crate) fn failure(statement: &str, error: &tokio_postgres::Error) -> StoreError {
    let statement = statement.to_owned();
    let Some(error) = error.as_db_error() else {
        let lost = error.is_closed()
            || error
                .source()
                .is_some_and(<dyn Error + 'static>::is::<std::io::Error>);
        let reason = crate::reasons(error);
        return if lost {
            StoreError::Unavailable { reason }
        } else {
            StoreError::StatementFailed { statement, reason }
        };
    };
    let violated = |kind| StoreError::ConstraintViolated {
        statement: statement.clone(),
        kind,
        constraint: error
            .constraint()
            .or(error.column())
            .unwrap_or_default()
            .to_owned(),
    };
    let code = error.code().clone();
    match code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            StoreError::Contended { attempts: 1 }
        }
        SqlState::UNIQUE_VIOLATION | SqlState::EXCLUSION_VIOLATION => violated(Constraint::Unique),
        SqlState::FOREIGN_KEY_VIOLATION => violated(Constraint::ForeignKey),
        SqlState::CHECK_VIOLATION => violated(Constraint::Check),
        SqlState::NOT_NULL_VIOLATION => violated(Constraint::NotNull),
        SqlState::INSUFFICIENT_PRIVILEGE | SqlState::READ_ONLY_SQL_TRANSACTION => {
            StoreError::StatementNotAllowed { statement }
        }
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => {
            StoreError::StatementTooSlow { statement }
        }
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Damaged {
            reason: code.code().into(),
        },
        // Classes of SQLSTATE: connection, resources, operator's intervention, system error.
        _ => match &code.code()[..2] {
            "08" | "53" | "57" | "58" => StoreError::Unavailable {
                reason: code.code().into(),
            },
            // The messages of this class name tables and columns; those of others may show values.
            "42" => StoreError::StatementFailed {
                statement,
                reason: error.message().into(),
            },
            _ => StoreError::StatementFailed {
                statement,
                reason: code.code().into(),
            },
        },
    }
}
