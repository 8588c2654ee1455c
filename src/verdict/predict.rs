//! From simulated runs to predictions, and to the lines at which the driven run counts.
//!
//! Owns the value (the quantile or ratio of all replications pooled: a mean of quantiles would be biased in short runs), its
//! standard error (of the mean over replications), and the design effect (of the variance between batches, averaged over
//! replications before it is compared, so that it is not the largest of noisy ones). Refuses to simulate: `command` runs the
//! replications, first without edges, then with them. Pure.

use std::borrow::Cow;

use hdrhistogram::Histogram;

use crate::measure::Recorder;
use crate::measure::assumption::{Allowed, Assumption, Edge, Metric, Prediction, Ratio};
use crate::measure::channel::{Channel, growing};
use crate::measure::edges::ratio_event;
use crate::measure::estimate::standard_error;
use crate::traffic::SeriesId;

use super::batches::Phase;
use super::bounds::effects;
use super::claim::Claim;
use super::interval;
use super::noise::Noise;

/// Fewest replications from which a standard error can be taken.
pub const REPLICATIONS_MIN: usize = 2;

/// What the model predicts for an assumption, from replications of the run with different seeds of the model.
///
/// `None` if there are fewer than [`REPLICATIONS_MIN`], if nothing of the series happened in one of them, or if the quantile
/// lies among actions that failed. The design effect is 1 until [`with_design_effect`] has seen the edges.
pub fn predict(assumption: &Assumption, replications: &[Recorder]) -> Option<Prediction> {
    if replications.len() < REPLICATIONS_MIN {
        return None;
    }
    let of = |runs: &[&Recorder]| value(assumption.series, assumption.metric, runs);
    let values: Vec<f64> = replications.iter().map(|run| of(&[run])).collect::<Option<_>>()?;
    let pooled = of(&replications.iter().collect::<Vec<_>>())?;
    let (low, high) = assumption.allowed.band(assumption.metric, pooled);
    Some(Prediction { value: pooled, standard_error: standard_error(&values)?, low, high, design_effect: 1.0 })
}

/// The same for a single run of a plan that varies, whose statistic spreads around that of the median run (method 3.6).
pub fn of_one_run(assumption: &Assumption, noise: &Noise) -> Prediction {
    let value = noise.median();
    let (low, high) = assumption.allowed.band(assumption.metric, value);
    Prediction { value, standard_error: noise.standard_error(), low, high, design_effect: 1.0 }
}

/// The lines at which a run must count exactly to judge these assumptions, each once.
pub fn edges(assumptions: &[Assumption], predictions: &[Option<Prediction>]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (assumption, prediction) in assumptions.iter().zip(predictions) {
        let Some(claim) = Claim::about(assumption, prediction.as_ref()) else { continue };
        let lines = claim.lines();
        for line in lines.iter().chain([&claim.line_at_value()]) {
            if !edges.contains(&line.edge) {
                edges.push(line.edge);
            }
        }
    }
    edges
}

/// The prediction with the design effect that its own edges show in simulated runs; unchanged if these did not count them.
pub fn with_design_effect(
    assumption: &Assumption,
    prediction: &Prediction,
    replications: &[Recorder],
    phase: Phase,
) -> Prediction {
    let Some(claim) = Claim::of(assumption, prediction) else { return *prediction };
    let (lines, at_value) = (claim.lines(), claim.line_at_value());
    let at_edges = lines.iter().chain([&at_value]).map(|line| design_effect(&line.edge, replications, phase));
    Prediction { design_effect: at_edges.fold(1.0, f64::max), ..*prediction }
}

/// Whether the model's own error is small against the margin: at most a tenth (method 3.3). A ceiling or a floor stands whatever the model says.
pub fn is_precise(assumption: &Assumption, prediction: &Prediction) -> bool {
    if let Allowed::AtMost(_) | Allowed::AtLeast(_) = assumption.allowed {
        return true;
    }
    prediction.standard_error <= (prediction.high - prediction.value) / 10.0
}

/// About how many replications would make it so, given that there were `done`.
pub fn replications_needed(prediction: &Prediction, done: usize) -> usize {
    let allowed = (prediction.high - prediction.value) / 10.0;
    let ratio = prediction.standard_error / allowed;
    // `as` saturates: a margin of zero needs more than there are.
    ((ratio * ratio * done as f64).ceil() as usize).max(REPLICATIONS_MIN)
}

/// What these runs together say of a quantity of a series, or of all; in nanoseconds, or a share. `None` if nothing of it happened in one
/// of them, or if the quantile lies among actions that failed.
pub fn value(series: Option<SeriesId>, metric: Metric, runs: &[&Recorder]) -> Option<f64> {
    let channels: Vec<Cow<'_, Channel>> = runs.iter().map(|run| run.channel(series)).collect::<Option<_>>()?;
    match metric {
        Metric::Ratio(Ratio::Told(what, of)) => {
            let told = runs.iter().map(|run| run.told(what, of));
            let (events, trials) = told.fold((0, 0), |sum, told| (sum.0 + told.0, sum.1 + told.1));
            (trials > 0).then(|| events as f64 / trials as f64)
        }
        Metric::Part(part, p) => {
            let mut pooled = growing();
            for channel in &channels {
                pooled.add(channel.parts()?.of(part)).ok()?;
            }
            interval::quantile(&pooled, pooled.len() as f64, p)
        }
        Metric::Latency(p) => {
            let mut pooled = Histogram::new_from(channels.first()?.admitted());
            pooled.auto(true);
            for channel in &channels {
                pooled.add(channel.admitted()).ok()?;
            }
            let trials: u64 = channels.iter().map(|channel| channel.latency_trials()).sum();
            interval::quantile(&pooled, trials as f64, p)
        }
        Metric::Ratio(ratio) => {
            let (mut events, mut trials) = (0, 0);
            for (ending, count) in channels.iter().flat_map(|channel| channel.endings()) {
                if let Some(event) = ratio_event(ratio, ending) {
                    trials += count;
                    events += if event { count } else { 0 };
                }
            }
            (trials > 0).then(|| events as f64 / trials as f64)
        }
    }
}

/// The design effect at one edge: the largest of the cuts' averages over replications, at least 1.
fn design_effect(edge: &Edge, replications: &[Recorder], phase: Phase) -> f64 {
    let rows = replications.iter().filter_map(|run| run.edge_index(edge).map(|index| run.edge_counts(index)));
    let cuts = rows.filter_map(|rows| phase.cut(rows)).filter(|cut| cut.iter().any(|batch| batch.events > 0));
    let of_runs: Vec<Vec<(usize, f64)>> = cuts.map(|cut| effects(&cut)).collect();
    let Some(first) = of_runs.first() else { return 1.0 };
    let mean = |cut: usize| of_runs.iter().map(|effects| effects[cut].1).sum::<f64>() / of_runs.len() as f64;
    (0..first.len()).map(mean).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::claim::tests::assume;
    use super::super::power::slower_in;
    use super::*;
    use crate::measure::recorder::{Detail, Layout};
    use crate::measure::scripted::{answered, failed};
    use crate::measure::{Outcome, Record, Sample};
    use sluicegate_policy::seed::Seed;
    use sluicegate_policy::time::Span;
    use std::sync::Arc;

    const PHASE: Phase = Phase { warmup: Span::from_secs(2), end: Span::from_secs(34) };

    fn replications(edges: &[Edge], sample: impl Fn(u64, f64) -> Sample) -> Vec<Recorder> {
        let layout = Arc::new(Layout {
            series: vec!["GET /a".to_owned()],
            warmup: PHASE.warmup,
            duration: PHASE.end,
            edges: edges.to_vec(),
            detail: Detail::Totals,
        });
        let run = |run: u64| {
            let mut recorder = Recorder::new(layout.clone());
            for n in 0..3_400 {
                recorder.on_sample(&sample(run * 3_400 + n, n as f64 / 100.0));
            }
            recorder
        };
        (0..8).map(run).collect()
    }

    fn uniform(n: u64, second: f64) -> Sample {
        answered(second, 100.0 * Seed::new(5).unit(n))
    }

    #[test]
    fn a_quantile_is_predicted_with_its_error() {
        let assumption = assume(Metric::Latency(0.5), 0.1, 0.0);
        let prediction = predict(&assumption, &replications(&[], uniform)).expect("a prediction");
        assert!((prediction.value - 50e6).abs() < 1.5e6, "{prediction:?}");
        // One run's median has a standard error of 100 ms x .5 / sqrt(3200) = .88 ms; eight runs' a third of it.
        assert!((0.1e6..0.6e6).contains(&prediction.standard_error), "{prediction:?}");
        assert!(is_precise(&assumption, &prediction));
        assert!(replications_needed(&prediction, 8) <= 16);
    }

    #[test]
    fn a_quantile_among_failures_is_not_predicted() {
        let half_fail = |n: u64, second| if n.is_multiple_of(2) { uniform(n, second) } else { failed(second, Outcome::TimedOut) };
        assert_eq!(predict(&assume(Metric::Latency(0.9), 0.1, 0.0), &replications(&[], half_fail)), None);
        let errors = predict(&assume(Metric::Ratio(Ratio::Errors), 0.1, 0.0), &replications(&[], half_fail));
        assert!(errors.is_some_and(|errors| (errors.value - 0.5).abs() < 1e-9));
    }

    #[test]
    fn what_fails_at_once_is_slow_and_what_is_throttled_is_left_out() {
        let assumption = assume(Metric::Latency(0.8), 0.1, 0.0);
        let with = |status: u16| {
            let sample = move |n: u64, at| if n.is_multiple_of(10) { answered(at, 0.1).status(status) } else { uniform(n, at) };
            let runs = replications(&[], sample);
            let prediction = predict(&assumption, &runs).expect("a prediction");
            let claim = Claim::of(&assumption, &prediction).expect("numbers");
            let (slower, at) = (slower_in(&claim, &runs), claim.line_at_value());
            let edges = [at.edge];
            let counted = replications(&edges, sample);
            let rows = counted.iter().flat_map(|run| run.edge_counts(0));
            let (events, trials) = rows.fold((0, 0), |(e, n), row| (e + row.0, n + row.1));
            let exact = f64::from(events) / f64::from(trials);
            assert!((slower(prediction.value) - exact).abs() < 1e-3, "{exact}: histograms and counters are of one mind");
            prediction.value / 1e6
        };
        // Of the others, uniform to 100 ms, a share of 8/9 makes 8/10 of all; or they are all there is.
        for (status, value) in [(500, 800.0 / 9.0), (404, 700.0 / 9.0), (429, 80.0)] {
            assert!((with(status) - value).abs() < 1.5, "{status}: {} for {value}", with(status));
        }
    }

    #[test]
    fn one_replication_or_none_predicts_nothing() {
        let assumption = assume(Metric::Latency(0.5), 0.1, 0.0);
        assert_eq!(predict(&assumption, &replications(&[], uniform)[..1]), None);
        assert_eq!(predict(&assumption, &[]), None);
    }

    #[test]
    fn bursts_show_as_a_design_effect_and_independence_as_none() {
        let assumption = assume(Metric::Ratio(Ratio::Throttled), 0.0, 0.05);
        let effect = |sample: &dyn Fn(u64, f64) -> Sample| {
            let prediction = predict(&assumption, &replications(&[], sample)).expect("a prediction");
            let edges = edges(std::slice::from_ref(&assumption), &[Some(prediction)]);
            assert_eq!(edges.len(), 1, "a ratio is counted once");
            with_design_effect(&assumption, &prediction, &replications(&edges, sample), PHASE).design_effect
        };
        let chance = |n: u64, second| answered(second, 1.0).status(if Seed::new(9).unit(n) < 0.1 { 429 } else { 200 });
        let burst = |n: u64, second: f64| answered(second, 1.0).status(if (n / 100).is_multiple_of(10) { 429 } else { 200 });
        assert!(effect(&chance) < 1.6, "{}", effect(&chance));
        assert!(effect(&burst) > 20.0, "{}", effect(&burst));
    }

    #[test]
    fn a_latency_is_counted_at_its_value_and_on_both_sides_of_the_ends_of_its_band() {
        let assumption = assume(Metric::Latency(0.5), 0.1, 0.0);
        let prediction = super::super::claim::tests::predict(&assumption, 100e6);
        assert_eq!(edges(std::slice::from_ref(&assumption), &[Some(prediction)]).len(), 5);
        assert_eq!(edges(&[assumption], &[None]), []);
    }
}
