//! How often each answer comes when one made-up run is held against another and the truth of both is known.

use sluicegate_policy::seed::{Seed, Stream};

use super::super::claim::Line;
use super::super::claim::tests::assume;
use super::super::judge::{Context, Judged, Observed, judge_claim};
use super::super::power::Power;
use super::super::{Phase, decide};
use super::*;
use crate::measure::assumption::Told;
use crate::measure::channel::growing;
use crate::measure::record::{Answer, Verdict};

const SECONDS: usize = 32;
pub(in crate::verdict) const PHASE: Phase = Phase { warmup: Span::ZERO, end: Span::from_secs(SECONDS as u64) };
const MARGIN: f64 = 0.1;
const MEDIAN_NS: f64 = 100e6;
const SIGMA: f64 = 0.5;
const RUNS: u64 = 150;

/// A made-up run: its actions' latencies in order, evenly spread over its seconds.
pub(in crate::verdict) struct Run(Vec<f64>);

impl Run {
    /// Lognormal latencies with an AR(1) logarithm.
    pub(in crate::verdict) fn lognormal(actions: usize, correlation: f64, seed: Seed) -> Self {
        let stream = &mut seed.stream();
        let fresh = (1.0 - correlation * correlation).sqrt();
        let mut level = normal(stream);
        let next = |_| {
            level = correlation * level + fresh * normal(stream);
            MEDIAN_NS * (SIGMA * level).exp()
        };
        Self((0..actions).map(next).collect())
    }

    /// Independent outcomes: 1 for an event.
    fn outcomes(actions: usize, share: f64, seed: Seed) -> Self {
        let stream = &mut seed.stream();
        Self((0..actions).map(|_| if stream.unit() < share { 1.0 } else { 0.0 }).collect())
    }

    pub(in crate::verdict) fn slowed(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|ns| ns * factor).collect())
    }

    fn rows(&self, event: Event) -> Vec<(u32, u32)> {
        let limit = match event {
            Event::SlowerThan(limit) => limit.as_ns() as f64,
            Event::Ratio(_) | Event::PerhapsOf(_) | Event::PartAbove(..) | Event::PartPerhapsAbove(..) => 0.5,
        };
        let mut rows = vec![(0, 0); SECONDS];
        for (at, value) in self.0.iter().enumerate() {
            let row: &mut (u32, u32) = &mut rows[at * SECONDS / self.0.len()];
            row.0 += u32::from(*value > limit);
            row.1 += 1;
        }
        rows
    }

    fn times(&self) -> Histogram<u64> {
        let mut times = growing();
        self.0.iter().for_each(|ns| times.record(*ns as u64).expect("it grows"));
        times
    }

    pub(in crate::verdict) fn predicts(&self, assumption: &Assumption) -> Result<Prediction, String> {
        let times = self.times();
        predict(assumption, &Shown { rows: &|event| self.rows(event), times: &times, phase: PHASE, course: Course::Steady })
    }

    /// The verdict on this run after the one that gave the prediction.
    fn after(&self, assumption: &Assumption, prediction: &Prediction) -> Verdict {
        let claim = Claim::after_run(assumption, Some(prediction), 1).expect("numbers");
        decide(vec![judged_after(self, &claim)]).remove(0)
    }
}

/// What becomes of a claim in a run.
pub(in crate::verdict) fn judged_after(run: &Run, claim: &Claim) -> Judged {
    let rows = claim.lines().try_map(|line: &Line| Some(run.rows(line.edge.event))).expect("every end");
    let context = Context { phase: PHASE, course: Course::Steady, planned_power: None, noise: None };
    judge_claim(claim, &Observed { rows: rows.as_deref(), times: None }, &context)
}

/// Box and Muller's normal deviate.
fn normal(stream: &mut Stream) -> f64 {
    (-2.0 * stream.unit().ln()).sqrt() * (std::f64::consts::TAU * stream.unit()).cos()
}

/// The share of a normal distribution below `x`.
fn below(x: f64) -> f64 {
    0.5 * statrs::function::erf::erfc(-x / std::f64::consts::SQRT_2)
}

/// How often an answer came, and how often it was planned.
#[derive(Clone, Copy, Debug, Default)]
struct Shares {
    holds: f64,
    violated: f64,
    planned: f64,
}

/// The share of the made-up latencies that are slower, where all take `factor` times as long.
fn slower(ns: f64, factor: f64) -> f64 {
    below(-(ns / factor / MEDIAN_NS).ln() / SIGMA)
}

/// What was planned for the later run, `factor` times as slow, when the earlier one was over: the noise of that is in the claim.
fn planned(claim: &Claim, actions: usize, factor: f64) -> Power {
    let at = |line: &Line| match line.edge.event {
        Event::SlowerThan(limit) => Some((slower(limit.as_ns() as f64, factor), line.limit)),
        Event::Ratio(_) | Event::PerhapsOf(_) | Event::PartAbove(..) | Event::PartPerhapsAbove(..) => None,
    };
    let lines = claim.lines();
    let right = lines.try_map(at).expect("latencies");
    let outlook = Outlook { right, wrong_high: lines.wide_high.as_ref().and_then(at), gated: claim.gated_share() };
    outlook.power(actions as f64 / claim.design_effect() / PRICE_OF_ESTIMATING)
}

/// How often the answers come when the later run takes each of these factors as long.
fn answers<const N: usize>((p, margin): (f64, f64), actions: [usize; 2], correlation: f64, factors: [f64; N]) -> [Shares; N] {
    let assumption = assume(Metric::Latency(p), margin, 0.0);
    let seed = Seed::new(2027).child("before and after");
    let mut shares = [Shares::default(); N];
    let each = 1.0 / RUNS as f64;
    for run in 0..RUNS {
        let [before, after] = [0, 1].map(|side| Run::lognormal(actions[side], correlation, seed.nth(2 * run + side as u64)));
        let prediction = before.predicts(&assumption).expect("a prediction");
        let claim = Claim::after_run(&assumption, Some(&prediction), 1).expect("numbers");
        for (factor, shares) in factors.into_iter().zip(&mut shares) {
            let power = planned(&claim, actions[1], factor);
            shares.planned += each * if factor > 1.0 { power.violated } else { power.holds };
            match after.slowed(factor).after(&assumption, &prediction).answer {
                Answer::Holds => shares.holds += each,
                Answer::Violated => shares.violated += each,
                Answer::Inconclusive => {}
            }
        }
    }
    shares
}

/// Checks the error rates, and that what is the same holds and a change of two margins is found at least about as often as planned.
fn check(p: f64, margin: f64, actions: usize, correlation: f64) {
    let factors = [1.0, 1.0 + margin, 1.0 + 2.0 * margin, 1.0 - margin];
    let [same, at_margin, twice, below_margin] = answers((p, margin), [actions, actions], correlation, factors);
    assert!(same.violated <= 0.0, "violated where nothing changed: {}", same.violated);
    for edge in [&at_margin, &below_margin] {
        assert!(edge.holds <= 0.07 && edge.violated <= 0.025, "at the margin: {edge:?}");
    }
    let expected = |found: f64, shares: &Shares| found >= shares.planned - 0.1 && found <= shares.planned + 0.25;
    assert!(twice.planned > 0.4 && expected(twice.violated, &twice), "two margins: {twice:?}");
    assert!(same.planned > 0.4 && expected(same.holds, &same), "nothing changed: {same:?}");
}

#[test]
fn two_runs_of_independent_requests_are_told_apart_as_often_as_planned() {
    check(0.99, 0.1, 20_000, 0.0);
    check(0.5, 0.1, 3_000, 0.0);
}

#[test]
fn two_runs_whose_requests_depend_on_each_other_are_told_apart_as_often_as_planned() {
    check(0.95, 0.2, 60_000, 0.95);
    check(0.5, 0.1, 60_000, 0.95);
}

#[test]
fn a_noisy_earlier_run_convicts_no_precise_later_one() {
    let [same, at_margin, far] = answers((0.5, 0.05), [120, 60_000], 0.0, [1.0, 1.05, 2.0]);
    assert!(same.violated <= 0.0 && at_margin.violated <= 0.02 && at_margin.holds <= 0.07, "{same:?} {at_margin:?}");
    assert!(far.violated > 0.95, "what is plain is said all the same: {far:?}");
}

#[test]
fn shares_are_told_apart_with_the_noise_of_both_runs() {
    let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, 0.01);
    let seed = Seed::new(2028);
    let mut counts = [[0; 2]; 3];
    for run in 0..RUNS {
        let before = Run::outcomes(20_000, 0.05, seed.child("before").nth(run)).predicts(&assumption).expect("a prediction");
        for (truth, counts) in [0.05, 0.06, 0.08].into_iter().zip(&mut counts) {
            let after = Run::outcomes(20_000, truth, seed.child("after").nth(run));
            match after.after(&assumption, &before).answer {
                Answer::Holds => counts[0] += 1,
                Answer::Violated => counts[1] += 1,
                Answer::Inconclusive => {}
            }
        }
    }
    let [same, at_margin, thrice] = counts;
    assert!(same[1] == 0 && same[0] * 10 >= RUNS * 7, "{counts:?}");
    assert!(at_margin[0] * 100 <= RUNS * 7 && at_margin[1] * 40 <= RUNS, "{counts:?}");
    assert!(thrice[1] * 100 >= RUNS * 98, "{counts:?}");
}

#[test]
fn no_events_before_prove_a_bound_only_if_the_runs_were_long_enough_to_show_some() {
    let assumption = assume(Metric::Ratio(Ratio::Throttled), 0.0, 0.01);
    let silent = |actions| Run::outcomes(actions, 0.0, Seed::new(3));
    let refused = silent(500).predicts(&assumption).expect_err("five events at most");
    assert!(refused.contains("too few requests") && refused.contains("10 are needed"), "{refused}");
    let before = silent(4_000).predicts(&assumption).expect("a prediction");
    assert_eq!((before.value, before.low, before.high), (0.0, 0.0, 0.01));
    assert!(before.standard_error > 0.0, "what was not seen may be");
    assert_eq!(silent(4_000).after(&assumption, &before).answer, Answer::Holds);
    assert_eq!(silent(800).after(&assumption, &before).answer, Answer::Inconclusive, "eight events at most");
    assert_eq!(Run::outcomes(4_000, 0.05, Seed::new(3)).after(&assumption, &before).answer, Answer::Violated);
}

#[test]
fn an_earlier_run_that_stands_for_nothing_says_why() {
    let p99 = assume(Metric::Latency(0.99), MARGIN, 0.0);
    let why = |run: &Run| run.predicts(&p99).expect_err("it stands for nothing");
    assert!(why(&Run::lognormal(800, 0.0, Seed::new(1))).contains("too few requests"));
    let mut grows = Run::lognormal(20_000, 0.0, Seed::new(1));
    grows.0.iter_mut().enumerate().filter(|(at, _)| *at > 10_000).for_each(|(_, ns)| *ns *= 2.0);
    assert!(why(&grows).contains("not stationary"));
    let hits = assume(Metric::Ratio(Ratio::Told(Told::AuthorizerHits, None)), 0.0, 0.1);
    let untold = Shown { rows: &|_| Vec::new(), times: &growing(), phase: PHASE, course: Course::Steady };
    assert!(predict(&hits, &untold).expect_err("nobody told").contains("nobody told it"));
    let short = Phase { warmup: Span::ZERO, end: Span::from_secs(7) };
    let times = growing();
    let shown = Shown { rows: &|_| Vec::new(), times: &times, phase: short, course: Course::Steady };
    assert!(predict(&p99, &shown).expect_err("too short").contains("7 s"));
}

#[test]
fn an_earlier_run_as_noisy_as_the_margin_leaves_no_room_and_says_whose_noise_it_is() {
    let assumption = assume(Metric::Latency(0.5), 0.02, 0.0);
    let run = |seed| Run::lognormal(2_000, 0.0, Seed::new(seed));
    let before = run(1).predicts(&assumption).expect("a prediction");
    let verdict = run(2).after(&assumption, &before);
    assert_eq!(verdict.answer, Answer::Inconclusive);
    assert!(verdict.because.contains("the earlier run's own noise"), "{}", verdict.because);
}

#[test]
fn the_planned_power_of_a_pair_grows_with_the_later_run() {
    let assumption = assume(Metric::Latency(0.95), MARGIN, 0.0);
    let before = Run::lognormal(20_000, 0.0, Seed::new(5));
    let prediction = before.predicts(&assumption).expect("a prediction");
    let claim = Claim::after_run(&assumption, Some(&prediction), 1).expect("numbers");
    let times = before.times();
    let shown = Shown { rows: &|event| before.rows(event), times: &times, phase: PHASE, course: Course::Steady };
    let [few, many] = [500.0, 20_000.0].map(|requests| power(&claim, &shown, requests).expect("a number"));
    assert!(few < 0.5 && many > 0.95, "{few} {many}");
}
