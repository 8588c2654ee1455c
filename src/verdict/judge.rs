//! Holds, violated, or inconclusive: the three-way rule on one assumption (method 3.1 to 3.4).
//!
//! Owns the rule: "holds" when both ends of the 90 % interval are proven to lie within the band, "violated" when the data
//! prove one side of it wrong; the gate below which no upper bound is trusted; and what an inconclusive run would have
//! needed. Refuses to say "violated" by itself: the family of all assumptions decides that ([`family`](super::family)). Pure.

use std::borrow::Cow;

use hdrhistogram::Histogram;

use crate::measure::Recorder;
use crate::measure::assumption::{Assumption, Metric, Prediction, Ratio, Told};
use crate::measure::record::{Answer, Verdict};

use super::batches::Phase;
use super::claim::{Claim, Ends, Line};
use super::evidence::Evidence;
use super::noise::Noise;
use super::replicated;

/// Level of each of the two tests of "holds"; together the 90 % interval.
pub const HOLDS_ALPHA: f64 = 0.05;
/// Level of "violated", shared by the whole family.
pub const VIOLATED_ALPHA: f64 = 0.01;
/// Effective tail events that a trusted upper bound needs.
pub const TAIL_EVENTS_MIN: f64 = 10.0;

/// What holds for a verdict on a plan that varies where no replications show how its runs differ (method 3.6).
const APPROXIMATE: &str =
    "; this plan changes on its way, so that its batches are not exchangeable: take the interval as approximate";

/// Smallest level that is told apart.
pub(super) const ALPHA_MIN: f64 = 1e-12;

/// What no client can see.
const NOT_JOINED: &str = "where the time of a request goes only the gateway's access log tells, and none was joined, or no line of it has this part: run with \
     --access-log FILE, or keep the samples (--samples) and join the log when it is there: sluicegate report RUN --access-log FILE; the stage's \
     log format needs requestId, responseLatency, integrationLatency and authorizer.latency";

/// What the judge must know of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Context<'a> {
    /// The part that is judged.
    pub phase: Phase,
    /// Whether the plan changes on its way.
    pub course: Course,
    /// Probability of "holds" that was planned for this assumption before the run.
    pub planned_power: Option<f64>,
    /// Of a plan that varies, how its runs differ by the model, where that is known.
    pub noise: Option<&'a Noise>,
}

/// Whether the plan changes on its way: only of one that does not must the halves of the run agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// One rate (constant or Poisson), and the same deployments from beginning to end.
    Steady,
    /// Ramps, steps, spikes, recorded timing; or a stage moves to another deployment.
    Varying,
}

/// What was measured for one claim.
#[derive(Clone, Debug)]
pub struct Observed<'a> {
    /// Events and trials of each second, at each end of the claim's bands.
    pub rows: Ends<&'a [(u32, u32)]>,
    /// Times of what was admitted of its series and did not fail, for the displayed value of a latency.
    pub times: Option<Times<'a>>,
}

/// Times of a series, and how many a quantile of them is taken over.
#[derive(Clone, Debug)]
pub struct Times<'a> {
    /// Of what was admitted and did not fail.
    pub histogram: Cow<'a, Histogram<u64>>,
    /// These, and what took for ever.
    pub trials: u64,
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

impl Judged {
    /// Says what the method does not vouch for: where the plan itself varies, whatever the answer.
    fn with_caveat(mut self, course: Course) -> Self {
        if course == Course::Varying {
            let sentences =
                self.against.as_mut().map(|against| &mut against.because).into_iter().chain([&mut self.verdict.because]);
            sentences.for_each(|because| because.push_str(APPROXIMATE));
        }
        self
    }
}

impl<'a> Observed<'a> {
    /// What a recorder has measured for this claim; `None` if its layout lacks one of the claim's edges.
    pub fn of(recorder: &'a Recorder, claim: &Claim) -> Option<Self> {
        let rows = |line: &Line| recorder.edge_index(&line.edge).map(|index| recorder.edge_counts(index));
        let rows = claim.lines().try_map(rows)?;
        let channel = recorder.channel(claim.assumption.series);
        let times = match claim.assumption.metric {
            Metric::Part(part, _) => channel.and_then(|channel| {
                let times = channel.parts()?.of(part).clone();
                Some(Times { trials: times.len(), histogram: Cow::Owned(times) })
            }),
            Metric::Latency(_) | Metric::Ratio(_) => channel.map(|channel| Times {
                trials: channel.latency_trials(),
                histogram: match channel {
                    Cow::Borrowed(channel) => Cow::Borrowed(channel.admitted()),
                    Cow::Owned(channel) => Cow::Owned(channel.admitted().clone()),
                },
            }),
        };
        Some(Self { rows, times })
    }
}

/// Judges one assumption. `observed` is `None` if nothing was counted for it.
pub fn judge(assumption: &Assumption, prediction: Option<&Prediction>, recorder: &Recorder, context: &Context) -> Judged {
    let Some(claim) = Claim::about(assumption, prediction) else {
        return undecided(
            blank(assumption, context),
            "the model predicts no value for it, so that there is nothing to hold it against",
        )
        .with_caveat(context.course);
    };
    match Observed::of(recorder, &claim) {
        Some(observed) => judge_claim(&claim, &observed, context),
        None => undecided(described(&claim, context), "nothing was counted at the ends of its band during this run")
            .with_caveat(context.course),
    }
}

/// Judges a claim from what was counted at its lines.
pub fn judge_claim(claim: &Claim, observed: &Observed, context: &Context) -> Judged {
    let verdict = described(claim, context);
    if let (Course::Varying, Some(noise)) = (context.course, context.noise) {
        return replicated::judged(claim, observed, noise, verdict.clone())
            .unwrap_or_else(|| undecided(verdict, nothing_measured(claim)));
    }
    let judged = if let Some(because) = context.phase.too_short() {
        undecided(verdict, because)
    } else {
        match Evidence::of(claim, observed, context) {
            Some(evidence) => evidence.judged(verdict, observed, context),
            None => undecided(verdict, nothing_measured(claim)),
        }
    };
    judged.with_caveat(context.course)
}

const fn nothing_measured(claim: &Claim) -> &'static str {
    match claim.assumption.metric {
        Metric::Latency(_) => {
            "no admitted action of it was measured after the warm-up (answers with 429 have no part in a latency)"
        }
        Metric::Part(..) => NOT_JOINED,
        Metric::Ratio(Ratio::Told(told, _)) => untold(told),
        Metric::Ratio(Ratio::Throttled | Ratio::Errors | Ratio::ErrorsOf(_)) => "no action of it was measured after the warm-up",
    }
}

/// What nobody but the gateway knows, and why nobody told it.
const fn untold(what: Told) -> &'static str {
    match what {
        Told::AuthorizerHits => {
            "nobody told how often an authorizer's answer was kept: a live gateway does not, and only its logs may show it; the bundled \
             mock does, if it came to its end and a request asked an authorizer"
        }
        Told::ColdStarts => {
            "nobody told how often an environment had to start: a live gateway does not, and only its function's logs may show it; the \
             bundled mock does, if it came to its end and a function was invoked"
        }
        Told::CacheHits => {
            "nobody told how often the cache had the answer: a live gateway does not, and only its logs may show it; the bundled mock \
             does, if it came to its end and a request looked there"
        }
    }
}

/// An assumption that cannot be judged, and why.
pub fn unjudged(assumption: &Assumption, claim: Option<&Claim>, context: &Context, because: impl Into<String>) -> Judged {
    let verdict = claim.map_or_else(|| blank(assumption, context), |claim| described(claim, context));
    undecided(verdict, because).with_caveat(context.course)
}

impl Judged {
    /// The same without any evidence, for this reason: what was measured is shown, and proves nothing (method 3.5).
    pub fn set_aside(self, because: &str) -> Self {
        let Self { verdict, .. } = self;
        undecided(Verdict { answer: Answer::Inconclusive, ..verdict }, because)
    }
}

pub(super) fn undecided(verdict: Verdict, because: impl Into<String>) -> Judged {
    Judged { verdict: Verdict { because: because.into(), ..verdict }, against: None }
}

/// A verdict of which only the assumption is known.
fn blank(assumption: &Assumption, context: &Context) -> Verdict {
    Verdict {
        assumption: assumption.name.clone(),
        unit: assumption.metric.unit(),
        answer: Answer::Inconclusive,
        predicted: None,
        observed: None,
        interval: None,
        band: None,
        requests: 0,
        effective_requests: None,
        planned_power: context.planned_power,
        standard_error: None,
        design_effect: None,
        more_s: None,
        because: String::new(),
    }
}

fn described(claim: &Claim, context: &Context) -> Verdict {
    let predicted = claim.prediction.map(|prediction| prediction.value);
    Verdict {
        predicted,
        band: Some(claim.allowed),
        standard_error: claim.prediction.map(|prediction| prediction.standard_error).filter(|error| error.is_finite()),
        design_effect: claim.prediction.map(|prediction| prediction.design_effect).filter(|effect| effect.is_finite()),
        ..blank(claim.assumption, context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::claim::tests::{assume, predict};
    use super::super::decide;
    use super::*;
    use crate::measure::assumption::{Allowed, Event, Party};
    use crate::measure::parts::Part;
    use sluicegate_policy::time::Span;

    fn context(seconds: u64) -> Context<'static> {
        let phase = Phase { warmup: Span::ZERO, end: Span::from_secs(seconds) };
        Context { phase, course: Course::Steady, planned_power: Some(0.9), noise: None }
    }

    /// The verdict on "errors are as predicted, within so much", after seconds with these events among so many trials.
    fn errors(predicted: f64, margin: f64, design_effect: f64, rows: &[(u32, u32)]) -> Verdict {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, margin);
        let prediction = Prediction { design_effect, ..predict(&assumption, predicted) };
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let rows_at_ends = claim.lines().try_map(|_| Some(rows)).expect("every end");
        let observed = Observed { rows: rows_at_ends, times: None };
        let judged = judge_claim(&claim, &observed, &context(rows.len() as u64));
        decide(vec![judged]).remove(0)
    }

    #[test]
    fn under_eight_seconds_nothing_is_decided() {
        let verdict = errors(0.5, 0.1, 1.0, &[(500, 1_000); 7]);
        assert_eq!(verdict.answer, Answer::Inconclusive);
        assert!(verdict.because.contains("7 s"), "{}", verdict.because);
    }

    /// The verdict on "errors of the integration are at most so many", with these sure and these possible among 1,000 in each second.
    fn budget(ceiling: f64, predicted: Option<f64>, sure: u32, possible: u32) -> Verdict {
        let metric = Metric::Ratio(Ratio::ErrorsOf(Party::Integration));
        let assumption = Assumption { allowed: Allowed::AtMost(ceiling), ..assume(metric, 0.0, 0.0) };
        let prediction = predicted.map(|predicted| predict(&assumption, predicted));
        let claim = Claim::about(&assumption, prediction.as_ref()).expect("a claim");
        let (sure, possible) = ([(sure, 1_000); 32], [(possible, 1_000); 32]);
        let rows = |line: &Line| match line.edge.event {
            Event::PerhapsOf(_) => Some(&possible[..]),
            Event::Ratio(_) | Event::SlowerThan(_) | Event::PartAbove(..) | Event::PartPerhapsAbove(..) => Some(&sure[..]),
        };
        let observed = Observed { rows: claim.lines().try_map(rows).expect("every end"), times: None };
        decide(vec![judge_claim(&claim, &observed, &context(32))]).remove(0)
    }

    #[test]
    fn a_budget_is_kept_by_what_may_be_its_errors_and_broken_by_what_surely_are() {
        assert_eq!(budget(0.01, Some(0.0), 3, 3).answer, Answer::Holds);
        assert_eq!(budget(0.01, Some(0.0), 30, 30).answer, Answer::Violated);
        let open = budget(0.01, Some(0.0), 3, 30);
        assert_eq!(open.answer, Answer::Inconclusive);
        assert!(open.because.contains("2.7 % more") && open.because.contains("do not say whose"), "{}", open.because);
        assert!(open.interval.is_some_and(|(low, high)| low < 0.003 && high > 0.03), "{:?}", open.interval);
        assert_eq!(budget(0.01, Some(0.0), 30, 60).answer, Answer::Violated, "what is sure is enough");
    }

    #[test]
    fn a_part_is_judged_by_what_is_sure_at_the_resolution_of_its_log() {
        let assumption = assume(Metric::Part(Part::Integration, 0.5), 0.1, 0.0);
        let prediction = predict(&assumption, 20e6);
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        // Of 1,000 in each second so many surely took longer than a line, and so many may have.
        let answer = |sure: [u32; 2], perhaps: [u32; 2]| {
            let at_low = |limit: Span| limit < Span::from_ms(20);
            let cells = [sure[0], sure[1], perhaps[0], perhaps[1]].map(|events| [(events, 1_000); 32]);
            let rows = |line: &Line| match line.edge.event {
                Event::PartAbove(_, limit) => Some(&cells[usize::from(!at_low(limit))][..]),
                Event::PartPerhapsAbove(_, limit) => Some(&cells[2 + usize::from(!at_low(limit))][..]),
                Event::Ratio(_) | Event::SlowerThan(_) | Event::PerhapsOf(_) => None,
            };
            let observed = Observed { rows: claim.lines().try_map(rows).expect("every end"), times: None };
            decide(vec![judge_claim(&claim, &observed, &context(32))]).remove(0)
        };
        assert_eq!(answer([700, 300], [750, 350]).answer, Answer::Holds);
        assert_eq!(answer([900, 700], [950, 750]).answer, Answer::Violated, "surely slower");
        assert_eq!(answer([300, 50], [350, 60]).answer, Answer::Violated, "surely quicker");
        // Whether the median lies above the upper end hangs on how the log was rounded.
        assert_eq!(answer([900, 400], [950, 600]).answer, Answer::Inconclusive);
        let nothing = judge(&assumption, Some(&prediction), &Recorder::new(std::sync::Arc::default()), &context(32));
        assert_eq!(nothing.verdict.answer, Answer::Inconclusive);
        let aside = judge_claim(
            &claim,
            &Observed { rows: claim.lines().try_map(|_| Some(&[(1_000, 1_000); 32][..])).expect("ends"), times: None },
            &context(32),
        );
        let aside = aside.set_aside("the log lacks lines");
        assert_eq!((aside.verdict.answer, aside.against), (Answer::Inconclusive, None));
        assert_eq!(aside.verdict.because, "the log lacks lines");
    }

    #[test]
    fn a_ceiling_needs_no_prediction() {
        for predicted in [None, Some(0.5)] {
            assert_eq!(budget(0.01, predicted, 3, 3).answer, Answer::Holds, "{predicted:?}");
            assert_eq!(budget(0.01, predicted, 30, 30).answer, Answer::Violated, "{predicted:?}");
        }
        // 32,000 requests prove "at most 0.01 %" where a model says that errors come one by one; without one nobody knows.
        let answers = [Some(0.0), None].map(|predicted| budget(0.0001, predicted, 0, 0).answer);
        assert_eq!(answers, [Answer::Holds, Answer::Inconclusive]);
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
    fn a_run_whose_halves_differ_neither_holds_nor_is_too_low() {
        let mut rows = [(10, 1_000); 32];
        rows[16..].iter_mut().for_each(|row| row.0 = 90);
        for predicted in [0.05, 0.5] {
            let verdict = errors(predicted, 0.04, 1.0, &rows);
            assert_eq!(verdict.answer, Answer::Inconclusive, "{predicted}");
            assert!(verdict.because.contains("stationary"), "{}", verdict.because);
        }
    }

    #[test]
    fn a_target_that_dies_on_the_way_is_violated() {
        for dies in [12, 16, 20] {
            let mut rows = [(1, 1_000); 32];
            rows[dies..].iter_mut().for_each(|row| row.0 = 1_000);
            let verdict = errors(0.001, 0.01, 1.0, &rows);
            assert_eq!(verdict.answer, Answer::Violated, "at {dies} s: {}", verdict.because);
        }
    }

    #[test]
    fn a_plan_that_varies_is_judged_with_a_caveat_whatever_the_answer() {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, 0.01);
        let answers = [0.05, 0.5, 0.06].map(|predicted| {
            let prediction = predict(&assumption, predicted);
            let claim = Claim::of(&assumption, &prediction).expect("numbers");
            let judged = |course| {
                let rows = [(50, 1_000); 32];
                let observed = Observed { rows: claim.lines().try_map(|_| Some(&rows[..])).expect("ends"), times: None };
                decide(vec![judge_claim(&claim, &observed, &Context { course, ..context(32) })]).remove(0)
            };
            let (steady, varying) = (judged(Course::Steady), judged(Course::Varying));
            assert_eq!(varying.because, format!("{}{APPROXIMATE}", steady.because));
            assert_eq!(varying.answer, steady.answer);
            varying.answer
        });
        assert_eq!(answers, [Answer::Holds, Answer::Violated, Answer::Inconclusive]);
        let nothing = judge(
            &assumption,
            None,
            &Recorder::new(std::sync::Arc::default()),
            &Context { course: Course::Varying, ..context(32) },
        );
        assert!(nothing.verdict.because.ends_with(APPROXIMATE));
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
        let observed = Observed { rows: claim.lines().try_map(|_| Some(&rows[..])).expect("ends"), times: None };
        let judged = judge_claim(&claim, &observed, &context(32));
        assert_eq!(judged.verdict.answer, Answer::Inconclusive);
        assert!(judged.verdict.because.contains("replications"), "{}", judged.verdict.because);
    }

    #[test]
    fn what_only_the_mock_tells_is_inconclusive_where_nobody_told_it() {
        let assumption = assume(Metric::Ratio(Ratio::Told(Told::AuthorizerHits, None)), 0.0, 0.02);
        let prediction = predict(&assumption, 0.7);
        let claim = Claim::of(&assumption, &prediction).expect("numbers");
        let judged = |rows: &[(u32, u32)]| {
            let observed = Observed { rows: claim.lines().try_map(|_| Some(rows)).expect("ends"), times: None };
            decide(vec![judge_claim(&claim, &observed, &context(32))]).remove(0)
        };
        let untold = judged(&[]);
        assert_eq!(untold.answer, Answer::Inconclusive);
        assert!(untold.because.contains("a live gateway does not"), "{}", untold.because);
        assert_eq!(judged(&[(700, 1_000); 32]).answer, Answer::Holds);
        assert_eq!(judged(&[(400, 1_000); 32]).answer, Answer::Violated);
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
