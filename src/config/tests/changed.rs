//! What flags and drifts change in a plan.

use super::*;
use sluicegate_policy::latency::Latency;
use sluicegate_policy::model::{Integration, MockIntegration, PerSecond};
use sluicegate_policy::time::Span;

use crate::load::traffic::Pace;

fn p50(plan: &Plan) -> Span {
    plan.model.functions[0].duration.at(0.5)
}

fn per_second(tokens: u64) -> PerSecond {
    PerSecond { tokens, per: Span::from_secs(1) }
}

#[test]
fn a_drift_changes_the_model_and_nothing_else() {
    let (before, after) = (plan(GOOD).unwrap(), drifted(&["functions.orders.duration * 1.5"]).unwrap());
    assert_eq!(p50(&before), Span::from_ms(24));
    assert_eq!(p50(&after), Span::from_ms(36));
    for u in [0.01, 0.5, 0.99, 0.9999] {
        let (slow, fast) = (after.model.functions[0].duration.at(u), before.model.functions[0].duration.at(u));
        assert!((slow.as_secs_f64() / fast.as_secs_f64() - 1.5).abs() < 1e-6, "all quantiles are scaled: {slow} {fast}");
    }
    assert_eq!((after.traffic, after.run, after.expectations), (before.traffic, before.run, before.expectations));
}

#[test]
fn drifts_act_in_their_order_and_on_defaults_too() {
    assert_eq!(p50(&drifted(&["functions.orders.duration = 10ms", "functions.orders.duration * 2"]).unwrap()), Span::from_ms(20));
    assert_eq!(p50(&drifted(&["functions.orders.duration * 2", "functions.orders.duration = 10ms"]).unwrap()), Span::from_ms(10));
    assert_eq!(drifted(&["refusal + 20ms"]).unwrap().model.apis[0].refusal, Latency::constant(Span::from_ms(22)));
    let throttle = drifted(&["gateway.stages.prod.throttle.rate * 0.5"]).unwrap().model.stages[0].throttle.unwrap();
    assert_eq!(throttle.rate, per_second(150));
    let status = &drifted(&["routes.\"GET /health\".integration.mock.status = 500"]).unwrap().model.routes[1].integration;
    assert!(matches!(status, Integration::Mock(MockIntegration::Fixed { status: 500, .. })), "{status:?}");
    assert!(p50(&drifted(&["functions.orders.duration = { p50: 1s, p99: 2s }"]).unwrap()) == Span::from_secs(1));
}

#[test]
fn a_drift_that_does_not_fit_is_named_with_the_cure() {
    let messages: Vec<String> = [
        "functions.oders.duration * 2",
        "functions.orders.durations * 2",
        "functions.orders.durations = 2ms",
        "functions.orders.duration = fast",
        "functions.orders * 2",
        "functions.orders.duration.p50.x = 1",
        "functions.orders.duration + 5",
        "functions.orders.memory * 100",
        "routes.\"GET /health\".integration.mock.body * 2",
        "gateway = 1",
        "api = rest",
    ]
    .into_iter()
    .map(|drift| drifted(&[drift]).map_or_else(|message| message, |_| format!("{drift}: fine")))
    .collect();
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn flags_take_the_place_of_what_the_profile_says() {
    let overrides = Overrides {
        connections: Some(8),
        duration: Some(Span::from_secs(5)),
        warmup: Some(Span::ZERO),
        seed: Some(7),
        timeout: Some(Span::from_secs(1)),
        overload: Some(crate::load::overload::Overload::Drop),
        lanes: Some(2),
        protocol: Some(value::Protocol::Http2),
        streams: Some(4),
        sources: vec!["127.0.0.2".parse().unwrap(), "::1".parse().unwrap()],
        lag_limit: Some(Span::from_ms(3)),
        pacing: Some(value::Pacing::Spin),
        ..Overrides::default()
    };
    let run = good_with(&overrides).unwrap().run;
    assert_eq!((run.connections, run.duration, run.warmup, run.seed.root()), (8, Span::from_secs(5), Span::ZERO, 7));
    assert_eq!((run.streams, run.pacing), (4, value::Pacing::Spin));
    assert_eq!(run.sources.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.2", "::1"]);
    assert_eq!(run.lag_limit, Some(Span::from_ms(3)));
    assert_eq!((run.timeout, run.lanes, run.protocol), (Span::from_secs(1), Some(2), value::Protocol::Http2));
}

#[test]
fn a_flag_that_does_not_fit_is_named() {
    let refused = |overrides: Overrides| good_with(&overrides).unwrap_err();
    insta::assert_snapshot!(refused(Overrides { connections: Some(0), ..Overrides::default() }), @"--connections: run.connections: 0 is not a number of connections; write 1 to 1000000");
    insta::assert_snapshot!(refused(Overrides { stage: Some("prd".into()), ..Overrides::default() }), @r#"--stage: run.stage: there is no stage "prd", did you mean "prod"? gateway.stages has: prod"#);
    insta::assert_snapshot!(refused(Overrides { rate: Some(per_second(501)), ..Overrides::default() }), @"--rate: traffic.arrivals.poisson: the traffic reaches 501/s, and safety.max_rate is 500/s; plan less, or raise the bound");
    insta::assert_snapshot!(refused(Overrides { headers: vec!["nonsense".into()], ..Overrides::default() }), @r#"--header: this is not a header; write "Name: value""#);
    insta::assert_snapshot!(refused(Overrides { method: Some("POST".into()), ..Overrides::default() }), @"--method: only a mix of exactly one request can be changed by this flag; change the profile");
    insta::assert_snapshot!(refused(Overrides { target: Some("localhost".into()), ..Overrides::default() }), @r#"--target: "localhost" is not a target: it has no scheme; write e.g. "http://127.0.0.1:8080/prod" or "https://api.example.com""#);
}

#[test]
fn a_rate_scales_every_shape_so_that_its_peak_is_the_rate() {
    let peak = |arrivals: &str| {
        let text = GOOD.replace("{ poisson: 200/s }", arrivals);
        let overrides = Overrides { rate: Some(per_second(400)), ..Overrides::default() };
        let Pace::Open(arrivals) = load_text("p.yaml", &text, &overrides, &[]).unwrap().traffic.unwrap().pace else {
            panic!("open")
        };
        arrivals.pieces.iter().flat_map(|piece| [piece.from, piece.to]).collect::<Vec<_>>()
    };
    assert_eq!(peak("{ poisson: 200/s }"), [per_second(400); 2]);
    let ramp = peak("{ ramp: { from: 10/s, to: 200/s, over: 5s } }");
    assert_eq!(ramp[..2], [per_second(20), per_second(400)]);
    let spike = peak("{ spike: { base: 0/s, peak: 100/s, at: 5s, for: 1s } }");
    assert_eq!((spike[0].tokens, spike[2]), (0, per_second(400)));
}

#[test]
fn only_this_machine_and_hosts_that_are_named_are_driven() {
    let to = |target: &str, allow: &[&str]| {
        let allow_hosts = allow.iter().map(|host| (*host).to_owned()).collect();
        let overrides = Overrides { target: Some(target.into()), allow_hosts, ..Overrides::default() };
        load_text("p.yaml", GOOD, &overrides, &[])
    };
    assert!(to("http://127.0.0.1:9", &[]).is_ok());
    assert!(to("https://api.example.com/prod", &["API.example.com"]).is_ok());
    let refused = to("https://api.example.com/prod", &["example.com"]).unwrap_err();
    assert!(matches!(refused, LoadError::Refused(_)));
    insta::assert_snapshot!(refused, @"traffic to https://api.example.com/prod is refused: api.example.com is not this machine and nobody allowed it; name it in the profile's safety.allow, or with --allow-host api.example.com");
    let allowed = GOOD.replace("max_rate: 500/s }", "allow: [10.0.0.1] }").replace("target: mock", "target: http://10.0.0.1");
    assert!(plan(&allowed).is_ok());
}

#[test]
fn a_recorded_script_leaves_the_traffic_aside_and_counts_by_route() {
    let overrides = Overrides { script: Script::Recorded, rate: Some(per_second(9_999)), ..Overrides::default() };
    let plan = good_with(&overrides).unwrap();
    assert!(plan.traffic.is_none());
    assert_eq!(plan.catalog.series, ["GET /orders/{id}", "GET /health"]);
    assert_eq!(plan.expectations.len(), 3);
}

#[test]
fn a_gateway_that_is_served_needs_nothing_of_what_drives_it() {
    let driven_only = GOOD
        .replace("poisson: 200/s", "poisson: 900/s")
        .replace("warmup: 2s", "warmup: 2m\n  seed: 77\n  headers: { x-api-key: \"${file:not-here}\" }");
    assert!(plan(&driven_only).is_err());
    let overrides = Overrides { script: Script::Served, ..Overrides::default() };
    let served = load_text("p.yaml", &driven_only, &overrides, &[]).unwrap();
    assert_eq!((&served.model, served.run.seed.root()), (&plan(GOOD).unwrap().model, 77));
    assert!(served.traffic.is_none() && served.expectations.is_empty() && served.target == Target::Mock(Wire::Plain));
}
