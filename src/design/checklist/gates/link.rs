//! A private link that loses a target: how many requests fail until the load balancer has noticed, and what is slower afterwards.
//!
//! Owns how that is held against the error budget. Refuses to simulate.

use sluicegate_policy::time::Span;

use super::super::{Judged, Judgement, counted, listed};
use super::Times;
use super::{Held, cell, ns};
use crate::measure::checklist::{CellRecord, Column, Measure, RowRecord, TableRecord};

/// A link whose first target is lost in the middle of the run, just after a look of the health check.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkLost {
    /// The link.
    pub name: String,
    /// How many targets it has.
    pub targets: usize,
    /// From the loss to the look that takes the target out, at most.
    pub noticed_after: Span,
    /// Before the loss, until it is noticed, and afterwards; then those of other variants.
    pub stretches: Vec<Stretch>,
    /// Share of requests that may fail over the period.
    pub budget: f64,
    /// Requests of the link in the period.
    pub in_period: f64,
    /// The profile's own ceilings of latencies, as they are afterwards.
    pub held: Vec<Held>,
}

/// A stretch of a simulated run.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// What it is.
    pub name: String,
    /// From when.
    pub from: Span,
    /// How long.
    pub lasts: Span,
    /// Requests over the link that were intended in it.
    pub requests: u64,
    /// Of these, the ones that failed.
    pub failed: u64,
    /// Response times of the others.
    pub response: Times,
}

impl Stretch {
    fn share(&self) -> f64 {
        self.failed as f64 / self.requests.max(1) as f64
    }
}

/// The share of failures that goes on after a lost target is out, and is none of the loss.
const USUAL: f64 = 2.0;

impl LinkLost {
    /// Whether the loss of a target stays within the budget.
    pub fn judged(&self) -> Judged {
        let [before, until, after, ..] = self.stretches.as_slice() else {
            return Err("the run is too short to lose a target in it".to_owned());
        };
        let looked_at = format!("link {} with {}, of which one is lost", self.name, counted(self.targets, "target"));
        let spent = until.failed as f64 / (self.in_period * self.budget).max(f64::MIN_POSITIVE);
        let goes_on = after.share() > self.budget.max(USUAL * before.share());
        let broken: Vec<&str> = self.held.iter().filter(|it| !it.holds()).map(|it| it.name.as_str()).collect();
        let judgement = if self.targets < 2 {
            Judgement::fail(looked_at, "there is no other target: all that comes fails until this one is back")
        } else if goes_on {
            Judgement::fail(looked_at, "the failures go on after the lost target is out: the others do not carry the load")
        } else if spent > 1.0 {
            Judgement::fail(looked_at, "one loss spends more than the error budget of the whole period")
        } else if !broken.is_empty() {
            Judgement::fail(looked_at, format!("without the lost target it is not held: {}", listed(&broken)))
        } else {
            Judgement::pass(looked_at, "one loss is within the error budget of the period, and the others carry the load")
        };
        let judgement = judgement
            .with("noticed after at most", ns(self.noticed_after), Measure::Ns)
            .with("failed until it was noticed", until.share(), Measure::Share)
            .with("failed afterwards", after.share(), Measure::Share)
            .with("of the period's error budget spent by one loss", spent, Measure::Share)
            .with("error budget", self.budget, Measure::Share);
        let told = self.held.iter().fold(judgement, |judgement, it| match it.value {
            Some(value) => {
                judgement.with(format!("afterwards, of {}", it.name), value, it.unit).with(it.name.clone(), it.limit, it.unit)
            }
            None => judgement,
        });
        Ok(told.with_table(self.table()))
    }

    fn table(&self) -> TableRecord {
        let columns = vec![
            Column::From,
            Column::Lasts,
            Column::Requests,
            Column::Failed,
            Column::Errors,
            Column::P50,
            Column::P95,
            Column::P99,
        ];
        let row = |it: &Stretch| {
            let cells = vec![
                CellRecord::Number(ns(it.from)),
                CellRecord::Number(ns(it.lasts)),
                CellRecord::Number(it.requests as f64),
                CellRecord::Number(it.failed as f64),
                CellRecord::Number(it.share()),
                cell(it.response.p50),
                cell(it.response.p95),
                cell(it.response.p99),
            ];
            RowRecord { name: it.name.clone(), cells }
        };
        TableRecord { title: format!("Link {}", self.name), columns, rows: self.stretches.iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::checklist::Answered;

    fn lost(targets: usize, failed: [u64; 3], in_period: f64) -> LinkLost {
        let stretch = |name: &str, failed| Stretch {
            name: name.to_owned(),
            from: Span::ZERO,
            lasts: Span::from_secs(60),
            requests: 6_000,
            failed,
            response: Times::default(),
        };
        let [before, until, after] = failed;
        LinkLost {
            name: "stock".to_owned(),
            targets,
            noticed_after: Span::from_secs(60),
            stretches: vec![stretch("before", before), stretch("until", until), stretch("after", after)],
            budget: 0.001,
            in_period,
            held: Vec::new(),
        }
    }

    #[test]
    fn a_loss_passes_that_the_period_can_bear_and_that_ends_when_it_is_noticed() {
        let answer = |it: &LinkLost| it.judged().unwrap().answer;
        // 100 a second for thirty days: a thousandth of it is 259,200.
        assert_eq!(answer(&lost(2, [0, 3_000, 0], 259_200_000.0)), Answered::Pass);
        assert_eq!(answer(&lost(2, [0, 3_000, 0], 2_000_000.0)), Answered::Fail, "3,000 of 2,000");
        assert_eq!(answer(&lost(1, [0, 6_000, 6_000], 259_200_000.0)), Answered::Fail, "nobody is left");
        assert_eq!(answer(&lost(2, [0, 3_000, 100], 259_200_000.0)), Answered::Fail, "it goes on");
        assert_eq!(answer(&lost(2, [60, 3_000, 60], 259_200_000.0)), Answered::Pass, "as before");
        let short = LinkLost { stretches: Vec::new(), ..lost(2, [0, 0, 0], 1.0) };
        assert!(short.judged().is_err());
    }
}
