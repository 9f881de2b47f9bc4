//! Sagas: definitions as data, the pure step function, the durable engine, the participant's side.
//!
//! A saga is a sequence of steps at several services that together happen or are undone (Garcia-
//! Molina and Salem, 1987). Each step is a command to one participant; its answer, a time that is
//! over or an operator leads to the next. See `docs/sagas.md` for the format and the promises.
//!
//! Promises: an instance finishes on the version of the definition it began with; it ends either
//! as its table says or with everything undone that acted, or it says aloud that it is stuck and
//! goes on trying. Does not know what a command means, and starts no task.

pub mod context;
pub mod definition;
pub mod engine;
pub mod instance;
pub mod line;
pub mod participant;
pub mod step;
pub mod wire;

pub use context::{Context, Fields};
pub use definition::{Catalogue, Definition, DefinitionError, Definitions, Rule};
pub use engine::{Engine, SCHEMA};
pub use instance::{Instance, Phase, SagaId, SagaKind, Status, StepRecord};
pub use line::{Fit, Line, Note};
pub use participant::{Answer, Participant, Task};
pub use step::{Command, Input, Step, step};
