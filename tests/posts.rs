//! A back end that posts to connections (`POST @connections`): what it is answered, and what its receivers get, at the mock and in the model.

use serde_json::Value;

use crate::program::{Bench, Kept, finish, outcomes, quiet, unwrapped};

const KEY: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLEEXAMPLE00"), ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")];

/// Twenty traders who ask what they are called, and one back end that posts twenty prices to all of them.
const DESK: &str = r#"# Imitates a desk whose back end posts prices to its traders.
gateway:
  api: websocket
  region: us-east-1
  stages: { prod: { throttle: { rate: 5000/s, burst: 5000 } } }
  account: { connects: { rate: 500/s, burst: 500 } }
  routes:
    whoami:
      responds: true
      integration:
        mock:
          requests: { $default: '{"statusCode": 200}' }
          responses: [{ status: 200, templates: { application/json: '{"connectionId": "$context.connectionId"}' } }]
traffic:
  sessions:
    - session: trader
      weight: 20
      hears: [prices]
      connection_id: connectionId
      script:
        - ask: { action: whoami }
    - session: publisher
      script:
        - wait: 1500ms
        - repeat: 20
          every: 100ms
          of:
            - post: { n: "{number}" }
              to: prices
  streams: { prices: { number: n } }
  connections: 21
  arrivals: { constant: 42/s }
run: { duration: 5s, warmup: 500ms, lag_limit: 10ms }
target: mock
"#;

/// The desk with a text replaced; it must be there.
fn desk(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(DESK.to_owned(), |desk, (from, to)| {
        assert!(desk.contains(from), "{from}");
        desk.replacen(from, to, 1)
    })
}

fn count(record: &Value, pointer: &str) -> u64 {
    record.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("no number at {pointer} in {record:#}"))
}

/// How many posts were answered with this status.
fn answered(kept: &Kept, status: u64) -> u64 {
    kept.outcomes("POST @connections").get(&("answered".to_owned(), status)).copied().unwrap_or(0)
}

/// How many posts there were, however they ended.
fn posts(kept: &Kept) -> u64 {
    kept.outcomes("POST @connections").values().sum()
}

/// The mock saw every action and every post that was sent, and nothing else.
fn was_seen_by_the_mock(record: &Value) {
    let sent = count(record, "/load/sent") + record["load"]["posts_sent"].as_u64().unwrap_or(0);
    assert_eq!(count(record, "/receiver/arrived"), sent, "{:#}", record["receiver"]);
}

#[test]
fn every_number_that_is_posted_comes_to_each_receiver_once_as_the_model_says() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("desk.yaml", DESK);
    let kept = bench.kept(["run", "desk.yaml"]).expect_driven();
    let record = &kept.record;
    was_seen_by_the_mock(record);
    assert_eq!((answered(&kept, 200), posts(&kept)), (400, 400));
    assert_eq!(outcomes(record, "predicted_series", "POST @connections"), kept.outcomes("POST @connections"));
    assert_eq!(kept.outcomes("post prices").values().sum::<u64>(), 20, "a step is one turn");
    // The first post of each step is sent as the step.
    assert_eq!((count(record, "/load/posts_sent"), count(record, "/load/intended")), (380, 21 + 20 + 20));
    let prices = &record["connections"]["deliveries"][0];
    let of = |what: &str| count(prices, what);
    assert_eq!([of("/expected"), of("/delivered")], [400, 400], "{prices}");
    assert_eq!([of("/lost"), of("/duplicated"), of("/out_of_order"), of("/unknown")], [0; 4], "{prices}");
    assert_eq!((count(record, "/connections/unexpected"), &record["connections"]["not_addressed"]), (0, &Value::Null));
    // Connections of its own, and no more than ten of them.
    let opened = count(record, "/load/connections_opened") - 21;
    assert!((1..=10).contains(&opened), "{opened}");
    let told = unwrapped(&kept.finished.stdout);
    for text in ["POST @connections 400", "push prices 400", "post prices 20", "and 380 posts to connections beside"] {
        assert!(told.contains(text), "{text}: {told}");
    }
}

#[test]
fn receivers_that_leave_are_gone_or_no_more_addressed_and_nothing_hangs() {
    let _quiet = quiet();
    let bench = Bench::new();
    // Sixteen of twenty leave one after the other while a number is posted to one after the other.
    let leavers = "    - session: trader\n      weight: 4\n      hears: [prices]\n      connection_id: connectionId\n      script:\n        - ask: { action: whoami }\n    - session: leaver\n      weight: 16\n      life: 2s\n";
    let leaving = desk(&[
        ("    - session: trader\n      weight: 20\n", leavers),
        ("              to: prices\n", "              to: prices\n              at_once: 1\n"),
    ]);
    bench.file("leaving.yaml", &leaving);
    let kept = bench.kept(["run", "leaving.yaml"]).expect_driven();
    let record = &kept.record;
    let (served, gone) = (answered(&kept, 200), answered(&kept, 410));
    assert_eq!(served + gone, posts(&kept), "{:?}", kept.outcomes("POST @connections"));
    assert!(gone > 0 && posts(&kept) < 400, "{:?}", kept.outcomes("POST @connections"));
    let connections = &record["connections"];
    let left = connections["closed"].as_array().expect("some have left")[0]["count"].as_u64().expect("a count");
    assert!(left >= 10, "{connections:#}");
    let prices = &connections["deliveries"][0];
    assert_eq!(count(prices, "/duplicated") + count(prices, "/out_of_order"), 0);
    assert!(count(prices, "/delivered") <= served && count(prices, "/delivered") + left >= served, "{prices} of {served}");
}

#[test]
fn posts_above_the_throttle_are_refused_counted_and_not_tried_again() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("busy.yaml", &desk(&[("rate: 5000/s, burst: 5000", "rate: 45/s, burst: 45")]));
    let kept = bench.kept(["run", "busy.yaml"]).expect_driven();
    was_seen_by_the_mock(&kept.record);
    let (served, throttled) = (answered(&kept, 200), answered(&kept, 429));
    assert_eq!(served + throttled, 400, "{:?}", kept.outcomes("POST @connections"));
    let predicted = outcomes(&kept.record, "predicted_series", "POST @connections");
    let model = predicted.get(&("answered".to_owned(), 429)).copied().unwrap_or(0);
    assert!(throttled > 200 && throttled.abs_diff(model) <= 20, "{throttled} at the mock, {model} in the model");
    let prices = &kept.record["connections"]["deliveries"][0];
    assert_eq!(count(prices, "/delivered"), served, "what is refused is not delivered: {prices}");
}

#[test]
fn who_has_not_said_its_name_is_counted_and_not_left_out_silently() {
    let _quiet = quiet();
    let bench = Bench::new();
    let mute = "    - session: mute\n      weight: 10\n      hears: [prices]\n    - session: publisher\n";
    bench.file("mute.yaml", &desk(&[("weight: 20", "weight: 10"), ("    - session: publisher\n", mute)]));
    let kept = bench.kept(["run", "mute.yaml"]).expect_driven();
    was_seen_by_the_mock(&kept.record);
    let publishers = kept.outcomes("post prices").values().sum::<u64>() / 20;
    let missed = count(&kept.record, "/connections/not_addressed");
    assert_eq!(posts(&kept) + missed, publishers * 20 * (21 - publishers), "each of the others is posted to or counted");
    assert!(missed > 0 && posts(&kept) > 0, "{missed}");
    assert!(unwrapped(&kept.finished.stdout).contains("not made: the connection had not said yet what it is called"));
}

#[test]
fn posts_keep_below_the_ceiling_of_all_that_is_sent() {
    let _quiet = quiet();
    let bench = Bench::new();
    bench.file("safe.yaml", &desk(&[("target: mock", "safety: { max_rate: 100/s }\ntarget: mock")]));
    let kept = bench.kept(["run", "safe.yaml", "--drive-only", "-d", "4s"]).expect_driven();
    let record = &kept.record;
    was_seen_by_the_mock(record);
    // From 1.5 s to the end, and until the grace is half over what the end found under way: none above the ceiling.
    let second = |second: &Value| second["intended"].as_u64().expect("a count");
    assert!(count(record, "/load/shaped") > 50, "{:#}", record["load"]);
    let sent = count(record, "/load/sent") + count(record, "/load/posts_sent");
    assert!(
        sent <= 400,
        "{sent} in four seconds at 100/s; {:?}",
        record["seconds"].as_array().map(|all| all.iter().map(second).collect::<Vec<_>>())
    );
}

#[test]
fn posts_are_signed_where_the_gateway_asks_for_it_and_refused_by_another_secret() {
    let _quiet = quiet();
    let bench = Bench::new();
    let of_iam = |iam: &str| {
        desk(&[
            (
                "  routes:\n",
                &format!("  authorizers: {{ signed: {{ iam: {iam} }} }}\n  websocket: {{ callbacks: signed }}\n  routes:\n"),
            ),
            ("warmup: 500ms", "warmup: 500ms, auth: { sigv4: {} }"),
        ])
    };
    let driven = |name: &str, text: &str, variables: &[(&str, &str)]| {
        bench.file(&format!("{name}.yaml"), text);
        let arguments =
            ["run".to_owned(), format!("{name}.yaml"), "--drive-only".to_owned(), "--output".to_owned(), name.to_owned()];
        let finished = finish(bench.command(arguments).envs(variables.iter().copied()).spawn().expect("the program starts"));
        assert!(bench.path(name).join("run.json").exists(), "{}\n{}", finished.stdout, finished.stderr);
        Kept { finished, record: bench.record(name), folder: bench.path(name) }.expect_driven()
    };
    let kept = driven("signed", &of_iam("{}"), &KEY);
    assert_eq!((answered(&kept, 200), posts(&kept)), (400, 400), "{:?}", kept.outcomes("POST @connections"));
    assert_eq!(count(&kept.record, "/connections/deliveries/0/delivered"), 400);
    let other = "{ access_keys: { ann: { access_key_id: AKIDEXAMPLEEXAMPLE00, secret_access_key: '${env:OTHER}' } } }";
    let kept = driven("other", &of_iam(other), &[KEY[0], KEY[1], ("OTHER", "another-secret-of-the-same-key")]);
    assert_eq!((answered(&kept, 403), posts(&kept)), (400, 400), "{:?}", kept.outcomes("POST @connections"));
    assert_eq!(count(&kept.record, "/connections/deliveries/0/delivered"), 0);
    let shown = format!("{} {} {}", kept.record, kept.finished.stdout, kept.finished.stderr);
    assert!(!shown.contains(KEY[1].1) && !shown.contains("another-secret"), "no secret is shown");
}
