//! One store of kept answers.
//!
//! Owns what is in it, in the order of use and in the order of ends, within its bounds. Refuses to say what may be kept and for
//! how long. Called by [`cache`](crate::cache), one for each stage that has a cache, and one more for a canary with its own.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use hashbrown::HashTable;

use crate::call::{Content, EntryId};
use crate::time::Instant;

/// How much a store may hold. Whatever would be exceeded, the entry that was not used for longest goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Bodies together.
    pub(super) body_bytes: u64,
    /// Keys together.
    pub(super) key_bytes: u64,
    /// Entries.
    pub(super) entries: usize,
}

/// Kept answers by key.
#[derive(Clone, Debug)]
pub(super) struct Store {
    bounds: Bounds,
    body_bytes: u64,
    key_bytes: u64,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// By the hash of the key. It is never iterated, so that its order cannot reach anything.
    by_hash: HashTable<u32>,
    by_end: BTreeSet<(Instant, u32)>,
    newest: u32,
    oldest: u32,
}

/// An entry, between the one that was used next before it and the one used next after it.
#[derive(Clone, Debug)]
struct Slot {
    id: EntryId,
    key: Arc<[u8]>,
    hash: u64,
    content: Content,
    end: Instant,
    older: u32,
    newer: u32,
}

/// No slot.
const NONE: u32 = u32::MAX;

impl Store {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (by_hash, by_end) = (HashTable::new(), BTreeSet::new());
        let (slots, free) = (Vec::new(), Vec::new());
        Self { bounds, body_bytes: 0, key_bytes: 0, slots, free, by_hash, by_end, newest: NONE, oldest: NONE }
    }

    /// The entry of this key, which is now the one used last.
    pub(super) fn find(&mut self, key: &[u8]) -> Option<(EntryId, Content)> {
        let at = self.position(key, hash(key))?;
        if at != self.newest {
            self.unlink(at);
            self.link(at);
        }
        let slot = &self.slots[at as usize];
        Some((slot.id, slot.content))
    }

    /// Keeps an answer until `end`, in the place of what this key had. What leaves is told to `gone`.
    ///
    /// An answer that the bounds could not hold even alone is not to be given here: see [`Self::holds`].
    pub(super) fn keep(&mut self, key: Arc<[u8]>, (id, content): (EntryId, Content), end: Instant, gone: &mut VecDeque<EntryId>) {
        let hash = hash(&key);
        if let Some(at) = self.position(&key, hash) {
            gone.push_back(self.remove(at));
        }
        self.body_bytes += content.bytes;
        self.key_bytes += key.len() as u64;
        while self.is_over(1) && self.oldest != NONE {
            gone.push_back(self.remove(self.oldest));
        }
        let at = self.place(Slot { id, key, hash, content, end, older: NONE, newer: NONE });
        let slots = &self.slots;
        self.by_hash.insert_unique(hash, at, |at| slots[*at as usize].hash);
        self.by_end.insert((end, at));
        self.link(at);
    }

    /// Whether the bounds allow an answer of this size at all.
    pub(super) const fn holds(&self, key_bytes: usize, body_bytes: u64) -> bool {
        self.bounds.entries > 0 && key_bytes as u64 <= self.bounds.key_bytes && body_bytes <= self.bounds.body_bytes
    }

    /// When the first entry ends.
    pub(super) fn first_end(&self) -> Option<Instant> {
        self.by_end.first().map(|(end, _)| *end)
    }

    /// Drops what has ended.
    pub(super) fn expire(&mut self, now: Instant, gone: &mut VecDeque<EntryId>) {
        while let Some((end, at)) = self.by_end.first().copied()
            && end <= now
        {
            gone.push_back(self.remove(at));
        }
    }

    /// Drops this entry, if it is here. Those used last are looked at first: it is hardly ever an old one.
    pub(super) fn drop_entry(&mut self, id: EntryId, gone: &mut VecDeque<EntryId>) {
        let mut at = self.newest;
        while let Some(slot) = self.slots.get(at as usize) {
            if slot.id == id {
                return gone.push_back(self.remove(at));
            }
            at = slot.older;
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self, gone: &mut VecDeque<EntryId>) {
        while self.oldest != NONE {
            gone.push_back(self.remove(self.oldest));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_hash.len()
    }

    fn position(&self, key: &[u8], hash: u64) -> Option<u32> {
        self.by_hash.find(hash, |at| *self.slots[*at as usize].key == *key).copied()
    }

    fn is_over(&self, coming: usize) -> bool {
        let Bounds { body_bytes, key_bytes, entries } = self.bounds;
        self.body_bytes > body_bytes || self.key_bytes > key_bytes || self.by_hash.len() + coming > entries
    }

    fn place(&mut self, slot: Slot) -> u32 {
        if let Some(at) = self.free.pop() {
            self.slots[at as usize] = slot;
            return at;
        }
        self.slots.push(slot);
        self.slots.len() as u32 - 1
    }

    fn remove(&mut self, at: u32) -> EntryId {
        self.unlink(at);
        self.free.push(at);
        let slot = &mut self.slots[at as usize];
        // The key may be long; a free slot holds none.
        let key = std::mem::take(&mut slot.key);
        self.body_bytes -= slot.content.bytes;
        self.key_bytes -= key.len() as u64;
        self.by_end.remove(&(slot.end, at));
        if let Ok(found) = self.by_hash.find_entry(slot.hash, |known| *known == at) {
            found.remove();
        }
        slot.id
    }

    /// Puts a slot that is not linked at the end of those used.
    fn link(&mut self, at: u32) {
        let before = std::mem::replace(&mut self.newest, at);
        (self.slots[at as usize].older, self.slots[at as usize].newer) = (before, NONE);
        match self.slots.get_mut(before as usize) {
            Some(slot) => slot.newer = at,
            None => self.oldest = at,
        }
    }

    fn unlink(&mut self, at: u32) {
        let Slot { older, newer, .. } = self.slots[at as usize];
        match self.slots.get_mut(older as usize) {
            Some(slot) => slot.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(slot) => slot.older = older,
            None => self.newest = older,
        }
    }
}

/// The same for the same key in every run: without keys of its own the hasher is fixed.
fn hash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}
