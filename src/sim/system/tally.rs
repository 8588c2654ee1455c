//! What is counted of a system: of its parts, and of the whole.
//!
//! Owns the counts, and over which time those in it are averaged: from the first request that counts to the last that came. Refuses
//! statistics beyond sums; histograms are the recorder's.

use hdrhistogram::Histogram;
use sluicegate_policy::lambda::{Environment, Invocation};
use sluicegate_policy::limiter::Refused;
use sluicegate_policy::lookup::Found;
use sluicegate_policy::model::{Limiter, Part};
use sluicegate_policy::time::{Instant, Span};

use super::Request;
use crate::load::system::Case;
use crate::measure::channel::{HIGHEST_NS, growing};

/// Counts of one replication or of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    /// Requests that counted.
    pub requests: u64,
    /// Attempts of these requests.
    pub attempts: u64,
    /// From coming to leaving, of those that passed all parts.
    pub response: Histogram<u64>,
    /// Of each part.
    pub parts: Vec<PartTally>,
    /// At each instant that was to be looked at: how many were in the system.
    pub looks: Vec<Looks>,
    /// From the first request that counted to the last that came, of all replications together.
    pub counted: Span,
    /// Of each second, of all replications together, if that is asked for.
    pub seconds: Option<Vec<Second>>,
    above: u64,
    first: Option<Instant>,
    closed: Instant,
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Requests that came.
    pub came: u64,
    /// Requests that had passed all parts.
    pub completed: u64,
    /// How often one was refused, or left unserved.
    pub turned_away: u64,
}

/// More seconds than this are not told.
const SECONDS_MAX: usize = 1_000_000;

/// How many were there, once in each replication.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// How often that was looked at.
    pub number: u64,
    /// All of them together.
    pub sum: u128,
    /// Their squares together.
    pub squares: u128,
    /// The most.
    pub most: u64,
    /// How often there were more than was asked about.
    pub above: u64,
}

/// Counts of one part.
#[derive(Clone, Debug, PartialEq)]
pub struct PartTally {
    /// Who came to it.
    pub asked: u64,
    /// Of these, who was refused.
    pub refused: u64,
    /// When that was for the first time in any replication, and who it was: as which it came, from 0.
    pub first_refused: Option<(Instant, u64)>,
    /// Of these, who was refused by which of several buckets; empty for every other part.
    pub refused_by: Vec<u64>,
    /// Of those who came, who left unserved.
    pub gave_up: u64,
    /// Of these, who found an answer that was kept.
    pub hits: u64,
    /// Of these, who waited for what another fetched.
    pub shared: u64,
    /// Of these, for whom an environment had to start.
    pub cold_starts: u64,
    /// Of these, whom a provisioned environment served.
    pub provisioned: u64,
    /// What is billed of them, together, in nanoseconds.
    pub billed_ns: u128,
    /// Environments, busy or idle, as those that an environment served found them, all together.
    pub environments: u64,
    /// Who was served, or passed.
    pub passed: u64,
    /// Waits of those of them that waited at all.
    pub waits: Histogram<u64>,
    /// How many were there, times how long: in nanoseconds.
    pub inside_ns: u128,
    /// How many servers worked, times how long: in nanoseconds.
    pub busy_ns: u128,
    /// Of those that a station served and that had more work than the median: how long they were there, and their work, in nanoseconds.
    pub large_ns: (u128, u128),
    median: Span,
    now: Occupied,
}

/// Since when how many are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Occupied {
    since: Instant,
    inside: u32,
    busy: u32,
    /// From when on it is counted, and until when.
    from: Option<Instant>,
    until: Instant,
}

impl Tally {
    /// Nothing was played.
    pub(super) fn new(case: &Case) -> Self {
        let part = |(_, part): &(String, Part)| PartTally {
            asked: 0,
            refused: 0,
            first_refused: None,
            large_ns: (0, 0),
            median: if let Part::Station { work, .. } = part { work.at(0.5) } else { Span::MAX },
            refused_by: match part {
                Part::Limiter(Limiter::Buckets(buckets)) if buckets.len() > 1 => vec![0; buckets.len()],
                _ => Vec::new(),
            },
            gave_up: 0,
            hits: 0,
            shared: 0,
            waits: growing(),
            cold_starts: 0,
            provisioned: 0,
            billed_ns: 0,
            environments: 0,
            passed: 0,
            inside_ns: 0,
            busy_ns: 0,
            now: Occupied { until: case.until, ..Occupied::default() },
        };
        Self {
            requests: 0,
            attempts: 0,
            response: growing(),
            parts: case.parts.iter().map(part).collect(),
            looks: vec![Looks::default(); case.observe.len()],
            counted: Span::ZERO,
            seconds: case.seconds.then(Vec::new),
            above: case.above.unwrap_or(u64::MAX),
            first: None,
            closed: case.until,
        }
    }

    pub(super) fn on_come(&mut self, now: Instant, counts: bool) {
        if counts {
            self.requests += 1;
            self.in_second(now, |second| second.came += 1);
            if self.first.is_none() {
                self.first = Some(now);
                self.parts.iter_mut().for_each(|part| part.count_from(now));
            }
        }
    }

    /// A request begins, for the first time or anew.
    pub(super) fn on_attempt(&mut self, counts: bool) {
        self.attempts += u64::from(counts);
    }

    /// Nobody comes any more: of the time after `now` nothing is counted, as the system only empties then.
    pub(super) fn close(&mut self, now: Instant) {
        self.closed = self.closed.min(now);
        self.parts.iter_mut().for_each(|part| part.now.until = part.now.until.min(now));
    }

    pub(super) fn on_complete(&mut self, now: Instant, took: Span) {
        put(&mut self.response, took);
        self.in_second(now, |second| second.completed += 1);
    }

    /// Somebody is refused, or leaves a part unserved.
    pub(super) fn on_turned_away(&mut self, now: Instant) {
        self.in_second(now, |second| second.turned_away += 1);
    }

    fn in_second(&mut self, now: Instant, count: impl Fn(&mut Second)) {
        let at = now.second() as usize;
        if let Some(seconds) = self.seconds.as_mut().filter(|_| at < SECONDS_MAX) {
            if seconds.len() <= at {
                seconds.resize(at + 1, Second::default());
            }
            count(&mut seconds[at]);
        }
    }

    pub(super) fn on_look(&mut self, at: usize, inside: u64) {
        let inside_wide = u128::from(inside);
        let above = u64::from(inside > self.above);
        self.looks[at].merge(Looks { number: 1, sum: inside_wide, squares: inside_wide * inside_wide, most: inside, above });
    }

    /// The replication is over.
    pub(super) fn end(&mut self) {
        self.counted = self.first.map_or(Span::ZERO, |first| self.closed.since(first));
    }

    /// Adds what another replication has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.attempts += other.attempts;
        self.counted += other.counted;
        self.response.add(&other.response).expect("histograms of one range that grow can be added");
        for (mine, theirs) in self.parts.iter_mut().zip(&other.parts) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.looks.iter_mut().zip(&other.looks) {
            mine.merge(*theirs);
        }
        if let (Some(mine), Some(theirs)) = (&mut self.seconds, &other.seconds) {
            mine.resize(mine.len().max(theirs.len()), Second::default());
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                mine.came += theirs.came;
                mine.completed += theirs.completed;
                mine.turned_away += theirs.turned_away;
            }
        }
    }
}

impl Looks {
    fn merge(&mut self, other: Self) {
        self.number += other.number;
        self.sum += other.sum;
        self.squares += other.squares;
        self.most = self.most.max(other.most);
        self.above += other.above;
    }
}

impl PartTally {
    pub(super) fn on_enter(&mut self, now: Instant, who: &Request, entered: bool) {
        if !who.counts {
            return;
        }
        self.asked += 1;
        if !entered {
            self.refused += 1;
            self.first_refused = self.first_refused.or(Some((now, who.number - 1)));
        }
    }

    /// Somebody leaves a station, served, after so long; it took so much work.
    pub(super) fn on_served(&mut self, took: Span, work: Span) {
        if work > self.median {
            self.large_ns.0 += u128::from(took.as_ns());
            self.large_ns.1 += u128::from(work.as_ns());
        }
    }

    /// Somebody has asked a cache; who finds an answer there does not wait.
    pub(super) fn on_found(&mut self, counts: bool, found: Found) {
        if counts {
            self.hits += u64::from(found == Found::Kept);
            self.shared += u64::from(found == Found::Waits);
            if found == Found::Kept {
                self.on_wait(Span::ZERO);
            }
        }
    }

    /// A limiter refuses somebody.
    pub(super) fn on_refused(&mut self, refused: Refused) {
        if let Some(by) = self.refused_by.get_mut(refused.by) {
            *by += 1;
        }
    }

    /// An environment serves somebody, who found so many of them; so much is billed.
    pub(super) fn on_invoked(&mut self, invocation: &Invocation, found: u64, billed: Span) {
        self.billed_ns += u128::from(billed.as_ns());
        self.cold_starts += u64::from(invocation.cold_start.is_some());
        self.provisioned += u64::from(invocation.environment == Environment::Provisioned);
        self.environments += found;
        self.on_wait(Span::ZERO);
    }

    /// Somebody was served, or passes, after this wait.
    pub(super) fn on_wait(&mut self, wait: Span) {
        self.passed += 1;
        if wait > Span::ZERO {
            put(&mut self.waits, wait);
        }
    }

    pub(super) fn on_left(&mut self, waited: Span, served: bool) {
        if served { self.on_wait(waited) } else { self.gave_up += 1 }
    }

    /// From `now` on so many are there, and so many servers work.
    pub(super) fn occupied(&mut self, now: Instant, inside: u32, busy: u32) {
        self.sum_up(now);
        (self.now.inside, self.now.busy) = (inside, busy);
    }

    fn count_from(&mut self, now: Instant) {
        (self.now.from, self.now.since) = (Some(now), now);
    }

    fn sum_up(&mut self, now: Instant) {
        if self.now.from.is_some() {
            let more = u128::from(now.min(self.now.until).since(self.now.since).as_ns());
            self.inside_ns += more * u128::from(self.now.inside);
            self.busy_ns += more * u128::from(self.now.busy);
        }
        self.now.since = now;
    }

    fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.refused += other.refused;
        self.first_refused = match (self.first_refused, other.first_refused) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        self.large_ns = (self.large_ns.0 + other.large_ns.0, self.large_ns.1 + other.large_ns.1);
        for (mine, theirs) in self.refused_by.iter_mut().zip(&other.refused_by) {
            *mine += theirs;
        }
        self.gave_up += other.gave_up;
        self.hits += other.hits;
        self.shared += other.shared;
        self.waits.add(&other.waits).expect("histograms of one range that grow can be added");
        self.cold_starts += other.cold_starts;
        self.provisioned += other.provisioned;
        self.billed_ns += other.billed_ns;
        self.environments += other.environments;
        self.passed += other.passed;
        self.inside_ns += other.inside_ns;
        self.busy_ns += other.busy_ns;
    }
}

fn put(histogram: &mut Histogram<u64>, time: Span) {
    histogram.record(time.as_ns().min(HIGHEST_NS)).expect("a value up to 24 h fits into a histogram that grows");
}
