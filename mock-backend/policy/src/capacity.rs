//! Shared capacity: who has a connection, who waits for one, and who gives up.
//!
//! Owns the waiting line of each pool: first come, first served. Refuses to know who asks. Called when a function, or the target of a
//! private link, that uses a pool begins its work.
//!
//! Whoever is let in is told at once when its turn comes and when it is over: in a line that is served in order, with times that
//! are drawn when somebody asks, both are known. So there is no event for either, and one who would wait too long takes no connection.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::latency::Latency;
use crate::model::{CapacityId, Model};
use crate::seed::Seed;
use crate::time::{Instant, Span};

/// All pools of an account.
#[derive(Clone, Debug)]
pub struct Capacities(Vec<Line>);

/// One pool.
#[derive(Clone, Debug)]
struct Line {
    size: usize,
    queue: usize,
    timeout: Span,
    service: Latency,
    seed: Seed,
    /// When each connection in use is free again.
    free_at: BinaryHeap<Reverse<Instant>>,
    /// When each of those that wait waits no longer.
    waiting: BinaryHeap<Reverse<Instant>>,
    counts: Occupancy,
}

/// A connection, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// When it begins.
    pub from: Instant,
    /// When it is over.
    pub until: Instant,
}

/// No connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// When whoever asked knows: at once if no more may wait, else at the end of its patience.
    pub at: Instant,
}

/// How one pool was used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Who asked.
    pub asked: u64,
    /// Of these, who got no connection.
    pub refused: u64,
    /// Connections in use at once, at most.
    pub busy_peak: u64,
    /// Waiting at once, at most.
    pub waiting_peak: u64,
    /// How long all of them had to wait, together.
    pub waited: Span,
    /// How long connections were in use, together: some of it may lie ahead.
    pub busy: Span,
}

impl Capacities {
    /// Pools that nobody uses. Draws are keyed by `seed`, pool and number of who asks.
    pub fn new(model: &Model, seed: Seed) -> Self {
        let line = |(at, capacity): (usize, &crate::model::Capacity)| Line {
            size: capacity.size as usize,
            queue: capacity.queue.map_or(usize::MAX, |queue| queue as usize),
            timeout: capacity.timeout,
            service: capacity.service.clone(),
            seed: seed.nth(at as u64),
            free_at: BinaryHeap::new(),
            waiting: BinaryHeap::new(),
            counts: Occupancy::default(),
        };
        Self(model.capacities.iter().enumerate().map(line).collect())
    }

    /// Somebody asks for a connection at `now`, which is never before an earlier one; a pool that does not exist has none.
    pub fn ask(&mut self, now: Instant, id: CapacityId) -> Result<Turn, GivenUp> {
        self.0.get_mut(usize::from(id.0)).map_or(Err(GivenUp { at: now }), |line| line.ask(now))
    }

    /// How a pool was used until `now`, without what lies ahead; nothing for one that does not exist.
    pub fn occupancy(&self, now: Instant, id: CapacityId) -> Occupancy {
        self.0.get(usize::from(id.0)).map_or_else(Occupancy::default, |line| line.occupancy(now))
    }
}

impl Line {
    fn ask(&mut self, now: Instant) -> Result<Turn, GivenUp> {
        let number = self.counts.asked;
        self.counts.asked += 1;
        drop_until(now, &mut self.waiting);
        drop_until(now, &mut self.free_at);
        let from = if self.free_at.len() < self.size { now } else { self.free_at.peek().map_or(now, |Reverse(free)| *free) };
        let waits = from > now;
        if waits && self.waiting.len() >= self.queue {
            self.counts.refused += 1;
            return Err(GivenUp { at: now });
        }
        let gives_up = from.since(now) > self.timeout;
        if waits {
            let until = if gives_up { now + self.timeout } else { from };
            self.waiting.push(Reverse(until));
            self.counts.waiting_peak = self.counts.waiting_peak.max(self.waiting.len() as u64);
            self.counts.waited += until.since(now);
        }
        if gives_up {
            self.counts.refused += 1;
            return Err(GivenUp { at: now + self.timeout });
        }
        if waits {
            self.free_at.pop();
        }
        let until = from + self.service.at(self.seed.unit(number));
        self.free_at.push(Reverse(until));
        self.counts.busy += until.since(from);
        self.counts.busy_peak = self.counts.busy_peak.max(self.free_at.len() as u64);
        Ok(Turn { from, until })
    }

    fn occupancy(&self, now: Instant) -> Occupancy {
        // A connection that is not free yet is in use from now until then, by one after the other.
        let ahead = self.free_at.iter().fold(Span::ZERO, |ahead, Reverse(free)| ahead + free.since(now));
        Occupancy { busy: self.counts.busy.saturating_sub(ahead), ..self.counts }
    }
}

/// What is over at `now` is forgotten.
fn drop_until(now: Instant, heap: &mut BinaryHeap<Reverse<Instant>>) {
    while heap.peek().is_some_and(|Reverse(at)| *at <= now) {
        heap.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Api, ApiKind, Capacity};
    use proptest::prelude::*;

    const POOL: CapacityId = CapacityId(0);

    fn ms(ms: u64) -> Span {
        Span::from_ms(ms)
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Span::from_ms(ms)
    }

    fn pool(size: u32, queue: Option<u32>, service: Latency, timeout: Span) -> Capacities {
        let mut model = Model::of(Api::new(ApiKind::Http, "a"), &["prod"], Vec::new());
        model.capacities = vec![Capacity { name: "db".to_owned(), size, queue, service, timeout }];
        Capacities::new(&model, Seed::new(1))
    }

    #[test]
    fn those_that_find_no_connection_free_wait_in_their_order() {
        let mut pool = pool(2, None, Latency::constant(ms(10)), ms(100));
        let turns: Vec<_> = [0, 1, 2, 3].map(|n| pool.ask(at(n), POOL).unwrap()).map(|turn| turn.from).to_vec();
        assert_eq!(turns, [at(0), at(1), at(10), at(11)]);
        assert_eq!(pool.ask(at(40), POOL), Ok(Turn { from: at(40), until: at(50) }));
        let seen = pool.occupancy(at(45), POOL);
        assert_eq!((seen.asked, seen.refused, seen.busy_peak, seen.waiting_peak), (5, 0, 2, 2));
        assert_eq!((seen.waited, seen.busy), (ms(8 + 8), ms(45)));
    }

    #[test]
    fn who_finds_the_line_full_knows_at_once_and_who_waits_too_long_at_the_end_of_its_patience() {
        let mut pool = pool(1, Some(1), Latency::constant(ms(10)), ms(4));
        assert_eq!(pool.ask(at(0), POOL).map(|turn| turn.until), Ok(at(10)));
        assert_eq!(pool.ask(at(1), POOL), Err(GivenUp { at: at(5) }));
        assert_eq!(pool.ask(at(4), POOL), Err(GivenUp { at: at(4) }), "one waits already");
        assert_eq!(pool.ask(at(7), POOL), Ok(Turn { from: at(10), until: at(20) }), "who gave up took no connection");
        assert_eq!(pool.occupancy(at(30), POOL).refused, 2);
        assert_eq!(pool.ask(at(30), CapacityId(9)), Err(GivenUp { at: at(30) }));
    }

    /// The obvious pool: every user with its times, looked through anew for each question.
    #[derive(Default)]
    struct Obvious {
        turns: Vec<Turn>,
        waits: Vec<(Instant, Instant)>,
    }

    impl Obvious {
        fn ask(&mut self, now: Instant, (size, queue, timeout): (usize, usize, Span), service: Span) -> Result<Turn, GivenUp> {
            let busy = |at: Instant, turns: &[Turn]| turns.iter().filter(|turn| turn.from <= at && at < turn.until).count();
            let ends = self.turns.iter().map(|turn| turn.until);
            let last = self.turns.iter().map(|turn| turn.from).max().unwrap_or(now);
            let mut starts: Vec<Instant> = ends.chain([now]).filter(|at| *at >= now.max(last)).collect();
            starts.extend([now.max(last)]);
            starts.sort();
            let from = starts.into_iter().find(|at| busy(*at, &self.turns) < size).unwrap();
            let waiting = self.waits.iter().filter(|(from, until)| *from <= now && now < *until).count();
            if from > now && waiting >= queue {
                return Err(GivenUp { at: now });
            }
            let gives_up = from.since(now) > timeout;
            self.waits.push((now, if gives_up { now + timeout } else { from }));
            if gives_up {
                return Err(GivenUp { at: now + timeout });
            }
            self.turns.push(Turn { from, until: from + service });
            Ok(Turn { from, until: from + service })
        }
    }

    proptest! {
        #[test]
        fn the_line_is_as_the_obvious_one(
            gaps in prop::collection::vec(0..9_u64, 1..60), size in 1..4_u32, queue in 0..5_u32, timeout in 0..30_u64, service in 1..20_u64,
        ) {
            let mut pool = pool(size, Some(queue), Latency::constant(ms(service)), ms(timeout));
            let mut obvious = Obvious::default();
            let mut now = 0;
            for gap in gaps {
                now += gap;
                let expected = obvious.ask(at(now), (size as usize, queue as usize, ms(timeout)), ms(service));
                prop_assert_eq!(pool.ask(at(now), POOL), expected);
            }
            let busy = obvious.turns.iter().filter(|turn| turn.from <= at(now)).map(|turn| turn.until.min(at(now)).since(turn.from));
            prop_assert_eq!(pool.occupancy(at(now), POOL).busy, busy.fold(Span::ZERO, |sum, span| sum + span));
        }
    }
}
