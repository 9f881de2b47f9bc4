//! Why a definition is refused, by the name of the rule it breaks.
//!
//! Promises: one rule per kind of mistake, with the place where it was found. Definitions are
//! read when a process starts, so these are met by operators, never by callers.

/// A definition that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: definition={definition} at={at}")]
pub struct DefinitionError {
    /// The definition and its version, as far as they could be read.
    pub definition: String,
    /// The rule.
    pub rule: Rule,
    /// The state, event, command or number that breaks it.
    pub at: String,
}

/// What must hold of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Rule {
    /// It is TOML of the documented form.
    #[error("the definition must parse")]
    DefinitionMustParse,
    /// Names are short and of letters, digits, `_`, `-`, `.`.
    #[error("a name must be 1 to 64 letters, digits, underscores, hyphens and dots")]
    NameMustBeWellFormed,
    /// Reasons are given, and short.
    #[error("a reason must have 1 to 500 bytes")]
    ReasonMustBeGiven,
    /// A number is within its limits.
    #[error("a number must be within its limits")]
    NumberMustBeInRange,
    /// There are not too many states, transitions or versions.
    #[error("the definition must be small")]
    DefinitionMustBeSmall,
    /// There is exactly one start, from nothing, and it says who may start.
    #[error("the definition must have one start, with the component that may start it")]
    StartMustBeOne,
    /// A state has one transition per event, and an event that is not reserved means one thing.
    #[error("an event must lead from a state in one way")]
    TransitionMustBeUnambiguous,
    /// Reserved names are used for what they are reserved for.
    #[error("a reserved name must be used for what it is reserved for")]
    NameMustNotBeReserved,
    /// A transition into a waiting state sends a command with a deadline and retries, one into a
    /// final state sends none.
    #[error("a step must be whole: command, receiver, deadline and retry, and be waited for")]
    StepMustBeWhole,
    /// Every state can be reached.
    #[error("a state must be reachable")]
    StateMustBeReachable,
    /// A state that is not final can be left by an answer that says the step succeeded.
    #[error("a state that is not final must have a way out")]
    StateMustHaveWayOut,
    /// A state that is not final says what happens at its deadline.
    #[error("a state that is not final must lead on at its deadline, or say why it persists")]
    StateMustHaveDeadline,
    /// A final state is final.
    #[error("a final state must not be left")]
    FinalStateMustEnd,
    /// A state that leads on at its deadline can be cancelled, and the other way round.
    #[error("what undoes at its deadline must undo when it is cancelled")]
    DeadlineMustMatchCancel,
    /// No state comes twice.
    #[error("a state must not lead back to itself")]
    StatesMustNotRepeat,
    /// All retries are sent before the deadline.
    #[error("retries must fit before the deadline")]
    RetriesMustFitDeadline,
    /// A step says how it is undone, or why it need not or cannot be.
    #[error("a step must say how it is undone, or why not")]
    UndoMustBeStated,
    /// Where the outcome of a step may stay unknown, the step can be undone or need not be.
    #[error("a step whose success may come late must be one that can be undone")]
    LateSuccessMustBeCovered,
    /// Nothing is undone once a step that cannot be undone has succeeded.
    #[error("nothing must be undone after a step that cannot be")]
    IrrevocableMustStand,
    /// The catalogue knows the command, and its receiver.
    #[error("a command must be one its receiver takes")]
    CommandMustBeKnown,
    /// The catalogue knows the event, and its sender.
    #[error("an event must be one its sender sends")]
    EventMustBeKnown,
    /// A version says the same for ever.
    #[error("a version must not change what it says")]
    VersionMustNotChange,
}
