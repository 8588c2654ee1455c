//! What a good profile is proven into.

use super::*;
use sluicegate_policy::model::Integration;
use sluicegate_policy::time::Span;

use crate::load::traffic::{Pace, Spacing};
use crate::traffic::{Outgoing, SeriesId};

fn first_request(plan: &Plan, template: usize) -> Outgoing {
    let mut out = Outgoing::default();
    plan.catalog.templates[template].fill(1, 0, &mut out);
    out
}

#[test]
fn requests_are_counted_under_the_route_that_they_mean() {
    let plan = changed(
        "    - request: GET /health\n",
        "    - request: GET /nowhere\n    - request: GET /orders/7\n    - request: GET /health\n",
    )
    .unwrap();
    assert_eq!(plan.catalog.series, ["GET /orders/{id}", "GET /nowhere", "GET /health"]);
    let series: Vec<SeriesId> = plan.traffic.unwrap().mix.iter().map(|share| share.series).collect();
    assert_eq!(series, [SeriesId(0), SeriesId(1), SeriesId(0), SeriesId(2)]);
}

#[test]
fn a_body_of_keys_is_sent_as_json_and_its_texts_hold_fields() {
    let plan = changed(
        "    - request: GET /health\n",
        "    - request: POST /orders\n      with: { sku: [a] }\n      body: { sku: \"{sku}\", count: 2, gift: true, 'k{': [1.50, null] }\n    - request: GET /health\n",
    )
    .unwrap();
    let request = first_request(&plan, 1);
    assert_eq!(String::from_utf8(request.body).unwrap(), r#"{"sku":"a","count":2,"gift":true,"k{":[1.5,null]}"#);
    assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
}

#[test]
fn no_output_shows_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "s3cr3t-{value}\n").unwrap();
    let text = GOOD
        .replace(
            "      weight: 9\n",
            "      weight: 9\n      headers: { x-api-key: \"${file:key}\" }\n      query: { k: \"${file:key}\" }\n",
        )
        .replace("duration: 20s", "headers: { authorization: \"Bearer ${file:key}\" }\n  duration: 20s");
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, text).unwrap();
    let overrides = Overrides {
        headers: vec!["Cookie: id=s3cr3t-flag".into(), "X-Shop-Auth-Token: s3cr3t-too".into()],
        ..Overrides::default()
    };
    let plan = load(&path, &overrides, &[]).unwrap();
    assert_eq!(first_request(&plan, 0).headers[0].1, "s3cr3t-{value}");
    assert_eq!(plan.catalog.headers[0].1, "Bearer s3cr3t-{value}");
    assert_eq!(plan.catalog.headers[1].1, "id=s3cr3t-flag");
    let shown = format!("{plan:?} {:#} {overrides:?}", plan.resolved);
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert!(shown.contains("Bearer ${file:key}") && shown.contains("(not shown)"));
}

#[test]
fn a_secret_that_no_header_can_hold_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "s3cr3t\nline").unwrap();
    let path = folder.path().join("p.yaml");
    for text in [
        GOOD.replace("      weight: 9\n", "      weight: 9\n      headers: { x-key: \"${file:key}\" }\n"),
        GOOD.replace("duration: 20s", "headers: { x-key: \"${file:key}\" }\n  duration: 20s"),
    ] {
        std::fs::write(&path, text).unwrap();
        let message = load(&path, &Overrides::default(), &[]).unwrap_err().to_string();
        assert!(message.contains("control character") && !message.contains("s3cr3t"), "{message}");
    }
}

#[test]
fn the_throttle_of_a_stage_for_a_route_goes_before_that_of_the_route() {
    let plan = changed(
        "    GET /orders/{id}: { integration: { lambda: orders } }",
        "    GET /orders/{id}: { integration: { lambda: orders }, throttle: { rate: 5/s, burst: 5 }, timeout: 2s }",
    )
    .unwrap();
    assert_eq!(plan.model.stages[0].route_throttles[0].1.burst.0, 5);
    assert!(matches!(plan.model.routes[0].integration, Integration::Lambda(ref lambda) if lambda.timeout == Span::from_secs(2)));
    let text = GOOD
        .replace(
            "    GET /orders/{id}: { integration: { lambda: orders } }",
            "    GET /orders/{id}: { integration: { lambda: orders }, throttle: { rate: 5/s, burst: 5 } }",
        )
        .replace(
            "burst: 150 } }",
            "burst: 150 }, route_throttles: { \"GET /orders/{id}\": { rate: 7/s, burst: 7 } } }\n    test: {}",
        );
    let stages = plan_of(&text).model.stages.clone();
    assert_eq!(stages[0].route_throttles[0].1.burst.0, 7);
    assert_eq!(stages[1].route_throttles[0].1.burst.0, 5);
}

fn plan_of(text: &str) -> Plan {
    plan(text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_shape_of_arrivals_becomes_pieces_of_a_rate() {
    let arrivals = |text: &str| {
        let plan = changed("{ poisson: 200/s }", text).unwrap();
        let Pace::Open(arrivals) = plan.traffic.unwrap().pace else { panic!("open") };
        let pieces = arrivals.pieces.iter().map(|piece| (piece.from.tokens, piece.to.tokens, piece.length)).collect::<Vec<_>>();
        (pieces, arrivals.spacing)
    };
    let seconds = Span::from_secs;
    assert_eq!(arrivals("{ constant: 9/s }"), (vec![(9, 9, seconds(20))], Spacing::Even));
    assert_eq!(
        arrivals("{ ramp: { from: 0/s, to: 9/s, over: 5s }, spacing: even }"),
        (vec![(0, 9, seconds(5)), (9, 9, seconds(15))], Spacing::Even)
    );
    assert_eq!(
        arrivals("{ steps: [{ rate: 1/s, for: 5s }, { rate: 2/s }] }"),
        (vec![(1, 1, seconds(5)), (2, 2, seconds(15))], Spacing::Poisson)
    );
    assert_eq!(
        arrivals("{ spike: { base: 1/s, peak: 9/s, at: 4s, for: 1s } }"),
        (vec![(1, 1, seconds(4)), (9, 9, seconds(1)), (1, 1, seconds(15))], Spacing::Poisson)
    );
}

#[test]
fn a_closed_model_is_held_below_the_highest_rate() {
    let plan = changed("arrivals: { poisson: 200/s }", "closed: { users: 3, think: 10ms }").unwrap();
    assert_eq!(plan.safety.ceilings.target, plan.safety.max_rate);
    assert!(matches!(plan.traffic.unwrap().pace, Pace::Closed { users: 3, .. }));
}

#[test]
fn a_profile_without_traffic_is_enough_for_the_mock() {
    let plan = plan_of("gateway: { api: rest, stages: { v1: }, routes: { GET /: { integration: { mock: } } } }");
    assert!(plan.traffic.is_none() && plan.expectations.is_empty());
    assert_eq!(plan.catalog.series, ["GET /"]);
    assert_eq!(plan.network, Network::Given { round_trip: Span::from_us(200), connect: Span::from_us(200) });
}

#[test]
fn a_function_scales_as_its_profile_says() {
    use sluicegate_policy::model::{Burst, Dispatch, PerSecond, Scaling, Throttle};
    let scaling = |text: &str| changed("concurrency: 200", text).unwrap().model.functions[0].scaling;
    let default = scaling("concurrency: 200");
    assert_eq!((default.provisioned, default.dispatch), (0, Dispatch::MostRecentlyUsed));
    // Written as 100/s or as 1,000 every 10 s: the same.
    let per_second = |rate: PerSecond| rate.tokens * 1_000_000_000 / rate.per.as_ns();
    assert_eq!(per_second(default.scale_out.rate), per_second(Scaling::default().scale_out.rate));
    let rate = PerSecond { tokens: 500, per: Span::from_secs(60) };
    let scale_out = Throttle { rate, burst: Burst(3_000) };
    let expected = Scaling { scale_out, provisioned: 12, dispatch: Dispatch::NewestCreated };
    let written = "provisioned: 12\n      scale_out: { rate: 500/min, burst: 3000 }\n      dispatch: newest_created";
    assert_eq!(scaling(written), expected);
}

#[test]
fn a_runtime_decides_the_cold_start_unless_that_is_given() {
    let median = |text: &str| {
        let plan = changed("cold_start: { p50: 320ms, p99: 900ms }", text).unwrap();
        plan.model.functions[0].cold_start.at(0.5).as_ms_f64().round()
    };
    assert!((median("runtime: java21") - 259.0).abs() < 1.5, "with 512 MB");
    assert!((median("runtime: java21\n      cold_start: 1s") - 1_000.0).abs() < 1.5);
    assert!((median("failures: 0%") - 200.0).abs() < 1.5);
}
