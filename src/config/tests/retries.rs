//! A client that tries again: what it does by default, and what is refused where it stands.

use super::*;
use crate::load::retry::{Jitter, Policy};
use sluicegate_policy::time::Span;

/// The good profile with these retries.
fn retrying(keys: &str) -> Result<Plan, String> {
    changed("  connections: 64\n", &format!("  connections: 64\n  retries: {{ {keys} }}\n"))
}

#[test]
fn retries_have_the_defaults_of_clients_in_the_field_and_are_off_unless_asked_for() {
    assert_eq!(plan(GOOD).unwrap().run.retries, None);
    let plan = retrying("").unwrap();
    let usual = Policy {
        attempts: 3,
        statuses: vec![429, 502, 503, 504],
        network: true,
        backoff: Span::from_ms(100),
        max_backoff: Span::from_secs(20),
        jitter: Jitter::Full,
        budget: Some(200_000),
    };
    assert_eq!(plan.run.retries, Some(usual));
    let shown = &plan.resolved["profile"]["run"]["retries"];
    let written = serde_json::json!({
        "attempts": 3, "on": [429, 502, 503, 504, "network"], "backoff": "100ms", "max_backoff": "20s", "jitter": "full", "budget": "20%",
    });
    assert_eq!(shown, &written);
    assert!(jsonschema::validator_for(&schema()).unwrap().is_valid(&plan.resolved["profile"]));
}

#[test]
fn each_key_is_read() {
    let keys = "attempts: 10, on: [500], backoff: 30s, jitter: none, budget: none";
    let policy = retrying(keys).unwrap().run.retries.unwrap();
    assert_eq!((policy.attempts, policy.statuses, policy.network), (10, vec![500], false));
    assert_eq!((policy.backoff, policy.max_backoff), (Span::from_secs(30), Span::from_secs(30)), "no longest below the first");
    assert_eq!((policy.jitter, policy.budget), (Jitter::None, None));
    assert_eq!(
        retrying("budget: 12.5%, on: [network]").unwrap().run.retries.map(|it| (it.budget, it.network)),
        Some((Some(125_000), true))
    );
}

#[test]
fn retries_that_cannot_be_are_refused_where_they_stand() {
    let line = GOOD.lines().position(|line| line.contains("connections: 64")).unwrap() + 2;
    for (keys, key, said) in [
        ("attempts: 1", "run.retries.attempts", "1 is not a number of attempts; write 2 to 10"),
        ("attempts: 11", "run.retries.attempts", "write 2 to 10"),
        ("atempts: 3", "run.retries.atempts", "did you mean \"attempts\"?"),
        ("on: []", "run.retries.on", "tried again after nothing"),
        ("on: [200]", "run.retries.on[0]", "write an HTTP status from 400 to 599, or network"),
        ("on: [429, 503, 429]", "run.retries.on[2]", "429 stands here twice"),
        ("on: [net]", "run.retries.on[0]", "\"net\" is not what a request is tried again after"),
        ("backoff: 0s", "run.retries.backoff", "write a time above 0s"),
        ("backoff: 2h", "run.retries.backoff", "at most 1h"),
        ("backoff: 2s, max_backoff: 1s", "run.retries.max_backoff", "write a time from 2s"),
        ("max_backoff: 2h", "run.retries.max_backoff", "to 1h"),
        ("jitter: some", "run.retries.jitter", "write full, equal or none"),
        ("budget: 120%", "run.retries.budget", "is not a retry budget; write 0% to 100%"),
    ] {
        let problems = retrying(keys).unwrap_err();
        assert!(problems.contains(&format!("p.yaml:{line}:")) && problems.contains(key), "{keys}: {problems}");
        assert!(problems.contains(said), "{keys}: {problems}");
    }
}

#[test]
fn with_retries_the_highest_planned_rate_is_a_ceiling_of_all_that_is_sent() {
    assert_eq!(plan(GOOD).unwrap().safety.ceilings.target, None);
    let safety = retrying("").unwrap().safety;
    assert!(safety.max_rate.is_some());
    assert_eq!(safety.ceilings.target, safety.max_rate);
}
