//! The shape of a service, and the runner that starts services.
