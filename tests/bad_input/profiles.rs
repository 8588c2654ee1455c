//! Profiles broken in each of their parts, wrong flags, and drifts that fit nothing.

use super::{SERVICE, service};
use crate::program::{Bench, Mock};

/// A part of the profile, what is written instead, and what the message must hold: the place, the value, the cure.
const BREAKS: &[(&str, &str, &[&str])] = &[
    ("gateway:\n", "gateway: [\n", &["service.yaml:", "not the YAML of a profile", "stands in quotes"]),
    ("region: us-east-1", "reginn: us-east-1", &["service.yaml:4:3: gateway.reginn", "did you mean \"region\"?"]),
    ("rate: 2000/s", "rate: 0/s", &["service.yaml:6:", "throttle.rate: \"0/s\" is not a rate", "e.g. \"50/s\""]),
    ("{ p50: 5ms, p99: 10ms }", "{ p50: 10ms, p99: 5ms }", &["service.yaml:8:", "p99 is 5ms, which is below p50"]),
    ("{ p50: 5ms, p99: 10ms }", "fast", &["service.yaml:8:", "\"fast\" is not a distribution of times", "such as 24ms"]),
    ("lambda: orders", "lambda: order", &["service.yaml:10:", "there is no function \"order\"", "did you mean \"orders\"?"]),
    (
        "- of: GET /orders/{id}",
        "- of: GET /order/{id}",
        &["service.yaml:22:", "expect[0].of", "did you mean \"GET /orders/{id}\"?"],
    ),
    ("  api: http\n", "  api: http\n  api: http\n", &["service.yaml:4:3: gateway.api", "given twice; keep one"]),
    ("target: mock", "target: 127.0.0.1:80", &["service.yaml:19:9: target", "no scheme", "e.g. \"http://"]),
    ("max_rate: 10000000/s", "ceilings: { target: much }", &["service.yaml:20:", "safety.ceilings.target", "\"much\"", "write"]),
    ("max_rate: 10000000/s", "max_rate: 1/s", &["service.yaml:16:", "reaches 50/s", "safety.max_rate is 1/s"]),
    (
        "      weight: 1\n",
        "      headers: { x-a: \"${env:SLUICEGATE_NOT_SET}\" }\n",
        &["service.yaml:15:", "\"SLUICEGATE_NOT_SET\" is not set", "export it"],
    ),
    ("      weight: 1\n", "      headers: { x-a: \"${file:none.txt}\" }\n", &["service.yaml:15:", "none.txt"]),
    ("duration: 2s", "duration: 2", &["service.yaml:18:", "run.duration: \"2\"", "write"]),
];

#[test]
fn a_profile_broken_in_any_part_is_refused_with_place_value_and_cure() {
    for (from, to, message) in BREAKS {
        assert!(SERVICE.contains(from), "{from}");
        let bench = Bench::new();
        bench.file("service.yaml", &SERVICE.replacen(from, to, 1));
        bench.line("run service.yaml -o out").refuses(2, message);
        assert!(!bench.path("out").exists(), "nothing was begun: {to}");
    }
}

#[test]
fn every_command_that_reads_a_profile_refuses_a_broken_one() {
    let bench = Bench::new();
    bench.file("broken.yaml", &SERVICE.replace("api: http", "api: soap"));
    bench.file("a.log", "127.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET /orders/1 HTTP/1.1\" 200 5\n");
    for command in ["run broken.yaml", "simulate broken.yaml", "mock broken.yaml", "replay -q a.log broken.yaml"] {
        bench
            .line(command)
            .refuses(2, &["broken.yaml:3:", "gateway.api: \"soap\" is no choice here; write http, rest or websocket"]);
    }
    for command in ["run none.yaml", "simulate none.yaml", "mock none.yaml", "replay -q a.log none.yaml"] {
        bench.line(command).refuses(2, &["none.yaml: the profile cannot be read"]);
    }
}

/// A WebSocket API and a session that only pings.
const CHAT: &str = "\
gateway: { api: websocket, region: us-east-1, stages: { prod: }, routes: { $default: { integration: { mock: {} } } } }
traffic:
  sessions: [{ session: reader, script: [{ wait: 1s }, ping] }]
  connections: 5
  arrivals: { constant: 5/s }
run: { duration: 2s }
target: mock
";

#[test]
fn sessions_are_of_websocket_apis_and_no_command_plays_them_as_requests() {
    let bench = Bench::new();
    let sessions = "  sessions: [{ session: reader, script: [{ wait: 1s }, ping] }]\n  connections: 5\n";
    let (before, after) = SERVICE.split_once("  mix:\n").unwrap();
    let (_, after) = after.split_once("      weight: 1\n").unwrap();
    let (after, _) = after.split_once("expect:\n").unwrap();
    bench.file("chat.yaml", &format!("{before}{sessions}{after}"));
    let of_another_api = ["chat.yaml:", "sessions are of clients of a WebSocket API; write \"api: websocket\" in gateway"];
    for command in ["run chat.yaml -o out", "simulate chat.yaml", "plan-fit chat.yaml"] {
        bench.line(command).refuses(2, &of_another_api);
        assert!(!bench.path("out").exists(), "nothing was begun: {command}");
    }
    bench.file("chat.yaml", CHAT);
    let of_requests_alone =
        ["chat.yaml: its traffic is sessions of WebSocket clients", "`sluicegate run chat.yaml` plays sessions"];
    for command in ["run chat.yaml -o out --find-rate errors<1%", "plan-fit chat.yaml"] {
        bench.line(command).refuses(2, &of_requests_alone);
        assert!(!bench.path("out").exists(), "nothing was begun: {command}");
    }
    let plan = bench.line("run chat.yaml --print-plan").expect_one_of(&[0]);
    for shown in ["session: reader", "model: sessions", "sessions: 5"] {
        assert!(plan.stdout.contains(shown), "{shown}: {plan:#?}");
    }
}

#[test]
fn a_profile_that_is_no_text_is_refused() {
    let bench = Bench::new();
    std::fs::write(bench.path("binary.yaml"), [0xFF, 0x00, 0x1B, b'[', b'\n'].repeat(1_000)).unwrap();
    bench.line("run binary.yaml").refuses(2, &["binary.yaml", "not UTF-8", "save the profile as UTF-8"]);
    bench.file("empty.yaml", "");
    bench.line("run empty.yaml").refuses(2, &["empty.yaml:1:1", "the key \"gateway\" is missing"]);
    bench.line("run .").refuses(2, &["the profile cannot be read"]);
}

#[test]
fn wrong_usage_is_refused() {
    let (bench, _) = service();
    for (line, message) in [
        ("run service.yaml --rat 5/s", "--rate"),
        ("run service.yaml --connections 0", "--connections"),
        ("run service.yaml --duration soon", "--duration"),
        ("run service.yaml --timeout 0s", "timeout"),
        ("run", "PROFILE"),
        ("rpelay a.log", "replay"),
    ] {
        bench.line(line).refuses(2, &[message]);
    }
}

#[test]
fn a_drift_that_fits_nothing_or_a_live_target_is_refused() {
    let (bench, profile) = service();
    let live = Mock::serve(&bench, &profile);
    let run = |drift: &str, rest: &str| {
        let mut arguments = super::words("run service.yaml -o out --drift");
        arguments.push(drift.into());
        arguments.extend(super::words(rest));
        bench.sluicegate(arguments)
    };
    run("functions.orders.durtion * 1.5", "").refuses(2, &["functions.orders.durtion", "did you mean \"duration\"?"]);
    run("functions.orders.duration", "").refuses(2, &["functions.orders.duration"]);
    run("functions.orders.duration * 1.5", &format!("--target {}", live.url))
        .refuses(2, &["--drift", "live", "leave one of them out"]);
    assert!(!bench.path("out").exists());
}
