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
        Allowed::AtMost(limit) | Allowed::AtLeast(limit) => panic!("a limit of {limit}"),
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
        ("metric: errors\n    within: 1 point\n    at_most: 5%", "one of within, at_most and at_least"),
        ("metric: errors\n    at_most: 5%\n    at_least: 1%", "one of within, at_most and at_least"),
        ("metric: throttled\n    at_least: 0%", "there can be no less"),
        ("metric: throttled\n    at_least: 1s", "no share of the requests"),
        ("metric: latency p50\n    at_least: 1ms", "an answer may always come sooner"),
        ("metric: errors of gateway\n    at_most: 5%", "gateway errors"),
    ] {
        let problems = broken(CLAIM, claim);
        assert!(problems.contains(said), "{claim}: {problems}");
    }
}

#[test]
fn a_claim_may_be_one_sentence_and_is_shown_under_its_keys() {
    let said = |text: &str| changed(&format!("- {CLAIM}"), &format!("- {text}"));
    for (text, allowed, name) in [
        ("GET /orders/{id} p99 < 300ms", Allowed::AtMost(3e8), "GET /orders/{id} latency p99 at most 300ms"),
        ("errors < 0.1 %", Allowed::AtMost(0.001), "errors at most 0.1%"),
        ("throttled > 20 %", Allowed::AtLeast(0.2), "throttled at least 20%"),
    ] {
        let plan = said(text).unwrap();
        let claim = &plan.expectations[2];
        assert_eq!((claim.allowed, claim.name.as_str()), (allowed, name));
        let shown = plan.resolved.pointer("/profile/expect/2").unwrap();
        let keys: Vec<&str> = shown.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.last(), Some(&if text.contains('<') { "at_most" } else { "at_least" }), "{shown}");
        let problems = jsonschema::validator_for(&schema()).unwrap();
        let written = GOOD.replacen(&format!("- {CLAIM}"), &format!("- {text}"), 1);
        assert!(problems.is_valid(&as_written(&written)), "{text}");
    }
    let near = said("latency p50 within 15%").unwrap();
    assert!(matches!(near.expectations[2].allowed, Allowed::Within(margin) if (margin.relative - 0.15).abs() < 1e-9));
}

#[test]
fn a_sentence_that_is_no_claim_is_refused_with_its_line_and_the_cure() {
    let line = 1 + GOOD.lines().position(|line| line.contains("metric: throttled ")).unwrap();
    let refused = |text: &str| changed(&format!("- {CLAIM}"), &format!("- {text}")).expect_err("it is no claim");
    for (text, said) in [
        ("GET /orders/{id} p999 < 300ms", "\"GET /orders/{id} p999\" does not end in a metric; write e.g."),
        ("GET /order/{id} p99 < 300ms", "did you mean \"GET /orders/{id}\""),
        ("errors < lots", "\"lots\" is not a ceiling; write e.g."),
        ("errors < 300ms", "\"300ms\" is no share of the requests; write e.g."),
        ("p99 < 1%", "\"1%\" is no latency; write e.g."),
        ("p99 > 1ms", "\"1ms\" is no floor of a latency"),
        ("errors within 5ms", "is not the margin of a share of the requests"),
        ("throughput > 100/s", "is not a ceiling"),
    ] {
        let problems = refused(text);
        assert!(problems.starts_with(&format!("p.yaml:{line}:5: expect[2]: ")) && problems.contains(said), "{text}: {problems}");
    }
}
