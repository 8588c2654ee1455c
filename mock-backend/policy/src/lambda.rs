//! Pools of function environments: who is warm, who starts cold, and who is one too many.
//!
//! Owns the environments of every function, the concurrency and the invocation rate they share, and the order in which limits are
//! asked. Refuses to know calls, replies and time-outs (an environment is busy until its function ends, whoever still waits).
//! Called by the gateway.
//!
//! One environment serves one request at a time. Provisioned environments are asked first, then idle ones; if none is free, one more
//! starts, cold, while the limits allow it (Lambda developer guide, "Understanding Lambda function scaling", 2026):
//!
//! - concurrency, of the account, and of the function if it has some reserved;
//! - invocations per second, ten for each unit of that concurrency;
//! - how fast the function's environments may be added.
//!
//! An invocation takes from all of them or from none. That they are asked in this order is not documented.

mod idle;
mod pool;

use self::pool::Pool;
use crate::bucket::Bucket;
use crate::call::FunctionLimit;
use crate::model::{Burst, Function, FunctionId, Model, PerSecond, Throttle};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// The environments of all functions of an account.
#[derive(Clone, Debug)]
pub struct Pools {
    functions: Vec<Pool>,
    /// Limit and use of everything together.
    account: Usage,
    /// Limit and use of what is set aside for nobody.
    unreserved: Usage,
    /// Invocations of everything together.
    rate: Bucket,
}

/// How many may be busy, and how many are.
#[derive(Clone, Copy, Debug)]
struct Usage {
    limit: u32,
    busy: u32,
    busy_peak: u32,
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
    /// Of the invocations, the ones that a provisioned environment served; the others spilled over, if any is provisioned.
    pub provisioned: u64,
    /// Invocations refused because of a limit.
    pub throttled: u64,
    /// Of these, the ones that a limit of the account refused; the others met one of the function's own.
    pub throttled_by_account: u64,
}

/// What becomes of one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// What serves it; it comes back with [`Pools::release`].
    pub environment: Environment,
    /// How long its environment takes to start; `None` if it was warm.
    pub cold_start: Option<Span>,
    /// How long the environment is busy: the start, if any, and the function itself.
    pub busy: Span,
    /// How the function ends.
    pub ending: Ending,
}

/// One of a function's environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// One of the provisioned ones, which are all alike.
    Provisioned,
    /// The one that was the n-th to start.
    OnDemand(u64),
}

/// How a function ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Returned,
    /// With an error.
    Failed,
}

impl Pools {
    /// Empty pools, but for what is provisioned, and full buckets. Draws are keyed by `seed`, function and number of the invocation.
    pub fn new(model: &Model, seed: Seed) -> Self {
        let account = model.account;
        let set_aside = model.functions.iter().map(set_aside).fold(0, u32::saturating_add);
        let rate = |concurrency: u32| Bucket::new(invocations(concurrency, account.invocations_per_environment));
        let pools = model.functions.iter().enumerate().map(|(at, function)| Pool::new(function, rate, seed.nth(at as u64)));
        Self {
            functions: pools.collect(),
            account: Usage::of(account.concurrency),
            unreserved: Usage::of(account.concurrency.saturating_sub(set_aside)),
            rate: rate(account.concurrency),
        }
    }

    /// Gives the invocation an environment, or says which limit throttles the function. What is given comes back with
    /// [`Self::release`] when its `busy` time is over.
    pub fn invoke(&mut self, now: Instant, function: FunctionId) -> Result<Invocation, FunctionLimit> {
        let Some(pool) = self.functions.get_mut(usize::from(function.0)) else { return Err(FunctionLimit::Concurrency) };
        let provisioned = pool.offers_provisioned(now);
        let shares = !provisioned && pool.is_unreserved();
        let has_room = self.account.has_room() && (!shares || self.unreserved.has_room());
        let within = |holds: bool, limit| if holds { Ok(()) } else { Err(limit) };
        let admitted = within(pool.has_reserved_room(), FunctionLimit::Reserved)
            .and_then(|()| within(has_room, FunctionLimit::Concurrency))
            .and_then(|()| within(pool.has_reserved_rate(now), FunctionLimit::ReservedRate))
            .and_then(|()| within(self.rate.check(now, 1).is_ok(), FunctionLimit::Rate))
            .and_then(|()| within(provisioned || pool.offers_on_demand(now), FunctionLimit::ScaleOut));
        if let Err(limit) = admitted {
            pool.refuse(limit);
            return Err(limit);
        }
        self.account.take(1);
        self.unreserved.take(u32::from(shares));
        self.rate.try_take(now, 1).expect("a token was seen there");
        Ok(if provisioned { pool.start_provisioned(now) } else { pool.start_on_demand(now) })
    }

    /// Takes an environment back: from now on it is idle, and kept as long as a new draw of its keep-alive says; a provisioned one
    /// is kept for ever.
    pub fn release(&mut self, now: Instant, function: FunctionId, environment: Environment) {
        let Some(pool) = self.functions.get_mut(usize::from(function.0)) else { return };
        self.account.busy -= 1;
        self.unreserved.busy -= u32::from(environment != Environment::Provisioned && pool.is_unreserved());
        pool.release(now, environment);
    }

    /// An environment is gone, as its function broke it.
    pub fn lose(&mut self, now: Instant, function: FunctionId, environment: Environment) {
        let Some(pool) = self.functions.get_mut(usize::from(function.0)) else { return };
        self.account.busy -= 1;
        self.unreserved.busy -= u32::from(environment != Environment::Provisioned && pool.is_unreserved());
        pool.lose(now, environment);
    }

    /// Lets the idle environments of a real function go whose time is up at `now`; until when the next one is kept.
    pub fn sweep(&mut self, now: Instant, function: FunctionId) -> Option<Instant> {
        self.functions.get_mut(usize::from(function.0))?.sweep(now)
    }

    /// An environment of this real function that is no longer kept; each is told once.
    pub fn take_gone(&mut self, function: FunctionId) -> Option<Environment> {
        self.functions.get_mut(usize::from(function.0))?.take_gone().map(Environment::OnDemand)
    }

    /// How the function's environments were used so far; nothing for a function that the model does not have.
    pub fn environments(&self, function: FunctionId) -> Environments {
        self.functions.get(usize::from(function.0)).map_or_else(Environments::default, Pool::counts)
    }

    /// How many environments of all functions were busy at once, at most.
    pub const fn busy_peak(&self) -> u32 {
        self.account.busy_peak
    }

    /// How long the function's environments were busy until `now`, together.
    pub fn busy_until(&self, now: Instant, function: FunctionId) -> Span {
        self.functions.get(usize::from(function.0)).map_or(Span::ZERO, |pool| pool.busy_until(now))
    }

    /// How many environments of the function are there at `now`, busy or idle, with the provisioned ones.
    pub fn kept(&self, now: Instant, function: FunctionId) -> usize {
        self.functions.get(usize::from(function.0)).map_or(0, |pool| pool.kept(now))
    }
}

impl Usage {
    const fn of(limit: u32) -> Self {
        Self { limit, busy: 0, busy_peak: 0 }
    }

    fn take(&mut self, environments: u32) {
        self.busy += environments;
        self.busy_peak = self.busy_peak.max(self.busy);
    }

    const fn has_room(self) -> bool {
        self.busy < self.limit
    }
}

/// How many environments the others cannot have: the reserved ones; without a reservation the provisioned ones, which count
/// whether they are busy or not (Lambda developer guide, "Configuring provisioned concurrency", 2026).
fn set_aside(function: &Function) -> u32 {
    function.concurrency.unwrap_or(function.scaling.provisioned)
}

/// The invocations per second that go with some concurrency. That a second's worth may come at once is not documented; the
/// provider says only that it counts requests per second.
fn invocations(concurrency: u32, each: u32) -> Throttle {
    let tokens = u64::from(concurrency) * u64::from(each);
    Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(tokens) }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
