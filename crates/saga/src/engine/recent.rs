//! Sagas as this process saved them a moment ago, so that they need not be read again.
//!
//! Promises: bounded; what is in it was committed. A saga at a revision never changes, so one that
//! is still at the revision it was saved at is what was saved.
//! Does not know whether it is: the table says at which revision a saga is. Where a fail-over has
//! lost commits that were acknowledged, another process may lead a saga to the same revision
//! another way; processes of this role that saw the lost ones must start anew.

use std::fmt;
use std::sync::Arc;

use moka::sync::Cache;

use crate::instance::{Instance, SagaId};

/// What all of them take at most, counted as the table keeps them: some ten thousand sagas under
/// way, of a usual size.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A saga as it was saved.
#[derive(Clone, Debug)]
pub(super) struct Saved {
    pub(super) revision: i64,
    pub(super) instance: Arc<Instance>,
    /// How long its document is.
    pub(super) bytes: usize,
}

/// Those that were saved last. Cheap to clone.
#[derive(Clone)]
pub(super) struct Recent(Cache<SagaId, Saved>);

impl Default for Recent {
    fn default() -> Self {
        let bytes = |_: &SagaId, saved: &Saved| u32::try_from(saved.bytes).unwrap_or(u32::MAX);
        let cache = Cache::builder().weigher(bytes).max_capacity(BYTES_MAX);
        Self(cache.build())
    }
}

impl Recent {
    /// One that was saved and committed; what has ended is not asked for again.
    pub(super) fn add(&self, saved: &Saved) {
        let id = saved.instance.id;
        if saved.instance.ended.is_some() {
            self.0.invalidate(&id);
        } else {
            self.0.insert(id, saved.clone());
        }
    }

    pub(super) fn find(&self, id: SagaId) -> Option<Saved> {
        self.0.get(&id)
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recent(..)")
    }
}
