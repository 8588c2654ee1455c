//! What is claimed: margins, ceilings, and budgets for the errors of one party.

use super::*;
use crate::measure::assumption::{Allowed, Metric, Party, Ratio};

/// The last claim of the good profile.
const CLAIM: &str = "metric: throttled           # of all requests together\n    within: 1 point";

#[test]
fn margins_not_given_are_the_methods() {
    let plan = changed("within: 1 point", "within:").unwrap();
    let margin = |at: usize| match plan.expectations[at].allowed {
        Allowed::Within(margin) => margin,
        Allowed::AtMost(ceiling) => panic!("a ceiling of {ceiling}"),
    };
    let throttled = margin(2);
    assert!((throttled.relative - 0.1).abs() < 1e-9 && (throttled.absolute - 0.01).abs() < 1e-9, "{throttled:?}");
    let p50 = margin(0);
    assert!((p50.relative - 0.15).abs() < 1e-9 && (p50.absolute - 2e6).abs() < 1e-3, "{p50:?}");
}

#[test]
fn an_error_budget_is_a_ceiling_or_a_margin_for_the_errors_of_one_party() {
    let expected = |text: &str| changed(CLAIM, text).unwrap().expectations[2].clone();
    let budget = expected("metric: integration errors\n    at_most: 0.5%");
    assert_eq!(budget.metric, Metric::Ratio(Ratio::ErrorsOf(Party::Integration)));
    assert_eq!((budget.allowed, budget.name.as_str()), (Allowed::AtMost(0.005), "integration errors at most 0.5%"));
    let near = expected("metric: gateway   errors");
    assert_eq!((near.metric, near.name.as_str()), (Metric::Ratio(Ratio::ErrorsOf(Party::Gateway)), "gateway errors"));
    assert!(matches!(near.allowed, Allowed::Within(margin) if (margin.absolute - 0.001).abs() < 1e-12));
    let slow = expected("metric: latency p95\n    at_most: 200ms");
    assert_eq!(slow.allowed, Allowed::AtMost(200e6));
}

#[test]
fn a_ceiling_that_says_nothing_or_cannot_be_proven_is_refused() {
    for (claim, said) in [
        ("metric: errors\n    at_most: 0%", "can never be proven"),
        ("metric: errors\n    at_most: 100%", "no ceiling"),
        ("metric: errors\n    at_most: 5ms", "no share of the requests"),
        ("metric: latency p50\n    at_most: 5%", "no latency"),
        ("metric: errors\n    within: 1 point\n    at_most: 5%", "one of within and at_most"),
        ("metric: errors of gateway\n    at_most: 5%", "gateway errors"),
    ] {
        let problems = broken(CLAIM, claim);
        assert!(problems.contains(said), "{claim}: {problems}");
    }
}
