//! Actions that a ceiling holds back, until it lets them pass.
//!
//! Owns their order and when to ask again. Refuses to decide (the [`Shaper`] does) and to bound itself: who puts an action in
//! asks [`Overload::may_wait`](super::overload::Overload::may_wait) first. Called by `sim`, and open to every lane of `engine`.
//!
//! Actions that have the same ceilings wait in one queue and pass in the order in which they came; only the head of a queue
//! asks the shaper. So what is held back costs nothing while it waits, and one series does not block another.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use sluicegate_policy::time::Instant;

use super::shaper::{IDENTITIES_MAX, Shaper};
use crate::traffic::SeriesId;

/// The queues in front of a shaper.
#[derive(Debug)]
pub struct Held<T> {
    shaper: Shaper,
    queues: BTreeMap<Key, VecDeque<Waiting<T>>>,
    /// Of each queue its head: when to ask, and in which order the heads came.
    heads: BinaryHeap<Reverse<(Instant, u64, Key)>>,
    len: usize,
    shaped: u64,
}

/// Actions with the same key have the same ceilings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    series: SeriesId,
    identity: Option<u32>,
}

#[derive(Debug)]
struct Waiting<T> {
    item: T,
    order: u64,
}

impl<T> Held<T> {
    /// Nothing is held back yet.
    pub const fn new(shaper: Shaper) -> Self {
        Self { shaper, queues: BTreeMap::new(), heads: BinaryHeap::new(), len: 0, shaped: 0 }
    }

    /// Whether an action may pass at `now`; if not, [`Self::hold`] it or drop it.
    ///
    /// It may not while others with the same ceilings wait.
    pub fn admits(&self, now: Instant, series: SeriesId, identity: u32) -> Result<(), Instant> {
        if !self.shaper.is_limiting() {
            return Ok(());
        }
        let key = self.key(series, identity);
        if self.len > 0 && self.queues.contains_key(&key) { Err(now) } else { self.shaper.admit(now, key.series, identity) }
    }

    /// Holds back an action that was refused until `until`.
    pub fn hold(&mut self, until: Instant, series: SeriesId, identity: u32, item: T) {
        let key = self.key(series, identity);
        let order = self.shaped;
        self.shaped += 1;
        self.len += 1;
        let queue = self.queues.entry(key).or_default();
        if queue.is_empty() {
            self.heads.push(Reverse((until, order, key)));
        }
        queue.push_back(Waiting { item, order });
    }

    /// The next action that may pass at `now`, the longest held first.
    pub fn release(&mut self, now: Instant) -> Option<T> {
        while let Some(Reverse((until, order, key))) = self.heads.peek().copied() {
            if until > now {
                return None;
            }
            self.heads.pop();
            match self.shaper.admit(now, key.series, key.identity.unwrap_or(0)) {
                Ok(()) => return self.take(now, key),
                Err(until) => self.heads.push(Reverse((until, order, key))),
            }
        }
        None
    }

    /// The longest held action that could be asked about now, if `is_stale` finds that it is no longer wanted: it must not take
    /// a token that a fresh one could use. Call it before [`Self::release`].
    pub fn discard(&mut self, now: Instant, is_stale: impl Fn(&T) -> bool) -> Option<T> {
        let Reverse((until, _, key)) = self.heads.peek().copied()?;
        let first = self.queues.get(&key)?.front()?;
        if until > now || !is_stale(&first.item) {
            return None;
        }
        self.heads.pop();
        self.take(now, key)
    }

    /// Everything that waits, in the order in which it came.
    pub fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.heads.clear();
        self.len = 0;
        let mut all: Vec<Waiting<T>> = std::mem::take(&mut self.queues).into_values().flatten().collect();
        all.sort_by_key(|waiting| waiting.order);
        all.into_iter().map(|waiting| waiting.item)
    }

    /// When to call [`Self::release`] again, at the earliest.
    pub fn next_release(&self) -> Option<Instant> {
        self.heads.peek().map(|Reverse((until, ..))| *until)
    }

    /// How many wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many actions were held back so far.
    pub const fn shaped(&self) -> u64 {
        self.shaped
    }

    fn take(&mut self, now: Instant, key: Key) -> Option<T> {
        let queue = self.queues.get_mut(&key)?;
        let first = queue.pop_front()?;
        self.len -= 1;
        match queue.front() {
            Some(next) => self.heads.push(Reverse((now, next.order, key))),
            None => drop(self.queues.remove(&key)),
        }
        Some(first.item)
    }

    fn key(&self, series: SeriesId, identity: u32) -> Key {
        Key { series, identity: self.shaper.limits_identities().then_some(identity % IDENTITIES_MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::shaper::Ceilings;
    use sluicegate_policy::model::PerSecond;
    use sluicegate_policy::time::Span;

    const A: SeriesId = SeriesId(0);
    const B: SeriesId = SeriesId(1);

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    fn held(target: Option<u64>, of_a: Option<u64>) -> Held<&'static str> {
        let rate = |tokens| PerSecond { tokens, per: Span::from_secs(1) };
        let series = of_a.map(|tokens| (A, rate(tokens))).into_iter().collect();
        Held::new(Shaper::new(&Ceilings { target: target.map(rate), series, identity: None }))
    }

    fn offer(held: &mut Held<&'static str>, now: Instant, series: SeriesId, item: &'static str) -> bool {
        match held.admits(now, series, 0) {
            Ok(()) => true,
            Err(until) => {
                held.hold(until, series, 0, item);
                false
            }
        }
    }

    #[test]
    fn what_is_held_back_passes_in_order_when_the_ceiling_allows() {
        let mut held = held(Some(10), None);
        assert!(offer(&mut held, at(0), A, "first"));
        assert!(!offer(&mut held, at(10), A, "second"));
        assert!(!offer(&mut held, at(20), A, "third"));
        assert_eq!((held.len(), held.shaped(), held.next_release()), (2, 2, Some(at(100))));
        assert_eq!(held.release(at(99)), None);
        assert_eq!(held.release(at(100)), Some("second"));
        assert_eq!(held.release(at(100)), None);
        assert!(!offer(&mut held, at(200), A, "fourth"), "the third was here before");
        assert_eq!(held.release(at(200)), Some("third"));
        assert_eq!(held.release(at(300)), Some("fourth"));
        assert!(held.is_empty());
        assert_eq!(held.next_release(), None);
    }

    #[test]
    fn what_is_stale_takes_no_token() {
        let mut held = held(Some(10), None);
        for item in ["first", "stale", "fresh"] {
            offer(&mut held, at(0), A, item);
        }
        assert_eq!(held.discard(at(99), |_| true), None, "its time to be asked about has not come");
        assert_eq!(held.discard(at(100), |item| *item == "stale"), Some("stale"));
        assert_eq!(held.discard(at(100), |item| *item == "stale"), None);
        assert_eq!(held.release(at(100)), Some("fresh"));
    }

    #[test]
    fn draining_gives_all_in_order_and_leaves_nothing() {
        let mut held = held(Some(1), None);
        for (series, item) in [(A, "passes"), (B, "one"), (A, "two"), (B, "three")] {
            offer(&mut held, at(0), series, item);
        }
        assert_eq!(held.drain().collect::<Vec<_>>(), ["one", "two", "three"]);
        assert!(held.is_empty() && held.next_release().is_none() && held.release(at(9_999)).is_none());
    }

    #[test]
    fn one_series_does_not_block_another() {
        let mut held = held(None, Some(1));
        assert!(offer(&mut held, at(0), A, "a"));
        assert!(!offer(&mut held, at(0), A, "a"));
        assert!(offer(&mut held, at(0), B, "b"));
    }
}
