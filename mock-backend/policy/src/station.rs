//! A station: servers, those that they serve, and those that wait for them.
//!
//! Owns who is served when, who finds no room, and who leaves unserved. Refuses clocks (`now` comes in, and never goes back), chances (the
//! work and the patience come with each customer) and to know what the work is.

mod shared;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::model::{self, Discipline};
use crate::time::{Instant, Span};

use self::shared::Shared;

/// One who wants to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Customer {
    /// What the caller knows it by.
    pub id: u32,
    /// How long a server that serves it alone takes.
    pub work: Span,
    /// How long it waits to be served before it leaves; [`Span::MAX`] is for ever. Nobody leaves who is being served.
    pub patience: Span,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// One who has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Who.
    pub id: u32,
    /// How long it had waited.
    pub waited: Span,
    /// Whether it was served.
    pub served: bool,
}

/// A station at work.
#[derive(Clone, Debug)]
pub struct Station {
    room: u32,
    served: Served,
}

#[derive(Clone, Debug)]
enum Served {
    InTurn(InTurn),
    Together(Shared),
}

impl Station {
    /// One where nobody is.
    pub fn new(station: model::Station) -> Self {
        let servers = station.servers.unwrap_or(u32::MAX);
        let served = match station.discipline {
            Discipline::FirstCome => Served::InTurn(InTurn { free: servers, ..InTurn::default() }),
            Discipline::Shared => Served::Together(Shared::new(servers)),
        };
        Self { room: station.room.unwrap_or(u32::MAX), served }
    }

    /// Somebody comes; whoever leaves by `now` must have been taken out before ([`take_left`](Self::take_left)).
    pub fn enter(&mut self, now: Instant, customer: Customer) -> Result<(), Full> {
        if self.inside() >= self.room {
            return Err(Full);
        }
        match &mut self.served {
            Served::InTurn(served) => served.enter(now, customer),
            Served::Together(served) => served.enter(now, customer),
        }
        Ok(())
    }

    /// When the next one leaves, if nobody else comes.
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.served {
            Served::InTurn(served) => served.next_deadline(),
            Served::Together(served) => served.next_deadline(),
        }
    }

    /// The next one that has left by `now`, in the order of leaving.
    pub fn take_left(&mut self, now: Instant) -> Option<Left> {
        match &mut self.served {
            Served::InTurn(served) => served.take_left(now),
            Served::Together(served) => served.take_left(now),
        }
    }

    /// How many are there.
    pub fn inside(&self) -> u32 {
        match &self.served {
            Served::InTurn(served) => served.serving.len() as u32 + served.waiting_count,
            Served::Together(served) => served.inside(),
        }
    }

    /// How many servers work.
    pub fn busy(&self) -> u32 {
        match &self.served {
            Served::InTurn(served) => served.serving.len() as u32,
            Served::Together(served) => served.busy(),
        }
    }
}

/// Each server serves one to its end.
#[derive(Clone, Debug, Default)]
struct InTurn {
    /// Servers without work.
    free: u32,
    serving: BinaryHeap<Reverse<Serving>>,
    /// In order of arrival; `None` has left.
    waiting: VecDeque<Option<Waiting>>,
    /// How many of them are there.
    waiting_count: u32,
    /// Number of the first of `waiting`.
    first: u64,
    /// When each of those that wait loses patience, and its number. Of those that have left some are still in it.
    patience: BinaryHeap<Reverse<(Instant, u64)>>,
    /// How many began to be served.
    begun: u64,
}

/// Those who end together leave in the order in which they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Serving {
    until: Instant,
    order: u64,
    id: u32,
    waited: Span,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    customer: Customer,
    since: Instant,
}

impl InTurn {
    fn enter(&mut self, now: Instant, customer: Customer) {
        if self.free > 0 {
            self.free -= 1;
            return self.begin(now, customer, Span::ZERO);
        }
        if customer.patience < Span::MAX {
            self.forget_who_left();
            self.patience.push(Reverse((now + customer.patience, self.first + self.waiting.len() as u64)));
        }
        self.waiting.push_back(Some(Waiting { customer, since: now }));
        self.waiting_count += 1;
    }

    fn begin(&mut self, now: Instant, customer: Customer, waited: Span) {
        self.begun += 1;
        let Customer { id, work, .. } = customer;
        self.serving.push(Reverse(Serving { until: now + work, order: self.begun, id, waited }));
    }

    fn next_deadline(&self) -> Option<Instant> {
        let ends = self.serving.peek().map(|Reverse(next)| next.until);
        // One who has left already is no harm: then nobody leaves at that instant.
        let loses = self.patience.peek().map(|Reverse((at, _))| *at);
        match (ends, loses) {
            (Some(ends), Some(loses)) => Some(ends.min(loses)),
            (one, other) => one.or(other),
        }
    }

    /// A server that is free at the instant in which a patience ends is in time.
    fn take_left(&mut self, now: Instant) -> Option<Left> {
        loop {
            let ends = self.serving.peek().map_or(Instant::MAX, |Reverse(next)| next.until);
            let loses = self.patience.peek().map_or(Instant::MAX, |Reverse((at, _))| *at);
            if ends.min(loses) > now || ends.min(loses) == Instant::MAX {
                return None;
            }
            if ends <= loses {
                let Reverse(Serving { until, id, waited, .. }) = self.serving.pop()?;
                self.serve_next(until);
                return Some(Left { id, waited, served: true });
            }
            let Reverse((at, number)) = self.patience.pop()?;
            if let Some(Waiting { customer, since }) = self.slot(number).and_then(Option::take) {
                self.waiting_count -= 1;
                return Some(Left { id: customer.id, waited: at.since(since), served: false });
            }
        }
    }

    fn serve_next(&mut self, now: Instant) {
        while let Some(next) = self.waiting.pop_front() {
            self.first += 1;
            if let Some(Waiting { customer, since }) = next {
                self.waiting_count -= 1;
                return self.begin(now, customer, now.since(since));
            }
        }
        self.free += 1;
    }

    fn slot(&mut self, number: u64) -> Option<&mut Option<Waiting>> {
        self.waiting.get_mut(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Long patience would fill the heap with those that were served long ago.
    fn forget_who_left(&mut self) {
        if self.patience.len() >= 64 + 2 * self.waiting_count as usize {
            let (first, waiting) = (self.first, &self.waiting);
            let waits =
                |number: u64| number.checked_sub(first).and_then(|at| waiting.get(at as usize)).is_some_and(Option::is_some);
            self.patience.retain(|Reverse((_, number))| waits(*number));
        }
    }
}

#[cfg(test)]
mod tests;
