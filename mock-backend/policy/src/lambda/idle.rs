//! The idle environments of one function, and which of them is next.
//!
//! Owns their order and until when each is kept. Refuses draws of times. Called by [`pool`](super::pool).
//!
//! Those whose time is up are forgotten when they are met, as they could not serve anybody. They do not pile up: an environment starts
//! only when nobody is idle any longer, so there are never more than were busy at once. Of a real function it is told which are gone,
//! so that what runs them can be stopped.

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
    /// Of a real function, those whose time was up and that nobody was told of.
    gone: Option<Vec<u64>>,
}

#[derive(Clone, Copy, Debug)]
struct Resting {
    /// The how-many-th environment of the function it was.
    created: u64,
    kept_until: Instant,
}

impl Idle {
    pub(super) fn new(dispatch: Dispatch, seed: Seed, is_modelled: bool) -> Self {
        Self { dispatch, seed, environments: VecDeque::new(), gone: (!is_modelled).then(Vec::new) }
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
                    let over = self.environments.pop_back();
                    self.let_go(over);
                }
            }
            Dispatch::LeastRecentlyUsed => {
                while is_over(self.environments.front()) {
                    let over = self.environments.pop_front();
                    self.let_go(over);
                }
            }
            Dispatch::Random => _ = self.sweep(now),
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

    fn let_go(&mut self, over: Option<Resting>) {
        if let Some(gone) = &mut self.gone {
            gone.extend(over.map(|resting| resting.created));
        }
    }

    /// Lets those go whose time is up; until when the next one is kept.
    pub(super) fn sweep(&mut self, now: Instant) -> Option<Instant> {
        let gone = &mut self.gone;
        self.environments.retain(|resting| {
            let is_kept = resting.kept_until > now;
            if let Some(gone) = gone.as_mut().filter(|_| !is_kept) {
                gone.push(resting.created);
            }
            is_kept
        });
        self.environments.iter().map(|resting| resting.kept_until).min()
    }

    pub(super) fn take_gone(&mut self) -> Option<u64> {
        self.gone.as_mut()?.pop()
    }

    /// How many are kept at `now`.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.environments.iter().filter(|resting| resting.kept_until > now).count()
    }
}
