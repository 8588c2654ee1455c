//! Systems that are described by themselves: stations, limiters, caches and pools, one after the other, in virtual time.
//!
//! Owns the order of events and what is counted of each part. Refuses the parts' own rules (policy) and statistics of the counts
//! (`measure`). Called by `command`. The same case gives the same tally, on any number of threads.
//!
//! At one instant the order is: who looks, who leaves a part (the first part first), who has waited to enter one, who comes.

mod comings;
mod keys;
mod pool;
mod tally;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use sluicegate_policy::lambda::Environment;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::limiter::Limiter;
use sluicegate_policy::lookup::{Found, Lookup};
use sluicegate_policy::model;
use sluicegate_policy::seed::Seed;
use sluicegate_policy::station::{Customer, Station};
use sluicegate_policy::time::{Instant, Span};

use crate::load::system::{Case, Comings};

use super::replicate::dealt;

use self::comings::Stream;
use self::keys::Chosen;
use self::pool::Pool;
pub use self::tally::{Looks, PartTally, Second, Tally};

/// Replications of which the tallies are held at a time: bounds the memory.
const AT_A_TIME: usize = 32;

/// More requests at a time than any system that works would hold: bounds the memory, to about a gigabyte.
const INSIDE_MAX: usize = 10_000_000;

/// There are ever more requests in the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "after {} of its time the system holds {INSIDE_MAX} requests, and there would only be more; give a station more servers, room or \
     patience, or play for a shorter time",
    .at.since(Instant::ZERO)
)]
pub struct Overflow {
    at: Instant,
}

/// Plays a case so often, each time with other draws, and adds all of it up in the order of the replications; `on_replica` sees each
/// before it is added.
pub fn play(case: &Case, replications: usize, on_replica: &mut dyn FnMut(&Tally)) -> Result<Tally, Overflow> {
    let mut all = Tally::new(case);
    for first in (0..replications).step_by(AT_A_TIME) {
        let one = |at: usize| System::new(case, case.seed.child("system").nth((first + at) as u64)).run();
        for tally in dealt(AT_A_TIME.min(replications - first), &one) {
            let tally = tally?;
            on_replica(&tally);
            all.merge(&tally);
        }
    }
    Ok(all)
}

/// One replication.
struct System<'a> {
    case: &'a Case,
    parts: Vec<Part<'a>>,
    comings: Stream<'a>,
    /// When the next one comes.
    next: Option<Instant>,
    came: u64,
    requests: Vec<Request>,
    free: Vec<u32>,
    /// On the way into a part, and users who think.
    later: BinaryHeap<Reverse<Later>>,
    orders: u64,
    thinks: Option<Draws<'a>>,
    backs_off: Option<Draws<'a>>,
    looks: usize,
    /// At most so many may be there at a time.
    most: usize,
    inside: u64,
    tally: Tally,
}

/// A part at work.
enum Part<'a> {
    Station { station: Station, work: Draws<'a>, patience: Option<Draws<'a>> },
    Limiter(Limiter),
    Lookup { lookup: Lookup, keys: Chosen, fetch: Draws<'a> },
    Pool(Box<Pool>),
    Fails { share: f64, draws: sluicegate_policy::seed::Stream },
}

/// A distribution with its own numbered draws.
struct Draws<'a> {
    latency: &'a Latency,
    seed: Seed,
    drawn: u64,
}

/// A request that is somewhere.
#[derive(Clone, Copy)]
struct Request {
    came: Instant,
    counts: bool,
    /// How often it has begun.
    attempts: u32,
    /// When it came to the part where it is, if that is a cache or a station.
    since: Instant,
    /// What it takes to serve it at the station where it is.
    work: Span,
    /// As which it came.
    number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Later {
    at: Instant,
    order: u64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// A request goes on with this part.
    Enters { id: u32, part: usize },
    /// What this request has fetched for a cache is there.
    Fetched { id: u32, part: usize, key: u32 },
    /// The environment of a pool that has served this request is idle again.
    Returned { id: u32, part: usize, environment: Environment },
    /// A request begins anew.
    Retries { id: u32 },
    /// A user asks.
    Asks,
}

impl<'a> System<'a> {
    fn new(case: &'a Case, seed: Seed) -> Self {
        let draws =
            |latency: &'a Latency, name: &str, at: usize| Draws { latency, seed: seed.child(name).nth(at as u64), drawn: 0 };
        let part = |(at, (_, part)): (usize, &'a (String, model::Part))| match part {
            model::Part::Limiter(limiter) => Part::Limiter(Limiter::new(limiter.clone())),
            model::Part::Fails(share) => Part::Fails { share: *share, draws: seed.child("fails").nth(at as u64).stream() },
            model::Part::Station { station, work, patience } => Part::Station {
                station: Station::new(*station),
                work: draws(work, "work", at),
                patience: patience.as_ref().map(|patience| draws(patience, "patience", at)),
            },
            model::Part::Lookup { lookup, keys, fetch } => Part::Lookup {
                lookup: Lookup::new(*lookup),
                keys: Chosen::new(*keys, seed.child("keys").nth(at as u64)),
                fetch: draws(fetch, "fetch", at),
            },
            model::Part::Pool(pool) => Part::Pool(Box::new(Pool::new(pool, seed.child("pool").nth(at as u64)))),
        };
        let thinks = match &case.comings {
            Comings::Closed { think, .. } => Some(draws(think, "think", 0)),
            Comings::Planned(_) | Comings::Gaps(_) | Comings::Bursts(_) | Comings::Batches(_) => None,
        };
        let mut system = Self {
            case,
            parts: case.parts.iter().enumerate().map(part).collect(),
            comings: Stream::new(case, seed.child("comings")),
            next: None,
            came: 0,
            requests: Vec::new(),
            free: Vec::new(),
            later: BinaryHeap::new(),
            orders: 0,
            thinks,
            backs_off: case.retries.as_ref().map(|retries| draws(&retries.backoff, "backoff", 0)),
            looks: 0,
            most: INSIDE_MAX,
            inside: 0,
            tally: Tally::new(case),
        };
        system.await_next();
        if let Comings::Closed { users, .. } = &case.comings {
            for _ in 0..*users {
                system.think(Instant::ZERO);
            }
        }
        system
    }

    fn run(mut self) -> Result<Tally, Overflow> {
        while let Some((now, part)) = self.next_event() {
            while self.case.observe.get(self.looks).is_some_and(|look| *look <= now) {
                self.look();
            }
            if self.requests.len() > self.most {
                return Err(Overflow { at: now });
            }
            match part {
                Front::Part(part) => self.leave(now, part),
                Front::Later => self.on_later(now),
                Front::Coming => {
                    self.await_next();
                    self.come(now);
                    // A plan may end before as many came as were asked for.
                    if self.next.is_none() && self.case.until == Instant::MAX {
                        self.close(now);
                    }
                }
            }
        }
        while self.looks < self.case.observe.len() {
            self.look();
        }
        self.tally.end();
        Ok(self.tally)
    }

    /// The earliest of all that is known to happen; at one instant in the order that the module names.
    fn next_event(&self) -> Option<(Instant, Front)> {
        let mut first = (Instant::MAX, Front::Coming);
        for (at, part) in self.parts.iter().enumerate() {
            if let Part::Station { station, .. } = part
                && let Some(due) = station.next_deadline().filter(|due| *due < first.0)
            {
                first = (due, Front::Part(at));
            }
        }
        if let Some(Reverse(later)) = self.later.peek().filter(|later| later.0.at < first.0) {
            first = (later.at, Front::Later);
        }
        if let Some(next) = self.next.filter(|next| *next < first.0) {
            first = (next, Front::Coming);
        }
        (first.0 < Instant::MAX).then_some(first)
    }

    fn look(&mut self) {
        self.tally.on_look(self.looks, self.inside);
        self.looks += 1;
    }

    fn await_next(&mut self) {
        self.next = self.comings.next();
    }

    /// Nobody comes any more.
    fn close(&mut self, now: Instant) {
        self.next = None;
        self.tally.close(now);
    }

    fn is_over(&self, now: Instant) -> bool {
        now >= self.case.until || self.case.requests.is_some_and(|requests| self.came >= requests)
    }

    /// A request comes, unless there are enough of them.
    fn come(&mut self, now: Instant) {
        if self.is_over(now) {
            return self.close(self.case.until);
        }
        let counts = self.came >= self.case.skip && now.since(Instant::ZERO) >= self.case.warmup;
        self.came += 1;
        self.inside += 1;
        self.tally.on_come(now, counts);
        self.tally.on_attempt(counts);
        let request = Request { came: now, counts, attempts: 1, since: now, work: Span::ZERO, number: self.came };
        let id = self.free.pop().unwrap_or(self.requests.len() as u32);
        match self.requests.get_mut(id as usize) {
            Some(free) => *free = request,
            None => self.requests.push(request),
        }
        if self.is_over(now) {
            self.close(now);
        }
        self.enter(now, id, 0);
    }

    /// A request goes on with a part, and with those after it that take no time.
    fn enter(&mut self, now: Instant, id: u32, first: usize) {
        for at in first..self.parts.len() {
            match self.pass(now, id, at) {
                Passage::On => {}
                Passage::Inside => return,
                Passage::Later(then, what) => return self.put_off(then, what),
                Passage::Refused => return self.turn_away(now, id),
            }
        }
        let Request { came, counts, .. } = self.requests[id as usize];
        if counts {
            self.tally.on_complete(now, now.since(came));
        }
        self.go(now, id);
    }

    fn pass(&mut self, now: Instant, id: u32, at: usize) -> Passage {
        let request = &mut self.requests[id as usize];
        let (counts, tally) = (request.counts, &mut self.tally.parts[at]);
        match &mut self.parts[at] {
            Part::Station { station, work, patience } => {
                let patience = patience.as_mut().map_or(Span::MAX, Draws::next);
                (request.since, request.work) = (now, work.next());
                let entered = station.enter(now, Customer { id, work: request.work, patience }).is_ok();
                tally.on_enter(now, request, entered);
                tally.occupied(now, station.inside(), station.busy());
                if entered { Passage::Inside } else { Passage::Refused }
            }
            Part::Limiter(limiter) => {
                let passed = limiter.pass(now);
                tally.on_enter(now, request, passed.is_ok());
                if let (true, Err(refused)) = (counts, passed) {
                    tally.on_refused(refused);
                }
                let Ok(wait) = passed else { return Passage::Refused };
                if counts {
                    tally.on_wait(wait);
                }
                if wait == Span::ZERO { Passage::On } else { Passage::Later(now + wait, What::Enters { id, part: at + 1 }) }
            }
            Part::Lookup { lookup, keys, fetch } => {
                let key = keys.of(request.number);
                let found = lookup.ask(now, key, id);
                tally.on_enter(now, request, true);
                tally.on_found(counts, found);
                request.since = now;
                match found {
                    Found::Kept => Passage::On,
                    Found::Waits => Passage::Inside,
                    Found::Fetches => Passage::Later(now + fetch.next(), What::Fetched { id, part: at, key }),
                }
            }
            Part::Fails { share, draws } => {
                let passes = draws.unit() >= *share;
                tally.on_enter(now, request, passes);
                if counts && passes {
                    tally.on_wait(Span::ZERO);
                }
                if passes { Passage::On } else { Passage::Refused }
            }
            Part::Pool(pool) => {
                let found = if counts { pool.kept(now) } else { 0 };
                let invoked = pool.invoke(now);
                tally.on_enter(now, request, invoked.is_some());
                tally.occupied(now, pool.busy(), pool.busy());
                let Some(invocation) = invoked else { return Passage::Refused };
                if counts {
                    tally.on_invoked(&invocation, found, pool.billed(&invocation));
                }
                let environment = invocation.environment;
                Passage::Later(now + invocation.busy, What::Returned { id, part: at, environment })
            }
        }
    }

    /// Whoever leaves a part next.
    fn leave(&mut self, now: Instant, at: usize) {
        let Part::Station { station, .. } = &mut self.parts[at] else { return };
        let Some(left) = station.take_left(now) else { return };
        let tally = &mut self.tally.parts[at];
        tally.occupied(now, station.inside(), station.busy());
        let Request { counts, since, work, .. } = self.requests[left.id as usize];
        if counts {
            tally.on_left(left.waited, left.served);
            if left.served {
                tally.on_served(now.since(since), work);
            }
        }
        if left.served { self.enter(now, left.id, at + 1) } else { self.turn_away(now, left.id) }
    }

    /// A request was refused, or has left a part unserved: it tries again, or leaves the system.
    fn turn_away(&mut self, now: Instant, id: u32) {
        let request = &mut self.requests[id as usize];
        if request.counts {
            self.tally.on_turned_away(now);
        }
        match (&self.case.retries, &mut self.backs_off) {
            (Some(retries), Some(backs_off)) if request.attempts < retries.attempts => {
                request.attempts += 1;
                self.inside -= 1;
                let at = now + backs_off.next();
                self.put_off(at, What::Retries { id });
            }
            _ => self.go(now, id),
        }
    }

    /// A request leaves the system; its user, if it has one, thinks about that.
    fn go(&mut self, now: Instant, id: u32) {
        self.free.push(id);
        self.inside -= 1;
        self.think(now);
    }

    fn think(&mut self, now: Instant) {
        if let Some(thinks) = &mut self.thinks {
            let at = now + thinks.next();
            self.put_off(at, What::Asks);
        }
    }

    fn put_off(&mut self, at: Instant, what: What) {
        self.orders += 1;
        self.later.push(Reverse(Later { at, order: self.orders, what }));
    }

    /// Who fetched, and who waited for that, go on.
    fn on_fetched(&mut self, now: Instant, (first, at): (u32, usize), key: u32) {
        let Part::Lookup { lookup, .. } = &mut self.parts[at] else { return };
        let waiting = lookup.fetched(now, key);
        for id in std::iter::once(first).chain(waiting) {
            let Request { counts, since, .. } = self.requests[id as usize];
            if counts {
                self.tally.parts[at].on_wait(now.since(since));
            }
            self.enter(now, id, at + 1);
        }
    }

    fn on_later(&mut self, now: Instant) {
        match self.later.pop() {
            Some(Reverse(Later { what: What::Enters { id, part }, .. })) => self.enter(now, id, part),
            Some(Reverse(Later { what: What::Fetched { id, part, key }, .. })) => self.on_fetched(now, (id, part), key),
            Some(Reverse(Later { what: What::Returned { id, part, environment }, .. })) => {
                if let Part::Pool(pool) = &mut self.parts[part] {
                    pool.release(now, environment);
                    self.tally.parts[part].occupied(now, pool.busy(), pool.busy());
                }
                self.enter(now, id, part + 1);
            }
            Some(Reverse(Later { what: What::Retries { id }, .. })) => {
                self.inside += 1;
                self.tally.on_attempt(self.requests[id as usize].counts);
                self.enter(now, id, 0);
            }
            Some(Reverse(Later { what: What::Asks, .. })) => self.come(now),
            None => {}
        }
    }
}

/// What becomes of a request at a part.
enum Passage {
    /// It goes on at once.
    On,
    /// The part has it.
    Inside,
    /// This happens to it then.
    Later(Instant, What),
    /// It leaves the system.
    Refused,
}

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Front {
    /// Somebody leaves this part.
    Part(usize),
    /// Somebody has waited long enough.
    Later,
    /// Somebody comes.
    Coming,
}

impl Draws<'_> {
    fn next(&mut self) -> Span {
        self.drawn += 1;
        self.latency.at(self.seed.unit(self.drawn - 1))
    }
}

#[cfg(test)]
mod tests;
