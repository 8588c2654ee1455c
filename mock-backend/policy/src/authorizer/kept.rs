//! What authorizers said, kept by identity.
//!
//! Owns the order in which answers end, and the bounds. Refuses to know what an answer says, and which are to be kept. Used by
//! [`authorizer`](super) alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::{ANSWERS_MAX, KEPT_BYTES_MAX, Said};
use crate::call::AnswerId;
use crate::time::Instant;

/// Answers by identity.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    by_identity: BTreeMap<Arc<[u8]>, Entry>,
    /// In the order in which they end, which is the one in which they came: all are kept equally long.
    ends: VecDeque<(Instant, Arc<[u8]>)>,
    /// Of identities and answers together.
    bytes: usize,
    /// Answers of functions that are no longer kept here.
    dropped: Vec<AnswerId>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    said: Said,
    /// What it takes, with its identity.
    bytes: usize,
}

impl Kept {
    pub(super) fn find(&mut self, now: Instant, identity: &[u8]) -> Option<Said> {
        self.expire(now);
        self.by_identity.get(identity).map(|entry| entry.said)
    }

    /// Keeps what takes so many bytes itself; how many others had to go for it, or `None` if it is not kept.
    pub(super) fn keep(&mut self, now: Instant, end: Instant, identity: Arc<[u8]>, (said, bytes): (Said, u64)) -> Option<u64> {
        self.expire(now);
        let bytes = usize::try_from(bytes).ok()?.checked_add(identity.len())?;
        if self.by_identity.contains_key(&identity) || bytes > KEPT_BYTES_MAX {
            return None;
        }
        let mut evicted = 0;
        while self.ends.len() >= ANSWERS_MAX || self.bytes + bytes > KEPT_BYTES_MAX {
            self.drop_first();
            evicted += 1;
        }
        self.bytes += bytes;
        self.ends.push_back((end, Arc::clone(&identity)));
        self.by_identity.insert(identity, Entry { said, bytes });
        Some(evicted)
    }

    /// The next answer of a function that is no longer kept here and was not told of.
    pub(super) fn take_dropped(&mut self) -> Option<AnswerId> {
        self.dropped.pop()
    }

    fn expire(&mut self, now: Instant) {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some((_, identity)) = self.ends.pop_front() else { return };
        if let Some(Entry { said, bytes }) = self.by_identity.remove(&identity) {
            self.bytes -= bytes;
            self.dropped.extend(said.answer());
        }
    }

    /// How many there are, how many bytes they take, and the answers of functions among them.
    #[cfg(test)]
    pub(super) fn count(&self) -> (usize, usize, Vec<AnswerId>) {
        assert_eq!(self.by_identity.len(), self.ends.len());
        assert_eq!(self.bytes, self.by_identity.values().map(|entry| entry.bytes).sum::<usize>());
        (self.ends.len(), self.bytes, self.by_identity.values().filter_map(|entry| entry.said.answer()).collect())
    }
}
