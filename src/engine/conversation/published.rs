//! What is published to each stream: numbers without a gap, and when each was intended.
//!
//! Owns the counters and the table, which all lanes share without a lock. Refuses more than so many of the last instants: of older numbers
//! it says that it does not know. Called by a connection's task when it publishes, and for each push that comes.

use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate_policy::time::Instant;

use crate::traffic::conversation::StreamId;

/// Instants that are kept of each stream.
const KEPT: usize = 1 << 16;

/// All streams of a drive.
#[derive(Debug)]
pub(super) struct Published(Vec<Numbers>);

#[derive(Debug)]
struct Numbers {
    next: AtomicU64,
    /// Made when somebody publishes to the stream.
    kept: std::sync::OnceLock<Box<[Entry]>>,
}

/// A number, plus one, and its instant. While it is being written it says that it is nobody's.
#[derive(Debug, Default)]
struct Entry {
    tag: AtomicU64,
    intended_ns: AtomicU64,
}

impl Published {
    pub(super) fn new(streams: usize) -> Self {
        let none = || Numbers { next: AtomicU64::new(0), kept: std::sync::OnceLock::new() };
        Self((0..streams).map(|_| none()).collect())
    }

    /// The number of what is published now, from zero. An unknown stream has no second number.
    pub(super) fn publish(&self, stream: StreamId, intended: Instant) -> u64 {
        let Some(numbers) = self.0.get(usize::from(stream.0)) else { return 0 };
        let number = numbers.next.fetch_add(1, Ordering::AcqRel);
        let kept = numbers.kept.get_or_init(|| (0..KEPT).map(|_| Entry::default()).collect());
        let entry = &kept[number as usize % KEPT];
        entry.tag.store(0, Ordering::Release);
        entry.intended_ns.store(intended.as_ns(), Ordering::Release);
        entry.tag.store(number + 1, Ordering::Release);
        number
    }

    /// How many were published so far.
    pub(super) fn count(&self, stream: StreamId) -> u64 {
        self.0.get(usize::from(stream.0)).map_or(0, |numbers| numbers.next.load(Ordering::Acquire))
    }

    /// When a number was intended to be published, if that is still known.
    pub(super) fn intended(&self, stream: StreamId, number: u64) -> Option<Instant> {
        let entry = &self.0.get(usize::from(stream.0))?.kept.get()?[number as usize % KEPT];
        let is_it = || entry.tag.load(Ordering::Acquire) == number + 1;
        let before = is_it();
        let intended = Instant::from_ns(entry.intended_ns.load(Ordering::Acquire));
        (before && is_it()).then_some(intended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamId = StreamId(0);

    #[test]
    fn numbers_have_no_gap_and_the_last_ones_keep_their_instants() {
        let published = Published::new(1);
        let many = KEPT as u64 + 10;
        for n in 0..many {
            assert_eq!(published.publish(STREAM, Instant::from_ns(n * 3)), n);
        }
        assert_eq!(published.count(STREAM), many);
        assert_eq!(published.intended(STREAM, 9), None);
        assert_eq!(published.intended(STREAM, 10), Some(Instant::from_ns(30)));
        assert_eq!(published.intended(STREAM, many - 1), Some(Instant::from_ns((many - 1) * 3)));
        assert_eq!(published.intended(STREAM, many), None);
    }

    #[test]
    fn lanes_that_publish_at_a_time_share_no_number() {
        let published = Published::new(1);
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let lane = || (0..1_000).map(|_| published.publish(STREAM, Instant::ZERO)).collect::<Vec<_>>();
            [scope.spawn(lane), scope.spawn(lane)].into_iter().flat_map(|lane| lane.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert!(all.into_iter().eq(0..2_000));
    }

    #[test]
    fn of_a_stream_that_is_not_there_nothing_is_known() {
        let published = Published::new(0);
        assert_eq!((published.publish(STREAM, Instant::ZERO), published.count(STREAM)), (0, 0));
        assert_eq!(published.intended(STREAM, 0), None);
    }
}
