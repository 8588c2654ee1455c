//! Sluicegate itself, called as anybody would call it.
//!
//! Owns the profiles and flags of its runs and the reading of `run.json`. Refuses to use the library: what is measured is the program.
//! Called by every part.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{self, URL};

/// A profile up to its traffic.
pub(crate) const PROFILE_HEAD: &str = "gateway:\n  api: http\n  region: us-east-1\n  stages: { prod: {} }\n  routes:\n    GET /: { integration: { mock: { status: 200, body: ok } } }\ntraffic:\n  mix:\n    - request: GET /\n";

/// The program under test.
pub(crate) fn binary() -> String {
    env!("CARGO_BIN_EXE_sluicegate").to_owned()
}

/// Writes a profile of one request with this pace; its path.
pub(crate) fn profile(folder: &Path, name: &str, pace: &str) -> Result<PathBuf, String> {
    let path = folder.join(format!("{name}.yaml"));
    fs::write(&path, format!("{PROFILE_HEAD}{pace}\n")).map_err(|error| format!("cannot write a profile: {error}"))?;
    Ok(path)
}

/// So many users without a pause.
pub(crate) fn closed(users: u32, connections: u32, seconds: u64) -> String {
    format!("  closed: {{ users: {users}, think: 0s }}\nrun: {{ duration: {seconds}s, warmup: 0s, connections: {connections} }}")
}

/// Evenly spaced requests.
pub(crate) fn constant(per_s: u64, connections: u32, seconds: u64, warmup_s: u64) -> String {
    format!(
        "  arrivals: {{ constant: {per_s}/s }}\nrun: {{ duration: {seconds}s, warmup: {warmup_s}s, connections: {connections} }}\nsafety: {{ max_rate: {}/s }}",
        per_s * 2
    )
}

/// A run of `profile` on one lane without a simulation, with [`URL`] for the target; its folder is `output`, which must not be there.
pub(crate) fn run(profile: &Path, output: &Path, flags: &[&str]) -> Vec<String> {
    let mut command = vec![binary(), "run".to_owned(), profile.display().to_string()];
    command.extend(driving(output));
    command.extend(flags.iter().map(|&flag| flag.to_owned()));
    command
}

/// What runs and replays have in common.
pub(crate) fn driving(output: &Path) -> Vec<String> {
    let output = output.display().to_string();
    process::words(["--drive-only", "--format", "json", "--lanes", "1", "--quiet", "-o", &output, "--target", URL])
}

/// The record of a profile driven against `url` on one lane, without a simulation.
pub(crate) fn driven(profile: &Path, url: &str, output: &Path) -> Result<Value, String> {
    record(&process::timed(&run(profile, output, &[]), url)?.output)
}

/// The record that a run has printed.
pub(crate) fn record(output: &str) -> Result<Value, String> {
    serde_json::from_str(output).map_err(|error| format!("sluicegate: run.json is not JSON: {error}"))
}

/// Requests after the warm-up that were answered 200. Answers after the end of the planned time belong to none: what the run counts
/// is what it planned.
pub(crate) fn answered(run: &Value) -> Option<f64> {
    let good = |outcome: &&Value| outcome["outcome"] == "answered" && outcome["status"] == 200;
    let counts = run["total"]["outcomes"].as_array()?.iter().filter(good).map(|outcome| outcome["count"].as_f64());
    counts.sum()
}

/// A number of a run, by its keys.
pub(crate) fn number(run: &Value, keys: &[&str]) -> Result<f64, String> {
    let found = keys.iter().try_fold(run, |value, key| value.get(key)).and_then(Value::as_f64);
    found.ok_or_else(|| format!("sluicegate: the run has no {}", keys.join(".")))
}
