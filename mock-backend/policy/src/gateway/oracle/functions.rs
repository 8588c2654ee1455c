//! The obvious environments: each is kept for ever, with all its uses, and every invocation with what it got.

use super::door::has_token;
use crate::call::FunctionLimit;
use crate::model::{Burst, Dispatch, Function, FunctionId, Model, PerSecond, Throttle};
use crate::seed::Seed;
use crate::time::{Instant, Span};

pub(super) struct Functions<'m> {
    model: &'m Model,
    seed: Seed,
    environments: Vec<Environment>,
    story: Vec<Invoked>,
    freed: usize,
}

/// An environment: whose, and if it is idle since its n-th use, until when.
struct Environment {
    function: FunctionId,
    provisioned: bool,
    idle: Option<(usize, Instant)>,
    uses: usize,
}

/// An invocation that was let in.
#[derive(Clone, Copy)]
struct Invoked {
    at: Instant,
    function: FunctionId,
    provisioned: bool,
    cold: bool,
}

/// What one invocation got.
pub(super) struct Started {
    pub(super) cold_start: Option<Span>,
    pub(super) took: Span,
    pub(super) at: usize,
    pub(super) failed: bool,
}

impl<'m> Functions<'m> {
    pub(super) fn new(model: &'m Model, seed: Seed) -> Self {
        let mut environments = Vec::new();
        for (at, function) in model.functions.iter().enumerate() {
            let function_id = FunctionId(at as u16);
            for _ in 0..function.scaling.provisioned {
                environments.push(Environment {
                    function: function_id,
                    provisioned: true,
                    idle: Some((0, Instant::MAX)),
                    uses: 0,
                });
            }
        }
        Self { model, seed, environments, story: Vec::new(), freed: 0 }
    }

    pub(super) fn start(&mut self, now: Instant, id: FunctionId) -> Result<Started, FunctionLimit> {
        let function = self.function(id);
        let number = self.story.iter().filter(|it| it.function == id).count() as u64;
        let draws = self.seed.nth(u64::from(id.0));
        let provisioned = self.idle_provisioned(now, id);
        self.may_run(now, id, provisioned.is_some())?;
        let warm = provisioned.or_else(|| self.idle_on_demand(now, id, draws.child("dispatch").draw(number)));
        if warm.is_none() && !self.is_within(now, function.scaling.scale_out, |it| it.function == id && it.cold) {
            return Err(FunctionLimit::ScaleOut);
        }
        let cold_start = if warm.is_some() { None } else { Some(function.cold_start.at(draws.child("cold start").unit(number))) };
        let at = warm.unwrap_or_else(|| {
            self.environments.push(Environment { function: id, provisioned: false, idle: None, uses: 0 });
            self.environments.len() - 1
        });
        self.environments[at].idle = None;
        self.environments[at].uses += 1;
        self.story.push(Invoked { at: now, function: id, provisioned: provisioned.is_some(), cold: warm.is_none() });
        let took = cold_start.unwrap_or_default() + function.duration.at(draws.child("duration").unit(number));
        Ok(Started { cold_start, took, at, failed: draws.child("failure").unit(number) < function.failures })
    }

    pub(super) fn free(&mut self, now: Instant, at: usize) {
        self.freed += 1;
        if self.environments[at].provisioned {
            self.environments[at].idle = Some((self.freed, Instant::MAX));
            return;
        }
        let id = self.environments[at].function;
        let mine = |it: &&Environment| it.function == id && !it.provisioned;
        let uses: usize = self.environments.iter().filter(mine).map(|it| it.uses).sum();
        let busy = self.environments.iter().filter(mine).filter(|it| it.idle.is_none()).count();
        let draws = self.seed.nth(u64::from(id.0)).child("keep-alive");
        let kept = self.function(id).keep_alive.at(draws.unit((uses - busy) as u64));
        self.environments[at].idle = Some((self.freed, now + kept));
    }

    /// An idle one of the provisioned environments, unless they have served too many.
    fn idle_provisioned(&self, now: Instant, id: FunctionId) -> Option<usize> {
        let rate = self.rate(self.function(id).scaling.provisioned);
        let is_slow = self.is_within(now, rate, |it| it.function == id && it.provisioned);
        let free = |it: &Environment| it.function == id && it.provisioned && it.idle.is_some();
        self.environments.iter().position(free).filter(|_| is_slow)
    }

    /// The idle environment whose turn it is.
    fn idle_on_demand(&self, now: Instant, id: FunctionId, draw: u64) -> Option<usize> {
        let idle = |it: &Environment| it.function == id && !it.provisioned && it.idle.is_some_and(|(_, until)| until > now);
        let mut by_rest: Vec<usize> = (0..self.environments.len()).filter(|at| idle(&self.environments[*at])).collect();
        by_rest.sort_by_key(|at| self.environments[*at].idle.map(|idle| idle.0));
        match self.function(id).scaling.dispatch {
            Dispatch::MostRecentlyUsed => by_rest.last().copied(),
            Dispatch::LeastRecentlyUsed => by_rest.first().copied(),
            Dispatch::NewestCreated => by_rest.iter().max().copied(),
            Dispatch::Random => {
                let place = u128::from(draw) * by_rest.len() as u128 / (1 << 64);
                by_rest.get(place as usize).copied()
            }
        }
    }

    fn may_run(&self, now: Instant, id: FunctionId, provisioned: bool) -> Result<(), FunctionLimit> {
        let busy =
            |of: &dyn Fn(&Environment) -> bool| self.environments.iter().filter(|it| it.idle.is_none() && of(it)).count() as u32;
        let concurrency = self.model.account.concurrency;
        let reserved = self.function(id).concurrency;
        if reserved.is_some_and(|reserved| busy(&|it| it.function == id) >= reserved) {
            return Err(FunctionLimit::Reserved);
        }
        let set_aside: u32 = self.model.functions.iter().map(|it| it.concurrency.unwrap_or(it.scaling.provisioned)).sum();
        let shared = busy(&|it| !it.provisioned && self.function(it.function).concurrency.is_none());
        let is_shared_full = reserved.is_none() && !provisioned && shared >= concurrency.saturating_sub(set_aside);
        if is_shared_full || busy(&|_| true) >= concurrency {
            return Err(FunctionLimit::Concurrency);
        }
        if reserved.is_some_and(|reserved| !self.is_within(now, self.rate(reserved), |it| it.function == id)) {
            return Err(FunctionLimit::ReservedRate);
        }
        if self.is_within(now, self.rate(concurrency), |_| true) { Ok(()) } else { Err(FunctionLimit::Rate) }
    }

    /// Whether a bucket that gave a token to each of these invocations has one more.
    fn is_within(&self, now: Instant, throttle: Throttle, counts: impl Fn(&Invoked) -> bool) -> bool {
        let given: Vec<Instant> = self.story.iter().filter(|it| counts(it)).map(|it| it.at).collect();
        has_token(throttle, &given, now)
    }

    fn rate(&self, concurrency: u32) -> Throttle {
        let tokens = u64::from(concurrency * self.model.account.invocations_per_environment);
        Throttle { rate: PerSecond { tokens, per: Span::from_secs(1) }, burst: Burst(tokens) }
    }

    fn function(&self, id: FunctionId) -> &'m Function {
        &self.model.functions[usize::from(id.0)]
    }
}
