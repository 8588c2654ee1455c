//! The verdict on a plan that varies, by replications of the same schedule (method 3.6).
//!
//! Owns the three-way rule on the interval that [`noise`](super::noise) gives. Refuses to simulate; what it says is conditional on the
//! model, and says so. Called by `judge`.

use crate::measure::assumption::Metric;
use crate::measure::record::{Answer, Verdict};

use super::claim::{Claim, Ends};
use super::evidence::{Direction, smallest_level};
use super::judge::{Against, HOLDS_ALPHA, Judged, Observed, VIOLATED_ALPHA, undecided};
use super::noise::{Noise, SPREADS};
use super::{interval, words};

/// One run's statistic; of a ratio, what it surely is and what it may be.
struct Statistic {
    sure: f64,
    possible: f64,
    trials: f64,
}

/// Judges a claim by how one run differs from another in the model; `None` if nothing was measured.
pub(super) fn judged(claim: &Claim, observed: &Observed, noise: &Noise, verdict: Verdict) -> Option<Judged> {
    let statistic = Statistic::of(claim, observed)?;
    let interval = (noise.lower(statistic.sure, HOLDS_ALPHA), noise.upper(statistic.possible, HOLDS_ALPHA));
    let verdict = Verdict {
        observed: statistic.sure.is_finite().then_some(statistic.sure),
        interval: interval.1.is_finite().then_some(interval),
        requests: statistic.trials as u64,
        ..verdict
    };
    let against = statistic.against(claim, noise);
    let holds = claim.narrow.low.is_none_or(|low| interval.0 >= low) && claim.narrow.high.is_none_or(|high| interval.1 <= high);
    let range = words::range(verdict.unit, interval);
    let judged = if holds {
        let band = words::range(verdict.unit, claim.allowed);
        let because = format!("conditional on the model's own noise, the 90 % interval {range} lies within {band}");
        Judged { verdict: Verdict { answer: Answer::Holds, because, ..verdict }, against: None }
    } else {
        let spread = words::value(verdict.unit, noise.spread());
        let needed = noise.runs_needed(claim);
        let cure = if needed > 1.0 {
            format!("repeat what varies about {} times within the plan, or widen the margin", words::count(needed))
        } else {
            "it lies so close to the end of the band that more of the same would hardly decide it".to_owned()
        };
        let because = format!(
            "conditional on the model's own noise (one run of this plan differs from another by {spread}), the 90 % interval {range} \
             crosses an end of the band; {cure}"
        );
        undecided(verdict, because)
    };
    Some(Judged { against: Some(against), ..judged })
}

/// Why a plan that varies cannot decide a claim in one run, if it cannot.
pub fn undecidable(claim: &Claim, noise: &Noise) -> Option<String> {
    let needed = noise.runs_needed(claim);
    (needed > 1.0).then(|| {
        format!(
            "one run of this plan differs from another by {}, by the model, and the margin is not {SPREADS:.0} times as wide: repeat what \
             varies about {} times within the plan, or widen the margin",
            words::value(claim.unit(), noise.spread()),
            words::count(needed)
        )
    })
}

impl Statistic {
    fn of(claim: &Claim, observed: &Observed) -> Option<Self> {
        let summed = |rows: Option<&[(u32, u32)]>| {
            let sum = |sum: (f64, f64), row: &(u32, u32)| (sum.0 + f64::from(row.0), sum.1 + f64::from(row.1));
            rows.map(|rows| rows.iter().fold((0.0, 0.0), sum)).filter(|(_, trials)| *trials > 0.0)
        };
        let Ends { narrow_low, narrow_high, wide_low, wide_high } = observed.rows;
        let sure = summed(narrow_low).or(summed(wide_high));
        let possible = summed(narrow_high).or(summed(wide_low));
        let (sure, possible) = (sure.or(possible)?, possible.or(sure)?);
        match claim.assumption.metric {
            Metric::Latency(p) | Metric::Part(_, p) => {
                let times = observed.times.as_ref()?;
                let trials = times.trials as f64;
                // The quantile lies among actions that failed: longer than anything.
                let value = interval::quantile(&times.histogram, trials, p).unwrap_or(f64::INFINITY);
                (trials > 0.0).then_some(Self { sure: value, possible: value, trials })
            }
            Metric::Ratio(_) => {
                // Half an event stands for none, which has no logit.
                let share = |(events, trials): (f64, f64)| events.clamp(0.5, (trials - 0.5).max(0.5)) / trials;
                Some(Self { sure: share(sure), possible: share(possible), trials: sure.1 })
            }
        }
    }

    fn against(&self, claim: &Claim, noise: &Noise) -> Against {
        let violated = |alpha: f64| {
            if claim.wide.high.is_some_and(|high| noise.lower(self.sure, alpha) > high) {
                Some(Direction::TooHigh)
            } else if claim.wide.low.is_some_and(|low| noise.upper(self.possible, alpha) < low) {
                Some(Direction::TooLow)
            } else {
                None
            }
        };
        let Some((p_value, direction)) = smallest_level(violated) else {
            return Against { p_value: 1.0, because: String::new() };
        };
        let unit = claim.unit();
        let because = match direction {
            Direction::TooHigh => format!(
                "conditional on the model's own noise, it is at least {}, above the upper end {}",
                words::value(unit, noise.lower(self.sure, VIOLATED_ALPHA)),
                words::value(unit, claim.wide.high.unwrap_or(f64::INFINITY))
            ),
            Direction::TooLow => format!(
                "conditional on the model's own noise, it is at most {}, below the lower end {}",
                words::value(unit, noise.upper(self.possible, VIOLATED_ALPHA)),
                words::value(unit, claim.wide.low.unwrap_or(0.0))
            ),
        };
        Against { p_value, because }
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::Line;
    use super::super::claim::tests::{assume, predict};
    use super::super::judge::judge_claim;
    use super::super::{Context, Course, Phase, decide};
    use super::*;
    use crate::measure::assumption::{Prediction, Ratio};
    use sluicegate_policy::seed::Seed;
    use sluicegate_policy::time::Span;

    /// The verdict on "errors are as predicted, within two points", for a run that shows so many of 10,000, where runs spread by about a
    /// point around 10 %.
    fn verdict(errors: u32) -> Verdict {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, 0.04);
        let draws = Seed::new(8);
        let values: Vec<Option<f64>> = (0..999).map(|at| Some(0.1 + 0.02 * (draws.unit(at) - 0.5))).collect();
        let noise = Noise::of(assumption.metric, &values).unwrap();
        let prediction = Prediction { standard_error: noise.standard_error(), ..predict(&assumption, noise.median()) };
        let claim = Claim::of(&assumption, &prediction).unwrap();
        let rows = [(errors, 10_000)];
        let observed = Observed { rows: claim.lines().try_map(|_: &Line| Some(&rows[..])).unwrap(), times: None };
        let context = Context {
            phase: Phase { warmup: Span::ZERO, end: Span::from_secs(4) },
            course: Course::Varying,
            planned_power: None,
            noise: Some(&noise),
        };
        decide(vec![judge_claim(&claim, &observed, &context)]).remove(0)
    }

    #[test]
    fn a_plan_that_varies_is_judged_by_how_its_runs_differ() {
        assert_eq!(
            [1_000, 1_600, 500, 0].map(|errors| verdict(errors).answer),
            [Answer::Holds, Answer::Violated, Answer::Violated, Answer::Violated]
        );
        let open = verdict(1_350);
        assert_eq!(open.answer, Answer::Inconclusive);
        assert!(open.because.contains("conditional on the model"), "{}", open.because);
    }

    #[test]
    fn what_a_single_run_cannot_decide_is_said_beforehand() {
        let assumption = assume(Metric::Latency(0.95), 0.1, 0.0);
        let values: Vec<Option<f64>> = (0..999).map(|at| Some(100e6 * (1.0 + 0.6 * (Seed::new(8).unit(at) - 0.5)))).collect();
        let noise = Noise::of(assumption.metric, &values).unwrap();
        let prediction = predict(&assumption, noise.median());
        let claim = Claim::of(&assumption, &prediction).unwrap();
        assert!(undecidable(&claim, &noise).is_some_and(|why| why.contains("times within the plan")));
    }
}
