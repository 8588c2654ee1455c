//! The environments of one function.
//!
//! Owns what is the function's alone: its provisioned and on-demand environments, its reservation, how fast it may grow, and the draws
//! of its times. Refuses what functions share. Called by [`lambda`](super).

use super::idle::Idle;
use super::{Ending, Environment, Environments, Invocation};
use crate::bucket::Bucket;
use crate::call::FunctionLimit;
use crate::latency::Latency;
use crate::model::Function;
use crate::seed::Seed;
use crate::time::{Instant, Span};

#[derive(Clone, Debug)]
pub(super) struct Pool {
    reserved: Option<Reserved>,
    provisioned: Provisioned,
    /// A token for each environment that may start.
    pub(super) scale_out: Bucket,
    failures: f64,
    duration: Keyed,
    cold_start: Keyed,
    keep_alive: Keyed,
    failure: Seed,
    idle: Idle,
    /// How often an environment became idle.
    idle_periods: u64,
    counts: Environments,
    /// Until when `busy_for` has been summed up.
    since: Instant,
    /// How long environments were busy, together.
    busy_for: Span,
}

/// What is set aside for the function, and is all that it gets.
#[derive(Clone, Debug)]
struct Reserved {
    limit: u32,
    rate: Bucket,
}

#[derive(Clone, Debug)]
struct Provisioned {
    limit: u32,
    busy: u32,
    rate: Bucket,
}

/// A distribution with its own numbered draws.
#[derive(Clone, Debug)]
struct Keyed {
    latency: Latency,
    seed: Seed,
}

impl Pool {
    /// `rate` makes the bucket of invocations that goes with some concurrency.
    pub(super) fn new(function: &Function, rate: impl Fn(u32) -> Bucket, seed: Seed) -> Self {
        let keyed = |latency: &Latency, name| Keyed { latency: latency.clone(), seed: seed.child(name) };
        let scaling = function.scaling;
        let limit = scaling.provisioned;
        Self {
            reserved: function.concurrency.map(|limit| Reserved { limit, rate: rate(limit) }),
            provisioned: Provisioned { limit, busy: 0, rate: rate(limit) },
            scale_out: Bucket::new(scaling.scale_out),
            failures: function.failures,
            duration: keyed(&function.duration, "duration"),
            cold_start: keyed(&function.cold_start, "cold start"),
            keep_alive: keyed(&function.keep_alive, "keep-alive"),
            failure: seed.child("failure"),
            idle: Idle::new(scaling.dispatch, seed.child("dispatch"), function.code.is_modelled()),
            idle_periods: 0,
            counts: Environments::default(),
            since: Instant::ZERO,
            busy_for: Span::ZERO,
        }
    }

    pub(super) const fn is_unreserved(&self) -> bool {
        self.reserved.is_none()
    }

    pub(super) fn has_reserved_room(&self) -> bool {
        self.reserved.as_ref().is_none_or(|reserved| self.counts.busy < reserved.limit)
    }

    pub(super) fn has_reserved_rate(&mut self, now: Instant) -> bool {
        self.reserved.as_mut().is_none_or(|reserved| reserved.rate.check(now, 1).is_ok())
    }

    /// Whether a provisioned environment would serve. That what comes faster than its rate allows spills over, as what finds all of
    /// them busy does, is not documented.
    pub(super) fn offers_provisioned(&mut self, now: Instant) -> bool {
        self.provisioned.busy < self.provisioned.limit && self.provisioned.rate.check(now, 1).is_ok()
    }

    /// Whether an environment is idle, or one more may start.
    pub(super) fn offers_on_demand(&mut self, now: Instant) -> bool {
        self.idle.has_one(now) || self.scale_out.check(now, 1).is_ok()
    }

    pub(super) fn refuse(&mut self, limit: FunctionLimit) {
        self.counts.throttled += 1;
        self.counts.throttled_by_account += u64::from(limit.is_of_account());
    }

    /// To be asked only if [`Self::offers_provisioned`] says so.
    pub(super) fn start_provisioned(&mut self, now: Instant) -> Invocation {
        self.provisioned.busy += 1;
        self.provisioned.rate.try_take(now, 1).expect("a token was seen there");
        self.counts.provisioned += 1;
        self.start(now, Environment::Provisioned, None)
    }

    /// To be asked only if [`Self::offers_on_demand`] says so.
    pub(super) fn start_on_demand(&mut self, now: Instant) -> Invocation {
        let number = self.counts.invocations;
        if let Some(created) = self.idle.take(now, number) {
            return self.start(now, Environment::OnDemand(created), None);
        }
        self.scale_out.try_take(now, 1).expect("a token was seen there");
        let created = self.counts.cold_starts;
        self.counts.cold_starts += 1;
        let cold_start = Some(self.cold_start.draw(number));
        self.start(now, Environment::OnDemand(created), cold_start)
    }

    fn start(&mut self, now: Instant, environment: Environment, cold_start: Option<Span>) -> Invocation {
        if let Some(reserved) = &mut self.reserved {
            reserved.rate.try_take(now, 1).expect("a token was seen there");
        }
        self.sum_up(now);
        let number = self.counts.invocations;
        let failed = self.failures > 0.0 && self.failure.unit(number) < self.failures;
        self.counts.invocations += 1;
        self.counts.busy += 1;
        self.counts.busy_peak = self.counts.busy_peak.max(self.counts.busy);
        Invocation {
            environment,
            cold_start,
            busy: cold_start.unwrap_or_default() + self.duration.draw(number),
            ending: if failed { Ending::Failed } else { Ending::Returned },
        }
    }

    pub(super) fn release(&mut self, now: Instant, environment: Environment) {
        self.sum_up(now);
        self.counts.busy -= 1;
        match environment {
            Environment::Provisioned => self.provisioned.busy -= 1,
            Environment::OnDemand(created) => {
                self.idle.add(created, now + self.keep_alive.draw(self.idle_periods));
                self.idle_periods += 1;
            }
        }
    }

    pub(super) fn lose(&mut self, now: Instant, environment: Environment) {
        self.sum_up(now);
        self.counts.busy -= 1;
        match environment {
            // What is provisioned is replaced.
            Environment::Provisioned => self.provisioned.busy -= 1,
            Environment::OnDemand(_) => {}
        }
    }

    pub(super) fn sweep(&mut self, now: Instant) -> Option<Instant> {
        self.idle.sweep(now)
    }

    pub(super) fn take_gone(&mut self) -> Option<u64> {
        self.idle.take_gone()
    }

    fn sum_up(&mut self, now: Instant) {
        self.busy_for = self.busy_until(now);
        self.since = now;
    }

    /// How long environments were busy until `now`, together.
    pub(super) fn busy_until(&self, now: Instant) -> Span {
        let more = now.since(self.since).as_ns().saturating_mul(u64::from(self.counts.busy));
        self.busy_for + Span::from_ns(more)
    }

    pub(super) const fn counts(&self) -> Environments {
        self.counts
    }

    pub(super) fn kept(&self, now: Instant) -> usize {
        let (busy, provisioned) = (self.counts.busy as usize, self.provisioned.limit - self.provisioned.busy);
        busy + provisioned as usize + self.idle.count(now)
    }
}

impl Keyed {
    fn draw(&self, number: u64) -> Span {
        self.latency.at(self.seed.unit(number))
    }
}
