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
    functions: Vec<Pool>,
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
            functions: pools.collect(),
            account: Usage { limit, busy: 0 },
            unreserved: Usage { limit: limit.saturating_sub(reserved), busy: 0 },
        }
    }

    /// Gives the invocation an environment, or `None` if the function is throttled. What is given comes back with
    /// [`Self::release`] when its `busy` time is over.
    pub fn invoke(&mut self, now: Instant, function: FunctionId) -> Option<Invocation> {
        let pool = self.functions.get_mut(usize::from(function.0))?;
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
        let Some(pool) = self.functions.get_mut(usize::from(function.0)) else { return };
        self.account.busy -= 1;
        self.unreserved.busy -= u32::from(pool.reserved.is_none());
        pool.counts.busy -= 1;
        pool.idle.push(now + pool.keep_alive.draw(pool.idle_periods));
        pool.idle_periods += 1;
    }

    /// How the function's environments were used so far; nothing for a function that the model does not have.
    pub fn environments(&self, function: FunctionId) -> Environments {
        self.functions.get(usize::from(function.0)).map_or_else(Environments::default, |pool| pool.counts)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Api, ApiKind, Response};

    const ORDERS: FunctionId = FunctionId(0);
    const USERS: FunctionId = FunctionId(1);

    fn function(reserved: Option<u32>) -> Function {
        Function {
            name: String::new(),
            memory_mb: 512,
            duration: Latency::constant(Span::from_ms(10)),
            cold_start: Latency::constant(Span::from_ms(100)),
            failures: 0.0,
            concurrency: reserved,
            keep_alive: Latency::constant(Span::from_secs(60)),
            response: Response { status: 200, body: String::new() },
        }
    }

    fn pools(concurrency: u32, functions: Vec<Function>) -> Pools {
        let mut model = Model { functions, ..Model::of(Api::new(ApiKind::Http, "a1b2c3"), &["prod"], Vec::new()) };
        model.account.concurrency = concurrency;
        Pools::new(&model, Seed::new(1))
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    /// What happens to an invocation: cold, warm, or throttled.
    fn fate(pools: &mut Pools, now: Instant, function: FunctionId) -> &'static str {
        match pools.invoke(now, function) {
            None => "throttled",
            Some(Invocation { cold_start: None, .. }) => "warm",
            Some(Invocation { cold_start: Some(_), .. }) => "cold",
        }
    }

    #[test]
    fn the_first_is_cold_and_the_next_warm_and_two_at_once_are_both_cold() {
        let mut pools = pools(10, vec![function(None)]);
        assert_eq!(pools.invoke(at(0), ORDERS).map(|it| it.busy), Some(Span::from_ms(110)));
        pools.release(at(110), ORDERS);
        assert_eq!(pools.invoke(at(110), ORDERS).map(|it| it.busy), Some(Span::from_ms(10)));
        assert_eq!(fate(&mut pools, at(111), ORDERS), "cold");
        assert_eq!(
            pools.environments(ORDERS),
            Environments { busy: 2, busy_peak: 2, invocations: 3, cold_starts: 2, throttled: 0 }
        );
    }

    #[test]
    fn an_environment_is_kept_until_its_time_is_up_and_not_a_nanosecond_longer() {
        let up = at(60_000);
        for (now, expected) in [(Instant::from_ns(up.as_ns() - 1), "warm"), (up, "cold")] {
            let mut pools = pools(10, vec![function(None)]);
            pools.invoke(at(0), ORDERS).unwrap();
            pools.release(at(0), ORDERS);
            assert_eq!(fate(&mut pools, now, ORDERS), expected);
        }
    }

    #[test]
    fn the_one_used_last_is_used_first_so_that_the_other_may_go() {
        let mut pools = pools(10, vec![function(None)]);
        for _ in 0..2 {
            pools.invoke(at(0), ORDERS).unwrap();
        }
        pools.release(at(0), ORDERS);
        pools.release(at(30_000), ORDERS);
        assert_eq!(fate(&mut pools, at(70_000), ORDERS), "warm");
        assert_eq!(fate(&mut pools, at(70_000), ORDERS), "cold");
    }

    #[test]
    fn a_reservation_caps_its_function_and_is_taken_from_what_the_others_share() {
        let mut pools = pools(3, vec![function(Some(2)), function(None)]);
        let fates = |pools: &mut Pools, function| [0; 3].map(|_| fate(pools, at(0), function));
        assert_eq!(fates(&mut pools, USERS), ["cold", "throttled", "throttled"]);
        assert_eq!(fates(&mut pools, ORDERS), ["cold", "cold", "throttled"]);
        pools.release(at(1), USERS);
        assert_eq!(fate(&mut pools, at(1), USERS), "warm");
    }

    #[test]
    fn all_functions_together_stay_within_the_account() {
        let mut pools = pools(2, vec![function(Some(5)), function(None)]);
        assert_eq!(fate(&mut pools, at(0), USERS), "throttled");
        assert_eq!([0; 3].map(|_| fate(&mut pools, at(0), ORDERS)), ["cold", "cold", "throttled"]);
    }

    #[test]
    fn the_share_of_failures_is_met() {
        let mut pools = pools(10, vec![Function { failures: 0.1, ..function(None) }]);
        let mut failed = 0;
        for _ in 0..20_000 {
            failed += u32::from(pools.invoke(at(0), ORDERS).unwrap().ending == Ending::Failed);
            pools.release(at(0), ORDERS);
        }
        // Binomial(20,000, 0.1): five standard deviations are 212.
        assert!((1_788..2_212).contains(&failed), "{failed}");
    }

    #[test]
    fn an_unknown_function_is_throttled_and_counts_nothing() {
        let mut pools = pools(1, Vec::new());
        assert_eq!(fate(&mut pools, at(0), ORDERS), "throttled");
        pools.release(at(0), ORDERS);
        assert_eq!(pools.environments(ORDERS), Environments::default());
    }
}
