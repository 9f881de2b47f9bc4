//! The codes of the process that runs the services: whether it can be asked.

use super::Code;

/// All codes in this file.
pub(super) const CODES: &[&Code] = &[&SERVICE_MUST_BE_READY, &SERVICE_MUST_NOT_BE_DRAINING];

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
