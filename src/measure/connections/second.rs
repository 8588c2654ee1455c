//! What happened to connections in each second, by the instant of what happened.
//!
//! Owns the rows, of which there are as many as of all others (a week's). Refuses more: what comes later is counted.

use sluicegate_policy::time::Instant;

use crate::measure::edges::{SECONDS_MAX, row_of};
use crate::measure::record::ConnectionSecond;

/// The seconds of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    rows: Vec<Second>,
    beyond: u64,
}

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Second {
    pub(super) asked: u32,
    pub(super) opened: u32,
    pub(super) refused: u32,
    pub(super) closed: u32,
    pub(super) lost: u32,
    pub(super) returned: u32,
    pub(super) up: u32,
    pub(super) down: u32,
    pub(super) first_lost: Instant,
    pub(super) last_returned: Instant,
}

impl Second {
    pub(super) fn on_lost(&mut self, now: Instant) {
        self.lost += 1;
        self.first_lost = self.first_lost.min(now);
    }

    pub(super) fn on_returned(&mut self, now: Instant) {
        self.returned += 1;
        self.last_returned = self.last_returned.max(now);
    }

    fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.opened += other.opened;
        self.refused += other.refused;
        self.closed += other.closed;
        self.lost += other.lost;
        self.returned += other.returned;
        self.up += other.up;
        self.down += other.down;
        self.first_lost = self.first_lost.min(other.first_lost);
        self.last_returned = self.last_returned.max(other.last_returned);
    }
}

impl Default for Second {
    fn default() -> Self {
        Self {
            asked: 0,
            opened: 0,
            refused: 0,
            closed: 0,
            lost: 0,
            returned: 0,
            up: 0,
            down: 0,
            first_lost: Instant::MAX,
            last_returned: Instant::ZERO,
        }
    }
}

impl Rows {
    /// Something happened.
    pub(super) fn at(&mut self, now: Instant, count: impl FnOnce(&mut Second)) {
        if now.second() >= SECONDS_MAX {
            self.beyond += 1;
        } else {
            count(row_of(&mut self.rows, now));
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        if self.rows.len() < other.rows.len() {
            self.rows.resize(other.rows.len(), Second::default());
        }
        self.rows.iter_mut().zip(&other.rows).for_each(|(mine, theirs)| mine.merge(theirs));
        self.beyond += other.beyond;
    }

    pub(super) fn rows(&self) -> &[Second] {
        &self.rows
    }

    /// What there was no room for.
    pub(super) const fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Open connections at the end of each second.
    pub(super) fn open(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().scan(0_u64, |open, row| {
            *open = (*open + u64::from(row.opened)).saturating_sub(u64::from(row.closed));
            Some(*open)
        })
    }

    pub(super) fn records(&self) -> Vec<ConnectionSecond> {
        let rows = (0_u64..).zip(&self.rows).zip(self.open());
        rows.map(|((second, row), open)| ConnectionSecond {
            second,
            asked: row.asked.into(),
            opened: row.opened.into(),
            refused: row.refused.into(),
            closed: row.closed.into(),
            returned: row.returned.into(),
            open,
            up: row.up.into(),
            down: row.down.into(),
        })
        .collect()
    }
}
