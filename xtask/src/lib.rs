//! The repository's own rules and generators, as a library so that tests can try them.
//!
//! Promises: `tidy` reads and never writes; every generator writes only the files it names.
//! Nothing here is shipped: no other crate depends on this one.

pub mod asyncapi;
pub mod errors;
pub mod page;
pub mod service;
pub mod tidy;
pub mod topology;
