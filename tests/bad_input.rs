//! Whatever is wrong outside (profile, log, target, disk, a signal): a message with a cure, the documented exit code, and what
//! was measured so far is kept. Each case runs the program as a process.
//!
//! No case judges a latency, and each grants the codes that a busy machine may add: an invalid run (4).

mod clients; // requests that are none, too much, too slow or cut, against a mock
mod codes; // the table in the README, the help, and what the program uses
mod definitions; // API definitions that turn in circles, explode, or are none; models that recurse
mod disks; // folders that cannot be used, a disk that is full, an output that is closed
mod killed; // runs that are killed: their journal, and what a report makes of it
mod logs; // logs that are empty, cut, binary, hostile, absent
mod processes; // signals, and what becomes of the mock
mod profiles; // a profile broken in each of its parts, and drifts
mod targets; // hosts that are not allowed, that refuse, that break off, that keep silent; rates beyond any machine
mod templates; // mapping templates that loop, explode or do not parse

use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::program::{Bench, Finished};

/// A service with one fast function; a run of two seconds at 50/s.
const SERVICE: &str = "\
# Imitates a service with one fast function.
gateway:
  api: http
  region: us-east-1
  stages:
    prod: { throttle: { rate: 2000/s, burst: 1000 } }
  functions:
    orders: { memory: 512 MB, duration: { p50: 5ms, p99: 10ms }, cold_start: { p50: 20ms, p99: 30ms } }
  routes:
    GET /orders/{id}: { integration: { lambda: orders } }
traffic:
  mix:
    - request: GET /orders/{id}
      with: { id: 1..10000 }
      weight: 1
  arrivals: { constant: 50/s }
  identities: 50
run: { duration: 2s, warmup: 0s, connections: 64 }
target: mock
safety: { max_rate: 10000000/s }
expect:
  - of: GET /orders/{id}
    metric: latency p50
    within: 50%
";

/// A folder with the service's profile in it.
fn service() -> (Bench, PathBuf) {
    let bench = Bench::new();
    let profile = bench.file("service.yaml", SERVICE);
    (bench, profile)
}

/// The program's arguments, written as on a command line.
fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

impl Bench {
    /// Runs the program with arguments written as on a command line, in its folder.
    fn line(&self, line: &str) -> Finished {
        self.sluicegate(words(line))
    }
}

impl Finished {
    /// Fails unless the exit code is one of these.
    #[track_caller]
    fn expect_one_of(self, codes: &[i32]) -> Self {
        assert!(self.code.is_some_and(|code| codes.contains(&code)), "{self:#?}");
        self.expect_calm()
    }

    /// Fails if the program panicked.
    #[track_caller]
    fn expect_calm(self) -> Self {
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Fails unless it ended at once as a refusal does: with this code, this message, and nothing on standard output.
    #[track_caller]
    fn refuses(self, code: i32, message: &[&str]) {
        let done = self.expect_code(code).expect_calm();
        assert_eq!(done.stdout, "");
        assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
        message.iter().fold(done, |done, part| done.complains(part));
    }

    /// Fails unless standard output holds `text`.
    #[track_caller]
    fn shows(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "`{text}` is not in standard output:\n{}", self.stdout);
        self
    }
}

/// How many actions of a run ended as `outcome`, such as `refused`.
fn ended_as(record: &Value, outcome: &str) -> u64 {
    let outcomes = record["total"]["outcomes"].as_array().expect("the outcomes are a list");
    outcomes.iter().filter(|line| line["outcome"] == outcome).filter_map(|line| line["count"].as_u64()).sum()
}

/// Looks again and again until there is something to see; a few seconds at most.
#[track_caller]
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..4_000 {
        if let Some(seen) = look() {
            return seen;
        }
        thread::park_timeout(Duration::from_millis(5));
    }
    panic!("never seen: {what}");
}
