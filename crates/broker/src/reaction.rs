//! What a service does with a message, as the service says it.
//!
//! Promises nothing by itself; [`crate::Consumer`] runs it, in a transaction of the service's own
//! store, together with the note that the message was handled.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kit::codes::{self, Code};
use store::{StoreError, Tx};

use crate::message::{Message, MessageError};

/// How much of an error's words is kept: what a person reads of it at a glance.
const REASON_BYTES_MAX: usize = 1_000;

type One = dyn Fn(&mut Tx<'_>, &Message) -> Result<(), ReactionError> + Send + Sync;
type Read = dyn Fn(&Message) -> Reading + Send + Sync;
type Many = dyn Fn(&mut Tx<'_>, &[Handed<'_>]) -> Result<Afterwards, ManyError> + Send + Sync;
type Within = dyn Fn(&Message, &mut dyn FnMut() -> Option<&'static Code>) + Send + Sync;

/// What is done with the messages of one topic. Cheap to clone.
#[derive(Clone)]
pub struct Reaction {
    topic: Arc<str>,
    run: Run,
    within: Option<Arc<Within>>,
}

#[derive(Clone)]
enum Run {
    One(Arc<One>),
    Many(Arc<Read>, Arc<Many>),
}

/// What a reaction reads of a message before the transaction.
pub(crate) type Reading = Result<Box<dyn Any + Send + Sync>, ReactionError>;

impl Reaction {
    /// For every message of the topic, `run` in a transaction.
    ///
    /// It may run more than once for one message, each time in a transaction that was undone
    /// before, so it has no effect but through `tx`. A type that it does not know it passes over
    /// with `Ok`: topics grow. What it refuses is retried; see [`crate::Consumer`].
    pub fn new<F>(topic: &str, run: F) -> Self
    where
        F: Fn(&mut Tx<'_>, &Message) -> Result<(), ReactionError> + Send + Sync + 'static,
    {
        Self {
            topic: topic.into(),
            run: Run::One(Arc::new(run)),
            within: None,
        }
    }

    /// For all messages of a transaction at once, the oldest first, `run`: for reactions that load
    /// and save what many messages are about in few statements. What each of them says was read by
    /// `read`, once and before the transaction, which may be the one that all others wait for;
    /// what it refuses is refused.
    ///
    /// What `run` does must be what it would do with one after the other. As of [`Self::new`] it
    /// has no effect but through `tx`; what must not happen twice, such as counting, it answers, to
    /// be done once the transaction is kept. One that refuses names the message
    /// ([`ManyError::at`]): those before it are handled, it is put aside, the others follow. One
    /// that does not is given halves until it is known which it was.
    pub fn many<T, R, F>(topic: &str, read: R, run: F) -> Self
    where
        T: Send + Sync + 'static,
        R: Fn(&Message) -> Result<T, ReactionError> + Send + Sync + 'static,
        F: Fn(&mut Tx<'_>, &[Arrived<'_, T>]) -> Result<Afterwards, ManyError>
            + Send
            + Sync
            + 'static,
    {
        let read = move |message: &Message| -> Reading { Ok(Box::new(read(message)?)) };
        let run = move |tx: &mut Tx<'_>, messages: &[Handed<'_>]| {
            let mut arrived = Vec::with_capacity(messages.len());
            for (place, handed) in messages.iter().enumerate() {
                let arrives = handed.arrives();
                arrived.push(arrives.map_err(|error| ManyError::at(place, error))?);
            }
            run(tx, &arrived)
        };
        Self {
            topic: topic.into(),
            run: Run::Many(Arc::new(read), Arc::new(run)),
            within: None,
        }
    }

    /// The same, with this around what is done for one message: it runs what it is given once,
    /// which answers the code of the refusal, if it is refused.
    #[must_use]
    pub fn within<F>(mut self, within: F) -> Self
    where
        F: Fn(&Message, &mut dyn FnMut() -> Option<&'static Code>) + Send + Sync + 'static,
    {
        self.within = Some(Arc::new(within));
        self
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Does what the service says is to be done with a message, but for what it would do once the
    /// transaction is kept.
    pub fn react(&self, tx: &mut Tx<'_>, message: &Message) -> Result<(), ReactionError> {
        match &self.run {
            Run::One(run) => run(tx, message),
            Run::Many(read, run) => {
                let reading = read(message);
                let reacted = run(tx, &[Handed::of(self, message, &reading)]);
                reacted.map(drop).map_err(|failed| failed.error)
            }
        }
    }

    /// Reads what the message says; a panic is a refusal.
    pub(crate) fn read(&self, message: &Message) -> Reading {
        match &self.run {
            Run::One(_) => Ok(Box::new(())),
            Run::Many(read, _) => caught(|| read(message)),
        }
    }

    /// Runs it for these; a panic is a refusal. A failure names the place of the message, if it is
    /// known.
    pub(crate) fn run(
        &self,
        tx: &mut Tx<'_>,
        messages: &[Handed<'_>],
    ) -> Result<Afterwards, (Option<usize>, Stopped)> {
        match &self.run {
            Run::One(run) => {
                for (place, handed) in messages.iter().enumerate() {
                    let react = || self.in_scope(handed.message, || run(tx, handed.message));
                    caught(react).map_err(|error| (Some(place), stopped(error)))?;
                }
                Ok(Afterwards::default())
            }
            Run::Many(_, run) if !messages.is_empty() => {
                let caught = catch_unwind(AssertUnwindSafe(|| run(tx, messages)));
                let reacted = caught.unwrap_or_else(|_| Err(panicked().into()));
                reacted.map_err(|failed| (failed.index, stopped(failed.error)))
            }
            Run::Many(..) => Ok(Afterwards::default()),
        }
    }

    fn in_scope<T>(
        &self,
        message: &Message,
        run: impl FnOnce() -> Result<T, ReactionError>,
    ) -> Result<T, ReactionError> {
        match &self.within {
            Some(within) => run_within(&**within, message, run),
            None => run(),
        }
    }
}

/// Runs one reaction. What it leaves half done is in the transaction, which is undone.
fn caught<T>(react: impl FnOnce() -> Result<T, ReactionError>) -> Result<T, ReactionError> {
    catch_unwind(AssertUnwindSafe(react)).unwrap_or_else(|_| Err(panicked()))
}

fn panicked() -> ReactionError {
    ReactionError::refused(&codes::INTERNAL_ERROR, "the reaction panicked")
}

fn stopped(error: ReactionError) -> Stopped {
    match error {
        ReactionError::Store(error) => Stopped::of(error),
        ReactionError::Refused { code, reason } => Stopped::Refused(Cause::new(code, &reason)),
        ReactionError::Wait { .. } => Stopped::Waiting(error),
    }
}

/// A message as a consumer hands it over.
#[derive(Clone, Copy)]
pub(crate) struct Handed<'a> {
    reaction: &'a Reaction,
    message: &'a Message,
    reading: &'a Reading,
}

impl<'a> Handed<'a> {
    /// `reading` is what the same reaction read of it.
    pub(crate) fn of(reaction: &'a Reaction, message: &'a Message, reading: &'a Reading) -> Self {
        Self {
            reaction,
            message,
            reading,
        }
    }

    fn arrives<T: 'static>(&self) -> Result<Arrived<'a, T>, ReactionError> {
        let (reaction, message) = (self.reaction, self.message);
        match self.reading {
            Ok(read) => Ok(Arrived {
                reaction,
                message,
                read: read
                    .downcast_ref()
                    .expect("what is read and what runs are of one reaction"),
            }),
            Err(error) => reaction.in_scope(message, || Err(error.clone())),
        }
    }
}

/// One of the messages that a reaction is given at once.
pub struct Arrived<'a, T> {
    reaction: &'a Reaction,
    message: &'a Message,
    read: &'a T,
}

impl<'a, T> Arrived<'a, T> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> &'a Message {
        self.message
    }

    /// What was read of it.
    #[must_use]
    pub fn read(&self) -> &'a T {
        self.read
    }

    /// Runs what concerns this message alone within what is around it: the span of its trace.
    pub fn in_scope<O>(
        &self,
        run: impl FnOnce() -> Result<O, ReactionError>,
    ) -> Result<O, ReactionError> {
        self.reaction.in_scope(self.message, run)
    }
}

fn run_within<T>(
    within: &Within,
    message: &Message,
    run: impl FnOnce() -> Result<T, ReactionError>,
) -> Result<T, ReactionError> {
    let (mut run, mut ran) = (Some(run), None);
    within(message, &mut || {
        let run = run.take()?;
        let outcome = run();
        let code = match &outcome {
            Err(ReactionError::Refused { code, .. }) => Some(*code),
            _ => None,
        };
        ran = Some(outcome);
        code
    });
    ran.expect("what is around a message runs what is done for it")
}

/// What a reaction does once its transaction is kept: nothing, unless it says so.
#[derive(Default)]
pub struct Afterwards(Option<Box<dyn FnOnce() + Send>>);

impl Afterwards {
    /// This, once: not when the transaction is undone, and not when nobody can know. It must not
    /// wait.
    pub fn run(run: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(run)))
    }

    /// Does it; a panic in it is nobody else's.
    pub(crate) fn happen(self) {
        let Some(run) = self.0 else { return };
        if catch_unwind(AssertUnwindSafe(run)).is_err() {
            tracing::error!("what a reaction does afterwards panicked");
        }
    }
}

/// Why a reaction did not handle the messages it was given at once.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct ManyError {
    index: Option<usize>,
    error: ReactionError,
}

impl ManyError {
    /// The message at this place is why.
    pub fn at(index: usize, error: impl Into<ReactionError>) -> Self {
        Self {
            index: Some(index),
            error: error.into(),
        }
    }

    /// The place of the message, if it is known which it was.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    /// What it says.
    #[must_use]
    pub fn error(&self) -> &ReactionError {
        &self.error
    }
}

impl<E: Into<ReactionError>> From<E> for ManyError {
    /// It is not known which it was.
    fn from(error: E) -> Self {
        Self {
            index: None,
            error: error.into(),
        }
    }
}

/// Why a reaction did not handle a message.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReactionError {
    /// The message cannot be handled as things stand; it is retried on the ladder.
    #[error("the message was refused: code={} reason={reason}", code.name)]
    Refused {
        /// The stable code of the service's error.
        code: &'static Code,
        /// What it says.
        reason: String,
    },
    /// It cannot be handled now, whichever message it is: it is tried again without end, and all
    /// behind it wait.
    #[error("the message must wait: reason={reason}")]
    Wait {
        /// For what.
        reason: String,
    },
    /// The store failed. What passes by itself ([`StoreError::passes`]) is tried again without end,
    /// the rest is a refusal.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReactionError {
    /// A refusal with the code and the words of a service's own error.
    pub fn refused(code: &'static Code, reason: impl std::fmt::Display) -> Self {
        Self::Refused {
            code,
            reason: reason.to_string(),
        }
    }
}

impl From<MessageError> for ReactionError {
    fn from(error: MessageError) -> Self {
        Self::refused(&codes::BODY_MUST_MATCH_SCHEMA, error)
    }
}

/// Why a message cannot be handled: what a report says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) code: &'static Code,
    pub(crate) reason: String,
}

impl Cause {
    pub(crate) fn new(code: &'static Code, reason: &str) -> Self {
        let reason = cut(reason, REASON_BYTES_MAX).to_owned();
        Self { code, reason }
    }
}

/// Why a transaction of messages did not come to its end.
#[derive(Clone, Debug)]
pub(crate) enum Stopped {
    /// The message cannot be handled.
    Refused(Cause),
    /// The store, or the service, cannot work now; it says nothing about the message.
    Waiting(ReactionError),
}

impl Stopped {
    /// What an error of the store says: that it cannot work now, or that it will not do this.
    pub(crate) fn of(error: StoreError) -> Self {
        if error.passes() {
            Self::Waiting(error.into())
        } else {
            Self::Refused(Cause::new(error.code(), &error.to_string()))
        }
    }
}

/// The beginning of a text, at most so many bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
