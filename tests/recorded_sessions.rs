//! Sessions of WebSocket clients that a browser recorded, from its export to the report: imported, replayed at the mock, simulated.

use std::path::Path;

use serde_json::Value;

use crate::program::{Bench, Kept, Mock, outcomes, quiet, unwrapped};

/// Three clients of a chat: 14 questions with their replies, one whose reply came too late to be one, and five other messages.
const CHAT: &str = include_str!("fixtures/har/chat.har");
const SESSIONS: u64 = 3;
const QUESTIONS: u64 = 14;
const SAID: u64 = 20;
/// The third was open when the recording ended.
const CLOSES: u64 = 2;

fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("chat.har", CHAT);
    bench
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("the summary is JSON")
}

fn count(record: &Value, pointer: &str) -> u64 {
    record.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number at {pointer} in {record:#}"))
}

#[test]
fn a_har_is_imported_with_all_that_it_says_and_nothing_that_it_should_not() {
    let bench = bench();
    let asked = ["import", "har", "chat.har", "--reply", "id", "-o", "chat.sessions", "--profile-out", "chat.yaml"];
    let summary = json(&bench.sluicegate(asked.into_iter().chain(["--format", "json"])).expect_code(0).stdout);
    assert_eq!([count(&summary, "/sessions"), count(&summary, "/closed")], [SESSIONS, CLOSES], "{summary:#}");
    assert_eq!([count(&summary, "/said"), count(&summary, "/questions"), count(&summary, "/requests")], [SAID, QUESTIONS, 1]);
    assert_eq!(summary["route_selection"], "$request.body.action");
    let routes: Vec<_> = summary["routes"].as_array().expect("routes").iter().map(|route| &route["name"]).collect();
    assert_eq!(routes, ["$default", "join", "say", "typing"]);
    assert_eq!(summary["written"], serde_json::json!(["chat.sessions", "chat.yaml"]));
    let text = unwrapped(&bench.sluicegate(["import", "chat.har", "--reply", "id"]).expect_code(0).stdout);
    for told in ["20 messages: 14 with a reply", "1 binary messages", "cookie (3)", "access_token (1)"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    for written in ["chat.sessions", "chat.yaml"] {
        let text = std::fs::read_to_string(bench.path(written)).expect("it was written");
        assert!(!text.contains("not-for-you"), "{written}: {text}");
    }
}

#[test]
fn a_har_alone_is_replayed_at_the_mock_and_judged() {
    let _quiet = quiet();
    let bench = bench();
    let kept = bench.kept_valid(["replay", "chat.har", "--reply", "id", "--warmup", "0s"]).expect_code(0);
    let record = &kept.record;
    assert_eq!(record["complete"], true);
    assert_eq!([count(record, "/connections/asked"), count(record, "/connections/opened")], [SESSIONS; 2], "{record:#}");
    assert_eq!([count(record, "/connections/open_peak"), count(record, "/connections/open_at_end")], [SESSIONS, 1]);
    assert_eq!(count(record, "/connections/messages_up"), SAID);
    // Every question comes back as its reply; what is only said on the same route comes back, too, and nobody waits for it.
    assert_eq!(count(record, "/connections/messages_down"), QUESTIONS + 1);
    assert_eq!([count(record, "/connections/unexpected"), count(record, "/connections/unexpected_errors")], [1, 0]);
    assert_eq!(count(record, "/load/intended"), SESSIONS + SAID + CLOSES);
    let say = kept.outcomes("say");
    assert_eq!(say.into_iter().collect::<Vec<_>>(), [(("answered".to_owned(), 0), QUESTIONS + 1)]);
    for series in ["say", "join", "typing", "$default", "$connect"] {
        assert_eq!(outcomes(record, "predicted_series", series), kept.outcomes(series), "{series}");
    }
    // A goodbye is sent, and is no call of the gateway.
    assert_eq!(count(record, "/load/sent"), SESSIONS + SAID + CLOSES);
    assert_eq!(count(record, "/receiver/arrived"), SESSIONS + SAID, "{:#}", record["receiver"]);
    assert_eq!(
        record["doubts"].as_array().map(|doubts| doubts.iter().any(|doubt| doubt["kind"] == "receiver-count")),
        Some(false)
    );
    // The simulator had the same said and answered, by the same script, and the report can be made again.
    assert!(!kept.finished.stdout.contains("script-differs"), "{}", kept.finished.stdout);
    let folder = kept.folder.display().to_string();
    let again = bench.sluicegate(["report", folder.as_str()]).expect_code(0).stdout;
    assert!(again.contains("Connections (WebSocket"), "{again}");
}

/// The run that replays a trace with this profile, faster and twice.
fn faster(bench: &Bench, profile: &Path) -> Kept {
    let profile = profile.display().to_string();
    let asked = ["replay", "chat.sessions", profile.as_str(), "--speed", "4", "--loop", "2", "--drive-only"];
    bench.kept_valid(asked).expect_driven()
}

#[test]
fn a_trace_is_replayed_faster_and_again_by_any_number_of_lanes() {
    let _quiet = quiet();
    let bench = bench();
    bench.sluicegate(["import", "har", "chat.har", "-o", "chat.sessions", "--profile-out", "chat.yaml"]).expect_code(0);
    let profile = bench.path("chat.yaml");
    let kept = faster(&bench, &profile);
    let record = &kept.record;
    assert_eq!(count(record, "/connections/opened"), 2 * SESSIONS);
    assert_eq!(count(record, "/connections/messages_up"), 2 * SAID);
    assert_eq!(count(record, "/load/intended"), 2 * (SESSIONS + SAID + CLOSES), "no message is a question, and nothing waits");
    let hash = &record["plan"]["script_hash"];
    let profile = profile.display().to_string();
    let lanes = ["replay", "chat.sessions", profile.as_str(), "--speed", "4", "--loop", "2", "--drive-only", "--lanes", "2"];
    assert_eq!(&bench.kept(lanes).expect_driven().record["plan"]["script_hash"], hash);
    let slower = ["replay", "chat.sessions", profile.as_str(), "--speed", "8", "--loop", "2", "--drive-only"];
    assert_ne!(&bench.kept(slower).expect_driven().record["plan"]["script_hash"], hash);
}

#[test]
fn recorded_sessions_are_played_at_a_target_that_somebody_else_serves() {
    let _quiet = quiet();
    let bench = bench();
    bench.sluicegate(["import", "har", "chat.har", "--reply", "id", "--profile-out", "chat.yaml"]).expect_code(0);
    let mock = Mock::serve(&bench, &bench.path("chat.yaml"));
    let asked =
        ["replay", "chat.har", "chat.yaml", "--reply", "id", "--drive-only", "--speed", "4", "--target", mock.url.as_str()];
    bench.kept(asked).expect_driven();
    let seen = mock.finish();
    assert_eq!(seen["websocket"]["opened"], SESSIONS, "{seen}");
}

#[test]
fn the_plan_of_a_replay_is_shown_and_nothing_is_sent() {
    let bench = bench();
    let shown =
        bench.sluicegate(["replay", "chat.har", "--reply", "id", "--print-plan", "--format", "json"]).expect_code(0).stdout;
    let plan = json(&shown);
    assert_eq!(plan.pointer("/resolved/profile/gateway/api"), Some(&"websocket".into()), "{plan:#}");
    assert_eq!(plan.pointer("/resolved/profile/run/duration"), Some(&"2901ms".into()), "{plan:#}");
}

/// The news that a connection is gone is told to `$disconnect` by the gateway itself: nobody sent it, and it is missing nowhere.
#[test]
fn a_gateway_that_is_told_of_goodbyes_counts_none_of_them_as_sent() {
    let _quiet = quiet();
    let bench = bench();
    bench.sluicegate(["import", "har", "chat.har", "--profile-out", "chat.yaml"]).expect_code(0);
    let derived = std::fs::read_to_string(bench.path("chat.yaml")).expect("it was written");
    let routes = "  routes:\n";
    let told = derived.replacen(routes, "  routes:\n    $disconnect: { integration: { mock: { status: 200 } } }\n", 1);
    assert_ne!(told, derived);
    bench.file("told.yaml", &told);
    let kept = bench.kept(["replay", "chat.har", "told.yaml", "--drive-only", "--speed", "4"]).expect_driven();
    assert_eq!(count(&kept.record, "/receiver/arrived"), SESSIONS + SAID, "{:#}", kept.record["receiver"]);
}

/// A profile of requests.
const ORDERS: &str = "\
# Imitates a service of requests.
gateway:
  api: http
  stages: { prod: {} }
  routes:
    GET /health: { integration: { mock: { status: 200 } } }
";

#[test]
fn what_does_not_fit_together_is_refused_with_what_would() {
    let bench = bench();
    bench.file("orders.yaml", ORDERS);
    bench.file("access.log", "192.0.2.7 - - [14/Jul/2017:02:40:00 +0000] \"GET /health HTTP/1.1\" 200 17 \"-\" \"curl/8\"\n");
    bench
        .sluicegate(["import", "har", "chat.har", "--reply", "id", "-o", "chat.sessions", "--profile-out", "chat.yaml"])
        .expect_code(0);
    bench.sluicegate(["import", "access.log", "-o", "access.trace"]).expect_code(0);
    let requests_only = r#"{"log":{"entries":[{"request":{"url":"https://a/"}}]}}"#;
    bench.file("page.har", requests_only);
    let broken = std::fs::read_to_string(bench.path("chat.sessions")).expect("it was written").replacen("at_ns", "at", 9);
    bench.file("broken.sessions", &broken);
    for (asked, told) in [
        (vec!["replay", "chat.har", "orders.yaml"], "holds sessions of WebSocket clients"),
        (vec!["replay", "chat.sessions", "orders.yaml"], "holds sessions of WebSocket clients"),
        (vec!["replay", "access.log", "chat.yaml"], "holds requests"),
        (vec!["replay", "access.trace", "chat.yaml"], "holds requests"),
        (vec!["replay", "chat.sessions"], "name a profile"),
        (vec!["replay", "chat.sessions", "chat.yaml", "--reply", "other"], "imported with --reply id"),
        (vec!["replay", "chat.har", "--reply", "a..b"], "no place in a message"),
        (vec!["replay", "chat.har", "-c", "5"], "a connection of its own"),
        (vec!["import", "access.log", "--reply", "id"], "--reply is for recorded sessions"),
        (vec!["replay", "access.log", "--reply", "id"], "--reply is for recorded sessions"),
        (vec!["import", "har", "access.log"], "is no HAR"),
        (vec!["import", "page.har"], "none of its 1 entries"),
        (vec!["replay", "broken.sessions", "chat.yaml"], "broken.sessions:2: "),
        (vec!["run", "chat.yaml"], "describes no traffic"),
    ] {
        bench.sluicegate(asked).expect_code(2).complains(told);
    }
}
