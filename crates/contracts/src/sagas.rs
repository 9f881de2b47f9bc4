//! Where services and sagas meet: the work topic on which sagas are started and answered.
//!
//! What is said there is the wire of `crates/saga`, whose types are the definition's own events:
//! `docs/sagas.md`.

/// Work topic of starts and answers: any component sends, sagas handles.
pub const EVENTS: &str = "sagas.events";
