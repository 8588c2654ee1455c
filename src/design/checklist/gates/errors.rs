//! The error budget: how much of it the expected errors spend, whose they are, and when it is spent.
//!
//! Owns the arithmetic over the period, and what so few simulated requests can tell. Refuses to count.

use sluicegate_policy::time::Span;

use super::super::{Judged, Judgement};
use super::ns;
use crate::measure::checklist::{CellRecord, Column, Measure, RowRecord, TableRecord};

/// What was simulated, and the budget that it is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorBudget {
    /// The period.
    pub period: Span,
    /// Share of the admitted requests that may fail.
    pub budget: f64,
    /// Whence the budget is: `--budget`, or the profile's own words.
    pub stated: String,
    /// Requests that were simulated and admitted: all but those answered 429.
    pub admitted: u64,
    /// Requests per second.
    pub per_s: f64,
    /// Who spends.
    pub spent: Vec<Spent>,
}

/// Errors of one party.
#[derive(Clone, Debug, PartialEq)]
pub struct Spent {
    /// Whose: `integrations (5xx)`.
    pub name: String,
    /// How many of the simulated requests.
    pub count: u64,
    /// Whether they are spent from the budget: what a client asks wrongly is not.
    pub counts: bool,
}

/// As many standard errors as a share must lie from the budget to be told from it.
const APART: f64 = 2.0;
/// None seen in n says with 95 % that there are fewer than three in n ("rule of three").
const RULE_OF_THREE: f64 = 3.0;

impl ErrorBudget {
    /// Requests of the period.
    fn in_period(&self) -> f64 {
        self.per_s * self.period.as_secs_f64()
    }

    /// Share of the requests that fail at somebody's who counts.
    fn share(&self) -> f64 {
        let count: u64 = self.spent.iter().filter(|it| it.counts).map(|it| it.count).sum();
        count as f64 / self.admitted.max(1) as f64
    }

    /// After how long the budget of the whole period is spent at this share; `None` if never.
    fn exhausted(&self, share: f64) -> Option<f64> {
        (share > 0.0).then(|| ns(self.period) * self.budget / share)
    }

    /// Whether the expected errors are within the budget.
    pub fn judged(&self) -> Judged {
        if self.admitted == 0 {
            return Err("no request was admitted in the simulated time".to_owned());
        }
        let share = self.share();
        let n = self.admitted as f64;
        let looked_at = format!("every answer of the simulated run, against the budget of {}", self.stated);
        let error = (share * (1.0 - share) / n).sqrt();
        let judgement = if share == 0.0 && RULE_OF_THREE / n > self.budget {
            Judgement::unknown(
                looked_at,
                "no error was seen, and too few requests were simulated to say that there are fewer than the budget allows",
                "simulate more: a longer -d, or more --replications",
            )
        } else if share > 0.0 && (share - self.budget).abs() <= APART * error {
            Judgement::unknown(
                looked_at,
                "the simulated share lies too near to the budget for so few requests",
                "simulate more: a longer -d, or more --replications",
            )
        } else if share <= self.budget {
            Judgement::pass(looked_at, "less is spent than there is")
        } else {
            let most = self.spent.iter().filter(|it| it.counts).max_by_key(|it| it.count);
            let most = most.map(|it| it.name.clone()).unwrap_or_default();
            Judgement::fail(looked_at, format!("more is spent than there is, most of it by {most}"))
        };
        let judgement = judgement
            .with("budget", self.budget, Measure::Share)
            .with("failed of what was admitted", share, Measure::Share)
            .with("of the budget spent in the period", share / self.budget.max(f64::MIN_POSITIVE), Measure::Share);
        let judgement = match self.exhausted(share) {
            Some(exhausted) => judgement.with("spent after", exhausted, Measure::Ns),
            None => judgement,
        };
        Ok(judgement.with("admitted requests that were simulated", n, Measure::Count).with_table(self.table()))
    }

    fn table(&self) -> TableRecord {
        let row = |it: &Spent| {
            let share = it.count as f64 / self.admitted as f64;
            let budgeted = |number: Option<f64>| number.filter(|_| it.counts).map_or(CellRecord::Absent, CellRecord::Number);
            let cells = vec![
                CellRecord::Number(it.count as f64),
                CellRecord::Number(share),
                CellRecord::Number(share * self.in_period()),
                budgeted(Some(share / self.budget.max(f64::MIN_POSITIVE))),
                budgeted(self.exhausted(share)),
            ];
            RowRecord { name: it.name.clone(), cells }
        };
        let columns = vec![Column::Failed, Column::Share, Column::InPeriod, Column::OfBudget, Column::Exhausted];
        TableRecord { title: "Who spends it".to_owned(), columns, rows: self.spent.iter().map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::checklist::Answered;

    const DAY: u64 = 86_400;

    fn budget(admitted: u64, integrations: u64) -> ErrorBudget {
        let spent = |name: &str, count, counts| Spent { name: name.to_owned(), count, counts };
        ErrorBudget {
            period: Span::from_secs(30 * DAY),
            budget: 0.001,
            stated: "--budget".to_owned(),
            admitted,
            per_s: 10.0,
            spent: vec![spent("clients (4xx)", 5_000, false), spent("integrations (5xx)", integrations, true)],
        }
    }

    fn figure(judgement: &Judgement, what: &str) -> f64 {
        judgement.figures.iter().find(|it| it.what == what).unwrap_or_else(|| panic!("no {what}")).value
    }

    #[test]
    fn ten_times_the_budget_is_spent_in_a_tenth_of_the_period_and_clients_spend_nothing() {
        let judged = budget(100_000, 1_000).judged().unwrap();
        assert_eq!(judged.answer, Answered::Fail);
        assert!((figure(&judged, "of the budget spent in the period") - 10.0).abs() < 1e-9);
        assert!((figure(&judged, "spent after") - (3 * DAY) as f64 * 1e9).abs() < 1.0);
        // A hundredth of 10/s in 30 days.
        assert_eq!(judged.tables[0].rows[1].cells[2], CellRecord::Number(259_200.0));
        assert_eq!(judged.tables[0].rows[0].cells[3], CellRecord::Absent);
    }

    #[test]
    fn few_requests_do_not_decide() {
        assert_eq!(budget(100_000, 10).judged().unwrap().answer, Answered::Pass);
        assert_eq!(budget(2_000, 0).judged().unwrap().answer, Answered::Unknown);
        assert_eq!(budget(3_001, 0).judged().unwrap().answer, Answered::Pass);
        assert_eq!(budget(100_000, 101).judged().unwrap().answer, Answered::Unknown);
        assert!(budget(0, 0).judged().is_err());
    }
}
