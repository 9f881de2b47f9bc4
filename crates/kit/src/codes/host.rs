//! The codes of the process that runs the services: starting, stopping, and what it may reach.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[
    &SERVICE_MUST_BE_READY,
    &SERVICE_MUST_NOT_BE_DRAINING,
    &EDGE_MUST_BE_DECLARED,
    &PEER_MUST_BE_AVAILABLE,
];

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

/// A connection is not in the topology.
pub const EDGE_MUST_BE_DECLARED: Code = Code {
    name: "edge_must_be_declared",
    status: 500,
    title: "A connection is not in the topology",
    remedy: "Nothing a client can do; operators declare the edge in topology.toml with its reason.",
};

/// Another service is not available.
pub const PEER_MUST_BE_AVAILABLE: Code = Code {
    name: "peer_must_be_available",
    status: 503,
    title: "Another service is not available",
    remedy: "Wait as long as the Retry-After header says, then repeat the request with the same \
             key.",
};
