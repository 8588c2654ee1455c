//! A pool of a case: the policy's own pools, with one function that has them to itself.

use sluicegate_policy::lambda::{Environment, Invocation, Pools};
use sluicegate_policy::model::{self, Account, Api, ApiKind, Code, Function, FunctionId, Model, Response};
use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::{Instant, Span};

const ONLY: FunctionId = FunctionId(0);

/// Environments of one function.
pub(super) struct Pool {
    pools: Pools,
    billed_per: Span,
}

impl Pool {
    pub(super) fn new(pool: &model::Pool, seed: Seed) -> Self {
        let function = Function {
            name: String::new(),
            memory_mb: 0,
            duration: pool.duration.clone(),
            cold_start: pool.cold_start.clone(),
            failures: 0.0,
            concurrency: None,
            keep_alive: pool.keep_alive.clone(),
            scaling: pool.scaling,
            response: Response { status: 200, body: String::new() },
            echoes: false,
            uses: None,
            code: Code::Modelled,
        };
        // No limit but the pool's own: that on invocations per second is the provider's.
        let concurrency = pool.limit.unwrap_or(u32::MAX);
        let account = Account { concurrency, invocations_per_environment: u32::MAX, ..Account::default_in("") };
        let model = Model { account, functions: vec![function], ..Model::of(Api::new(ApiKind::Http, ""), &[], Vec::new()) };
        Self { pools: Pools::new(&model, seed), billed_per: pool.billed_per }
    }

    pub(super) fn invoke(&mut self, now: Instant) -> Option<Invocation> {
        self.pools.invoke(now, ONLY).ok()
    }

    /// What is billed of an invocation.
    pub(super) fn billed(&self, invocation: &Invocation) -> Span {
        let (busy, per) = (invocation.busy.as_ns(), self.billed_per.as_ns().max(1));
        Span::from_ns(busy.div_ceil(per).saturating_mul(per))
    }

    pub(super) fn release(&mut self, now: Instant, environment: Environment) {
        self.pools.release(now, ONLY, environment);
    }

    /// How many are busy.
    pub(super) fn busy(&self) -> u32 {
        self.pools.environments(ONLY).busy
    }

    /// How many there are, busy or idle.
    pub(super) fn kept(&self, now: Instant) -> u64 {
        self.pools.kept(now, ONLY) as u64
    }
}
