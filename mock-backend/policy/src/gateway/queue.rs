//! What is to happen later, in the order in which it will.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Instant;

/// Events by due instant; of those due together the one that was scheduled first comes first.
#[derive(Clone, Debug)]
pub(super) struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    /// How many events were scheduled so far.
    scheduled: u64,
}

#[derive(Clone, Debug)]
struct Entry<E> {
    due: Instant,
    seq: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(super) fn new() -> Self {
        Self { heap: BinaryHeap::new(), scheduled: 0 }
    }

    pub(super) fn schedule(&mut self, due: Instant, event: E) {
        self.heap.push(Reverse(Entry { due, seq: self.scheduled, event }));
        self.scheduled += 1;
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.heap.peek().map(|entry| entry.0.due)
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<(Instant, E)> {
        if self.next_due()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| (entry.due, entry.event))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&E) -> bool) {
        self.heap.retain(|entry| keep(&entry.0.event));
    }
}

impl<E> Entry<E> {
    const fn order(&self) -> (Instant, u64) {
        (self.due, self.seq)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}
