//! Profiles broken in one part each: the message names file, line, key, value and cure.

use super::*;

/// Each part of the good profile, broken; what stands there, and what is written instead.
const BREAKS: &[(&str, &str)] = &[
    // YAML
    ("gateway:  ", "gateway: ["),
    ("    prod: {", "    prod: {}\n    prod: {"),
    // keys
    ("region: us-east-1", "reginn: us-east-1"),
    ("traffic:\n", "trafic:\n"),
    ("      memory: 512 MB\n", "      memory: 512 MB\n      colour: red\n"),
    ("  api: http ", "  #api: http "),
    // gateway
    ("api: http ", "api: soap "),
    ("region: us-east-1", "region: us east"),
    ("rate: 300/s", "rate: 0/s"),
    ("burst: 150", "burst: lots"),
    ("    prod: { throttle: { rate: 300/s, burst: 150 } }", "    a/b: {}"),
    ("memory: 512 MB", "memory: 512"),
    ("memory: 512 MB", "runtime: nodejs22.x"),
    ("memory: 512 MB", "runtime: cobol"),
    ("concurrency: 200", "concurrency: 200\n      provisioned: 201"),
    ("concurrency: 200", "provisioned: 1001"),
    ("concurrency: 200", "scale_out: { rate: 1000 }"),
    ("concurrency: 200", "dispatch: lru"),
    ("region: us-east-1", "account: { invocations_per_environment: 0 }"),
    ("{ p50: 24ms, p99: 77ms }", "24"),
    ("{ p50: 24ms, p99: 77ms }", "{ p50: 77ms, p99: 24ms }"),
    ("{ p50: 24ms, p99: 77ms }", "{ lognormal: { median: 24ms, sigma: -1 } }"),
    ("{ p50: 24ms, p99: 77ms }", "[24ms]"),
    ("lambda: orders", "lambda: order"),
    ("{ lambda: orders }", "{ lambda: orders, mock: {} }"),
    ("status: 200", "status: 99"),
    ("GET /orders/{id}: {", "GET orders: {"),
    ("GET /orders/{id}: {", "GET /orders/{id: {"),
    ("GET /health: {", "GET /orders/{order}: {"),
    ("GET /health: {", "$default: { integration: { lambda: orders }, timeout: 31s }\n    GET /health: {"),
    // traffic
    ("id: 1..10000", "id: 10..1"),
    ("id: 1..10000", "di: 1..10000"),
    ("      weight: 9", "      weight: -9"),
    ("      weight: 9", "      weight: 0"),
    ("- request: GET /health", "- request: get health"),
    ("poisson: 200/s", "poisson: 200"),
    ("poisson: 200/s", "poison: 200/s"),
    ("poisson: 200/s", "poisson: 200/s, constant: 100/s"),
    ("poisson: 200/s", "poisson: 1/d"),
    ("poisson: 200/s", "steps: [{ rate: 10/s }, { rate: 20/s }]"),
    ("poisson: 200/s", "poisson: 501/s"),
    ("identities: 500", "identities: 0"),
    ("      weight: 1\n", "      weight: 1\n      headers: { Authorization: Bearer abc }\n"),
    ("      weight: 1\n", "      weight: 1\n      headers: { x-a: \"${env:SLUICEGATE_NOT_SET}\" }\n"),
    ("      weight: 1\n", "      weight: 1\n      query: { q: \"{who}\" }\n"),
    // run, target, safety
    ("duration: 20s", "duration: 31d"),
    ("warmup: 2s ", "warmup: 20s "),
    ("connections: 64", "connections: 0"),
    ("connections: 64", "overload: dead"),
    ("connections: 64", "keep_alive: { share: 120% }"),
    ("connections: 64", "keep_alive: { requests: 0 }"),
    ("connections: 64", "keep_alive: { renewed: 0/s }"),
    ("connections: 64", "keep_alive: { idle: 0s, life: 5s }"),
    ("connections: 64", "pacing: precise"),
    ("connections: 64", "streams: 0"),
    ("connections: 64", "sources: [localhost]"),
    ("connections: 64", "sources: [127.0.0.2, 127.0.0.2]"),
    ("connections: 64", "stage: prd"),
    ("target: mock", "target: 127.0.0.1:80"),
    ("target: mock", "target: { url: http://127.0.0.1, certificates: maybe }"),
    ("target: mock", "network: near"),
    ("max_rate: 500/s }", "max_rate: 500/s, allow: [http://a.example] }"),
    ("max_rate: 500/s }", "ceilings: { series: { GET /order/{id}: 5/s } } }"),
    ("max_rate: 500/s }", "ceilings: { series: { \"GET /order/{id}\": 5/s } } }"),
    // expectations
    ("metric: latency p50", "metric: latency p101"),
    ("metric: throttled ", "metric: throtled "),
    ("within: 1 point", "within: 5ms"),
    ("metric: latency p95", "metric: latency p50"),
    ("  - of: GET /orders/{id}", "  - of: GET /order/{id}"),
];

#[test]
fn a_profile_broken_in_any_part_says_where_and_what_would_work() {
    let messages: Vec<String> =
        BREAKS.iter().map(|(from, to)| format!("{}\n  {}", to.trim(), broken(from, to).replace('\n', "\n  "))).collect();
    insta::assert_snapshot!(messages.join("\n\n"));
}

#[test]
fn all_problems_are_told_at_once_in_the_order_of_the_file() {
    let text = GOOD
        .replace("api: http ", "api: soap ")
        .replace("memory: 512 MB", "memory: 512")
        .replace("poisson: 200/s", "poison: 200/s")
        .replace("connections: 64", "connections: many")
        .replace("within: 1 point", "within: a bit");
    let problems = plan(&text).unwrap_err();
    assert_eq!(problems.lines().count(), 5, "{problems}");
    let lines: Vec<u32> = problems.lines().map(|line| line.split(':').nth(1).unwrap().parse().unwrap()).collect();
    assert!(lines.is_sorted(), "{problems}");
}

#[test]
fn an_empty_profile_says_what_is_missing() {
    insta::assert_snapshot!(plan("").unwrap_err(), @r#"p.yaml:1:1: the key "gateway" is missing; add it here"#);
    insta::assert_snapshot!(plan("hello").unwrap_err(), @r#"p.yaml:1:1: "hello" stands where keys are expected; write gateway, apis, traffic, run, target, network, safety, abort, expect or fitted"#);
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin1.yaml");
    std::fs::write(&path, b"# a\n# b\xE9\n").unwrap();
    let read = |path: &std::path::Path| load(path, &Overrides::default(), &[]).unwrap_err().to_string();
    assert!(read(&path).ends_with("latin1.yaml: line 2 is not UTF-8 text; save the profile as UTF-8"), "{}", read(&path));
    assert!(read(&folder.path().join("none.yaml")).contains("none.yaml: the profile cannot be read"));
    assert!(read(folder.path()).contains("the profile cannot be read"));
}

fn repeated(count: u32, text: impl Fn(u32) -> String) -> String {
    (0..count).map(text).collect::<Vec<_>>().concat()
}

#[test]
fn a_hostile_profile_is_refused_in_bounded_time_and_words() {
    let routes = repeated(1_900, |n| format!("    GET /{n}: {{ integration: {{ lambda: f{n} }} }}\n"));
    let functions = repeated(1_900, |n| format!("    g{n}: {{ duration: 1ms }}\n"));
    let text = format!("gateway:\n  api: http\n  stages: {{ a: }}\n  functions:\n{functions}  routes:\n{routes}");
    let message = plan(&text).unwrap_err();
    assert!(message.len() < 100_000, "{}", message.len());
    assert!(message.ends_with("p.yaml: and 1800 more problems; these are the first 100"), "{message}");
    let unknown = repeated(20_000, |n| format!("k{n}: 1\n"));
    assert!(plan(&unknown).unwrap_err().lines().count() <= 102);
    let fields = repeated(5_000, |n| format!("f{n}: uuid, "));
    assert!(broken("{ id: 1..10000 }", &format!("{{ {fields} }}")).contains("5000"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = plan(&text);
    }

    #[test]
    fn no_yaml_like_text_panics(text in "([a-z]{1,9}: |- |\\{|\\}|\\[|\\]|\"|'|, |\n|  |&a |\\*a |<<: |!!int |[0-9]{1,3}|\\$\\{|gateway: |run: ){0,40}") {
        let _ = plan(&text);
    }

    #[test]
    fn no_mutation_of_a_good_profile_panics(at in 0.0..1.0_f64, length in 0_usize..40, with in "[ -~\n\u{e9}]{0,12}") {
        let start = ((GOOD.len() as f64) * at) as usize;
        let end = (start + length).min(GOOD.len());
        if let (Some(before), Some(after)) = (GOOD.get(..start), GOOD.get(end..))
            && let Err(message) = plan(&format!("{before}{with}{after}"))
        {
            prop_assert!(!message.is_empty());
        }
    }
}
