//! How often the program is right about its own mock, from end to end over sockets: what is true, and what was slowed by two margins.
//!
//! The criterion at the end of the method's 3.10: of 50 runs in which all assumptions are true at least 49 find none violated, and as many
//! hold as was planned, to 15 points; of runs whose function is slower by two margins nine of ten find exactly its own latency (from the
//! access log) and the total's violated, where the planned power is 90 %. A run that calls itself invalid has no verdict, and is made
//! again; the function takes a third of a second, so that a tenth of the smallest margin is more than what a machine that is shared with
//! others pauses for. Takes half an hour on a quiet machine, and is measured only where it is named; `SLUICEGATE_TRUE_RUNS` and
//! `SLUICEGATE_SLOWED_RUNS` make it shorter or longer.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::figures::Figure;
use crate::own::binary;

/// Runs in which everything is true, and runs of a slower function.
const TRUE_RUNS: u64 = 50;
const SLOWED_RUNS: u64 = 20;
/// How often an invalid run is made again.
const AGAIN_MAX: u64 = 20;
/// Two margins of 15 %.
const SLOWED: &str = "functions.orders.duration * 1.3";

const PROFILE: &str = "\
# Imitates members who read orders: a function answers, and another says who may ask.
gateway:
  api: rest
  stages: { prod: { throttle: { rate: 230/s, burst: 12 } } }
  functions:
    orders: { duration: { p50: 320ms, p99: 1s }, cold_start: { p50: 600ms, p99: 900ms }, concurrency: 200 }
  authorizers:
    members: { lambda: { identity: [header.X-Member], latency: 40ms, ttl: 5s } }
  routes:
    GET /orders/{id}: { authorizer: members, integration: { lambda: orders } }
traffic:
  mix:
    - request: GET /orders/{id}
      with: { id: 1..10000, member: 1..300 }
      headers: { x-member: \"member-{member}\" }
  arrivals: { poisson: 200/s }
run: { duration: 24s, warmup: 4s, connections: 400 }
target: mock
safety: { max_rate: 500/s }
expect:
  - { of: 'GET /orders/{id}', metric: latency p50, within: 15% }
  - { of: 'GET /orders/{id}', metric: latency p95, within: 15% }
  - { of: 'GET /orders/{id}', metric: integration latency p50, within: 15% }
  - { metric: throttled, within: 2 points }
  - { metric: errors, within: 1 point }
  - { metric: authorizer hits, within: 8 points }
";

/// What became of all runs of a kind.
#[derive(Default)]
struct Told {
    claims: Vec<Tally>,
    /// Runs that found nothing violated.
    clean: u64,
    /// Runs that called themselves invalid, and were made again.
    invalid: u64,
}

/// What became of one claim over all runs.
#[derive(Default)]
struct Tally {
    name: String,
    planned: f64,
    holds: u64,
    violated: u64,
    runs: u64,
}

pub(crate) fn figures(_: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    match measured() {
        Ok(text) => println!("{text}"),
        Err(problem) => problems.push(format!("verdicts: {problem}")),
    }
    Vec::new()
}

fn measured() -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
    let profile = folder.path().join("members.yaml");
    fs::write(&profile, PROFILE).map_err(|error| format!("cannot write a profile: {error}"))?;
    let (true_runs, slowed_runs) = (asked("SLUICEGATE_TRUE_RUNS", TRUE_RUNS)?, asked("SLUICEGATE_SLOWED_RUNS", SLOWED_RUNS)?);
    let truths = tallied(&profile, true_runs, &[])?;
    let slowed = tallied(&profile, slowed_runs, &["--drift", SLOWED])?;
    let mut text =
        String::from("How often the program is right about its own mock, over sockets. Written by `just calibrate-driven`.\n\n");
    let again = |told: &Told| format!("{} were invalid, by their own word, and were made again", told.invalid);
    let _ = writeln!(text, "All true: no violation in {} of {true_runs} runs; {}.\n", truths.clean, again(&truths));
    table(&mut text, &truths.claims);
    let _ = writeln!(text, "\nThe function slowed by two margins (`{SLOWED}`), {slowed_runs} runs; {}:\n", again(&slowed));
    table(&mut text, &slowed.claims);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verdict/end_to_end.md");
    fs::write(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

fn asked(variable: &str, usual: u64) -> Result<u64, String> {
    match std::env::var(variable) {
        Err(_) => Ok(usual),
        Ok(text) => text.parse().map_err(|_| format!("{variable}: {text} is no number of runs")),
    }
}

fn table(text: &mut String, tallies: &[Tally]) {
    let _ = writeln!(text, "| assumption | planned power | holds | violated | inconclusive |\n|---|---|---|---|---|");
    for Tally { name, planned, holds, violated, runs } in tallies {
        let share = |count: u64| format!("{:.0} %", 100.0 * count as f64 / (*runs).max(1) as f64);
        let open = share(runs - holds - violated);
        let planned = format!("{:.0} %", 100.0 * planned / (*runs).max(1) as f64);
        let _ = writeln!(text, "| {name} | {planned} | {} | {} | {open} |", share(*holds), share(*violated));
    }
}

/// The verdicts of so many runs, each with its own seed.
fn tallied(profile: &Path, runs: u64, flags: &[&str]) -> Result<Told, String> {
    let Told { claims: mut tallies, mut clean, mut invalid } = Told::default();
    for seed in 1..=runs {
        let mut record = record(profile, seed, flags)?;
        for _ in 0..AGAIN_MAX {
            if !is_invalid(&record) {
                break;
            }
            invalid += 1;
            record = self::record(profile, seed, flags)?;
        }
        if is_invalid(&record) {
            return Err(format!("run {seed} was invalid {AGAIN_MAX} times: keep other work off this machine"));
        }
        let verdicts = record["verdicts"].as_array().ok_or("a run without verdicts")?;
        let mut is_clean = true;
        for (at, verdict) in verdicts.iter().enumerate() {
            if tallies.len() <= at {
                tallies.push(Tally { name: verdict["assumption"].as_str().unwrap_or_default().to_owned(), ..Tally::default() });
            }
            let tally = &mut tallies[at];
            tally.runs += 1;
            tally.planned += verdict["planned_power"].as_f64().unwrap_or(0.0);
            match verdict["answer"].as_str() {
                Some("holds") => tally.holds += 1,
                Some("violated") => (tally.violated, is_clean) = (tally.violated + 1, false),
                _ => {}
            }
        }
        clean += u64::from(is_clean);
        println!("run {seed} of {runs} {}: {}", flags.join(" "), answers(verdicts));
    }
    Ok(Told { claims: tallies, clean, invalid })
}

fn is_invalid(record: &Value) -> bool {
    record["doubts"].as_array().is_some_and(|doubts| doubts.iter().any(|doubt| doubt["weight"] == "invalid"))
}

fn answers(verdicts: &[Value]) -> String {
    verdicts.iter().filter_map(|verdict| verdict["answer"].as_str()).collect::<Vec<_>>().join(", ")
}

fn record(profile: &Path, seed: u64, flags: &[&str]) -> Result<Value, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder: {error}"))?;
    let ran = Command::new(binary())
        .arg("run")
        .arg(profile)
        .args(["--format", "json", "--quiet", "--seed", &seed.to_string(), "--access-log"])
        .arg(folder.path().join("access.jsonl"))
        .arg("-o")
        .arg(folder.path().join("run"))
        .args(flags)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run: {error}"))?;
    serde_json::from_slice(&ran.stdout).map_err(|error| format!("no record: {error}"))
}
