//! What was delivered of one stream of pushed messages, to all who hear it.
//!
//! Owns the sums. Refuses to find out what a number means for one receiver (`engine` does, by the numbers that came before).

use hdrhistogram::Histogram;
use sluicegate_policy::time::Span;

use super::{add, record};
use crate::measure::channel::growing;
use crate::measure::record::DeliveriesRecord;
use crate::measure::summary::quantiles;

/// What was delivered of one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Deliveries {
    delivered: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    unknown: u64,
    untimed: u64,
    silent: u64,
    time: Histogram<u64>,
}

/// What a pushed message is to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// The next one, or one after a gap.
    InOrder,
    /// One that filled a gap.
    OutOfOrder,
    /// One that was there before, or that was given up for lost.
    Again,
    /// One that this run has not published.
    Unknown,
}

impl Deliveries {
    /// A message arrived; `time` is absent if nobody knows any more when it was to be published.
    pub fn on_arrived(&mut self, arrived: Arrived, time: Option<Span>) {
        match arrived {
            Arrived::InOrder => {}
            Arrived::OutOfOrder => self.out_of_order += 1,
            Arrived::Again => return self.duplicated += 1,
            Arrived::Unknown => return self.unknown += 1,
        }
        self.delivered += 1;
        match time {
            Some(time) => record(&mut self.time, time),
            None => self.untimed += 1,
        }
    }

    /// So many never came.
    pub const fn on_lost(&mut self, count: u64) {
        self.lost += count;
    }

    /// A connection that was to hear it has ended, and nothing at all had come.
    pub const fn on_silent(&mut self) {
        self.silent += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
        self.unknown += other.unknown;
        self.untimed += other.untimed;
        self.silent += other.silent;
        add(&mut self.time, &other.time);
    }

    pub(super) fn record(&self, name: &str) -> DeliveriesRecord {
        DeliveriesRecord { time: quantiles(&self.time), ..self.counts(name) }
    }

    pub(super) fn counts(&self, name: &str) -> DeliveriesRecord {
        DeliveriesRecord {
            stream: name.to_owned(),
            expected: self.delivered + self.lost,
            delivered: self.delivered,
            lost: self.lost,
            duplicated: self.duplicated,
            out_of_order: self.out_of_order,
            unknown: self.unknown,
            untimed: self.untimed,
            silent: self.silent,
            time: None,
        }
    }
}

impl Default for Deliveries {
    fn default() -> Self {
        Self { delivered: 0, lost: 0, duplicated: 0, out_of_order: 0, unknown: 0, untimed: 0, silent: 0, time: growing() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_twice_is_no_delivery_and_what_is_lost_was_expected() {
        let mut stream = Deliveries::default();
        for arrived in [Arrived::InOrder, Arrived::OutOfOrder, Arrived::Again, Arrived::Unknown] {
            stream.on_arrived(arrived, Some(Span::from_ms(2)));
        }
        stream.on_arrived(Arrived::InOrder, None);
        stream.on_lost(3);
        stream.on_silent();
        let record = stream.record("prices");
        assert_eq!((record.expected, record.delivered, record.lost), (6, 3, 3));
        assert_eq!((record.duplicated, record.out_of_order, record.unknown, record.untimed), (1, 1, 1, 1));
        assert_eq!(record.silent, 1);
        assert_eq!(record.time.map(|time| time.count), Some(2));
    }
}
