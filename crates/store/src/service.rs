//! What the store knows of an open service: its prefix, its topics, and which of its statements
//! have run.
//!
//! Promises nothing by itself; [`crate::Store`] does.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::schema::Schema;
use crate::statement::Recorder;

/// An open service. Shared by its stores and by every closure of it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) prefix: Arc<str>,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) recorder: Recorder,
}

impl Service {
    pub(crate) fn new(schema: &Schema, topics: &[&str]) -> Self {
        let prefix = schema.prefix();
        Self {
            name: schema.service,
            topics: topics.iter().map(|topic| (*topic).to_owned()).collect(),
            recorder: Recorder::default(),
            prefix: prefix.into(),
        }
    }
}
