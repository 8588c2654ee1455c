//! The answers behind the response cache.
//!
//! Owns what was kept for each entry. Refuses to decide what is kept, for how long, and how much: the policy does, names the
//! entries, and says which are gone, so that this is bounded by the policy's cache: what is gone before its answer was made is
//! not kept at all. Used by [`Front`](crate::front::Front).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use sluicegate_policy::call::EntryId;

use crate::answer::Answer;

/// Kept answers by entry, shared rather than copied. One thread owns it, as it owns the gateway.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// `None` while the answer is still being made.
    kept: RefCell<BTreeMap<EntryId, Option<Arc<Answer>>>>,
}

impl Store {
    pub(crate) fn expect(&self, entry: EntryId) {
        self.kept.borrow_mut().insert(entry, None);
    }

    pub(crate) fn keep(&self, entry: EntryId, answer: Answer) {
        if let Some(place) = self.kept.borrow_mut().get_mut(&entry) {
            *place = Some(Arc::new(answer));
        }
    }

    pub(crate) fn forget(&self, entry: EntryId) {
        self.kept.borrow_mut().remove(&entry);
    }

    pub(crate) fn get(&self, entry: EntryId) -> Option<Arc<Answer>> {
        self.kept.borrow().get(&entry).cloned().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.borrow().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_before_its_answer_was_made_is_not_kept() {
        let (store, gone, there) = (Store::default(), EntryId(1), EntryId(2));
        store.expect(gone);
        store.expect(there);
        store.forget(gone);
        for entry in [gone, there] {
            assert!(store.get(entry).is_none());
            store.keep(entry, Answer::new(200, "kept"));
        }
        assert_eq!((store.get(gone), store.get(there).map(|answer| answer.status), store.len()), (None, Some(200), 1));
    }
}
