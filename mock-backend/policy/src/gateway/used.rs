//! How much of each limit was used so far.
//!
//! Owns the list of limits, and each one's mean over time. Refuses to count (each part counts itself). A part of the gateway.

use super::Gateway;
use crate::model::{CapacityId, FunctionId, LinkId, PerSecond, RouteId, Serves, StageId, TargetId};
use crate::throttle::Tokens;
use crate::time::Span;
use crate::usage::{Limited, Used};

impl Gateway {
    /// How much of each limit was used from the first request until now: throttles of the account and of the stages' routes, concurrency of the
    /// account and of functions, pools of connections, targets of private links. Only what was asked is told.
    pub fn used(&self) -> Vec<Used> {
        let elapsed = self.first.map_or(Span::ZERO, |first| self.now.since(first));
        let mut used = vec![self.account_throttle(elapsed)];
        if self.connections.tokens != Tokens::default() {
            used.push(of_rate(Limited::Connects, self.model.account.connects.rate, self.connections.tokens, elapsed));
        }
        for at in 0..self.model.stages.len() {
            used.extend(self.route_throttles(StageId(at as u16), elapsed));
        }
        used.extend(self.concurrency(elapsed));
        used.extend((0..self.model.capacities.len()).map(|at| self.capacity(CapacityId(at as u16), elapsed)));
        for (at, link) in self.model.links.iter().enumerate() {
            let targets = (0..link.targets.len()).map(|place| TargetId { link: LinkId(at as u16), place: place as u16 });
            used.extend(targets.filter_map(|target| self.target(target, elapsed)));
        }
        used
    }

    fn account_throttle(&self, elapsed: Span) -> Used {
        let tokens = self.throttles.account_tokens();
        of_rate(Limited::AccountThrottle, self.model.account.throttle.rate, tokens, elapsed)
    }

    fn route_throttles(&self, stage: StageId, elapsed: Span) -> Vec<Used> {
        let settings = &self.model.stages[usize::from(stage.0)];
        let asked = self.throttles.stage_tokens(stage).filter(|(_, tokens)| *tokens != Tokens::default());
        let of_key = |(key, tokens): (u32, Tokens)| {
            let routes = (0..self.model.routes.len() as u16).map(RouteId);
            let route = routes.into_iter().find(|route| {
                let api = self.model.deployments[usize::from(self.model.routes[usize::from(route.0)].deployment.0)].api;
                api == settings.api && self.throttles.route_key(*route) == Some(key)
            })?;
            let own = settings.route_throttles.iter().find(|(of, _)| self.throttles.route_key(*of) == Some(key));
            let throttle = own.map(|(_, throttle)| *throttle).or(settings.throttle)?;
            Some(of_rate(Limited::RouteThrottle(stage, route), throttle.rate, tokens, elapsed))
        };
        asked.filter_map(of_key).collect()
    }

    fn concurrency(&self, elapsed: Span) -> Vec<Used> {
        if self.model.functions.is_empty() {
            return Vec::new();
        }
        let account = f64::from(self.model.account.concurrency);
        let (mut busy, mut refused) = (Span::ZERO, 0);
        let mut used = Vec::new();
        for (at, function) in self.model.functions.iter().enumerate() {
            let id = FunctionId(at as u16);
            let (own, counts) = (self.pools.busy_until(self.now, id), self.pools.environments(id));
            busy += own;
            refused += counts.throttled_by_account;
            if counts.invocations + counts.throttled == 0 {
                continue;
            }
            let limit = function.concurrency.map_or(account, f64::from);
            let (share, peak) = (share(own, limit, elapsed), Some(u64::from(counts.busy_peak)));
            let refused = counts.throttled - counts.throttled_by_account;
            used.push(Used { peak, refused, ..Used::of(Limited::Function(id), limit, share) });
        }
        let (share, peak) = (share(busy, account, elapsed), Some(u64::from(self.pools.busy_peak())));
        used.insert(0, Used { peak, refused, ..Used::of(Limited::AccountConcurrency, account, share) });
        used
    }

    fn capacity(&self, id: CapacityId, elapsed: Span) -> Used {
        let seen = self.capacities.occupancy(self.now, id);
        let capacity = &self.model.capacities[usize::from(id.0)];
        let limit = f64::from(capacity.size);
        let work = Some(capacity.service.mean() * seen.asked);
        let (peak, waiting_peak) = (Some(seen.busy_peak), Some(seen.waiting_peak));
        let share = share(seen.busy, limit, elapsed);
        Used { work, peak, waiting_peak, refused: seen.refused, ..Used::of(Limited::Capacity(id), limit, share) }
    }

    fn target(&self, id: TargetId, elapsed: Span) -> Option<Used> {
        let seen = self.links.usage(self.now, id).filter(|seen| seen.sent > 0)?;
        let (at_once, duration) = match &self.model.links[usize::from(id.link.0)].targets[usize::from(id.place)].serves {
            Serves::Modelled(target) => (target.at_once.map(f64::from), target.duration.mean()),
            Serves::Real(_) => (None, Span::ZERO),
        };
        Some(Used {
            what: Limited::Target(id),
            limit: at_once,
            share: at_once.map(|limit| share(seen.busy, limit, elapsed)),
            work: at_once.map(|_| duration * seen.sent),
            peak: Some(seen.busy_peak),
            waiting_peak: at_once.map(|_| seen.waiting_peak),
            refused: seen.refused,
            unhealthy: Some(seen.left),
        })
    }
}

fn of_rate(what: Limited, rate: PerSecond, tokens: Tokens, elapsed: Span) -> Used {
    let limit = rate.tokens as f64 / rate.per.as_secs_f64();
    let offered = limit * elapsed.as_secs_f64();
    let share = if offered > 0.0 { tokens.taken as f64 / offered } else { 0.0 };
    Used { refused: tokens.refused, ..Used::of(what, limit, share) }
}

fn share(busy: Span, limit: f64, elapsed: Span) -> f64 {
    let offered = limit * elapsed.as_secs_f64();
    if offered > 0.0 { busy.as_secs_f64() / offered } else { 0.0 }
}
