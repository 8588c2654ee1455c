//! What a run can decide, before the first request is sent (method 3.8).
//!
//! Owns the planned power: the probability that the rule of `judge` says "holds" if the model is right, and "violated" if it
//! is wrong by two margins. The rule's critical counts are found from its own bounds; the counts are taken as binomial, over
//! as many independent trials as the planned requests are worth (divided by the simulated design effect and by 1.3, the
//! price of estimating it). The two ways in which "holds" can fail exclude each other but for a vanishing part, so that
//! their probabilities add. "Violated" is planned for an assumption alone, at 1 %, as in the method's table. Refuses to simulate.

use crate::measure::Recorder;
use crate::measure::assumption::{Event, Metric, Prediction};
use crate::measure::record::Unit;

use super::batches::Phase;
use super::beta::binomial_at_most;
use super::bounds::Share;
use super::claim::{Claim, Ends, Line};
use super::judge::{HOLDS_ALPHA, TAIL_EVENTS_MIN, VIOLATED_ALPHA};
use super::words;

/// How many more trials it takes because the design effect must be estimated.
pub const PRICE_OF_ESTIMATING: f64 = 1.3;
/// Most requests that are still advised.
const REQUESTS_MAX: f64 = 1e10;

/// The shares that a simulated run has at a claim's lines, if the model is right and if it is wrong by two margins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// At each end, with the limit that it is held against, if the model is right.
    pub right: Ends<(f64, f64)>,
    /// At the upper end for "violated", if the truth lies two margins above the prediction.
    pub wrong_high: Option<(f64, f64)>,
    /// The share on which the gate counts its effective events.
    pub gated: Option<f64>,
}

/// What a planned run can decide.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Probability of "holds" if the model is right.
    pub holds: f64,
    /// Probability of "violated" if the truth lies two margins above the prediction.
    pub violated: f64,
}

impl Outlook {
    /// From simulated runs: `slower(ns)` is the share of actions of the claim's series that take longer; `None` of a claim without a
    /// prediction. A truth beyond a ceiling is taken to lie beyond it as far as the prediction lies below it.
    pub fn of(claim: &Claim, slower: impl Fn(f64) -> f64) -> Option<Self> {
        let Prediction { value, high, .. } = *claim.prediction?;
        let two_margins = value + 2.0 * (high - value).max(0.0);
        let share = |line: &Line| match line.edge.event {
            Event::SlowerThan(limit) | Event::PartAbove(_, limit) | Event::PartPerhapsAbove(_, limit) => {
                slower(limit.as_ns() as f64)
            }
            Event::Ratio(_) | Event::PerhapsOf(_) => value,
        };
        // A truth of two margins more is taken as the same distribution, stretched.
        let wrong = |line: Line| match (claim.assumption.metric, line.edge.event) {
            (Metric::Latency(_), Event::SlowerThan(limit))
            | (Metric::Part(..), Event::PartAbove(_, limit) | Event::PartPerhapsAbove(_, limit)) => {
                slower(limit.as_ns() as f64 * value / two_margins)
            }
            _ => two_margins.min(1.0),
        };
        let lines = claim.lines();
        Some(Self {
            right: lines.try_map(|line| Some((share(line), line.limit))).expect("every end has a share"),
            wrong_high: lines.wide_high.map(|line| (wrong(line), line.limit)),
            gated: claim.gated_share(),
        })
    }

    /// What so many independent trials can decide.
    pub fn power(&self, independent: f64) -> Power {
        Power { holds: self.holds(independent), violated: self.violated(independent) }
    }

    /// Requests that make "holds" as probable as this, if the model is right; `None` if no number does.
    pub fn requests_for(&self, holds: f64, design_effect: f64) -> Option<f64> {
        let (mut low, mut high) = (0.0, 16.0);
        while self.holds(high) < holds {
            (low, high) = (high, high * 2.0);
            if high > REQUESTS_MAX {
                return None;
            }
        }
        while high - low > (high / 1_000.0).max(1.0) {
            let middle = f64::midpoint(low, high);
            if self.holds(middle) < holds { low = middle } else { high = middle }
        }
        Some(high * price(design_effect))
    }

    fn holds(&self, n: f64) -> f64 {
        if n < 1.0 || self.gated.is_some_and(|share| share * n < TAIL_EVENTS_MIN) {
            return 0.0;
        }
        let too_few = self.right.narrow_low.map_or(0.0, |(share, limit)| {
            let least = critical(n, |share| share.lower(HOLDS_ALPHA) >= limit);
            binomial_at_most(least - 1.0, n, share)
        });
        let too_many = self.right.narrow_high.map_or(0.0, |(share, limit)| {
            let first_above = critical(n, |share| share.upper(HOLDS_ALPHA) > limit);
            1.0 - binomial_at_most(first_above - 1.0, n, share)
        });
        (1.0 - too_few - too_many).max(0.0)
    }

    fn violated(&self, n: f64) -> f64 {
        let Some((share, limit)) = self.wrong_high else { return 0.0 };
        if n < 1.0 {
            return 0.0;
        }
        let least = critical(n, |share| share.lower(VIOLATED_ALPHA) > limit);
        1.0 - binomial_at_most(least - 1.0, n, share)
    }
}

/// What a planned run can decide on one claim, with the sentence to print before it starts if that is too little.
///
/// `requests` is the planned number of the claim's series in `phase`, the part of the run that is judged.
pub fn planned(claim: &Claim, outlook: &Outlook, requests: f64, phase: Phase) -> (Power, Option<String>) {
    if let Some(too_short) = phase.too_short() {
        return (Power { holds: 0.0, violated: 0.0 }, Some(too_short));
    }
    let design_effect = claim.design_effect();
    let power = outlook.power(requests / price(design_effect));
    let advice = (power.holds < 0.8).then(|| match outlook.requests_for(0.8, design_effect) {
        None if claim.prediction.is_some_and(|prediction| prediction.value <= claim.allowed.0 && claim.allowed.0 > 0.0) => {
            format!(
                "the model itself predicts {}, and at least {} is asked for",
                words::value(claim.unit(), claim.prediction.map_or(0.0, |prediction| prediction.value)),
                words::value(claim.unit(), claim.allowed.0)
            )
        }
        None if claim.prediction.is_some_and(|prediction| prediction.value >= claim.allowed.1) => format!(
            "the model itself predicts {}, and at most {} is allowed",
            words::value(claim.unit(), claim.prediction.map_or(0.0, |prediction| prediction.value)),
            words::value(claim.unit(), claim.allowed.1)
        ),
        None => format!(
            "no number of requests can show that it holds: the model's own error ({}) or the margin leaves no room",
            words::value(claim.unit(), claim.standard_error())
        ),
        Some(needed) => format!(
            "this run would find it to hold with a probability of {} if it does; 80 % need about {} requests, {} are planned",
            words::value(Unit::Share, power.holds),
            words::count(needed),
            words::count(requests)
        ),
    });
    (power, advice)
}

/// The share of a claim's admitted actions that are slower than a time, from simulated runs; what failed is slower.
pub fn slower_in<'a>(claim: &Claim, replications: &'a [Recorder]) -> impl Fn(f64) -> f64 + use<'a> {
    let channels: Vec<_> = replications.iter().filter_map(|run| run.channel(claim.assumption.series)).collect();
    let metric = claim.assumption.metric;
    move |ns| {
        let (mut slower, mut trials) = (0.0, 0.0);
        for channel in &channels {
            let (times, ended) = match metric {
                Metric::Part(part, _) => {
                    let Some(times) = channel.parts() else { continue };
                    (times.of(part), times.of(part).len() as f64)
                }
                Metric::Latency(_) | Metric::Ratio(_) => (channel.admitted(), channel.latency_trials() as f64),
            };
            let quick = if ns < 1.0 { 0 } else { times.count_between(0, ns as u64) };
            trials += ended;
            slower += ended - quick as f64;
        }
        if trials > 0.0 { slower / trials } else { 0.0 }
    }
}

/// The smallest count of events among `n` at which the condition is met; it must stay met from there on. Above `n` if none.
fn critical(n: f64, is_met: impl Fn(Share) -> bool) -> f64 {
    let share = |events: u64| Share { events: events as f64, trials: n, design_effect: 1.0, batches: 32, unsettled: false };
    let (mut low, mut high) = (0, n as u64 + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_met(share(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low as f64
}

fn price(design_effect: f64) -> f64 {
    design_effect.max(1.0) * PRICE_OF_ESTIMATING
}

#[cfg(test)]
mod tests {
    use super::super::beta::normal_deviate;
    use super::super::claim::tests::{assume, predict};
    use super::*;
    use crate::measure::assumption::Ratio;
    use sluicegate_policy::time::Span;
    use statrs::function::erf::erfc;

    const MINUTE: Phase = Phase { warmup: Span::ZERO, end: Span::from_secs(60) };

    /// The outlook on the quantile of a lognormal distribution.
    fn lognormal(sigma: f64, p: f64, margin: f64) -> Outlook {
        let assumption = assume(Metric::Latency(p), margin, 0.0);
        let prediction = predict(&assumption, 100e6);
        let median = 100e6 / (sigma * normal_deviate(1.0 - p)).exp();
        let slower = |ns: f64| 0.5 * erfc((ns / median).ln() / sigma / std::f64::consts::SQRT_2);
        Outlook::of(&Claim::of(&assumption, &prediction).expect("numbers"), slower).expect("a prediction")
    }

    fn ratio(predicted: f64, margin: f64) -> Outlook {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, margin);
        let prediction = predict(&assumption, predicted);
        Outlook::of(&Claim::of(&assumption, &prediction).expect("numbers"), |_| 0.0).expect("a prediction")
    }

    /// The method's table gives the requests for 80 %; there, and not far below, the power must be 80 %.
    fn check(name: &str, outlook: &Outlook, holds: f64, detects: f64) {
        let found = (outlook.power(holds).holds, outlook.power(detects).violated);
        assert!((found.0 - 0.8).abs() < 0.05 && (found.1 - 0.8).abs() < 0.05, "{name}: {found:?}");
    }

    #[test]
    fn the_methods_table_of_requests_is_met() {
        for (sigma, p, margin, holds, detects) in [
            (0.5, 0.5, 0.05, 1_362.0, 1_837.0),
            (0.5, 0.5, 0.1, 346.0, 531.0),
            (0.3, 0.95, 0.1, 410.0, 464.0),
            (0.5, 0.95, 0.05, 3_981.0, 4_850.0),
            (0.5, 0.95, 0.1, 1_081.0, 1_353.0),
            (0.3, 0.99, 0.1, 1_443.0, 1_237.0),
            (0.5, 0.99, 0.1, 3_375.0, 3_900.0),
            (1.0, 0.99, 0.1, 12_675.0, 17_025.0),
            (0.5, 0.999, 0.1, 23_100.0, 23_100.0),
        ] {
            check(&format!("sigma {sigma} p {p} margin {margin}"), &lognormal(sigma, p, margin), holds, detects);
        }
        for (predicted, margin, holds, detects) in [
            (0.01, 0.005, 3_392.0, 6_975.0),
            (0.03, 0.005, 9_969.0, 14_550.0),
            (0.05, 0.01, 4_068.0, 6_125.0),
            (0.2, 0.02, 3_426.0, 4_462.0),
            (0.76, 0.02, 3_906.0, 4_231.0),
        ] {
            check(&format!("ratio {predicted} within {margin}"), &ratio(predicted, margin), holds, detects);
        }
    }

    #[test]
    fn predicted_zero_needs_the_rule_of_three() {
        let zero = ratio(0.0, 0.001);
        assert!(zero.power(2_994.0).holds < 0.5 && zero.power(2_995.0).holds > 0.99);
    }

    #[test]
    fn a_tail_below_ten_effective_events_cannot_hold() {
        let outlook = lognormal(0.5, 0.999, 0.5);
        assert!(outlook.power(9_999.0).holds <= 0.0);
        assert!(outlook.power(20_000.0).holds > 0.9);
    }

    #[test]
    fn what_no_run_can_show_is_said_before_it() {
        let assumption = assume(Metric::Latency(0.5), 0.05, 0.0);
        let prediction = Prediction { standard_error: 4e6, ..predict(&assumption, 100e6) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let outlook = Outlook::of(&claim, |ns| (1.0 - ns / 200e6).clamp(0.0, 1.0)).expect("a prediction");
        let (power, advice) = planned(&claim, &outlook, 1e6, MINUTE);
        assert!(power.holds <= 0.0 && advice.is_some_and(|advice| advice.contains("no number")));
        assert!(outlook.power(0.0).holds <= 0.0 && outlook.power(f64::NAN).holds <= 0.0);
    }

    #[test]
    fn seconds_that_the_method_cannot_use_decide_nothing_however_many_requests_they_hold() {
        let assumption = assume(Metric::Latency(0.95), 0.1, 0.0);
        let prediction = predict(&assumption, 100e6);
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let short = Phase { warmup: Span::from_secs(1), end: Span::from_ms(8_900) };
        let (power, advice) = planned(&claim, &lognormal(0.5, 0.95, 0.1), 1e6, short);
        assert!(power.holds <= 0.0 && advice.is_some_and(|advice| advice.contains("7 s") && advice.contains("8 s")));
    }

    #[test]
    fn a_run_that_is_too_short_is_told_what_it_needs() {
        let assumption = assume(Metric::Latency(0.95), 0.1, 0.0);
        let prediction = Prediction { design_effect: 2.0, ..predict(&assumption, 100e6) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let (power, advice) = planned(&claim, &lognormal(0.5, 0.95, 0.1), 1_000.0, MINUTE);
        assert!(power.holds < 0.5);
        let needed = lognormal(0.5, 0.95, 0.1).requests_for(0.8, 2.0).expect("a number");
        assert!((needed / (1_081.0 * 2.0 * PRICE_OF_ESTIMATING) - 1.0).abs() < 0.05, "{needed}");
        assert!(advice.is_some_and(|advice| advice.contains("80 % need about 2,8") && advice.contains("1,000 are planned")));
    }
}
