//! How late the generator, and the bundled mock, may be.
//!
//! Owns the limit of both (method 3.7a: p99 at most 1 ms or a tenth of the smallest margin) and the doubts beyond it. Called by `doubt`.

use super::super::record::{Doubt, Weight};
use super::{Seen, doubt, ms};

/// Lag that is always allowed.
pub(crate) const LAG_MAX_NS: f64 = 1e6;
/// Share of the smallest margin that the lag may reach.
const LAG_OF_MARGIN: f64 = 0.1;
/// Share of its answers that the mock may release later than the generator's own lag may be at p99.
const LATE_ANSWERS_MAX: f64 = 0.01;

/// How late both ends may be at p99: a millisecond or a tenth of the smallest margin (method 3.7a), unless the plan says otherwise.
fn lag_limit_ns(seen: &Seen) -> f64 {
    let margin = seen.smallest_margin.map_or(0.0, |margin| margin.as_ns() as f64);
    seen.lag_limit.map_or_else(|| LAG_MAX_NS.max(LAG_OF_MARGIN * margin), |limit| limit.as_ns() as f64)
}

pub(super) fn schedule_lag(seen: &Seen) -> Option<Doubt> {
    let lag = seen.load.own_lag.as_ref().or(seen.load.schedule_lag.as_ref())?;
    let limit = lag_limit_ns(seen);
    (lag.p99_ns as f64 > limit).then(|| {
        let what = format!(
            "the generator turned to its actions late: p50 {}, p99 {}{}; the limit for p99 is {}",
            ms(lag.p50_ns as f64),
            ms(lag.p99_ns as f64),
            seen.load.late.map(|late| format!(", {late} of {} later than 1 ms", lag.count)).unwrap_or_default(),
            ms(limit)
        );
        let advice = "lower the rate, keep other work off the generator's cores, give it more of them, or widen the margins (or `run.lag_limit`)";
        doubt(Weight::Invalid, "schedule-lag", what, advice)
    })
}

/// A mock that is starved of its processor answers late: that is this machine, and neither the model nor the target.
pub(super) fn receiver_late(seen: &Seen) -> Option<Doubt> {
    let receiver = seen.receiver.as_ref()?;
    // It counts at powers of two: those beyond the next lower one are too many rather than too few.
    let limits = (0..).map(|power| 1_u64 << power).zip(&receiver.late_by_ms);
    let counted = limits.take_while(|(ms, _)| *ms == 1 || *ms as f64 * 1e6 <= lag_limit_ns(seen)).last();
    let (ms, late) = counted.map_or((1, receiver.late_answers), |(ms, late)| (ms, *late));
    let arrived = receiver.arrived;
    (arrived > 0 && late as f64 > LATE_ANSWERS_MAX * arrived as f64).then(|| {
        let what = format!("the mock released {late} of {arrived} answers more than {ms} ms after they were due");
        doubt(
            Weight::Invalid,
            "mock-late",
            what,
            "keep other work off this machine, or lower the rate (or raise `run.lag_limit`)",
        )
    })
}

#[cfg(test)]
mod tests {
    use sluicegate_policy::time::Span;

    use super::super::tests::{invalid, kinds};
    use super::*;
    use crate::measure::record::Quantiles;

    #[test]
    fn wide_margins_or_the_plan_allow_more_lag() {
        let late = |seen: &mut Seen| {
            seen.load.own_lag = Some(Quantiles { p99_ns: 4_000_000, ..Quantiles::default() });
            seen.receiver.iter_mut().for_each(|it| it.late_by_ms = vec![900, 500, 90, 0]);
        };
        let wide = |seen: &mut Seen| seen.smallest_margin = Some(Span::from_ms(50));
        let all = [invalid("schedule-lag"), invalid("mock-late")].concat();
        assert_eq!(kinds(late), all);
        let with = |changes: &[&dyn Fn(&mut Seen)]| {
            kinds(|seen| {
                for change in changes {
                    change(seen);
                }
            })
        };
        assert_eq!(with(&[&late, &wide]), [], "five milliseconds are a tenth of 50");
        let said = |limit| move |seen: &mut Seen| seen.lag_limit = Some(Span::from_ms(limit));
        assert_eq!(with(&[&late, &wide, &said(3)]), all, "what the plan says goes before the margins");
        assert_eq!(with(&[&late, &said(5)]), []);
    }
}
