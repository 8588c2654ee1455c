//! Processor sharing: everybody is served at once, slower the more there are.
//!
//! Owns how far each one's work has come. All have the same share of the servers at any instant, so one number says how much work each
//! has got since the beginning (attained service), and one is done when that has grown by its own work (Kleinrock 1967).

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::{Customer, Left};
use crate::time::{Instant, Span};

/// Servers that all share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    servers: f64,
    inside: BinaryHeap<Reverse<Served>>,
    entered: u64,
    /// Work that everybody has got who was there from the beginning, in nanoseconds.
    attained: f64,
    /// When that was true.
    since: Instant,
    due: Option<Instant>,
}

/// Those who end together leave in the order in which they came.
#[derive(Clone, Copy, Debug)]
struct Served {
    /// What everybody will have got when this one is done.
    until: f64,
    order: u64,
    id: u32,
}

impl Shared {
    pub(super) fn new(servers: u32) -> Self {
        let inside = BinaryHeap::new();
        Self { servers: f64::from(servers), inside, entered: 0, attained: 0.0, since: Instant::ZERO, due: None }
    }

    pub(super) fn enter(&mut self, now: Instant, customer: Customer) {
        self.advance(now);
        let until = self.attained + customer.work.as_ns() as f64;
        self.inside.push(Reverse(Served { until, order: self.entered, id: customer.id }));
        self.entered += 1;
        self.plan();
    }

    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn take_left(&mut self, now: Instant) -> Option<Left> {
        let due = self.due.filter(|due| *due <= now)?;
        self.advance(due);
        let Reverse(Served { until, id, .. }) = self.inside.pop()?;
        // The instant was rounded up to the nanosecond.
        self.attained = if self.inside.is_empty() { 0.0 } else { self.attained.max(until) };
        self.plan();
        Some(Left { id, waited: Span::ZERO, served: true })
    }

    pub(super) fn inside(&self) -> u32 {
        self.inside.len() as u32
    }

    pub(super) fn busy(&self) -> u32 {
        self.inside().min(self.servers as u32)
    }

    /// What each one gets of a server.
    fn share(&self) -> f64 {
        (self.servers / self.inside.len() as f64).min(1.0)
    }

    fn advance(&mut self, now: Instant) {
        if !self.inside.is_empty() {
            self.attained += now.since(self.since).as_ns() as f64 * self.share();
        }
        self.since = self.since.max(now);
    }

    fn plan(&mut self) {
        let left = |next: &Reverse<Served>| ((next.0.until - self.attained).max(0.0) / self.share()).ceil();
        self.due = self.inside.peek().map(|next| self.since + Span::from_ns(left(next) as u64));
    }
}

impl PartialEq for Served {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Served {}

impl PartialOrd for Served {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Served {
    fn cmp(&self, other: &Self) -> Ordering {
        self.until.total_cmp(&other.until).then(self.order.cmp(&other.order))
    }
}
