//! Which target of a private link a request goes to, and how a modelled one ends it.
//!
//! Owns the health of targets, the choice among them, and the waiting line of each modelled one. Refuses sockets (whoever probes
//! a real target reports what he saw), time-outs of the gateway and answers. Asked by the gateway once for each request.
//!
//! Source: Elastic Load Balancing, "Health checks for Network Load Balancer target groups" (2026), facts that clients see of it:
//! - A target leaves after `unhealthy_threshold` bad looks one after the other, and comes back after `healthy_threshold` good ones: by
//!   default one that fails is asked for up to a minute, and back after two and a half.
//! - While all are unhealthy all are asked ("fail open").
//! - When one becomes unhealthy, what it still works on is reset (`target_health_state.unhealthy.connection_termination.enabled`).
//!
//! Nothing here is an event. When a modelled target is down is known beforehand, its line is first come, first served, and each time is
//! drawn by the number of the request: so the end of a request is known when it begins, and what the health checks saw can be caught
//! up with at the next request. Targets are healthy at the start, and looked at after each interval.
//!
//! A request that the gateway no longer waits for is finished by its target all the same. At the capacity of a target there is no
//! hurry: its line holds at most `queue`, what comes then is refused.
//!
//! A target that shares a pool asks for a connection when a request comes, has it for the pool's service time, and then works on for its
//! own duration. It has no line of its own: the pool's is known when somebody asks, and two such lines, one behind the other, would not
//! be. What goes down with the target leaves its connection when the service time is over.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use crate::capacity::{Capacities, GivenUp, Turn};
use crate::model::{AfterIdle, Balancer, CapacityId, LinkId, Model, ModelledTarget, Serves, TargetId, VpcLink};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// The private links of an account.
#[derive(Clone, Debug)]
pub struct Links {
    model: Arc<Model>,
    links: Vec<Link>,
}

/// Where a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// To this real target, which the driver asks.
    Real(TargetId),
    /// To a modelled one, which answers then.
    Answers(Instant),
    /// Nowhere, or to a modelled one that breaks off then.
    Breaks(Instant),
    /// To a modelled one that gets no connection of this pool, and says so then.
    Exhausted(Instant, CapacityId),
}

/// Whether a target is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It is.
    #[default]
    Healthy,
    /// It is not, unless all are like this.
    Unhealthy,
}

/// What a look at a target saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// What a healthy one shows.
    Good,
    /// Something else, or nothing in time.
    Bad,
}

/// How a target was used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetUse {
    /// Requests that went to it.
    pub sent: u64,
    /// Of those, the ones that did not end in an answer of its own: refused, broken off, or no longer waited for.
    pub broken: u64,
    /// Of those, the ones that a modelled target refused because its line was full.
    pub refused: u64,
    /// Requests that it worked on at once, at most.
    pub busy_peak: u64,
    /// Requests that waited for their turn at once, at most.
    pub waiting_peak: u64,
    /// How often it became unhealthy.
    pub left: u64,
    /// Time that it has worked, all its requests together.
    pub busy: Span,
}

#[derive(Clone, Debug)]
struct Link {
    targets: Vec<State>,
    draws: Draws,
    /// How many requests it got.
    sent: u64,
    /// When it got the last one.
    last: Option<Instant>,
    /// When the next look is due.
    next_look: Instant,
    /// The place of the next one in turn.
    turn: u64,
}

/// By the number of a request.
#[derive(Clone, Copy, Debug)]
struct Draws {
    durations: Seed,
    failures: Seed,
    flows: Seed,
    paths: Seed,
}

#[derive(Clone, Debug, Default)]
struct State {
    health: Health,
    /// How many looks in a row said the opposite.
    streak: u32,
    /// Until when each of its places is taken, by whoever works or waits; never more than places, if it has so many and no more.
    places: BinaryHeap<Reverse<Instant>>,
    /// When those that wait begin.
    waiting: VecDeque<Instant>,
    /// When it last took something.
    seen: Instant,
    /// Requests that a real one works on.
    in_flight: u64,
    used: TargetUse,
}

impl Links {
    /// All links with all targets healthy.
    pub fn new(model: &Arc<Model>, seed: Seed) -> Self {
        let links = model.links.iter().enumerate().map(|(at, link)| Link::new(link, seed.nth(at as u64))).collect();
        Self { model: Arc::clone(model), links }
    }

    /// A request goes through a link.
    pub fn send(&mut self, now: Instant, id: LinkId, pools: &mut Capacities) -> Sent {
        let (Some(link), Some(model)) = (self.links.get_mut(usize::from(id.0)), self.model.links.get(usize::from(id.0))) else {
            return Sent::Breaks(now);
        };
        link.send(now, id, model, pools)
    }

    /// A real target is done with a request that went to it at `since`, and answered it or not.
    pub fn on_end(&mut self, now: Instant, TargetId { link, place }: TargetId, since: Instant, was_answered: bool) {
        let state = self.links.get_mut(usize::from(link.0)).and_then(|link| link.targets.get_mut(usize::from(place)));
        if let Some(state) = state {
            state.in_flight = state.in_flight.saturating_sub(1);
            state.used.busy += now.since(since);
            state.used.broken += u64::from(!was_answered);
        }
    }

    /// Somebody looked at a real target; whether it became unhealthy by that.
    pub fn on_look(&mut self, TargetId { link, place }: TargetId, look: Look) -> bool {
        let Some(model) = self.model.links.get(usize::from(link.0)) else { return false };
        let state = self.links.get_mut(usize::from(link.0)).and_then(|link| link.targets.get_mut(usize::from(place)));
        state.is_some_and(|state| state.on_look(model, look))
    }

    /// How a target was used until `now`, if there is such a one; of a real one, without what it still works on.
    pub fn usage(&self, now: Instant, TargetId { link, place }: TargetId) -> Option<TargetUse> {
        let state = self.links.get(usize::from(link.0))?.targets.get(usize::from(place))?;
        // A place that is not free yet is taken from now until then, by one after the other.
        let ahead = state.places.iter().fold(Span::ZERO, |ahead, Reverse(free)| ahead + free.since(now));
        Some(TargetUse { busy: state.used.busy.saturating_sub(ahead), ..state.used })
    }

    /// Whether a target was healthy at the last look, if there is such a one. Of a modelled one looks are caught up with at requests.
    pub fn health(&self, TargetId { link, place }: TargetId) -> Option<Health> {
        Some(self.links.get(usize::from(link.0))?.targets.get(usize::from(place))?.health)
    }
}

impl Link {
    fn new(model: &VpcLink, seed: Seed) -> Self {
        let next_look = Instant::ZERO + model.check.interval;
        let [durations, failures, flows, paths] = ["durations", "failures", "flows", "paths"].map(|name| seed.child(name));
        let draws = Draws { durations, failures, flows, paths };
        Self { targets: vec![State::default(); model.targets.len()], draws, sent: 0, last: None, next_look, turn: 0 }
    }

    fn send(&mut self, now: Instant, id: LinkId, model: &VpcLink, pools: &mut Capacities) -> Sent {
        self.look_until(now, model);
        let number = self.sent;
        self.sent += 1;
        let idle = self.last.replace(now).map(|last| now.since(last));
        if model.after_idle == AfterIdle::Failed && idle.is_some_and(|idle| idle >= model.idle_timeout) {
            return Sent::Breaks(now);
        }
        let cold = model.cold_path.as_ref().filter(|cold| idle.is_none_or(|idle| idle >= cold.after));
        let cold = cold.map_or(Span::ZERO, |cold| cold.adds.at(self.draws.paths.unit(number)));
        let Some(place) = self.choose(number, model.balancer) else { return Sent::Breaks(now) };
        let state = &mut self.targets[place];
        state.used.sent += 1;
        match &model.targets[place].serves {
            Serves::Real(_) => {
                state.in_flight += 1;
                state.used.busy_peak = state.used.busy_peak.max(state.in_flight);
                Sent::Real(TargetId { link: id, place: place as u16 })
            }
            Serves::Modelled(target) => {
                let draws = [self.draws.durations.unit(number), self.draws.failures.unit(number)];
                match state.take(now, target, draws, pools) {
                    Sent::Answers(at) => Sent::Answers(at + cold),
                    other @ (Sent::Breaks(_) | Sent::Exhausted(..) | Sent::Real(_)) => other,
                }
            }
        }
    }

    /// The target of a request; `None` if there is none at all.
    fn choose(&mut self, number: u64, balancer: Balancer) -> Option<usize> {
        let healthy = self.targets.iter().filter(|state| state.health == Health::Healthy).count();
        let is_asked = |state: &State| healthy == 0 || state.health == Health::Healthy;
        let many = if healthy == 0 { self.targets.len() } else { healthy } as u64;
        let nth = match balancer {
            Balancer::Network => (self.draws.flows.unit(number) * many as f64) as u64,
            Balancer::Application => {
                self.turn += 1;
                self.turn.wrapping_sub(1).checked_rem(many)?
            }
        };
        let asked = self.targets.iter().enumerate().filter(|(_, state)| is_asked(state));
        asked.map(|(place, _)| place).nth(nth as usize)
    }

    /// The looks at modelled targets that were due until now.
    fn look_until(&mut self, now: Instant, model: &VpcLink) {
        while self.next_look <= now {
            for (state, target) in self.targets.iter_mut().zip(&model.targets) {
                if let Serves::Modelled(target) = &target.serves {
                    state.on_look(model, if target.is_down(self.next_look) { Look::Bad } else { Look::Good });
                }
            }
            self.next_look += model.check.interval.max(Span::from_ms(1));
        }
    }
}

impl State {
    fn on_look(&mut self, model: &VpcLink, look: Look) -> bool {
        let (opposite, needed, then) = match self.health {
            Health::Healthy => (Look::Bad, model.check.unhealthy_threshold, Health::Unhealthy),
            Health::Unhealthy => (Look::Good, model.check.healthy_threshold, Health::Healthy),
        };
        self.streak = if look == opposite { self.streak + 1 } else { 0 };
        if self.streak < needed.max(1) {
            return false;
        }
        (self.health, self.streak) = (then, 0);
        let left = then == Health::Unhealthy;
        self.used.left += u64::from(left);
        left
    }

    /// A modelled target takes a request, or does not.
    fn take(&mut self, now: Instant, target: &ModelledTarget, [duration, failure]: [f64; 2], pools: &mut Capacities) -> Sent {
        let down = target.down_at_or_after(now);
        // Whatever it did when it went down is gone.
        let began = target.down.partition_point(|down| down.from <= now);
        if began > 0 && target.down[began - 1].from > self.seen {
            self.places.clear();
            self.waiting.clear();
        }
        self.seen = now;
        while self.places.peek().is_some_and(|Reverse(free)| *free <= now) {
            self.places.pop();
        }
        let begins = if down.is_some_and(|down| down.from <= now) { None } else { self.turn(now, target) };
        let Some(begins) = begins else {
            self.used.broken += 1;
            return Sent::Breaks(now);
        };
        let (ends, exhausted) = match target.uses.map(|pool| (pool, pools.ask(begins, pool))) {
            None => (begins + target.duration.at(duration), None),
            Some((_, Ok(Turn { until, .. }))) => (until + target.duration.at(duration), None),
            Some((pool, Err(GivenUp { at }))) => (at, Some(pool)),
        };
        let stops = down.map_or(Instant::MAX, |down| down.from);
        let over = ends.min(stops);
        self.places.push(Reverse(over));
        self.used.busy += over.since(begins);
        self.used.busy_peak = self.used.busy_peak.max(self.places.len() as u64);
        if stops < ends || (exhausted.is_none() && failure < target.failures) {
            self.used.broken += 1;
            return Sent::Breaks(over);
        }
        exhausted.map_or(Sent::Answers(ends), |pool| Sent::Exhausted(ends, pool))
    }

    /// When it begins with a request that comes now; `None` if it refuses.
    fn turn(&mut self, now: Instant, target: &ModelledTarget) -> Option<Instant> {
        let Some(at_once) = target.at_once else { return Some(now) };
        while self.waiting.front().is_some_and(|begins| *begins <= now) {
            self.waiting.pop_front();
        }
        if self.places.len() < at_once as usize {
            return Some(now);
        }
        let Reverse(free) = *self.places.peek()?;
        if free > now {
            if self.waiting.len() >= target.queue as usize {
                self.used.refused += 1;
                return None;
            }
            self.waiting.push_back(free);
            self.used.waiting_peak = self.used.waiting_peak.max(self.waiting.len() as u64);
        }
        self.places.pop();
        Some(now.max(free))
    }
}

#[cfg(test)]
mod tests;
