//! What a participant of sagas answered to each step.
//!
//! Promises: the answer is kept in the transaction of the step's effect, so a repeated command
//! gets the same answer and has no second effect; a step that was cancelled before it was asked
//! for is never done. Both are remembered [`STEPS_RETENTION_HOURS`].
//! Does not: know what a step does, or send the answer.

use std::collections::HashMap;

use kit::limits::BODY_BYTES_MAX;
use kit::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::outbox::{EVENT_KEY_BYTES_MAX, check_size};
use crate::postgres::Parameter;
use crate::schema::Dialect;
use crate::statement::Statement;
use crate::tx::Tx;
use crate::value::Value;

const STEP_FIND: Statement = Statement {
    name: "step_find",
    sql: "SELECT document FROM {service}_steps WHERE saga = ?1 AND step = ?2",
};
/// As [`STEP_FIND`] for many, in PostgreSQL's own words. Row by row and by the key: a look at the
/// whole table would have every two batches of a service meet.
const STEP_FIND_MANY: Statement = Statement {
    name: "step_find_many",
    sql: "SELECT given.saga, given.step, known.document \
          FROM unnest(?1::uuid[], ?2::text[]) AS given (saga, step), \
          LATERAL (SELECT s.document FROM {service}_steps s \
          WHERE s.saga = given.saga AND s.step = given.step OFFSET 0) AS known",
};
const STEP_INSERT: Statement = Statement {
    name: "step_insert",
    sql: "INSERT INTO {service}_steps (saga, step, document, ended) VALUES (?1, ?2, ?3, ?4)",
};
pub(crate) const STEPS_TRIM: Statement = Statement {
    name: "steps_trim",
    sql: "DELETE FROM {service}_steps WHERE (saga, step) IN (SELECT saga, step \
          FROM {service}_steps WHERE ended < ?1 ORDER BY ended LIMIT ?2)",
};

/// The statements of this module.
pub(crate) const STATEMENTS: &[&Statement] =
    &[&STEP_FIND, &STEP_FIND_MANY, &STEP_INSERT, &STEPS_TRIM];

/// How long answers and cancellations are remembered: 30 days, as long as the inbox remembers
/// work, so that a command is refused as too old before its answer is forgotten.
pub const STEPS_RETENTION_HOURS: u64 = crate::inbox::INBOX_RETENTION_HOURS;

/// How many steps one statement finds: twice what a consumer takes at a time.
const MANY_MAX: usize = 1_000;

/// What is known of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a step that was done must not be done again"]
pub enum StepState {
    /// It is new: do it, then call [`Tx::step_done`] in the same transaction.
    New,
    /// It was done: send this answer again.
    Done {
        /// The answer, as it was given.
        document: String,
    },
    /// It was cancelled before it was done: do nothing.
    Cancelled,
}

impl Tx<'_> {
    /// What is known of a saga's step. Writes nothing.
    pub fn step_begin(&mut self, saga: Uuid, step: &str) -> Result<StepState, StoreError> {
        self.release_own();
        let rows = self.query_own(&STEP_FIND, &[saga.into(), step.into()])?;
        let Some(row) = rows.first() else {
            return Ok(StepState::New);
        };
        Ok(match row.opt_text(0)? {
            Some(document) => StepState::Done { document },
            None => StepState::Cancelled,
        })
    }

    /// What is known of steps, each of a saga, in this order: what [`Self::step_begin`] answers of
    /// each now. On PostgreSQL some exchanges with the server, however many there are.
    pub fn steps_begin(&mut self, steps: &[(Uuid, &str)]) -> Result<Vec<StepState>, StoreError> {
        if self.dialect() == Dialect::Sqlite || steps.len() < 2 {
            let known = steps.iter();
            return known
                .map(|(saga, step)| self.step_begin(*saga, step))
                .collect();
        }
        let sets = steps.chunks(MANY_MAX).map(|part| {
            let sagas = part.iter().map(|(saga, _)| (*saga).into()).collect();
            let names = part.iter().map(|(_, step)| (*step).into()).collect();
            vec![Parameter::Column(sagas), Parameter::Column(names)]
        });
        let sets: Vec<_> = sets.collect();
        self.release_own();
        let rows = self.query_many_own(&STEP_FIND_MANY, &sets)?;
        let known = rows.iter().map(|row| {
            let document = row.opt_text(2)?;
            let state = document.map_or(StepState::Cancelled, |document| StepState::Done {
                document,
            });
            Ok(((row.uuid(0)?, row.text(1)?), state))
        });
        let known = known.collect::<Result<HashMap<_, _>, StoreError>>()?;
        let states = steps.iter().map(|(saga, step)| {
            let state = known.get(&(*saga, (*step).to_owned()));
            state.cloned().unwrap_or(StepState::New)
        });
        Ok(states.collect())
    }

    /// Keeps the answer to a step that was new.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] above [`BODY_BYTES_MAX`]; a constraint violation when the step was
    /// done or cancelled before, of which the closure hears as [`Tx::execute_later`] says. Each
    /// ends the transaction.
    pub fn step_done(
        &mut self,
        saga: Uuid,
        step: &str,
        document: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sized = check_size("step's answer", document.len(), BODY_BYTES_MAX);
        self.keep_failure(sized)?;
        self.insert_step(saga, step, document.into(), now)
    }

    /// Notes that a step that was new must never be done.
    ///
    /// # Errors
    ///
    /// A constraint violation when the step was done or cancelled before, which ends the
    /// transaction; the closure hears of it as [`Tx::execute_later`] says.
    pub fn step_cancelled(
        &mut self,
        saga: Uuid,
        step: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.insert_step(saga, step, Value::Null, now)
    }

    fn insert_step(
        &mut self,
        saga: Uuid,
        step: &str,
        document: Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sized = check_size("step", step.len(), EVENT_KEY_BYTES_MAX);
        self.keep_failure(sized)?;
        let values = [saga.into(), step.into(), document, now.into()];
        self.append_own(&STEP_INSERT, vec![values])
    }
}
