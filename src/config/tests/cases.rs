//! Cases: systems that are described by themselves, what they are by default, and what is refused where it stands.

use super::*;
use crate::load::system::{Case, Comings};
use sluicegate_policy::model::{Limiter, Part, Station};
use sluicegate_policy::time::{Instant, Span};

const SMALL: &str = "system: [ { station: { servers: 2, work: 10ms } } ]\narrivals: { poisson: 50/s }\n";

fn cases() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
}

fn case(text: &str) -> Result<Case, String> {
    case_text("c.yaml", text, &[]).map(|case| case.expect("it has a system")).map_err(|error| error.to_string())
}

fn refused(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    case(&SMALL.replacen(from, to, 1)).expect_err("it was broken")
}

#[test]
fn every_delivered_case_is_proven_fits_the_schema_and_says_what_it_imitates() {
    let validator = jsonschema::validator_for(&case_schema()).unwrap();
    let files = std::fs::read_dir(cases()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    assert!(!files.is_empty());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(super::super::case(&path, &[]).unwrap().is_some(), "{}", path.display());
        let errors: Vec<String> = validator.iter_errors(&as_written(&text)).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", path.display());
        assert!(
            text.lines().take_while(|line| line.starts_with("# ")).any(|line| line.contains("mitates")),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_profile_is_no_case_and_a_case_is_no_profile() {
    assert_eq!(case_text("p.yaml", GOOD, &[]).unwrap(), None);
    assert!(plan(SMALL).unwrap_err().contains("this is a case"));
}

#[test]
fn what_is_not_said_has_a_default() {
    let case = case(SMALL).unwrap();
    assert_eq!((case.requests, case.until), (None, Instant::ZERO + Span::from_secs(30)));
    assert_eq!((case.skip, case.warmup, case.observe.len()), (0, Span::ZERO, 0));
    let [(name, Part::Station { station, patience: None, .. })] = case.parts.as_slice() else { panic!("{:?}", case.parts) };
    assert_eq!(name, "station 1");
    assert_eq!(*station, Station { servers: Some(2), room: None, discipline: sluicegate_policy::model::Discipline::FirstCome });
}

#[test]
fn with_requests_there_is_no_other_end_unless_it_is_said() {
    let ends = |run: &str| {
        let case = case(&format!("{SMALL}run: {{ {run} }}\n")).unwrap();
        (case.requests, case.until)
    };
    assert_eq!(ends("requests: 10"), (Some(10), Instant::MAX));
    assert_eq!(ends("requests: 10, duration: 5s"), (Some(10), Instant::ZERO + Span::from_secs(5)));
}

#[test]
fn each_part_is_read() {
    let text = "system:
  - bucket: { rate: 10/s, burst: 5 }
  - buckets: [ { rate: 10/s, burst: 5 }, { rate: 20/s, burst: 6 } ]
  - fails: { share: 10% }
  - meter: { rate: 10/s, burst: 5, delay: true }
  - refill: { tokens: 7, every: 1min }
  - { name: w, window: { limit: 3, length: 2s } }
  - cache: { ttl: 5s, refresh: true, entries: 10, keys: 20, zipf: 0.8, fetch: 1ms, coalesce: true }
  - station: { work: { exponential: 1s }, servers: 3, discipline: ps }
  - pool: { duration: 1s, cold_start: 2s, keep_alive: 3s, limit: 9, provisioned: 2, scale_out: { rate: 1/s, burst: 4 }, dispatch: random }
bursts: [ { rate: 0/s, lasts: 1s }, { rate: 10/s, lasts: 2s } ]
observe: [1s, 2s]
retries: { attempts: 3, backoff: 100ms }
"
    .replace("1min", "60s");
    let case = case(&text).unwrap();
    let names: Vec<&str> = case.parts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["bucket 1", "buckets 2", "fails 3", "meter 4", "refill 5", "w", "cache 7", "station 8", "pool 9"]);
    assert_eq!(case.parts[4].1, Part::Limiter(Limiter::Refill { tokens: 7, every: Span::from_secs(60), room: 7 }));
    assert_eq!(case.retries.as_ref().map(|retries| retries.attempts), Some(3));
    let Part::Lookup { lookup, keys, .. } = &case.parts[6].1 else { panic!("a cache") };
    assert_eq!((lookup.ttl, lookup.refreshes, lookup.entries, lookup.shares), (Span::from_secs(5), true, Some(10), true));
    assert_eq!((keys.count, keys.skew), (20, 0.8));
    assert!(matches!(&case.comings, Comings::Bursts(states) if states.len() == 2));
}

#[test]
fn what_cannot_be_played_is_refused_where_it_stands() {
    for (from, to, says) in [
        ("[ { station: { servers: 2, work: 10ms } } ]", "[]", "c.yaml:1:9: system: these are 0 parts"),
        ("station:", "queue:", "there is no such key here"),
        ("{ station: {", "{ window: { limit: 1, length: 1s }, station: {", "an entry is one part"),
        ("{ station: { servers: 2, work: 10ms } }", "{ window: { limit: 10000001, length: 1s } }", "too many to be remembered"),
        ("{ station: { servers: 2, work: 10ms } }", "{ buckets: [] }", "these are 0 buckets"),
        ("arrivals:", "retries: { attempts: 0 }\narrivals:", "retries.attempts: nobody would pass"),
        ("servers: 2", "servers: 0", "system[0].station.servers: nobody would pass"),
        ("servers: 2", "discipline: ps, patience: 1s", "where all are served at once nobody waits"),
        ("{ station: { servers: 2, work: 10ms } }", "{ refill: { tokens: 1, every: 0s } }", "0s is no time at all"),
        ("{ station: { servers: 2, work: 10ms } }", "{ cache: { zipf: 11 } }", "the exponent of Zipf's law"),
        ("{ station: { servers: 2, work: 10ms } }", "{ cache: { keys: 20000000 } }", "too many to be told apart"),
        (
            "{ station: { servers: 2, work: 10ms } }",
            "{ pool: { duration: 1s, limit: 2, provisioned: 3 } }",
            "more than the limit, which is 2",
        ),
        ("arrivals: { poisson: 50/s }", "", "requests come in one way"),
        ("arrivals: { poisson: 50/s }", "gaps: 1s\nclosed: { users: 1, think: 1s }", "requests come in one way"),
        ("arrivals: { poisson: 50/s }", "gaps: 0s", "all requests come at once"),
        ("arrivals: { poisson: 50/s }", "closed: { users: 1 }", "asks again at once, for ever"),
        ("arrivals: { poisson: 50/s }", "closed: { users: 1, think: 1s, ramp_up: 1s }", "leave ramp_up out"),
        ("arrivals: { poisson: 50/s }", "bursts: [ { rate: 0/s, lasts: 1s } ]", "in none of these states anything comes"),
        (
            "arrivals: { poisson: 50/s }",
            "arrivals: { ramp: { from: 0/s, to: 9/s } }\nrun: { requests: 9 }",
            "how long this takes is not said",
        ),
        ("arrivals:", "observe: [2s, 1s]\narrivals:", "1s does not come after 2s"),
        ("arrivals:", "run: { requests: 5, skip: 5 }\narrivals:", "leaves none to be counted"),
        ("arrivals:", "run: { duration: 5s, warmup: 5s }\narrivals:", "leaves nothing to be counted"),
    ] {
        let said = refused(from, to);
        assert!(said.contains(says), "{to}: {said}");
    }
}

#[test]
fn the_committed_schema_is_current() {
    let path = cases().join("schema.json");
    let current = format!("{:#}\n", case_schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == current,
        "cases/schema.json is not what the types say; refresh it with\n  UPDATE_SCHEMA=1 cargo test -p sluicegate --lib the_committed_schema_is_current"
    );
}
