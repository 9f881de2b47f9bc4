//! The codes of the process that runs the services: whether it can be asked, and whether what it
//! asks others is answered.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &CALLEE_MUST_ACCEPT_CALL,
    &CALLEE_MUST_BE_AVAILABLE,
    &CALL_MUST_BE_WELL_FORMED,
    &CALL_OUTCOME_UNKNOWN,
    &EDGE_MUST_BE_DECLARED,
    &SERVICE_MUST_BE_READY,
    &SERVICE_MUST_NOT_BE_DRAINING,
];

/// Another component, or an outside host, refused what the service asked of it.
pub const CALLEE_MUST_ACCEPT_CALL: Code = Code {
    name: "callee_must_accept_call",
    status: 502,
    title: "What the service needs was refused elsewhere",
    remedy: "Nothing a client can do by repeating; operators find who refused, and with which \
             code, in the log.",
};

/// Another component, or an outside host, did not answer; nothing was changed there.
pub const CALLEE_MUST_BE_AVAILABLE: Code = Code {
    name: "callee_must_be_available",
    status: 503,
    title: "What the service needs is not available elsewhere",
    remedy: "Wait as long as the Retry-After header says, then repeat the request with the same \
             key.",
};

/// The service asks for something that cannot be sent.
pub const CALL_MUST_BE_WELL_FORMED: Code = Code {
    name: "call_must_be_well_formed",
    status: 500,
    title: "The service asks others for what cannot be sent",
    remedy: "Nothing was sent; report the id in `instance`, with which operators find the call in \
             the log.",
};

/// Another component, or an outside host, was asked to change something, and did not say whether
/// it did.
pub const CALL_OUTCOME_UNKNOWN: Code = Code {
    name: "call_outcome_unknown",
    status: 503,
    title: "It is not known whether a change elsewhere was made",
    remedy: "Repeat the request with the same key: what was asked elsewhere has a key of its own, \
             and is done once.",
};

/// The service does what the topology does not let it do.
pub const EDGE_MUST_BE_DECLARED: Code = Code {
    name: "edge_must_be_declared",
    status: 500,
    title: "The service calls what is not declared for it",
    remedy: "Nothing was sent; developers declare the edge that the log names in topology.toml, \
             with its reason.",
};

/// The service is not ready.
pub const SERVICE_MUST_BE_READY: Code = Code {
    name: "service_must_be_ready",
    status: 503,
    title: "The service is not ready",
    remedy: "Wait as long as the Retry-After header says; /readyz names what is missing.",
};

/// The service is shutting down.
pub const SERVICE_MUST_NOT_BE_DRAINING: Code = Code {
    name: "service_must_not_be_draining",
    status: 503,
    title: "The service is shutting down",
    remedy: "Repeat the request with the same key; another instance will answer.",
};
