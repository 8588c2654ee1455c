//! The answers behind the response cache.
//!
//! Owns what was kept for each entry. Refuses to decide what is kept, for how long, and how much: the policy does, names the
//! entries, and says which are gone, so that this is bounded by the policy's cache. Used by [`Front`](crate::front::Front).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_policy::call::EntryId;

use crate::answer::Answer;

/// Kept answers by entry, shared rather than copied. One thread owns it, as it owns the gateway.
#[derive(Debug, Default)]
pub(crate) struct Store {
    kept: RefCell<BTreeMap<EntryId, Arc<Answer>>>,
}

impl Store {
    pub(crate) fn keep(&self, entry: EntryId, answer: Answer) {
        self.kept.borrow_mut().insert(entry, Arc::new(answer));
    }

    pub(crate) fn forget(&self, entry: EntryId) {
        self.kept.borrow_mut().remove(&entry);
    }

    pub(crate) fn get(&self, entry: EntryId) -> Option<Arc<Answer>> {
        self.kept.borrow().get(&entry).cloned()
    }
}
