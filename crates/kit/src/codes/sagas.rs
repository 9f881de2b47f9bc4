//! The codes of the service `sagas`: starting, retrying and cancelling them.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &SAGA_MUST_EXIST,
    &SAGA_MUST_WAIT,
    &SAGA_MUST_BE_CANCELLABLE,
    &SAGA_ID_MUST_BE_UNUSED,
    &SAGA_CONTEXT_MUST_FIT,
    &DEFINITION_MUST_EXIST,
    &STARTER_MUST_BE_ITS_OWN,
];

/// There is no such saga.
pub const SAGA_MUST_EXIST: Code = Code {
    name: "saga_must_exist",
    status: 404,
    title: "There is no such saga",
    remedy: "Use an id that is listed under /sagas/v1/sagas; sagas that ended are deleted after \
             a time.",
};

/// The saga waits for nothing.
pub const SAGA_MUST_WAIT: Code = Code {
    name: "saga_must_wait",
    status: 409,
    title: "The saga waits for nothing",
    remedy: "Read the saga: it has ended, and there is nothing to try again.",
};

/// The saga cannot be cancelled any more.
pub const SAGA_MUST_BE_CANCELLABLE: Code = Code {
    name: "saga_must_be_cancellable",
    status: 409,
    title: "The saga cannot be cancelled any more",
    remedy: "Read the saga: it has ended, or is past the step that cannot be undone; if it is \
             stuck there, retry it.",
};

/// The saga's id names another saga.
pub const SAGA_ID_MUST_BE_UNUSED: Code = Code {
    name: "saga_id_must_be_unused",
    status: 409,
    title: "The saga's id names another saga",
    remedy: "Use a new id for a new saga, or repeat the first start with exactly its content.",
};

/// The saga's context is too large.
pub const SAGA_CONTEXT_MUST_FIT: Code = Code {
    name: "saga_context_must_fit",
    status: 422,
    title: "The saga's context is too large",
    remedy: "Start the saga with ids and amounts rather than documents; at most 64 KiB.",
};

/// There is no such definition.
pub const DEFINITION_MUST_EXIST: Code = Code {
    name: "definition_must_exist",
    status: 422,
    title: "There is no such definition",
    remedy: "Use the name of a definition that ships with this version, see docs/sagas.md.",
};

/// Another component starts sagas of this definition.
pub const STARTER_MUST_BE_ITS_OWN: Code = Code {
    name: "starter_must_be_its_own",
    status: 403,
    title: "Another component starts sagas of this definition",
    remedy: "Call as the component that the definition's first transition names.",
};
