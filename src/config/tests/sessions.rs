//! Sessions of WebSocket clients: what a profile says of them, what it need not say, and what is refused where it stands.

use super::*;
use crate::load::dialogue::{Dialogue, Reconnect, Resume, Rounds, Step};
use crate::traffic::conversation::{Awaits, Call, Connect, Farewell, Hears, Message, StreamId, Text};
use crate::traffic::{Outgoing, What};
use sluicegate_policy::latency::Latency;
use sluicegate_policy::time::Span;

mod posted;
mod refused;

/// Everything that a profile can say of sessions.
const CHAT: &str = r#"gateway:
  api: websocket
  region: us-east-1
  stages: { prod: }
  functions: { hub: { duration: 5ms } }
  routes:
    $default: { integration: { lambda: hub } }
traffic:
  sessions:
    - session: trader
      weight: 9
      with: { client: 1..5000 }
      query: { client: "{client}" }
      headers: { x-app: web }
      subprotocols: [chat.v1, chat.v2]
      life: 30m
      close: 3001
      hears: [prices]
      script:
        - wait: 2s
        - say: { action: subscribe, room: "{room}" }
          with: { room: 1..50 }
        - ask: { action: quote, id: "{call}" }
          reply: id
          timeout: 5s
        - publish: { action: broadcast, n: "{number}" }
          to: prices
        - ping
        - repeat: forever
          every: 30s
          of:
            - ask: '{{"action":"beat"}}'
            - repeat: 3
              of: [ping]
    - session: idle
  streams:
    news: { number: detail.n, named: stream }
    prices: { number: n, named: stream }
  connections: 18000
  arrivals: { constant: 2000/s }
  identities: 500
  reconnect: { first: 500ms, factor: 1.5, most: 30s, jitter: 20%, attempts: 10, resume: false }
run: { duration: 60s, timeout: 7s }
"#;

/// The chat with one text replaced; the text must be there.
fn chat(from: &str, to: &str) -> Result<Plan, String> {
    assert!(CHAT.contains(from), "{from}");
    plan(&CHAT.replacen(from, to, 1))
}

fn sessions(plan: &Plan) -> &Dialogue {
    plan.sessions.as_ref().expect("the plan has sessions")
}

/// The chat with this script for its first session.
fn scripted(steps: &str) -> Result<Plan, String> {
    let (before, rest) = CHAT.split_once("      script:\n").unwrap();
    let (_, after) = rest.split_once("    - session: idle\n").unwrap();
    let script = if steps.is_empty() { String::new() } else { format!("      script:\n{steps}\n") };
    plan(&format!("{before}{script}    - session: idle\n{after}"))
}

#[test]
fn a_plan_has_sessions_or_requests() {
    let chat = plan(CHAT).unwrap();
    assert!(chat.traffic.is_none());
    let sessions = sessions(&chat);
    assert_eq!((sessions.connections, sessions.identities, sessions.duration), (18_000, 500, Span::from_secs(60)));
    assert_eq!(sessions.seed, chat.run.seed.child("traffic"));
    assert!(plan(GOOD).unwrap().sessions.is_none());
}

#[test]
fn each_kind_of_session_is_what_it_says() {
    let plan = plan(CHAT).unwrap();
    let [trader, idle] = sessions(&plan).roles.as_slice() else { panic!("two kinds") };
    assert_eq!((trader.name.as_str(), trader.weight, trader.close), ("trader", 9, Farewell::Code(3_001)));
    assert_eq!(trader.life.as_ref().map(Latency::mean), Some(Span::from_secs(1_800)));
    assert_eq!(trader.hears, Hears(0b10), "prices is the second of the streams");
    assert_eq!((idle.weight, idle.close, idle.hears, &idle.life), (1, Farewell::Code(1_000), Hears(0), &None));
    assert!(idle.script.is_empty(), "an idle client is fine");
    assert_eq!(plan.catalog.name(trader.connects), "$connect");
    assert_eq!(idle.connects, trader.connects);
}

#[test]
fn a_handshake_has_query_headers_and_subprotocols() {
    let plan = plan(CHAT).unwrap();
    let trader = &sessions(&plan).roles[0];
    let connect = Connect {
        series: trader.connects,
        identity: 3,
        what: What::Described { template: trader.handshake, key: 1 },
        course: 0,
        attempt: 0,
        hears: trader.hears,
        named: None,
    };
    let mut out = Outgoing::default();
    plan.catalog.handshake(&connect, &mut out);
    assert_eq!(out.method, "GET");
    let client = out.target.strip_prefix("/?client=").unwrap().parse::<u32>().unwrap();
    assert!((1..=5_000).contains(&client));
    let expected = [("x-app", "web"), ("sec-websocket-protocol", "chat.v1, chat.v2")];
    assert_eq!(out.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

/// The text of a message, as turn 4 of session 17 that is number 99 of its stream.
fn text(plan: &Plan, step: &Step) -> String {
    let Step::Send(sending) = step else { panic!("{step:?}") };
    let message = Message {
        series: sending.series,
        identity: 3,
        text: Text::Described { template: sending.template, key: 1 },
        awaits: sending.awaits,
        publishes: sending.publishes,
    };
    let mut out = Outgoing::default();
    plan.catalog.message(&message, Call { session: 17, seq: 4 }, 99, &mut out);
    String::from_utf8(out.body).unwrap()
}

#[test]
fn a_script_says_asks_publishes_pings_and_repeats() {
    let plan = plan(CHAT).unwrap();
    let [wait, say, ask, publish, ping, repeat] = sessions(&plan).roles[0].script.as_slice() else { panic!("six steps") };
    assert!(matches!(wait, Step::Wait(time) if time.mean() == Span::from_secs(2)));
    assert!(text(&plan, say).starts_with(r#"{"action":"subscribe","room":""#));
    assert_eq!(text(&plan, ask), r#"{"action":"quote","id":"17-4"}"#);
    assert_eq!(text(&plan, publish), r#"{"action":"broadcast","n":"99"}"#);
    let (Step::Send(say), Step::Send(ask), Step::Send(publish)) = (say, ask, publish) else { panic!("messages") };
    assert_eq!((say.awaits, say.publishes), (Awaits::Nothing, None));
    assert_eq!(ask.awaits, Awaits::Same { correlation: 0, timeout: Span::from_secs(5) });
    assert_eq!(plan.catalog.correlations, [["id"]]);
    assert_eq!((publish.awaits, publish.publishes), (Awaits::Nothing, Some(StreamId(1))));
    assert!(matches!(ping, Step::Ping(series) if plan.catalog.name(*series) == "ping"));
    let Step::Repeat { rounds: Rounds::Forever, every: Some(every), steps } = repeat else { panic!("{repeat:?}") };
    assert_eq!(*every, Span::from_secs(30));
    let [beat @ Step::Send(asked), Step::Repeat { rounds: Rounds::Times(3), every: None, .. }] = steps.as_slice() else {
        panic!("{steps:?}")
    };
    assert_eq!(text(&plan, beat), r#"{"action":"beat"}"#);
    assert_eq!(asked.awaits, Awaits::Next { timeout: Span::from_secs(7) }, "the timeout of the run");
}

#[test]
fn messages_count_under_routes_and_the_rest_under_names_of_its_own() {
    let plan = plan(CHAT).unwrap();
    assert_eq!(plan.catalog.series, ["push news", "push prices", "$connect", "$default", "ping"]);
    let streams: Vec<_> = plan.catalog.streams.iter().map(|stream| (stream.number.clone(), stream.named.clone())).collect();
    let keys = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(streams, [(keys("detail.n"), Some(keys("stream"))), (keys("n"), Some(keys("stream")))]);
}

#[test]
fn sessions_come_back_as_the_profile_says() {
    let reconnect = Reconnect {
        first: Span::from_ms(500),
        factor: 1.5,
        most: Span::from_secs(30),
        jitter: 0.2,
        attempts: Some(10),
        resume: Resume::FromTheBeginning,
    };
    assert_eq!(sessions(&plan(CHAT).unwrap()).reconnect, Some(reconnect));
    let line = CHAT.lines().find(|line| line.contains("reconnect:")).unwrap();
    assert_eq!(sessions(&chat(line, "").unwrap()).reconnect, None);
    let usual = Reconnect {
        first: Span::from_secs(1),
        factor: 2.0,
        most: Span::from_secs(60),
        jitter: 1.0,
        attempts: None,
        resume: Resume::WhereItWas,
    };
    let plan = chat(line, "  reconnect: {}").unwrap();
    assert_eq!(sessions(&plan).reconnect, Some(usual));
    let shown = serde_json::json!({ "first": "1s", "factor": 2.0, "most": "1m", "jitter": "full", "resume": true });
    assert_eq!(plan.resolved["profile"]["traffic"]["reconnect"], shown);
}

#[test]
fn what_is_resolved_shows_it_all_and_is_a_profile_that_resolves_to_itself() {
    let chat = plan(CHAT).unwrap();
    insta::assert_snapshot!(format!("{:#}\n{:#}", chat.resolved["profile"]["traffic"], chat.resolved["derived"]));
    let again = plan(&chat.resolved["profile"].to_string()).unwrap();
    assert_eq!((&again.resolved, &again.sessions), (&chat.resolved, &chat.sessions));
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for value in [&as_written(CHAT), &chat.resolved["profile"]] {
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
    assert!(format!("{chat:?}").contains("trader"), "a plan shows its sessions");
}

#[test]
fn no_output_shows_a_secret_of_a_session() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "s3cr3t\n").unwrap();
    let text = CHAT
        .replace("headers: { x-app: web }", "headers: { Authorization: \"Bearer ${file:key}\" }")
        .replace("action: quote,", "action: \"${file:key}\", key: \"${file:key}\",");
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, text).unwrap();
    let plan = load(&path, &Overrides::default(), &[]).unwrap();
    assert_eq!(text_of_ask(&plan), r#"{"action":"s3cr3t","key":"s3cr3t","id":"17-4"}"#);
    let shown = format!("{plan:?} {:#} {:?}", plan.resolved, plan.catalog);
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert!(plan.catalog.series.contains(&"(varying route)".to_owned()), "a secret names no series");
}

fn text_of_ask(plan: &Plan) -> String {
    text(plan, &sessions(plan).roles[0].script[2])
}

#[test]
fn the_highest_planned_rate_is_of_connects_and_a_ceiling_of_all_that_is_sent() {
    let safe = |rate: &str| chat("run: {", &format!("safety: {{ max_rate: {rate} }}\nrun: {{"));
    let plan = safe("2000/s").unwrap();
    assert_eq!(plan.safety.ceilings.target, plan.safety.max_rate);
    assert!(safe("1999/s").unwrap_err().contains("traffic.arrivals.constant: the traffic reaches 2000/s"));
}

#[test]
fn the_rate_of_arrivals_can_be_set_and_the_body_of_a_request_not() {
    let load = |overrides: &Overrides| load_text("p.yaml", CHAT, overrides, &[]).map_err(|error| error.to_string());
    let rate = "50/s".parse::<value::Rate>().unwrap().0;
    let plan = load(&Overrides { rate: Some(rate), ..Overrides::default() }).unwrap();
    assert_eq!(plan.resolved["derived"]["peak_rate"], "50/s");
    let refused = load(&Overrides { body: Some("x".into()), ..Overrides::default() }).unwrap_err();
    assert!(refused.contains("only a mix of exactly one request"), "{refused}");
}

#[test]
fn the_flag_of_connections_is_of_sessions_and_what_is_of_requests_alone_is_refused() {
    let load = |overrides: &Overrides| load_text("p.yaml", CHAT, overrides, &[]).map_err(|error| error.to_string());
    let plan = load(&Overrides { connections: Some(7), ..Overrides::default() }).unwrap();
    assert_eq!(plan.sessions.as_ref().unwrap().connections, 7);
    for (key, cure) in [
        ("connections: 9", "traffic.connections"),
        ("keep_alive: { share: 10% }", "life and close"),
        ("streams: 4", "HTTP/2"),
        ("protocol: http2", "write auto"),
    ] {
        let refused = chat("run: {", &format!("run: {{ {key},")).unwrap_err();
        assert!(refused.contains(cure), "{key}: {refused}");
    }
    let refused = load(&Overrides { streams: Some(4), ..Overrides::default() }).unwrap_err();
    assert!(refused.contains("--streams") && refused.contains("HTTP/2"), "{refused}");
}

#[test]
fn claims_may_be_made_of_the_series_of_sessions() {
    let claims = "expect:\n  - { of: $connect, metric: latency p99, at_most: 500ms }\n  - { of: push prices, metric: latency p99, at_most: 1s }\n";
    let plan = plan(&format!("{CHAT}{claims}")).unwrap();
    assert_eq!(plan.expectations.len(), 2);
}
