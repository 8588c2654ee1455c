//! Sessions that had lost their connection, and came back: the storm after a drop.
//!
//! Owns what counts as a drop of many: in one second a tenth of all that were open, and at least two. It is over when as many have
//! returned as were lost since. Refuses to know single sessions.

use hdrhistogram::Histogram;
use sluicegate_policy::time::{Instant, Span};

use super::second::Rows;
use super::{add, record};
use crate::measure::channel::growing;
use crate::measure::record::{DropRecord, ReturningRecord};
use crate::measure::summary::quantiles;

/// Part of the open connections that makes a drop one of many.
const MANY: f64 = 0.1;

/// Connections that sessions ask for again.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Returning {
    pub(super) asked: u64,
    pub(super) refused: u64,
    away: Histogram<u64>,
}

impl Returning {
    /// A session is back, so long after the loss.
    pub(super) fn on_returned(&mut self, away: Span) {
        record(&mut self.away, away);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.refused += other.refused;
        add(&mut self.away, &other.away);
    }

    /// `None` if nobody ever came back, or tried to.
    pub(super) fn record(&self, rows: &Rows) -> Option<ReturningRecord> {
        let (returned, away) = (self.away.len(), quantiles(&self.away));
        (self.asked > 0).then(|| ReturningRecord {
            asked: self.asked,
            returned,
            refused: self.refused,
            away,
            drop: largest_drop(rows),
        })
    }
}

impl Default for Returning {
    fn default() -> Self {
        Self { asked: 0, refused: 0, away: growing() }
    }
}

/// The second in which most were lost, if they were many, and when all of them were back.
fn largest_drop(rows: &Rows) -> Option<DropRecord> {
    let open: Vec<u64> = rows.open().collect();
    let rows = rows.rows();
    // The first of several that are equal.
    let (at, worst) = rows.iter().enumerate().rev().max_by_key(|(_, row)| row.lost)?;
    let before = if at == 0 { open[0] + u64::from(worst.closed) } else { open[at - 1] };
    if worst.lost < 2 || f64::from(worst.lost) < before as f64 * MANY {
        return None;
    }
    Some(DropRecord {
        second: at as u64,
        lost: worst.lost.into(),
        open_before: before,
        all_back_ns: all_back(rows, at).map(|back| back.since(worst.first_lost).as_ns()),
    })
}

/// When as many had returned as were lost from that second on.
fn all_back(rows: &[super::Second], from: usize) -> Option<Instant> {
    let mut away = 0_i64;
    for row in &rows[from..] {
        away += i64::from(row.lost) - i64::from(row.returned);
        if away <= 0 {
            return Some(row.last_returned);
        }
    }
    None
}
