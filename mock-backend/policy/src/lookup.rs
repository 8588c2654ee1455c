//! A cache before something slow: whose answer is kept, who fetches it, and who waits for the fetch of another.
//!
//! Owns which keys are kept and until when: a time to live from the fetch or from the last use, and a bound beyond which the one that was
//! used least recently goes. Refuses clocks (`now` comes in, and never goes back), the fetch itself, and what an answer says. The
//! gateway's own caches are [`cache`](crate::cache) and [`authorizer`](crate::authorizer), which know what is cached.
//!
//! An answer ends when its time is up: at that very instant it is no longer there. It is kept from the end of its fetch on; of several
//! fetches of one key the first to end is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::model;
use crate::time::{Instant, Span};

/// A cache at work.
#[derive(Clone, Debug)]
pub struct Lookup {
    cache: model::Lookup,
    /// By key, as far as one was ever kept.
    kept: Vec<Entry>,
    /// Use and key of all that take room, the least recently used first; only if there is a bound.
    by_use: BTreeSet<(u64, u32)>,
    uses: u64,
    /// Who waits for a key that is being fetched, if fetches are shared.
    waiting: BTreeMap<u32, Vec<u32>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// The beginning, if it is not kept.
    until: Instant,
    used: u64,
}

/// What becomes of one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The answer is there.
    Kept,
    /// It is being fetched for another, and both get it.
    Waits,
    /// It is to be fetched now; [`Lookup::fetched`] says when it is there.
    Fetches,
}

impl Lookup {
    /// One that has nothing.
    pub fn new(cache: model::Lookup) -> Self {
        Self { cache, kept: Vec::new(), by_use: BTreeSet::new(), uses: 0, waiting: BTreeMap::new() }
    }

    /// `id` asks for a key.
    pub fn ask(&mut self, now: Instant, key: u32, id: u32) -> Found {
        if self.find(now, key) {
            return Found::Kept;
        }
        if !self.cache.shares {
            return Found::Fetches;
        }
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.push(id);
            return Found::Waits;
        }
        self.waiting.insert(key, Vec::new());
        Found::Fetches
    }

    /// The answer of a key has been fetched; who waited for it, without the one who fetched it.
    pub fn fetched(&mut self, now: Instant, key: u32) -> Vec<u32> {
        if !self.is_kept(now, key) {
            self.keep(now, key);
        }
        self.waiting.remove(&key).unwrap_or_default()
    }

    fn is_kept(&self, now: Instant, key: u32) -> bool {
        self.kept.get(key as usize).is_some_and(|entry| entry.until > now)
    }

    fn find(&mut self, now: Instant, key: u32) -> bool {
        let is_kept = self.is_kept(now, key);
        if is_kept && (self.cache.refreshes || self.cache.entries.is_some()) {
            let until = if self.cache.refreshes { now + self.cache.ttl } else { self.kept[key as usize].until };
            self.put(key, until);
        }
        is_kept
    }

    fn keep(&mut self, now: Instant, key: u32) {
        if self.cache.ttl == Span::ZERO {
            return;
        }
        self.put(key, now + self.cache.ttl);
        let most = self.cache.entries.map_or(usize::MAX, |entries| entries as usize);
        while self.by_use.len() > most
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.kept[oldest as usize] = Entry::default();
        }
    }

    fn put(&mut self, key: u32, until: Instant) {
        self.uses += 1;
        let at = key as usize;
        if at >= self.kept.len() {
            self.kept.resize(at + 1, Entry::default());
        }
        let before = std::mem::replace(&mut self.kept[at], Entry { until, used: self.uses });
        if self.cache.entries.is_some() {
            self.by_use.remove(&(before.used, key));
            self.by_use.insert((self.uses, key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(s: u64) -> Instant {
        Instant::from_ns(s * 1_000_000_000)
    }

    fn lookup(ttl: u64, refreshes: bool, entries: Option<u32>, shares: bool) -> Lookup {
        Lookup::new(model::Lookup { ttl: Span::from_secs(ttl), refreshes, entries, shares })
    }

    /// Whether each of these (gap, key) found its answer; a fetch takes no time.
    fn hits(mut lookup: Lookup, asked: &[(u64, u32)]) -> Vec<bool> {
        let mut now = 0;
        let mut ask = |(gap, key): &(u64, u32)| {
            now += gap;
            let found = lookup.ask(at(now), *key, 0);
            if found == Found::Fetches {
                assert!(lookup.fetched(at(now), *key).is_empty());
            }
            found == Found::Kept
        };
        asked.iter().map(&mut ask).collect()
    }

    proptest! {
        #[test]
        fn it_finds_what_anyone_would_who_remembers_everything(
            ttl in 0_u64..20,
            refreshes: bool,
            entries in prop::option::of(1_u32..5),
            shares: bool,
            asked in prop::collection::vec((0_u64..6, 0_u32..7), 0..200),
        ) {
            let found = hits(lookup(ttl, refreshes, entries, shares), &asked);
            let (mut now, mut used, mut since) = (0, Vec::<u32>::new(), BTreeMap::<u32, u64>::new());
            for ((gap, key), found) in asked.iter().zip(found) {
                now += gap;
                // The keys that may be kept are the last ones that were used.
                let recent = used.iter().rev().fold(Vec::new(), |mut seen, key| { if !seen.contains(key) { seen.push(*key); } seen });
                let has_room = recent.iter().position(|other| other == key).is_some_and(|place| entries.is_none_or(|most| place < most as usize));
                let is_fresh = since.get(key).is_some_and(|since| now - since < ttl);
                prop_assert_eq!(found, has_room && is_fresh);
                if !found || refreshes {
                    since.insert(*key, now);
                }
                if found || ttl > 0 {
                    used.push(*key);
                }
            }
        }
    }

    #[test]
    fn who_asks_during_a_fetch_waits_for_it_if_fetches_are_shared() {
        let mut shared = lookup(10, false, None, true);
        assert_eq!([1, 2, 3].map(|id| shared.ask(at(0), 7, id)), [Found::Fetches, Found::Waits, Found::Waits]);
        assert_eq!(shared.fetched(at(1), 7), [2, 3]);
        assert_eq!(shared.ask(at(10), 7, 4), Found::Kept);
        assert_eq!(shared.ask(at(11), 7, 5), Found::Fetches);
        let mut alone = lookup(10, false, None, false);
        assert_eq!([1, 2].map(|id| alone.ask(at(0), 7, id)), [Found::Fetches; 2]);
        assert!(alone.fetched(at(1), 7).is_empty());
        assert!(alone.fetched(at(5), 7).is_empty());
        assert_eq!(alone.ask(at(11), 7, 3), Found::Fetches, "the first fetch that ended was kept");
    }
}
