//! What an input makes of a saga, with everything that is written of it.
//!
//! Promises: it is made of a saga as it stood, of nothing else, so that it can be made before the
//! transaction and is as good as made in it if the saga still stands there.
//! Does not read or write.

use std::sync::Arc;

use ::store::Work;
use broker::Message;
use kit::time::Timestamp;
use serde::Serialize;

use super::error::Error;
use super::{Engine, Registration, store};
use crate::context::Context;
use crate::definition::{Definition, SAGAS, Undo};
use crate::instance::{Cause, Instance, SagaId};
use crate::line::Fit;
use crate::step::{Command, Input, Step, step};
use crate::wire;

/// Longest trace that is kept: version 00 of W3C Trace Context has 55, later ones may add some.
const TRACEPARENT_BYTES_MAX: usize = 128;

/// What an input made of a saga.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// The saga as it was; none if it was not.
    of: Option<Arc<Instance>>,
    /// As it is.
    pub(super) instance: Arc<Instance>,
    /// How it is written, if that is known.
    pub(super) document: Option<String>,
    /// The lines of its history, as they are written; none if there are none.
    pub(super) lines: Option<String>,
    pub(super) sends: Vec<Work>,
    pub(super) fit: Fit,
    pub(super) at: Timestamp,
}

impl Made {
    /// Whether it was made of the saga as it stands: of this very value, as the revision alone
    /// would not tell what stands there.
    pub(super) fn is_of(&self, instance: &Arc<Instance>) -> bool {
        let of = self.of.as_ref();
        of.is_some_and(|of| Arc::ptr_eq(of, instance))
    }

    /// Whether it changes nothing.
    pub(super) fn is_quiet(&self) -> bool {
        self.lines.is_none() && self.sends.is_empty() && self.of.as_ref() == Some(&self.instance)
    }

    /// The same, with how the saga is written.
    pub(super) fn written(mut self) -> Self {
        if !self.is_quiet() {
            self.document = Some(store::document(&self.instance));
        }
        self
    }
}

impl Engine {
    /// What starting a saga makes of nothing.
    pub(super) fn begin(&self, registration: &Registration, now: Timestamp) -> Result<Made, Error> {
        self.check_starter(registration)?;
        let definition = self.newest(&registration.definition)?;
        let fields = registration.fields.clone();
        let mut instance = Instance::new(registration.id, definition, fields, now)?;
        let trace = registration.traceparent.clone();
        instance.traceparent = trace.filter(|trace| trace.len() <= TRACEPARENT_BYTES_MAX);
        let step = step(definition, &instance, Input::Started, now);
        self.made(None, (definition, step), now)
    }

    /// What an input makes of a saga.
    pub(super) fn make(
        &self,
        instance: &Arc<Instance>,
        input: Input,
        now: Timestamp,
    ) -> Result<Made, Error> {
        let definition = self.definition(&instance.definition, instance.version)?;
        let step = step(definition, instance, input, now);
        self.made(Some(instance.clone()), (definition, step), now)
    }

    fn made(
        &self,
        of: Option<Arc<Instance>>,
        (definition, step): (&Definition, Step),
        at: Timestamp,
    ) -> Result<Made, Error> {
        let sends = step.sends.iter();
        let sends = sends.map(|command| self.work(definition, (&step.instance, command), at));
        Ok(Made {
            of,
            document: None,
            lines: store::lines(&step.history),
            sends: sends.collect::<Result<_, _>>()?,
            fit: step.fit,
            at,
            instance: Arc::new(step.instance),
        })
    }

    fn work(
        &self,
        definition: &Definition,
        (instance, command): (&Instance, &Command),
        now: Timestamp,
    ) -> Result<Work, Error> {
        let asking = asking(definition, instance, command);
        let about = (SAGAS, &*command.saga.to_string());
        let kind = (command.command.as_str(), wire::SCHEMA_VERSION);
        let mut message = Message::work(self.ids.next(), about, kind, now, &asking)?;
        message.traceparent.clone_from(&instance.traceparent);
        let topic = wire::commands(&command.receiver);
        Ok(message.sending(&topic, now, now)?)
    }
}

/// [`wire::Asked`], as it is written: without a copy of the context.
#[derive(Serialize)]
struct Asking<'a> {
    saga_id: SagaId,
    step: &'a str,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a Cause>,
    context: &'a Context,
}

/// What a command says.
fn asking<'a>(
    definition: &'a Definition,
    instance: &'a Instance,
    command: &'a Command,
) -> Asking<'a> {
    let place = instance.step(&command.step);
    let via = instance.steps[place.expect("a command is of a step of its saga")].via;
    let undo = match &definition.plan(via).undo {
        Undo::Compensation { done, .. } if command.undo => Some(done.as_str()),
        _ => None,
    };
    Asking {
        saga_id: command.saga,
        step: &command.step,
        command: &command.command,
        undo,
        cause: instance.cause.as_ref(),
        context: &instance.context,
    }
}
