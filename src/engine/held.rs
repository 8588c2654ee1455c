//! Actions that the shaper holds back, first come first served for each series and identity.
//!
//! Owns their order and when the shaper is asked again. Refuses to ask it (`dispatch`) and to bound itself: `dispatch` counts
//! what waits here together with its queue.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use sluicegate_policy::time::Instant;

use super::job::Job;
use crate::traffic::SeriesId;

/// What ceilings tell apart: the route, and the API key that stands behind an identity.
type Key = (SeriesId, u32);

/// Held actions. Only the first of each key is asked for, so a ceiling never reorders the actions under it.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: BTreeMap<Key, VecDeque<Job>>,
    /// One entry for each key in `waiting`: when to ask again, and the first job's intended instant to break ties.
    retries: BinaryHeap<Reverse<(Instant, Instant, Key)>>,
    len: usize,
}

impl Held {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Whether an action of this series and identity has to queue behind another.
    pub(super) fn holds(&self, series: SeriesId, identity: u32) -> bool {
        self.len > 0 && self.waiting.contains_key(&(series, identity))
    }

    /// When the shaper should be asked next.
    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.retries.peek().map(|Reverse((at, ..))| *at)
    }

    /// Holds a job; `retry` counts only if it is the first of its key.
    pub(super) fn push(&mut self, job: Job, retry: Instant) {
        let key = (job.request.series, job.request.identity);
        let queue = self.waiting.entry(key).or_default();
        if queue.is_empty() {
            self.retries.push(Reverse((retry, job.intended, key)));
        }
        queue.push_back(job);
        self.len += 1;
    }

    /// The job that the shaper should be asked about now. It stays until [`Held::take_head`] or [`Held::retry_head`].
    pub(super) fn head(&self, now: Instant) -> Option<&Job> {
        let Reverse((at, _, key)) = self.retries.peek()?;
        if *at > now { None } else { self.waiting.get(key)?.front() }
    }

    /// Takes the job that [`Held::head`] has shown.
    pub(super) fn take_head(&mut self) -> Option<Job> {
        let Reverse((at, _, key)) = self.retries.pop()?;
        let queue = self.waiting.get_mut(&key)?;
        let job = queue.pop_front()?;
        match queue.front() {
            Some(next) => self.retries.push(Reverse((at, next.intended, key))),
            None => drop(self.waiting.remove(&key)),
        }
        self.len -= 1;
        Some(job)
    }

    /// The job that [`Held::head`] has shown is asked for again at `retry`.
    pub(super) fn retry_head(&mut self, retry: Instant) {
        if let Some(Reverse((_, intended, key))) = self.retries.pop() {
            self.retries.push(Reverse((retry, intended, key)));
        }
    }

    /// Takes everything out, in order of the intended instants.
    pub(super) fn drain(&mut self) -> Vec<Job> {
        self.retries.clear();
        self.len = 0;
        let mut jobs: Vec<Job> = std::mem::take(&mut self.waiting).into_values().flatten().collect();
        jobs.sort_by_key(|job| (job.intended, job.session, job.seq));
        jobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::job::tests::job;
    use sluicegate_policy::time::Span;

    fn ms(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    fn held(jobs: &[(u64, u16)]) -> Held {
        let mut held = Held::default();
        for (intended, series) in jobs {
            held.push(job(ms(*intended), *series), ms(100));
        }
        held
    }

    #[test]
    fn nothing_is_asked_for_before_its_retry() {
        let held = held(&[(1, 0), (2, 1)]);
        assert!(held.head(ms(99)).is_none());
        assert_eq!(held.next_retry(), Some(ms(100)));
        assert_eq!(held.head(ms(100)).map(|job| job.intended), Some(ms(1)));
    }

    #[test]
    fn a_key_keeps_its_order_and_does_not_hold_up_another() {
        let mut held = held(&[(1, 0), (2, 0), (3, 1)]);
        held.retry_head(ms(500));
        assert_eq!(held.take_head().map(|job| job.intended), Some(ms(3)));
        assert!(held.head(ms(499)).is_none());
        let rest = [held.take_head(), held.take_head(), held.take_head()].map(|job| job.map(|job| job.intended));
        assert_eq!(rest, [Some(ms(1)), Some(ms(2)), None]);
        assert_eq!((held.len(), held.next_retry()), (0, None));
    }

    #[test]
    fn draining_gives_every_job_once_in_intended_order() {
        let mut held = held(&[(3, 0), (1, 1), (2, 0)]);
        let drained: Vec<Instant> = held.drain().into_iter().map(|job| job.intended).collect();
        assert_eq!(drained, [ms(1), ms(2), ms(3)]);
        assert_eq!((held.len(), held.next_retry()), (0, None));
    }
}
