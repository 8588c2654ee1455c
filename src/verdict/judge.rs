//! Holds, violated, or inconclusive: the three-way rule on one assumption (method 3.1 to 3.4).
//!
//! Owns the rule: "holds" when both ends of the 90 % interval are proven to lie within the band, "violated" when the data
//! prove one side of it wrong; the gate below which no upper bound is trusted; and what an inconclusive run would have
//! needed. Refuses to say "violated" by itself: the family of all assumptions decides that ([`family`](super::family)). Pure.

use hdrhistogram::Histogram;

use crate::measure::Recorder;
use crate::measure::assumption::{Assumption, Metric, Prediction};
use crate::measure::record::{Answer, Unit, Verdict};

use super::batches::{Phase, SECONDS_MIN};
use super::bounds::Share;
use super::claim::{Claim, Ends, Line};
use super::{interval, steady, words};

/// Level of each of the two tests of "holds"; together the 90 % interval.
pub const HOLDS_ALPHA: f64 = 0.05;
/// Level of "violated", shared by the whole family.
pub const VIOLATED_ALPHA: f64 = 0.01;
/// Effective tail events that a trusted upper bound needs.
pub const TAIL_EVENTS_MIN: f64 = 10.0;

/// Smallest level that is told apart.
const ALPHA_MIN: f64 = 1e-12;
/// Times longer than this run beyond which "more of the same" is no advice.
const LONGER_MAX: f64 = 1e4;

/// What the judge must know of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Context {
    /// The part that is judged.
    pub phase: Phase,
    /// Whether the plan keeps one rate.
    pub arrivals: Arrivals,
    /// Probability of "holds" that was planned for this assumption before the run.
    pub planned_power: Option<f64>,
}

/// Whether the plan keeps one rate: only then must the halves of the run agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Constant or Poisson.
    Steady,
    /// Ramps, steps, spikes, recorded timing.
    Varying,
}

/// What was measured for one claim.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Events and trials of each second, at each end of the claim's bands.
    pub rows: Ends<&'a [(u32, u32)]>,
    /// Response times of the answered, for the displayed value of a latency.
    pub distribution: Option<&'a Histogram<u64>>,
}

/// An assumption judged alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The answer as far as it goes without "violated".
    pub verdict: Verdict,
    /// The evidence against it, if any was sought.
    pub against: Option<Against>,
}

/// Evidence that an assumption is violated.
#[derive(Clone, Debug, PartialEq)]
pub struct Against {
    /// The smallest level at which this assumption alone would be violated; 1 if not even at [`VIOLATED_ALPHA`].
    pub p_value: f64,
    /// What the data prove, in words.
    pub because: String,
}

impl<'a> Observed<'a> {
    /// What a recorder has measured for this claim; `None` if its layout lacks one of the claim's edges.
    pub fn of(recorder: &'a Recorder, claim: &Claim) -> Option<Self> {
        let rows = |line: &Line| recorder.edge_index(&line.edge).map(|index| recorder.edge_counts(index));
        let rows = claim.lines().try_map(rows)?;
        Some(Self { rows, distribution: recorder.response(claim.assumption.series) })
    }
}

/// Judges one assumption. `observed` is `None` if nothing was counted for it.
pub fn judge(assumption: &Assumption, prediction: Option<&Prediction>, recorder: &Recorder, context: &Context) -> Judged {
    let Some(claim) = prediction.and_then(|prediction| Claim::of(assumption, prediction)) else {
        return undecided(
            blank(assumption, context),
            "the model predicts no value for it, so that there is nothing to hold it against",
        );
    };
    match Observed::of(recorder, &claim) {
        Some(observed) => judge_claim(&claim, &observed, context),
        None => undecided(described(&claim, context), "nothing was counted at the ends of its band during this run"),
    }
}

/// Judges a claim from what was counted at its lines.
pub fn judge_claim(claim: &Claim, observed: &Observed, context: &Context) -> Judged {
    let verdict = described(claim, context);
    let Some(_) = context.phase.batches() else {
        let because = format!(
            "{} s after the warm-up are too short: the method needs {SECONDS_MIN} s to see how far the data depend on each other",
            context.phase.seconds()
        );
        return undecided(verdict, because);
    };
    match Evidence::of(claim, observed, context) {
        Some(evidence) => evidence.judged(verdict, observed, context),
        None => undecided(verdict, "no action of it was measured after the warm-up"),
    }
}

/// A share and the limit that it is held against.
#[derive(Clone, Copy, Debug)]
struct Side {
    share: Share,
    limit: f64,
}

/// All that decides one claim.
struct Evidence<'a> {
    claim: &'a Claim<'a>,
    sides: Ends<Side>,
    /// The share at the busiest line: most trials' worth of information, and the one whose halves are compared.
    busiest: Share,
    changed: bool,
}

impl<'a> Evidence<'a> {
    fn of(claim: &'a Claim<'a>, observed: &Observed, context: &Context) -> Option<Self> {
        let side = |(line, rows): &(Line, &[(u32, u32)])| {
            let share = Share::of(&context.phase.cut(rows)?)?;
            Some(Side { share: share.with_clustering(claim.prediction.design_effect), limit: line.limit })
        };
        let sides = claim.lines().zip(observed.rows).try_map(side)?;
        let busiest = sides.iter().next()?.share;
        let busiest_rows = observed.rows.iter().next()?;
        let changed = context.arrivals == Arrivals::Steady && steady::halves_differ(&context.phase.cut(busiest_rows)?);
        Some(Self { claim, sides, busiest, changed })
    }

    fn judged(&self, verdict: Verdict, observed: &Observed, context: &Context) -> Judged {
        let verdict = self.measured(verdict, observed);
        if self.changed {
            return undecided(
                verdict,
                "its first half differs from its second: the run is not stationary; run longer, or leave more out as warm-up",
            );
        }
        let unsettled = if self.busiest.unsettled { "; the run is short against its own correlation time" } else { "" };
        let (answer, because) = if self.sides.hold(1.0) && self.gate_is_open(1.0) {
            (Answer::Holds, self.why_it_holds(&verdict))
        } else {
            (Answer::Inconclusive, format!("{}{unsettled}", self.why_not(&verdict, context)))
        };
        Judged { verdict: Verdict { answer, because, ..verdict }, against: Some(self.against()) }
    }

    /// Fills in value, interval, and what they rest on.
    fn measured(&self, verdict: Verdict, observed: &Observed) -> Verdict {
        let share = self.busiest;
        let (value, interval) = match self.claim.assumption.metric {
            Metric::Ratio(_) => (Some(share.value()), Some(interval::of_share(&share, HOLDS_ALPHA))),
            Metric::Latency(p) => {
                let like = self.sides.most_clustered().unwrap_or(share);
                let of = |histogram| interval::of_quantile(histogram, &like, p, HOLDS_ALPHA);
                let value = observed.distribution.and_then(|histogram| interval::quantile(histogram, share.trials, p));
                (value, observed.distribution.and_then(of))
            }
        };
        Verdict {
            observed: value,
            interval,
            requests: share.trials as u64,
            effective_requests: Some(share.effective_trials(HOLDS_ALPHA)),
            ..verdict
        }
    }

    /// Whether a run `k` times as long has the effective tail events that upper bounds need.
    fn gate_is_open(&self, k: f64) -> bool {
        self.tail_events(k).is_none_or(|events| events >= TAIL_EVENTS_MIN)
    }

    fn tail_events(&self, k: f64) -> Option<f64> {
        self.claim.gated_share().map(|share| share * self.busiest.scaled(k).effective_trials(HOLDS_ALPHA))
    }

    /// The smallest level at which this alone is violated, and on which side.
    fn against(&self) -> Against {
        let open = self.gate_is_open(1.0);
        let Some(direction) = self.sides.violated(VIOLATED_ALPHA, open) else {
            return Against { p_value: 1.0, because: String::new() };
        };
        let (mut low, mut high) = (ALPHA_MIN.ln(), VIOLATED_ALPHA.ln());
        while high - low > 0.01 {
            let middle = f64::midpoint(low, high);
            match self.sides.violated(middle.exp(), open) {
                Some(_) => high = middle,
                None => low = middle,
            }
        }
        Against { p_value: high.exp(), because: self.why_it_is_violated(direction) }
    }

    fn why_it_holds(&self, verdict: &Verdict) -> String {
        let band = words::range(verdict.unit, (self.claim.prediction.low, self.claim.prediction.high));
        match verdict.interval {
            Some(interval) => format!("the 90 % interval {} lies within {band}", words::range(verdict.unit, interval)),
            None => format!("both ends of the 90 % interval are proven to lie within {band}"),
        }
    }

    fn why_it_is_violated(&self, direction: Direction) -> String {
        let (word, side, end) = match direction {
            Direction::TooHigh => ("above", self.sides.wide_high, self.claim.wide.high),
            Direction::TooLow => ("below", self.sides.wide_low, self.claim.wide.low),
        };
        let (Some(side), Some(end)) = (side, end) else { return String::new() };
        let unit = self.claim.unit();
        let end = words::value(unit, end);
        let share = |share: f64| words::value(Unit::Share, share);
        match (self.claim.assumption.metric, direction) {
            (Metric::Ratio(_), Direction::TooHigh) => {
                format!("at least {} is {word} the upper end {end}", share(side.share.lower(VIOLATED_ALPHA)))
            }
            (Metric::Ratio(_), Direction::TooLow) => {
                format!("at most {} is {word} the lower end {end}", share(side.share.upper(VIOLATED_ALPHA)))
            }
            (Metric::Latency(_), Direction::TooHigh) => format!(
                "it is {word} the upper end: at least {} took longer than {end}, where {} may",
                share(side.share.lower(VIOLATED_ALPHA)),
                share(side.limit)
            ),
            (Metric::Latency(_), Direction::TooLow) => format!(
                "it is {word} the lower end: at most {} took longer than {end}, where {} should",
                share(side.share.upper(VIOLATED_ALPHA)),
                share(side.limit)
            ),
        }
    }

    /// Why nothing could be decided, and what would.
    fn why_not(&self, verdict: &Verdict, context: &Context) -> String {
        let why = match (self.claim.narrow.low.zip(self.claim.narrow.high), self.tail_events(1.0)) {
            (Some((low, high)), _) if low >= high => {
                return "the model's own error is as large as the margin: simulate more replications, or widen the margin"
                    .to_owned();
            }
            (_, Some(events)) if events < TAIL_EVENTS_MIN => {
                format!(
                    "too few requests: they are worth {events:.1} independent ones in the tail, {TAIL_EVENTS_MIN:.0} are needed"
                )
            }
            _ => match verdict.interval {
                Some(interval) => {
                    format!("the 90 % interval {} crosses an end of the band", words::range(verdict.unit, interval))
                }
                None => "the interval has no upper end: too many actions were not answered".to_owned(),
            },
        };
        let correlated = if self.busiest.design_effect > 2.0 {
            format!("; they depend on each other (design effect {:.1})", self.busiest.design_effect)
        } else {
            String::new()
        };
        format!("{why}{correlated}; {}", self.what_would_decide(context))
    }

    fn what_would_decide(&self, context: &Context) -> String {
        let decided = |k: f64| {
            let open = self.gate_is_open(k);
            (open && self.sides.hold(k)) || self.sides.scaled(k).violated(VIOLATED_ALPHA, open).is_some()
        };
        let Some(longer) = smallest_factor(decided) else {
            return "it lies so close to the end of the band that more of the same would hardly decide it".to_owned();
        };
        let more = self.busiest.trials * (longer - 1.0);
        let seconds = context.phase.as_secs_f64() * (longer - 1.0);
        format!("about {} more requests ({} s at this rate) would decide it", words::count(more), words::count(seconds.ceil()))
    }
}

/// On which side of the band the quantity is proven to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    TooHigh,
    TooLow,
}

impl Ends<Side> {
    /// Both ends of the narrow band are proven, in a run `k` times as long that shows the same.
    fn hold(&self, k: f64) -> bool {
        let above = |side: Side| side.share.scaled(k).lower(HOLDS_ALPHA) >= side.limit;
        let below = |side: Side| side.share.scaled(k).upper(HOLDS_ALPHA) <= side.limit;
        self.narrow_low.is_none_or(above) && self.narrow_high.is_none_or(below)
    }

    /// One side of the wide band is disproven at this level; what needs an upper bound is not sought behind a closed gate.
    fn violated(&self, alpha: f64, gate_is_open: bool) -> Option<Direction> {
        if self.wide_high.is_some_and(|side| side.share.lower(alpha) > side.limit) {
            Some(Direction::TooHigh)
        } else if gate_is_open && self.wide_low.is_some_and(|side| side.share.upper(alpha) < side.limit) {
            Some(Direction::TooLow)
        } else {
            None
        }
    }

    fn scaled(&self, k: f64) -> Self {
        let scaled = |side: Option<Side>| side.map(|side| Side { share: side.share.scaled(k), ..side });
        Self {
            narrow_low: scaled(self.narrow_low),
            narrow_high: scaled(self.narrow_high),
            wide_low: scaled(self.wide_low),
            wide_high: scaled(self.wide_high),
        }
    }

    fn most_clustered(&self) -> Option<Share> {
        self.iter().map(|side| side.share).max_by(|a, b| a.design_effect.total_cmp(&b.design_effect))
    }
}

/// The smallest factor above 1 (to a hundredth) at which the condition is met; `None` if not within [`LONGER_MAX`].
fn smallest_factor(is_met: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut low, mut high) = (1.0, 2.0);
    while !is_met(high) {
        (low, high) = (high, high * 2.0);
        if high > LONGER_MAX {
            return None;
        }
    }
    while high / low > 1.01 {
        let middle = f64::midpoint(low, high);
        if is_met(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

fn undecided(verdict: Verdict, because: impl Into<String>) -> Judged {
    Judged { verdict: Verdict { because: because.into(), ..verdict }, against: None }
}

/// A verdict of which only the assumption is known.
fn blank(assumption: &Assumption, context: &Context) -> Verdict {
    Verdict {
        assumption: assumption.name.clone(),
        unit: match assumption.metric {
            Metric::Latency(_) => Unit::Ns,
            Metric::Ratio(_) => Unit::Share,
        },
        answer: Answer::Inconclusive,
        predicted: None,
        observed: None,
        interval: None,
        band: None,
        requests: 0,
        effective_requests: None,
        planned_power: context.planned_power,
        because: String::new(),
    }
}

fn described(claim: &Claim, context: &Context) -> Verdict {
    let Prediction { value, low, high, .. } = *claim.prediction;
    Verdict { predicted: Some(value), band: Some((low, high)), ..blank(claim.assumption, context) }
}

#[cfg(test)]
mod tests {
    use super::super::claim::tests::{assume, predict};
    use super::super::decide;
    use super::*;
    use crate::measure::assumption::Ratio;
    use sluicegate_policy::time::Span;

    fn context(seconds: u64) -> Context {
        let phase = Phase { warmup: Span::ZERO, end: Span::from_secs(seconds) };
        Context { phase, arrivals: Arrivals::Steady, planned_power: Some(0.9) }
    }

    /// The verdict on "errors are as predicted, within so much", after seconds with these events among so many trials.
    fn errors(predicted: f64, margin: f64, design_effect: f64, rows: &[(u32, u32)]) -> Verdict {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, margin);
        let prediction = Prediction { design_effect, ..predict(&assumption, predicted) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let rows_at_ends = claim.lines().try_map(|_| Some(rows)).expect("every end");
        let observed = Observed { rows: rows_at_ends, distribution: None };
        let judged = judge_claim(&claim, &observed, &context(rows.len() as u64));
        decide(vec![judged]).remove(0)
    }

    #[test]
    fn under_eight_seconds_nothing_is_decided() {
        let verdict = errors(0.5, 0.1, 1.0, &[(500, 1_000); 7]);
        assert_eq!(verdict.answer, Answer::Inconclusive);
        assert!(verdict.because.contains("7 s"), "{}", verdict.because);
    }

    #[test]
    fn no_trials_are_inconclusive_not_a_pass() {
        let verdict = errors(0.0, 0.01, 1.0, &[(0, 0); 32]);
        assert_eq!((verdict.answer, verdict.observed), (Answer::Inconclusive, None));
        let verdict = errors(0.0, 0.01, 1.0, &[]);
        assert_eq!(verdict.answer, Answer::Inconclusive);
    }

    #[test]
    fn too_few_requests_are_told_how_many_more_would_do() {
        let verdict = errors(0.01, 0.005, 1.0, &[(1, 25); 32]);
        assert_eq!(verdict.answer, Answer::Violated, "too many is never gated: {}", verdict.because);
        let mut rows = [(0, 20); 32];
        rows.iter_mut().step_by(5).for_each(|row| row.0 = 1);
        let verdict = errors(0.01, 0.005, 1.0, &rows);
        assert_eq!(verdict.answer, Answer::Inconclusive);
        assert!(verdict.because.contains("more requests") && verdict.because.contains("too few"), "{}", verdict.because);
    }

    #[test]
    fn a_run_whose_halves_differ_is_not_judged() {
        let mut rows = [(10, 1_000); 32];
        rows[16..].iter_mut().for_each(|row| row.0 = 90);
        let verdict = errors(0.05, 0.04, 1.0, &rows);
        assert_eq!(verdict.answer, Answer::Inconclusive);
        assert!(verdict.because.contains("stationary"), "{}", verdict.because);
    }

    #[test]
    fn no_events_prove_less_where_the_model_says_that_they_come_in_bursts() {
        let rows = [(0, 160); 32];
        assert_eq!(errors(0.0, 0.001, 1.0, &rows).answer, Answer::Holds);
        assert_eq!(errors(0.0, 0.001, 40.0, &rows).answer, Answer::Inconclusive);
    }

    #[test]
    fn a_model_less_certain_than_the_margin_proves_nothing() {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, 0.01);
        let prediction = Prediction { standard_error: 0.01, ..predict(&assumption, 0.1) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let rows = [(100, 1_000); 32];
        let observed = Observed { rows: claim.lines().try_map(|_| Some(&rows[..])).expect("ends"), distribution: None };
        let judged = judge_claim(&claim, &observed, &context(32));
        assert_eq!(judged.verdict.answer, Answer::Inconclusive);
        assert!(judged.verdict.because.contains("replications"), "{}", judged.verdict.because);
    }

    #[test]
    fn without_a_prediction_there_is_no_verdict() {
        let assumption = assume(Metric::Latency(0.5), 0.1, 0.0);
        let recorder = Recorder::new(std::sync::Arc::default());
        let nothing = judge(&assumption, None, &recorder, &context(32));
        let nonsense = judge(&assumption, Some(&predict(&assumption, f64::NAN)), &recorder, &context(32));
        let uncounted = judge(&assumption, Some(&predict(&assumption, 1e6)), &recorder, &context(32));
        for judged in [nothing, nonsense, uncounted] {
            assert_eq!((judged.verdict.answer, judged.against), (Answer::Inconclusive, None));
        }
    }
}
