//! The obvious gateway: slow, without a queue, a heap, a slot or a pool; it judges the real one.
//!
//! It looks through everything that is still to happen for what comes next, keeps each environment for ever with its whole
//! story, and plays each bucket's story again from the beginning whenever it is asked. Only the keys of the draws are shared
//! with the real one: they are part of what a seed means.

use crate::call::{CacheUse, Call, Content, Outcome, Reason, Reply, Scope, Timing};
use crate::model::{
    ApiKind, Function, FunctionId, HttpIntegration, Integration, MockIntegration, Model, PAYLOAD_BYTES_MAX, RouteId, Throttle,
};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// A call, when it comes, and how long its external work takes, should it be that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Coming {
    pub(super) at: Instant,
    pub(super) call: Call,
    pub(super) takes: Span,
}

/// How external work that takes so long ends.
pub(super) fn outcome(takes: Span) -> Outcome {
    if takes.as_ns().is_multiple_of(5) {
        Outcome::Unreachable
    } else {
        Outcome::Answered { content: Content { status: 203, bytes: 0 } }
    }
}

/// All the replies.
pub(super) fn replies(model: &Model, seed: Seed, arrivals: &[Coming]) -> Vec<Reply> {
    let mut world = World { model, seed, buckets: Vec::new(), environments: Vec::new(), freed: 0, replies: Vec::new() };
    // What is to happen: when, and in which order it was known.
    let mut coming: Vec<(Instant, usize, Event)> = Vec::new();
    let mut known = 0;
    let mut number = 0;
    loop {
        let arrival = arrivals.get(number);
        let next = coming.iter().map(|(at, order, _)| (*at, *order)).min();
        match (next, arrival) {
            (None, None) => return world.replies,
            (Some((at, order)), arrival) if arrival.is_none_or(|arrival| at <= arrival.at) => {
                let place = coming.iter().position(|event| event.1 == order).unwrap();
                let (_, _, event) = coming.remove(place);
                for (due, event) in world.happens(at, event) {
                    coming.push((due, known, event));
                    known += 1;
                }
            }
            (_, arrival) => {
                for (due, event) in world.arrives(*arrival.unwrap(), number as u64) {
                    coming.push((due, known, event));
                    known += 1;
                }
                number += 1;
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Event {
    HandOver(Coming, RouteId, Span),
    Freed(usize),
}

struct World<'m> {
    model: &'m Model,
    seed: Seed,
    /// Which bucket, its setting, and when it gave tokens.
    buckets: Vec<(Option<RouteId>, Vec<Instant>)>,
    environments: Vec<Environment>,
    freed: usize,
    replies: Vec<Reply>,
}

/// An environment: whose, and if it is idle since its n-th use, until when.
struct Environment {
    function: FunctionId,
    idle: Option<(usize, Instant)>,
    uses: Vec<u64>,
}

impl<'m> World<'m> {
    fn arrives(&mut self, arrival: Coming, number: u64) -> Vec<(Instant, Event)> {
        let refusal = self.model.apis[0].refusal.at(self.seed.child("refusal").unit(number));
        let overhead = self.model.apis[0].overhead.at(self.seed.child("overhead").unit(number)).as_ns();
        let (before, after) = (Span::from_ns(overhead / 2), Span::from_ns(overhead - overhead / 2));
        let call = arrival.call;
        let reason = match (call.arrival.stage, call.route) {
            (None, _) => Reason::NoStage,
            (_, None) => Reason::NoRoute,
            (_, Some(route)) => match self.refusing_bucket(arrival.at, route) {
                Some(scope) => Reason::Throttled(scope),
                None if call.size.body > PAYLOAD_BYTES_MAX => Reason::PayloadTooLarge,
                None => return vec![(arrival.at + before, Event::HandOver(arrival, route, after))],
            },
        };
        self.reply(arrival, arrival.at + refusal, reason, Timing::default());
        Vec::new()
    }

    fn happens(&mut self, now: Instant, event: Event) -> Vec<(Instant, Event)> {
        match event {
            Event::Freed(at) => self.free(now, at),
            Event::HandOver(arrival, route, after) => match &self.model.routes[usize::from(route.0)].integration {
                Integration::Mock(MockIntegration::Fixed { status, .. }) => {
                    self.served(arrival, now + after, *status, Timing::default())
                }
                Integration::Lambda { function, timeout } => return self.invoke((arrival, now, after), *function, *timeout),
                Integration::Http(HttpIntegration { timeout, .. }) => self.work(arrival, now, after, *timeout),
                other => unreachable!("no law has a {other:?}"),
            },
        }
        Vec::new()
    }

    fn work(&mut self, arrival: Coming, now: Instant, after: Span, timeout: Span) {
        let took = arrival.takes.min(timeout);
        let timing = Timing { integration: Some(took), ..Timing::default() };
        let end = now + took + after;
        // At the very instant of the time-out the time-out comes first.
        match outcome(arrival.takes) {
            _ if arrival.takes >= timeout => self.reply(arrival, end, Reason::IntegrationTimeout, timing),
            Outcome::Answered { content } => self.served(arrival, end, content.status, timing),
            Outcome::Misconfigured => unreachable!("no law ends work so"),
            Outcome::Unreachable => self.reply(arrival, end, Reason::IntegrationUnreachable, timing),
        }
    }

    fn invoke(&mut self, (arrival, now, after): (Coming, Instant, Span), id: FunctionId, timeout: Span) -> Vec<(Instant, Event)> {
        let function = self.function(id);
        if !self.may_run(id) {
            self.reply(arrival, now + after, Reason::FunctionThrottled(id), Timing::default());
            return Vec::new();
        }
        let number = self.environments.iter().filter(|it| it.function == id).map(|it| it.uses.len()).sum::<usize>() as u64;
        let draws = self.seed.child("functions").nth(u64::from(id.0));
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
        let timing = Timing { integration: Some(took.min(timeout)), cold_start, ..Timing::default() };
        let end = now + took.min(timeout) + after;
        if took > timeout {
            self.reply(arrival, end, Reason::IntegrationTimeout, timing);
        } else if draws.child("failure").unit(number) < function.failures {
            self.reply(arrival, end, Reason::FunctionFailed(id), timing);
        } else {
            self.served(arrival, end, function.response.status, timing);
        }
        vec![(now + took, Event::Freed(at))]
    }

    fn free(&mut self, now: Instant, at: usize) {
        let id = self.environments[at].function;
        let mine = |it: &&Environment| it.function == id;
        let uses: usize = self.environments.iter().filter(mine).map(|it| it.uses.len()).sum();
        let busy = self.environments.iter().filter(mine).filter(|it| it.idle.is_none()).count();
        let draws = self.seed.child("functions").nth(u64::from(id.0)).child("keep-alive");
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

    fn served(&mut self, arrival: Coming, at: Instant, status: u16, timing: Timing) {
        self.reply(arrival, at, Reason::Served, timing);
        self.replies.last_mut().unwrap().status = status;
    }

    fn reply(&mut self, arrival: Coming, at: Instant, reason: Reason, timing: Timing) {
        let status = match (reason, self.model.apis[0].kind) {
            (Reason::Served, _) => 0,
            (Reason::NoStage | Reason::NoRoute, ApiKind::Rest) => 403,
            (Reason::NoStage | Reason::NoRoute, ApiKind::Http) => 404,
            (Reason::Throttled(_), _) => 429,
            (Reason::PayloadTooLarge, _) => 413,
            (Reason::FunctionThrottled(_), ApiKind::Rest) | (Reason::FunctionFailed(_), ApiKind::Http) => 500,
            (Reason::FunctionFailed(_), ApiKind::Rest) => 502,
            (Reason::FunctionThrottled(_) | Reason::IntegrationTimeout | Reason::IntegrationUnreachable, ApiKind::Http) => 503,
            (Reason::IntegrationTimeout | Reason::IntegrationUnreachable, ApiKind::Rest) => 504,
            (other, _) => unreachable!("no law leads to {other:?}"),
        };
        let received = arrival.at;
        let Call { id: call, arrival, route, .. } = arrival.call;
        let timing = Timing { received, ..timing };
        self.replies.push(Reply { call, at, status, reason, arrival, route, cache: CacheUse::None, warning: None, timing });
    }

    /// Which bucket refuses the call; if none does, all give a token.
    fn refusing_bucket(&mut self, now: Instant, route: RouteId) -> Option<Scope> {
        let stage = &self.model.stages[0];
        let own = stage.route_throttles.iter().find(|it| it.0 == route).map(|it| (Some(route), it.1, Scope::Route));
        let default = stage.throttle.map(|it| (Some(route), it, Scope::Stage));
        let account = (None, self.model.account.throttle, Scope::Account);
        let way: Vec<_> = own.or(default).into_iter().chain([account]).collect();
        let refuses = way.iter().find(|(key, throttle, _)| !has_token(*throttle, self.given(*key), now)).map(|it| it.2);
        if refuses.is_none() {
            for (key, _, _) in way {
                self.given(key).push(now);
            }
        }
        refuses
    }

    fn given(&mut self, key: Option<RouteId>) -> &mut Vec<Instant> {
        let at = self.buckets.iter().position(|it| it.0 == key).unwrap_or_else(|| {
            self.buckets.push((key, Vec::new()));
            self.buckets.len() - 1
        });
        &mut self.buckets[at].1
    }
}

/// Whether a bucket that gave one token at each of these instants has one more: in parts of a token, from the beginning.
fn has_token(throttle: Throttle, given: &[Instant], now: Instant) -> bool {
    let token = u128::from(throttle.rate.per.as_ns());
    let full = u128::from(throttle.burst.0) * token;
    let (mut level, mut last) = (full, Instant::ZERO);
    let mut refill = |level: u128, at: Instant| {
        let brought = u128::from(at.since(last).as_ns()) * u128::from(throttle.rate.tokens);
        last = at;
        (level + brought).min(full)
    };
    for at in given {
        level = refill(level, *at) - token;
    }
    refill(level, now) >= token
}
