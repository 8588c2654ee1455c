//! The obvious environments: each is kept for ever, with all its uses.

use crate::model::{Function, FunctionId, Model};
use crate::seed::Seed;
use crate::time::{Instant, Span};

pub(super) struct Functions<'m> {
    model: &'m Model,
    seed: Seed,
    environments: Vec<Environment>,
    freed: usize,
}

/// An environment: whose, and if it is idle since its n-th use, until when.
struct Environment {
    function: FunctionId,
    idle: Option<(usize, Instant)>,
    uses: Vec<u64>,
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
        Self { model, seed, environments: Vec::new(), freed: 0 }
    }

    pub(super) fn start(&mut self, now: Instant, id: FunctionId) -> Option<Started> {
        if !self.may_run(id) {
            return None;
        }
        let function = self.function(id);
        let number = self.environments.iter().filter(|it| it.function == id).map(|it| it.uses.len()).sum::<usize>() as u64;
        let draws = self.seed.nth(u64::from(id.0));
        let idle = |it: &Environment| it.function == id && it.idle.is_some_and(|(_, until)| until > now);
        let warm = (0..self.environments.len()).filter(|at| idle(&self.environments[*at]));
        let warm = warm.max_by_key(|at| self.environments[*at].idle.map(|idle| idle.0));
        let cold_start = if warm.is_some() { None } else { Some(function.cold_start.at(draws.child("cold start").unit(number))) };
        let at = warm.unwrap_or_else(|| {
            self.environments.push(Environment { function: id, idle: None, uses: Vec::new() });
            self.environments.len() - 1
        });
        self.environments[at].idle = None;
        self.environments[at].uses.push(number);
        let took = cold_start.unwrap_or_default() + function.duration.at(draws.child("duration").unit(number));
        Some(Started { cold_start, took, at, failed: draws.child("failure").unit(number) < function.failures })
    }

    pub(super) fn free(&mut self, now: Instant, at: usize) {
        let id = self.environments[at].function;
        let mine = |it: &&Environment| it.function == id;
        let uses: usize = self.environments.iter().filter(mine).map(|it| it.uses.len()).sum();
        let busy = self.environments.iter().filter(mine).filter(|it| it.idle.is_none()).count();
        let draws = self.seed.nth(u64::from(id.0)).child("keep-alive");
        let kept = self.function(id).keep_alive.at(draws.unit((uses - busy) as u64));
        self.freed += 1;
        self.environments[at].idle = Some((self.freed, now + kept));
    }

    fn may_run(&self, id: FunctionId) -> bool {
        let busy = |of: &dyn Fn(FunctionId) -> bool| {
            self.environments.iter().filter(|it| it.idle.is_none() && of(it.function)).count() as u32
        };
        let account = self.model.account.concurrency;
        let within = if let Some(reserved) = self.function(id).concurrency {
            busy(&|it| it == id) < reserved
        } else {
            let set_aside: u32 = self.model.functions.iter().filter_map(|function| function.concurrency).sum();
            busy(&|it| self.function(it).concurrency.is_none()) < account.saturating_sub(set_aside)
        };
        within && busy(&|_| true) < account
    }

    fn function(&self, id: FunctionId) -> &'m Function {
        &self.model.functions[usize::from(id.0)]
    }
}
