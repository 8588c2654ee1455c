//! How often made-up histories are marked, and where.

use sluicegate_policy::seed::Seed;

use super::super::claim::tests::assume;
use super::super::earlier::tests::{Run, judged_after};
use super::*;
use crate::measure::assumption::{Metric, Ratio};

const MARGIN: f64 = 0.1;
const RUNS: usize = 10;

/// A history of two routes' medians: in which run what was marked, for runs that take so many times as long.
fn marks(seed: Seed, actions: impl Fn(usize) -> usize, factors: [&dyn Fn(usize) -> f64; 2]) -> Vec<(usize, String)> {
    let assumptions = ["a", "b"].map(|name| Assumption { name: name.to_owned(), ..assume(Metric::Latency(0.5), MARGIN, 0.0) });
    let mut trend = Trend::default();
    let mut found = Vec::new();
    for run in 0..RUNS {
        let routes = [0, 1].map(|route| {
            let fresh = Run::lognormal(actions(run), 0.0, seed.nth((2 * run + route) as u64));
            fresh.slowed(factors[route](run))
        });
        let predicts = routes.each_ref().map(|it| move |assumption: &Assumption| it.predicts(assumption));
        let judges = routes.each_ref().map(|it| move |claim: &Claim| judged_after(it, claim));
        let shown: Vec<Shown<'_>> = (0..2)
            .map(|route| Shown { assumption: &assumptions[route], predict: &predicts[route], judge: &judges[route] })
            .collect();
        found.extend(trend.on_run(&shown).into_iter().map(|change| (run, assumptions[change.quantity].name.clone())));
    }
    found
}

const HISTORIES: u64 = 100;

fn histories() -> impl Iterator<Item = Seed> {
    (0..HISTORIES).map(|history| Seed::new(2027).child("trend").nth(history))
}

#[test]
fn a_history_in_which_nothing_changes_is_marked_no_more_often_than_promised() {
    let same = |_: usize| 1.0;
    let marked = histories().filter(|seed| !marks(*seed, |_| 2_000, [&same, &same]).is_empty()).count();
    assert_eq!(marked, 0, "the margin comes on top of the level");
}

#[test]
fn the_hardest_truth_that_is_within_the_margin_is_marked_no_more_often_than_promised() {
    // Every later run lies at the very end of the band around the truth of the first, which is noisier than they are.
    let at_the_end = |run: usize| if run == 0 { 1.0 } else { 1.0 + MARGIN };
    let actions = |run: usize| if run == 0 { 1_000 } else { 4_000 };
    let marked = histories().filter(|seed| !marks(*seed, actions, [&at_the_end, &at_the_end]).is_empty()).count();
    // 2 % are promised: of a hundred histories two, and with more than six in one of 200 trials only.
    assert!(marked <= 6, "{marked} of {HISTORIES}");
}

#[test]
fn a_change_is_marked_at_its_run_and_nowhere_else() {
    let (same, slower) = (|_: usize| 1.0, |run: usize| if run < 6 { 1.0 } else { 1.3 });
    let factors: [&dyn Fn(usize) -> f64; 2] = [&same, &slower];
    let right = histories().take(50).filter(|seed| marks(*seed, |_| 8_000, factors) == [(6, "b".to_owned())]).count();
    assert!(right >= 49, "{right} of 50");
}

#[test]
fn a_change_and_its_end_are_two() {
    let (same, once) = (|_: usize| 1.0, |run: usize| if run == 4 { 1.5 } else { 1.0 });
    let factors: [&dyn Fn(usize) -> f64; 2] = [&once, &same];
    let right = |found: &[(usize, String)]| found == [(4, "a".to_owned()), (5, "a".to_owned())];
    let all = histories().take(20).filter(|seed| right(&marks(*seed, |_| 3_000, factors))).count();
    assert!(all >= 19, "{all} of 20");
}

#[test]
fn what_creeps_is_found_though_no_step_leaves_the_margin() {
    let creeping = |run: usize| 1.0 + 0.05 * run as f64;
    let factors: [&dyn Fn(usize) -> f64; 2] = [&creeping, &creeping];
    let found = histories().take(20).filter(|seed| marks(*seed, |_| 3_000, factors).len() >= 2).count();
    assert_eq!(found, 20);
}

#[test]
fn the_parts_of_the_level_add_up_to_the_level() {
    let used: f64 = (1..100_000).map(|comparison| 1.0 / parts(comparison) as f64).sum();
    assert!(used < 1.0 && used > 0.999, "{used}");
}

#[test]
fn holm_shares_a_comparisons_part_among_its_quantities() {
    let judged = |p_values: &[f64]| {
        let assumption = assume(Metric::Ratio(Ratio::Errors), 0.0, 0.01);
        let context = super::super::Context {
            phase: super::super::earlier::tests::PHASE,
            course: super::super::Course::Steady,
            planned_power: None,
            noise: None,
        };
        let one = |p_value: &f64| {
            let against = super::super::judge::Against { p_value: *p_value, because: String::new() };
            Judged { against: Some(against), ..super::super::judge::unjudged(&assumption, None, &context, "") }
        };
        p_values.iter().map(one).enumerate().collect::<Vec<_>>()
    };
    let which = |p_values: &[f64], comparison| {
        let all = rejected(judged(p_values), parts(comparison) * p_values.len());
        all.into_iter().map(|(quantity, _)| quantity).collect::<Vec<_>>()
    };
    // The first comparison has half of the level: 0.0025 for the first of two, then 0.005.
    assert_eq!(which(&[0.004, 0.002], 1), [0, 1]);
    assert_eq!(which(&[0.004, 0.003], 1), [] as [usize; 0]);
    assert_eq!(which(&[0.006, 0.002], 1), [1]);
    // The second has a sixth.
    assert_eq!(which(&[0.002], 2), [] as [usize; 0]);
    assert_eq!(which(&[0.0016], 2), [0]);
}
