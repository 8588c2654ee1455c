//! When a run is to end itself: conditions that are read, and those that are refused where they stand.

use super::*;
use crate::measure::assumption::{Event, Ratio};

/// The good profile with abort conditions at its end.
fn aborting(conditions: &str) -> Result<Plan, String> {
    plan(&format!("{GOOD}abort:\n{conditions}"))
}

#[test]
fn conditions_are_read_in_their_order_and_shown_with_their_defaults() {
    let plan = aborting(
        "  - error ratio > 20 % for 10s\n  - latency p99 > 2s for 30s\n  - health: http://localhost:8080/health\n  \
         - { health: \"http://127.0.0.1/\", fails: 1, timeout: 500ms }\n",
    )
    .unwrap();
    let [errors, latency] = &plan.abort.thresholds[..] else { panic!("{:?}", plan.abort) };
    assert_eq!((errors.event, errors.over, errors.seconds), (Event::Ratio(Ratio::Errors), 0.2, 10));
    assert_eq!((latency.event, latency.seconds), (Event::SlowerThan(sluicegate_policy::time::Span::from_secs(2)), 30));
    assert!((latency.over - 0.01).abs() < 1e-12);
    let [health, eager] = &plan.abort.health[..] else { panic!("{:?}", plan.abort) };
    assert_eq!((health.fails, health.timeout.as_ns(), eager.fails, eager.timeout.as_ns()), (3, 1_000_000_000, 1, 500_000_000));
    let shown = &plan.resolved["profile"]["abort"];
    assert_eq!(shown[0], "errors > 20% for 10s");
    assert_eq!(shown[2]["timeout"], "1s");
    let names = [
        "errors > 20% for 10s",
        "latency p99 > 2s for 30s",
        "health http://localhost:8080/health fails 3 times",
        "health http://127.0.0.1 fails once",
    ];
    assert_eq!(plan.resolved["derived"]["abort"], serde_json::json!(names));
    let validator = jsonschema::validator_for(&schema()).unwrap();
    assert!(validator.is_valid(&plan.resolved["profile"]));
}

#[test]
fn a_condition_that_cannot_be_is_refused_where_it_stands() {
    let line = GOOD.lines().count() + 2;
    for (condition, key, said) in [
        ("errors > 120% for 10s", "abort[0]", "\"120%\" is not a limit"),
        ("erors > 20% for 10s", "abort[0]", "\"erors\" is nothing that a run can be aborted by"),
        ("errors > 20% for 0s", "abort[0]", "write whole seconds"),
        ("errors > 20%", "abort[0]", "write e.g. \"errors > 20% for 10s\""),
        ("[errors]", "abort[0]", "an abort condition is expected"),
        ("health: nonsense", "abort[0].health", "is not a target"),
        ("{ health: \"http://h/\", fails: 0 }", "abort[0].fails", "write 1 to"),
        ("{ health: \"http://h/\", timeout: 0s }", "abort[0].timeout", "write a time above 0s"),
        ("{ healht: \"http://h/\" }", "abort[0].healht", "did you mean \"health\"?"),
    ] {
        let problems = aborting(&format!("  - {condition}\n")).unwrap_err();
        let place = format!("p.yaml:{line}:");
        assert!(problems.contains(&place) && problems.contains(key) && problems.contains(said), "{condition}: {problems}");
    }
    assert!(aborting("  - errors > 20% for 9s\n  - error ratio > 20 % for 9s\n").unwrap_err().contains("stands here twice"));
    let many: Vec<String> = (1..=33).map(|n| format!("  - errors > 20% for {n}s\n")).collect();
    assert!(aborting(&many.concat()).unwrap_err().contains("more than 32"));
}

#[test]
fn a_health_check_goes_where_traffic_may_go() {
    let refused = aborting("  - health: https://api.example.com/health\n").unwrap_err();
    assert!(refused.contains("api.example.com is not this machine"), "{refused}");
    let allowed = GOOD.replacen("max_rate: 500/s", "max_rate: 500/s, allow: [api.example.com]", 1);
    assert!(plan(&format!("{allowed}abort:\n  - health: https://api.example.com/health\n")).is_ok());
}
