//! The whole way on made-up runs: replications, predictions, edges, planned power, a driven run, verdicts.
//!
//! As `command` goes it, with the quickstart's shape: 18 s after the warm-up, 200 requests a second, three assumptions.

use std::sync::Arc;

use sluicegate_policy::seed::Seed;
use sluicegate_policy::time::Span;

use crate::measure::assumption::{Allowed, Assumption, Margin, Metric, Prediction, Ratio};
use crate::measure::record::{Answer, Verdict};
use crate::measure::recorder::{Detail, Layout};
use crate::measure::scripted::{answered, failed};
use crate::measure::{Outcome, Record, Recorder};
use crate::traffic::SeriesId;

use super::power::{Outlook, Power, planned, slower_in};
use super::predict::{edges, is_precise, predict, with_design_effect};
use super::{Claim, Context, Course, Phase, decide, judge};

const PHASE: Phase = Phase { warmup: Span::from_secs(2), end: Span::from_secs(20) };
const PER_SECOND: u64 = 180;

fn assumptions() -> [Assumption; 3] {
    let about = |series, metric, relative, absolute| Assumption {
        series,
        metric,
        allowed: Allowed::Within(Margin { relative, absolute }),
        name: format!("{metric}"),
    };
    [
        about(Some(SeriesId(0)), Metric::Latency(0.5), 0.15, 0.0),
        about(Some(SeriesId(0)), Metric::Latency(0.95), 0.15, 0.0),
        about(None, Metric::Ratio(Ratio::Throttled), 0.0, 0.01),
    ]
}

/// One run: lognormal latencies (median 24 ms, sigma .5) times `slower`.
fn run(layout: &Arc<Layout>, seed: Seed, slower: f64) -> Recorder {
    let mut recorder = Recorder::new(layout.clone());
    let mut stream = seed.stream();
    for n in 0..20 * PER_SECOND {
        let normal = (-2.0 * stream.unit().ln()).sqrt() * (std::f64::consts::TAU * stream.unit()).cos();
        recorder.on_sample(&answered(n as f64 / PER_SECOND as f64, 24.0 * slower * (0.5 * normal).exp()));
    }
    recorder
}

struct Plan {
    assumptions: [Assumption; 3],
    predictions: Vec<Option<Prediction>>,
    powers: Vec<Power>,
    layout: Arc<Layout>,
}

fn plan() -> Plan {
    let layout = |edges| {
        let series = vec!["GET /orders/{id}".to_owned()];
        Arc::new(Layout { series, warmup: PHASE.warmup, duration: PHASE.end, edges, detail: Detail::Totals })
    };
    let replications = |layout: &Arc<Layout>| -> Vec<Recorder> {
        (0..20).map(|n| run(layout, Seed::new(7).child("model").nth(n), 1.0)).collect()
    };
    let assumptions = assumptions();
    let blind = replications(&layout(Vec::new()));
    let mut predictions: Vec<_> = assumptions.iter().map(|assumption| predict(assumption, &blind)).collect();
    let layout = layout(edges(&assumptions, &predictions));
    let counted = replications(&layout);
    let mut powers = Vec::new();
    for (assumption, prediction) in assumptions.iter().zip(&mut predictions) {
        let known = prediction.expect("every quantity is seen");
        assert!(is_precise(assumption, &known), "{known:?}");
        let known = with_design_effect(assumption, &known, &counted, PHASE);
        let claim = Claim::of(assumption, &known).expect("numbers");
        powers.push(
            planned(
                &claim,
                &Outlook::of(&claim, slower_in(&claim, &counted)).expect("a prediction"),
                (18 * PER_SECOND) as f64,
                PHASE,
            )
            .0,
        );
        *prediction = Some(known);
    }
    Plan { assumptions, predictions, powers, layout }
}

fn verdicts(plan: &Plan, driven: &Recorder) -> Vec<Verdict> {
    let judged = plan.assumptions.iter().zip(&plan.predictions).zip(&plan.powers).map(|((assumption, prediction), power)| {
        let context = Context { phase: PHASE, course: Course::Steady, planned_power: Some(power.holds), noise: None };
        judge(assumption, prediction.as_ref(), driven, &context)
    });
    decide(judged.collect())
}

#[test]
fn a_right_model_holds_as_often_as_planned_and_is_never_violated() {
    let plan = plan();
    assert!(plan.powers.iter().all(|power| power.holds > 0.99), "{:?}", plan.powers);
    let mut not_held = 0;
    for seed in 0..200 {
        for verdict in verdicts(&plan, &run(&plan.layout, Seed::new(seed).child("driven"), 1.0)) {
            assert_ne!(verdict.answer, Answer::Violated, "seed {seed}: {verdict:?}");
            assert_eq!(verdict.requests, 18 * PER_SECOND);
            not_held += u32::from(verdict.answer != Answer::Holds);
        }
    }
    assert!(not_held <= 6, "{not_held} of 600 verdicts did not hold");
}

#[test]
fn a_target_that_fails_at_once_is_not_quick() {
    let plan = plan();
    let verdicts_with = |status: u16, every: u64| {
        let mut recorder = Recorder::new(plan.layout.clone());
        let mut stream = Seed::new(3).child("failing").stream();
        for n in 0..20 * PER_SECOND {
            let normal = (-2.0 * stream.unit().ln()).sqrt() * (std::f64::consts::TAU * stream.unit()).cos();
            let at = n as f64 / PER_SECOND as f64;
            let refused = n.is_multiple_of(every);
            recorder.on_sample(&if refused {
                answered(at, 0.5).status(status)
            } else {
                answered(at, 24.0 * (0.5 * normal).exp())
            });
        }
        verdicts(&plan, &recorder)
    };
    let failing = verdicts_with(503, 12);
    assert_eq!(failing[1].answer, Answer::Violated, "{}", failing[1].because);
    assert!(failing[1].because.contains("or failed"), "{}", failing[1].because);
    assert!(failing[1].observed.is_none_or(|ns| ns > 60e6), "its quantile is among the slow");
    // Half of all turned away: the latency is that of the others.
    let throttled = verdicts_with(429, 2);
    let answers: Vec<Answer> = throttled.iter().map(|verdict| verdict.answer).collect();
    assert_eq!(answers, [Answer::Holds, Answer::Holds, Answer::Violated]);
    assert_eq!(throttled[0].requests, 9 * PER_SECOND);
}

#[test]
fn a_target_that_dies_in_the_middle_violates_its_tail() {
    let plan = plan();
    let died = |dead: std::ops::Range<u64>| {
        let mut recorder = Recorder::new(plan.layout.clone());
        let mut stream = Seed::new(4).child("dying").stream();
        for n in 0..20 * PER_SECOND {
            let normal = (-2.0 * stream.unit().ln()).sqrt() * (std::f64::consts::TAU * stream.unit()).cos();
            let at = n as f64 / PER_SECOND as f64;
            recorder.on_sample(&if dead.contains(&(n / PER_SECOND)) {
                failed(at, Outcome::Refused)
            } else {
                answered(at, 24.0 * (0.5 * normal).exp())
            });
        }
        let verdicts = verdicts(&plan, &recorder);
        verdicts.into_iter().map(|verdict| verdict.answer).collect::<Vec<_>>()
    };
    for dies in [8, 11] {
        let [p50, p95, throttled] = died(dies..20)[..] else { panic!("three assumptions") };
        assert_eq!((p95, throttled), (Answer::Violated, Answer::Holds), "dies at {dies} s");
        assert_ne!(p50, Answer::Holds, "dies at {dies} s");
    }
}

#[test]
fn a_slower_target_violates_exactly_the_latencies() {
    let plan = plan();
    for seed in 0..10 {
        let verdicts = verdicts(&plan, &run(&plan.layout, Seed::new(seed).child("driven"), 1.5));
        let answers: Vec<Answer> = verdicts.iter().map(|verdict| verdict.answer).collect();
        assert_eq!(answers, [Answer::Violated, Answer::Violated, Answer::Holds], "seed {seed}");
        let p50 = &verdicts[0];
        let (low, high) = p50.interval.expect("an interval");
        assert!(low < 36e6 * 1.05 && high > 36e6 * 0.95 && low > p50.band.expect("a band").1, "{p50:?}");
        assert!(p50.because.contains("took longer than"), "{}", p50.because);
    }
}
