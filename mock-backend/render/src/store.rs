//! The answers behind the response cache.
//!
//! Owns what was kept for each entry. Refuses to decide what is kept, for how long, and how much: the policy does, names the
//! entries, and says which are gone, so that this is bounded by the policy's cache. Used by [`Front`](crate::front::Front).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicegate_policy::call::EntryId;

use crate::answer::Answer;

/// Kept answers by entry, shared rather than copied.
#[derive(Debug, Default)]
pub(crate) struct Store {
    kept: Mutex<HashMap<EntryId, Arc<Answer>>>,
}

impl Store {
    pub(crate) fn keep(&self, entry: EntryId, answer: Answer) {
        self.lock().insert(entry, Arc::new(answer));
    }

    pub(crate) fn forget(&self, entry: EntryId) {
        self.lock().remove(&entry);
    }

    pub(crate) fn get(&self, entry: EntryId) -> Option<Arc<Answer>> {
        self.lock().get(&entry).cloned()
    }

    /// Each change is one insertion or removal: a holder that panicked left the map whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<EntryId, Arc<Answer>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
