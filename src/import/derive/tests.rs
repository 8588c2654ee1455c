//! What a derived profile says, and what it does not claim.

use std::path::PathBuf;

use sluicegate_policy::time::Span;

use super::super::summary::Rejections;
use super::*;

fn series(name: &str, count: u64, latency_ms: u64) -> SeriesStat {
    let (method, path) = name.split_once(' ').unwrap();
    let method = if method == "GET" { "GET" } else { "ANY" };
    let mut series = SeriesStat::new(name.into(), method, path.into());
    series.count = count;
    series.statuses = [(200, count - 1), (404, 1)].into();
    for n in 0..if latency_ms > 0 { count } else { 0 } {
        series.latencies.record(latency_ms * 1_000_000 + n * 10_000).unwrap();
    }
    series
}

fn imported(series: Vec<SeriesStat>) -> Imported {
    Imported {
        source: PathBuf::from("logs/a\nb.log"),
        format: "nova",
        lines: 2_000,
        accepted: series.iter().map(|series| series.count).sum(),
        skipped: 1,
        rejected: Rejections::default(),
        out_of_order: 0,
        stamps: (0, 0),
        arrivals: (1_494_892_800_000_000_000, 1_494_892_810_000_000_000),
        resolution: Span::from_ms(1),
        clients: 1,
        notes: vec!["a note".into()],
        series,
    }
}

#[test]
fn a_log_with_latencies_becomes_functions_with_their_distributions() {
    let text = derive(&imported(vec![series("GET /v2/{id}/servers", 700, 250), series("ANY /a:b", 4, 3)]), "openstack");
    for part in [
        "# openstack: the gateway that would have answered as a log says.",
        "# Derived from logs/a\u{fffd}b.log (nova format): 2000 lines, 704 calls, 1 skipped, 0 rejected.",
        "# Arrivals from 2017-05-16T00:00:00Z, over 10.000 s.",
        "  api: http\n",
        "    get-v2-id-servers:",
        "    GET /v2/{id}/servers: { integration: { lambda: get-v2-id-servers } }   # also 404 (1)",
        "    \"ANY /a:b\": { integration: { lambda: any-a-b } }",
        "  - of: GET /v2/{id}/servers\n    metric: latency p50\n    within: 15%\n",
        "  - metric: throttled\n",
    ] {
        assert!(text.contains(part), "{part}\n---\n{text}");
    }
    assert!(!text.contains("of: \"ANY"), "four calls decide nothing");
}

#[test]
fn a_log_without_latencies_becomes_mock_integrations_without_claims_about_time() {
    let mut slash = series("GET /a", 1_000, 0);
    slash.with_slash = 1;
    let text = derive(&imported(vec![slash]), "x");
    assert!(text.contains("GET /a: { integration: { mock: { status: 200 } } }"), "{text}");
    assert!(text.contains("api: rest") && !text.contains("functions") && !text.contains("latency p"), "{text}");
    let few = derive(&imported(vec![series("GET /a", 10, 0)]), "x");
    assert!(few.contains("# No expectation") && !few.contains("expect:"), "{few}");
}

#[test]
fn functions_of_like_routes_have_names_of_their_own() {
    let text = derive(&imported(vec![series("GET /a/b", 5, 1), series("GET /a-b", 5, 1)]), "x");
    assert!(text.contains("lambda: get-a-b }") && text.contains("lambda: get-a-b-2 }"), "{text}");
}
