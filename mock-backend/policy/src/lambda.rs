//! Pools of function environments: who is warm, who starts cold, and who is one too many.
//!
//! Owns the environments of every function, the concurrency they share, and the draws of their durations. Refuses to know
//! calls, replies and time-outs (an environment is busy until its function ends, whoever still waits). Called by the gateway.
//!
//! One environment serves one request at a time; a free one that was used last is used first; if none is free, one more starts,
//! cold, while the concurrency limits allow it (Lambda developer guide, "Understanding Lambda function scaling", 2026).

use crate::latency::Latency;
use crate::model::{Function, FunctionId, Model};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// The environments of all functions of an account.
#[derive(Clone, Debug)]
pub struct Pools {
    pools: Vec<Pool>,
    /// Limit and use of everything together.
    account: Usage,
    /// Limit and use of what no reservation sets aside.
    unreserved: Usage,
}

/// How many may be busy, and how many are.
#[derive(Clone, Copy, Debug)]
struct Usage {
    limit: u32,
    busy: u32,
}

/// How one function's environments were used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Environments {
    /// Busy now.
    pub busy: u32,
    /// Busy at once, at most.
    pub busy_peak: u32,
    /// Invocations that got an environment.
    pub invocations: u64,
    /// Of these, the ones for which an environment had to start.
    pub cold_starts: u64,
    /// Invocations refused because of a concurrency limit.
    pub throttled: u64,
}

/// What becomes of one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// How long its environment takes to start; `None` if it was warm.
    pub cold_start: Option<Span>,
    /// How long the environment is busy: the start, if any, and the function itself.
    pub busy: Span,
    /// How the function ends.
    pub ending: Ending,
}

/// How a function ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Returned,
    /// With an error.
    Failed,
}

#[derive(Clone, Debug)]
struct Pool {
    reserved: Option<u32>,
    failures: f64,
    duration: Keyed,
    cold_start: Keyed,
    keep_alive: Keyed,
    failure: Seed,
    /// When each idle environment's time is up; the one that was used last stands last.
    idle: Vec<Instant>,
    /// How often an environment became idle.
    idle_periods: u64,
    counts: Environments,
}

/// A distribution with its own numbered draws.
#[derive(Clone, Debug)]
struct Keyed {
    latency: Latency,
    seed: Seed,
}

impl Pools {
    /// Empty pools. Draws are keyed by `seed`, function and number of the invocation.
    pub fn new(model: &Model, seed: Seed) -> Self {
        let reserved: u32 = model.functions.iter().filter_map(|function| function.concurrency).fold(0, u32::saturating_add);
        let limit = model.account.concurrency;
        let pools = model.functions.iter().enumerate().map(|(at, function)| Pool::new(function, seed.nth(at as u64)));
        Self {
            pools: pools.collect(),
            account: Usage { limit, busy: 0 },
            unreserved: Usage { limit: limit.saturating_sub(reserved), busy: 0 },
        }
    }

    /// Gives the invocation an environment, or `None` if the function is throttled. What is given comes back with
    /// [`Self::release`] when its `busy` time is over.
    pub fn invoke(&mut self, now: Instant, function: FunctionId) -> Option<Invocation> {
        let pool = self.pools.get_mut(usize::from(function.0))?;
        let allowed = match pool.reserved {
            Some(limit) => pool.counts.busy < limit && self.account.has_room(),
            None => self.unreserved.has_room() && self.account.has_room(),
        };
        if !allowed {
            pool.counts.throttled += 1;
            return None;
        }
        self.account.busy += 1;
        self.unreserved.busy += u32::from(pool.reserved.is_none());
        Some(pool.start(now))
    }

    /// Takes an environment back: from now on it is idle, and kept as long as a new draw of its keep-alive says.
    pub fn release(&mut self, now: Instant, function: FunctionId) {
        let Some(pool) = self.pools.get_mut(usize::from(function.0)) else { return };
        self.account.busy -= 1;
        self.unreserved.busy -= u32::from(pool.reserved.is_none());
        pool.counts.busy -= 1;
        pool.idle.push(now + pool.keep_alive.draw(pool.idle_periods));
        pool.idle_periods += 1;
    }

    /// How the function's environments were used so far; nothing for a function that the model does not have.
    pub fn environments(&self, function: FunctionId) -> Environments {
        self.pools.get(usize::from(function.0)).map_or_else(Environments::default, |pool| pool.counts)
    }
}

impl Usage {
    const fn has_room(self) -> bool {
        self.busy < self.limit
    }
}

impl Pool {
    fn new(function: &Function, seed: Seed) -> Self {
        let keyed = |latency: &Latency, name| Keyed { latency: latency.clone(), seed: seed.child(name) };
        Self {
            reserved: function.concurrency,
            failures: function.failures,
            duration: keyed(&function.duration, "duration"),
            cold_start: keyed(&function.cold_start, "cold start"),
            keep_alive: keyed(&function.keep_alive, "keep-alive"),
            failure: seed.child("failure"),
            idle: Vec::new(),
            idle_periods: 0,
            counts: Environments::default(),
        }
    }

    fn start(&mut self, now: Instant) -> Invocation {
        let number = self.counts.invocations;
        let cold_start = (!self.take_idle(now)).then(|| self.cold_start.draw(number));
        let failed = self.failures > 0.0 && self.failure.unit(number) < self.failures;
        self.counts.invocations += 1;
        self.counts.cold_starts += u64::from(cold_start.is_some());
        self.counts.busy += 1;
        self.counts.busy_peak = self.counts.busy_peak.max(self.counts.busy);
        Invocation {
            cold_start,
            busy: cold_start.unwrap_or_default() + self.duration.draw(number),
            ending: if failed { Ending::Failed } else { Ending::Returned },
        }
    }

    /// Whether an environment that is still kept was idle; it is idle no longer. Those whose time was up are forgotten when
    /// they are met: they could not have served anybody since.
    fn take_idle(&mut self, now: Instant) -> bool {
        while let Some(kept_until) = self.idle.pop() {
            if kept_until > now {
                return true;
            }
        }
        false
    }
}

impl Keyed {
    fn draw(&self, number: u64) -> Span {
        self.latency.at(self.seed.unit(number))
    }
}
