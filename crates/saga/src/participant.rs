//! What a service uses to take commands of sagas.
//!
//! Promises, each in the transaction of the effect: a command has its effect once, and every
//! repeat of it gets the same answer; a cancel before the act leaves a tombstone, and the act is
//! refused when it comes; a cancel after the act undoes it once. Remembered as long as the store
//! remembers steps ([`store::STEPS_RETENTION_HOURS`]), which is as long as its inbox takes a
//! message at all, so nothing forgotten is ever done again.
//!
//! Does not know what a command means, and does not retry: what fails is the message's failure.

use std::collections::HashMap;

use broker::{Arrived, ManyError, Message, ReactionError};
use kit::codes;
use kit::id::IdSource;
use kit::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::{StepState, StoreError, Tx, Work};
use uuid::Uuid;

use crate::context::Fields;
use crate::definition::REFUSED;
use crate::wire::{self, Asked};

/// What a step's name begins with where its compensation is remembered; a step's own begins with
/// its number.
pub(crate) const UNDO: &str = "undo ";

/// A component that takes part in sagas. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Participant {
    component: &'static str,
    ids: IdSource,
}

/// What a participant answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    event: String,
    acted: bool,
    #[serde(default)]
    data: Fields,
}

impl Answer {
    /// It acted: there is something that a cancel would have to undo. In a compensation: it is
    /// undone, and the event is the command's own ([`Asked::undo`]).
    #[must_use]
    pub fn acted(event: &str, data: Fields) -> Self {
        Self {
            event: event.to_owned(),
            acted: true,
            data,
        }
    }

    /// It did not act, changed nothing, and never will.
    #[must_use]
    pub fn refused(event: &str, data: Fields) -> Self {
        Self {
            event: event.to_owned(),
            acted: false,
            data,
        }
    }

    /// What it says to the others, and to its own compensation.
    #[must_use]
    pub fn data(&self) -> &Fields {
        &self.data
    }
}

/// What the service has to do, because nobody has done it yet.
#[derive(Clone, Copy, Debug)]
pub enum Task<'a> {
    /// Execute the command.
    Act(&'a Asked),
    /// Undo what was executed; it cannot be refused.
    Undo {
        /// The compensation.
        asked: &'a Asked,
        /// What was answered when it acted.
        answered: &'a Answer,
    },
}

impl Participant {
    /// The participant that this component is.
    #[must_use]
    pub fn new(component: &'static str, ids: IdSource) -> Self {
        Self { component, ids }
    }

    /// Starts a saga, in the transaction of what it is about: one row of the outbox.
    ///
    /// # Errors
    ///
    /// If what it says is too large, or the store refuses.
    pub fn register(
        &self,
        tx: &mut Tx<'_>,
        (event, said): (&str, &wire::Said),
        traceparent: Option<String>,
        now: Timestamp,
    ) -> Result<(), ReactionError> {
        let work = self.saying((event, said), traceparent, now)?;
        Ok(tx.send(&work)?)
    }

    /// Handles a command: asks `execute` for what is not done yet, keeps its answer, and sends it.
    /// For the reaction of the topic `COMPONENT.commands`.
    ///
    /// # Errors
    ///
    /// A message that is no command of the engine, what `execute` answers, or the store.
    pub fn answer<F>(
        &self,
        tx: &mut Tx<'_>,
        message: &Message,
        now: Timestamp,
        execute: F,
    ) -> Result<(), ReactionError>
    where
        F: FnOnce(&mut Tx<'_>, Task<'_>) -> Result<Answer, ReactionError>,
    {
        let (asked, mut steps) = (Asked::read(message)?, Steps::new(now));
        let work = self.respond(tx, (message, &asked), &mut steps, execute)?;
        Ok(tx.send(&work)?)
    }

    /// Handles commands as [`Self::answer`] does, one after the other, each in its trace, and sends
    /// the answers together. For a [`broker::Reaction::many`] of the topic `COMPONENT.commands`
    /// that reads with [`Asked::read`].
    ///
    /// # Errors
    ///
    /// As of [`Self::answer`], with the place of the first command that fails.
    pub fn answer_many<F>(
        &self,
        tx: &mut Tx<'_>,
        commands: &[Arrived<'_, Asked>],
        now: Timestamp,
        mut execute: F,
    ) -> Result<(), ManyError>
    where
        F: FnMut(&mut Tx<'_>, Task<'_>) -> Result<Answer, ReactionError>,
    {
        let mut steps = Steps::new(now);
        steps.load(tx, commands.iter().map(Arrived::read))?;
        let mut answers = Vec::with_capacity(commands.len());
        for (place, arrived) in commands.iter().enumerate() {
            let command = (arrived.message(), arrived.read());
            let answer = arrived.in_scope(|| self.respond(tx, command, &mut steps, &mut execute));
            answers.push(answer.map_err(|error| ManyError::at(place, error))?);
        }
        Ok(tx.send_many(&answers)?)
    }

    /// Executes what is not done yet, and keeps the answer; answers it as it is to be sent.
    fn respond<F>(
        &self,
        tx: &mut Tx<'_>,
        (message, asked): (&Message, &Asked),
        steps: &mut Steps,
        execute: F,
    ) -> Result<Work, ReactionError>
    where
        F: FnOnce(&mut Tx<'_>, Task<'_>) -> Result<Answer, ReactionError>,
    {
        let answer = match &asked.undo {
            None => act(tx, asked, steps, execute)?,
            Some(done) => undo(tx, (asked, done), steps, execute)?,
        };
        let said = wire::Said {
            saga_id: asked.saga_id,
            step: Some(asked.step.clone()),
            definition: None,
            acted: answer.acted,
            data: answer.data,
        };
        let traceparent = message.traceparent.clone();
        self.saying((&answer.event, &said), traceparent, steps.now)
    }

    fn saying(
        &self,
        (event, said): (&str, &wire::Said),
        traceparent: Option<String>,
        now: Timestamp,
    ) -> Result<Work, ReactionError> {
        let about = (self.component, &*said.saga_id.to_string());
        let kind = (event, wire::SCHEMA_VERSION);
        let mut message = Message::work(self.ids.next(), about, kind, now, said)?;
        message.traceparent = traceparent;
        Ok(message.sending(wire::EVENTS, now, now)?)
    }
}

/// What is known of steps: of those that were loaded without asking again.
struct Steps {
    now: Timestamp,
    known: HashMap<(Uuid, String), StepState>,
}

impl Steps {
    fn new(now: Timestamp) -> Self {
        Self {
            now,
            known: HashMap::new(),
        }
    }

    /// Finds what all of these will ask for.
    fn load<'a>(
        &mut self,
        tx: &mut Tx<'_>,
        all: impl ExactSizeIterator<Item = &'a Asked>,
    ) -> Result<(), StoreError> {
        let mut names: Vec<(Uuid, String)> = Vec::with_capacity(all.len());
        for asked in all {
            let saga = asked.saga_id.uuid();
            if asked.undo.is_some() {
                names.push((saga, format!("{UNDO}{}", asked.step)));
            }
            names.push((saga, asked.step.clone()));
        }
        names.sort_unstable();
        names.dedup();
        let steps: Vec<_> = names
            .iter()
            .map(|(saga, step)| (*saga, step.as_str()))
            .collect();
        let states = tx.steps_begin(&steps)?;
        self.known = names.into_iter().zip(states).collect();
        Ok(())
    }

    fn begin(
        &mut self,
        tx: &mut Tx<'_>,
        (saga, step): (Uuid, &str),
    ) -> Result<StepState, StoreError> {
        match self.known.get(&(saga, step.to_owned())) {
            Some(state) => Ok(state.clone()),
            None => tx.step_begin(saga, step),
        }
    }

    fn done(
        &mut self,
        tx: &mut Tx<'_>,
        (saga, step): (Uuid, &str),
        answer: &Answer,
    ) -> Result<(), StoreError> {
        let document = serde_json::to_string(answer);
        let document = document.expect("an answer has string keys and raw JSON only");
        tx.step_done(saga, step, &document, self.now)?;
        let state = StepState::Done { document };
        self.known.insert((saga, step.to_owned()), state);
        Ok(())
    }

    fn cancelled(&mut self, tx: &mut Tx<'_>, (saga, step): (Uuid, &str)) -> Result<(), StoreError> {
        tx.step_cancelled(saga, step, self.now)?;
        let state = StepState::Cancelled;
        self.known.insert((saga, step.to_owned()), state);
        Ok(())
    }
}

fn act<F>(
    tx: &mut Tx<'_>,
    asked: &Asked,
    steps: &mut Steps,
    execute: F,
) -> Result<Answer, ReactionError>
where
    F: FnOnce(&mut Tx<'_>, Task<'_>) -> Result<Answer, ReactionError>,
{
    let saga = asked.saga_id.uuid();
    match steps.begin(tx, (saga, &asked.step))? {
        StepState::Done { document } => kept(&document),
        StepState::Cancelled => Ok(Answer::refused(REFUSED, Fields::new())),
        StepState::New => {
            let answer = execute(tx, Task::Act(asked))?;
            steps.done(tx, (saga, &asked.step), &answer)?;
            Ok(answer)
        }
    }
}

fn undo<F>(
    tx: &mut Tx<'_>,
    (asked, done): (&Asked, &str),
    steps: &mut Steps,
    execute: F,
) -> Result<Answer, ReactionError>
where
    F: FnOnce(&mut Tx<'_>, Task<'_>) -> Result<Answer, ReactionError>,
{
    let saga = asked.saga_id.uuid();
    let undoing = format!("{UNDO}{}", asked.step);
    if let StepState::Done { document } = steps.begin(tx, (saga, &undoing))? {
        return kept(&document);
    }
    let acted = match steps.begin(tx, (saga, &asked.step))? {
        StepState::New => {
            steps.cancelled(tx, (saga, &asked.step))?;
            None
        }
        StepState::Cancelled => None,
        StepState::Done { document } => Some(kept(&document)?).filter(|answer| answer.acted),
    };
    let answer = match &acted {
        None => Answer::refused(done, Fields::new()),
        Some(answered) => {
            let task = Task::Undo { asked, answered };
            let undone = execute(tx, task)?;
            // What the engine waits for is this event, whatever the service calls it.
            Answer::acted(done, undone.data)
        }
    };
    steps.done(tx, (saga, &undoing), &answer)?;
    Ok(answer)
}

fn kept(document: &str) -> Result<Answer, ReactionError> {
    serde_json::from_str(document)
        .map_err(|error| ReactionError::refused(&codes::STORE_MUST_BE_INTACT, error))
}
