//! The idle environments of one function, and which of them is next.
//!
//! Owns their order and until when each is kept. Refuses draws of times. Called by [`pool`](super::pool).
//!
//! Those whose time is up are forgotten when they are met, as they could not serve anybody. They do not pile up: an environment starts
//! only when nobody is idle any longer, so there are never more than were busy at once.

use std::collections::VecDeque;

use crate::model::Dispatch;
use crate::seed::Seed;
use crate::time::Instant;

#[derive(Clone, Debug)]
pub(super) struct Idle {
    dispatch: Dispatch,
    /// For a random dispatch.
    seed: Seed,
    /// In the order in which they became idle; for [`Dispatch::NewestCreated`] in that of their start.
    environments: VecDeque<Resting>,
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    /// The how-many-th environment of the function it was.
    created: u64,
    kept_until: Instant,
}

impl Idle {
    pub(super) const fn new(dispatch: Dispatch, seed: Seed) -> Self {
        Self { dispatch, seed, environments: VecDeque::new() }
    }

    pub(super) fn add(&mut self, created: u64, kept_until: Instant) {
        let resting = Resting { created, kept_until };
        match self.dispatch {
            Dispatch::MostRecentlyUsed | Dispatch::LeastRecentlyUsed | Dispatch::Random => self.environments.push_back(resting),
            Dispatch::NewestCreated => {
                let place = self.environments.partition_point(|other| other.created < created);
                self.environments.insert(place, resting);
            }
        }
    }

    /// Whether one is still kept.
    pub(super) fn has_one(&mut self, now: Instant) -> bool {
        let is_over = |resting: Option<&Resting>| resting.is_some_and(|resting| resting.kept_until <= now);
        match self.dispatch {
            Dispatch::MostRecentlyUsed | Dispatch::NewestCreated => {
                while is_over(self.environments.back()) {
                    self.environments.pop_back();
                }
            }
            Dispatch::LeastRecentlyUsed => {
                while is_over(self.environments.front()) {
                    self.environments.pop_front();
                }
            }
            Dispatch::Random => self.environments.retain(|resting| resting.kept_until > now),
        }
        !self.environments.is_empty()
    }

    /// The next one that is still kept; it is idle no longer. `number` is that of the invocation.
    pub(super) fn take(&mut self, now: Instant, number: u64) -> Option<u64> {
        if !self.has_one(now) {
            return None;
        }
        let taken = match self.dispatch {
            Dispatch::MostRecentlyUsed | Dispatch::NewestCreated => self.environments.pop_back(),
            Dispatch::LeastRecentlyUsed => self.environments.pop_front(),
            Dispatch::Random => {
                // The product of two 64-bit numbers, shifted back: below the length.
                let place = u128::from(self.seed.draw(number)) * self.environments.len() as u128;
                self.environments.remove((place >> 64) as usize)
            }
        };
        taken.map(|resting| resting.created)
    }

    /// How many are kept at `now`.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.environments.iter().filter(|resting| resting.kept_until > now).count()
    }
}
