//! Whether anything may be concluded from a join (method 3.5).
//!
//! Owns the limits: coverage of at least 99 %, no more than two points apart between the slowest hundredth and the rest, parts that add up to
//! the total within a millisecond or 2 %. Refuses to soften: past a limit every claim about a part is inconclusive, with the numbers.

use super::Join;

/// Least share of the attempts that must be joined.
const COVERED_MIN: f64 = 0.99;
/// Most by which the shares of the slowest hundredth and of the rest may differ: logs lost exactly when it matters.
const APART_MAX: f64 = 0.02;
/// What the parts may always leave of the total, in the median.
const RESIDUAL_MAX_NS: f64 = 1e6;
/// The share of the median total that they may leave.
const RESIDUAL_OF_TOTAL: f64 = 0.02;
/// Share of the joined attempts to which client and log may ascribe different statuses: an id that means the same request cannot.
const OTHER_STATUS_MAX: f64 = 0.01;

impl Join {
    /// Why nothing may be concluded about parts, if nothing may.
    pub fn problem(&self) -> Option<String> {
        let (joined, all) = self.covered();
        if all == 0 {
            return Some("no request was sent after the warm-up, so that there is nothing to join".to_owned());
        }
        if joined == 0 {
            return Some(format!(
                "none of {all} requests is in the log, which has {} that the run did not send: is it the log of this run, of its stage and its \
                 time?",
                self.strays
            ));
        }
        self.clock_or_join().or_else(|| self.coverage())
    }

    fn coverage(&self) -> Option<String> {
        let share = |(joined, all): (u64, u64)| (all > 0).then(|| joined as f64 / all as f64);
        let (joined, all) = self.covered();
        let covered = share((joined, all))?;
        if covered < COVERED_MIN {
            return Some(format!(
                "only {joined} of {all} requests ({:.2} %) were joined with the log, 99 % are needed; see that all of it is there",
                covered * 100.0
            ));
        }
        let (slow, rest) = (share(self.covered_slow())?, share(self.covered_rest())?);
        ((slow - rest).abs() > APART_MAX).then(|| {
            format!(
                "of the slowest 1 % of the requests {:.1} % were joined with the log, of the others {:.1} %: it lacks lines exactly where it \
                 matters; see that all of it is there",
                slow * 100.0,
                rest * 100.0
            )
        })
    }

    fn clock_or_join(&self) -> Option<String> {
        let (joined, _) = self.covered();
        if self.other_status as f64 > OTHER_STATUS_MAX * joined as f64 {
            return Some(format!(
                "clock or join problem: of {} of {joined} joined requests client and log give different statuses: is it the log of this run?",
                self.other_status
            ));
        }
        let (residual, total) = (self.residual_median_ns()? as f64, self.total_median_ns()? as f64);
        let allowed = RESIDUAL_MAX_NS.max(RESIDUAL_OF_TOTAL * total);
        (residual.abs() > allowed).then(|| {
            format!(
                "clock or join problem: in the median the parts miss the total by {:.2} ms, where {:.2} ms are allowed: the log has longer times \
                 than the client waited",
                residual / 1e6,
                allowed / 1e6
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_policy::time::Span;

    use super::super::super::rows::Row;
    use super::super::super::scripted::answered;
    use super::super::{Census, Join, Logged};

    /// A thousand requests of 50 ms and more; of the `n`-th the log says what `line` does.
    fn join(line: impl Fn(u64) -> Option<Logged>) -> Join {
        let rows: Vec<Row> = (0..1_000_u64)
            .map(|n| Row { sample: answered(1.0, 50.0 + n as f64 / 100.0), id: Some(n.to_string().into()) })
            .collect();
        let mut census = Census::new(Span::ZERO);
        for row in &rows {
            census.on_sample(&row.sample);
        }
        let mut join = census.join();
        for (n, row) in (0..).zip(&rows) {
            let line = line(n).map(|line| Logged { id: n.to_string(), ..line });
            join.bring_together(std::slice::from_ref(row), line.as_slice(), None, |_| {});
        }
        join
    }

    fn logged(ms: u64) -> Logged {
        Logged { response_ms: Some(ms), status: Some(200), ..Logged::default() }
    }

    fn problem(line: impl Fn(u64) -> Option<Logged>) -> String {
        join(line).problem().unwrap_or_default()
    }

    #[test]
    fn a_join_that_covers_nearly_all_evenly_is_trusted() {
        assert_eq!(problem(|_| Some(logged(48))), "");
        assert_eq!(problem(|n| (n % 100 != 5).then(|| logged(48))), "");
    }

    #[test]
    fn too_few_or_the_wrong_ones_are_told_with_their_numbers() {
        let few = problem(|n| (n % 50 != 5).then(|| logged(48)));
        assert!(few.starts_with("only 980 of 1000 requests (98.00 %)"), "{few}");
        let slow = problem(|n| (n != 995).then(|| logged(48)));
        assert!(slow.contains("slowest 1 % of the requests 90.0 %") && slow.contains("others 100.0 %"), "{slow}");
        let none = problem(|_| None);
        assert!(none.starts_with("none of 1000 requests is in the log"), "{none}");
    }

    #[test]
    fn a_log_of_another_clock_or_of_other_requests_is_no_evidence() {
        let longer = problem(|_| Some(logged(90)));
        assert!(longer.starts_with("clock or join problem") && longer.contains("where 1.10 ms are allowed"), "{longer}");
        let others = problem(|_| Some(Logged { status: Some(404), ..logged(48) }));
        assert!(others.contains("different statuses"), "{others}");
    }
}
