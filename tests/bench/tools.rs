//! The tools under measurement: how each is called for the same load, and how its answer is read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::figures::Figure;

/// Length of one round.
const ROUND: Duration = Duration::from_secs(4);
/// Connections of the closed model.
const CONNECTIONS: u32 = 64;
/// The core that every load generator is pinned to.
const CORE: &str = "0";

/// A load generator.
pub(crate) struct Tool {
    pub(crate) name: String,
    command: Vec<String>,
    requests: fn(&str) -> Option<f64>,
}

/// What one round gave.
pub(crate) struct Measured {
    requests: f64,
    cpu_s: f64,
    seconds: f64,
}

impl Measured {
    pub(crate) fn rate(&self) -> f64 {
        self.requests / self.seconds
    }

    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / self.requests
    }
}

/// The tools that are installed; the others are named.
pub(crate) fn present(folder: &Path) -> Vec<Tool> {
    let seconds = ROUND.as_secs();
    let connections = CONNECTIONS.to_string();
    let duration = format!("{seconds}s");
    let own = closed_profile(folder);
    let candidates = [
        (
            "sluicegate",
            vec![
                own_binary(),
                "run".into(),
                own,
                "--drive-only".into(),
                "--format".into(),
                "json".into(),
                "--lanes".into(),
                "1".into(),
                "--quiet".into(),
                "-o".into(),
                folder.join("run").display().to_string(),
                "--target".into(),
            ],
            own_requests as fn(&str) -> Option<f64>,
        ),
        ("wrk", vec!["wrk".into(), "-t1".into(), format!("-c{connections}"), format!("-d{duration}")], wrk_requests),
        (
            "oha",
            vec![
                "oha".into(),
                "-z".into(),
                duration.clone(),
                "-c".into(),
                connections.clone(),
                "--no-tui".into(),
                "--output-format".into(),
                "json".into(),
            ],
            oha_requests,
        ),
        ("hey", vec!["hey".into(), "-z".into(), duration, "-c".into(), connections, "-cpus".into(), "1".into()], hey_requests),
    ];
    let mut tools = Vec::new();
    for (name, command, requests) in candidates {
        if is_installed(&command[0]) {
            tools.push(Tool { name: name.to_owned(), command, requests });
        } else {
            println!("{name}: not installed, skipped");
        }
    }
    tools
}

impl Tool {
    /// One round against `url`.
    pub(crate) fn measure(&self, url: &str) -> Result<Measured, String> {
        let run_folder = self.command.iter().skip_while(|word| *word != "-o").nth(1);
        if let Some(folder) = run_folder {
            // Every round writes a run of its own, into the same place.
            let _ = fs::remove_dir_all(folder);
        }
        let (output, cpu_s) = timed(&self.command, url)?;
        let requests = (self.requests)(&output).ok_or_else(|| format!("its output is not understood: {}", head(&output)))?;
        Ok(Measured { requests, cpu_s, seconds: ROUND.as_secs_f64() })
    }
}

/// Schedule lag at a constant 10,000/s on one core, as sluicegate records it.
pub(crate) fn schedule_lag(url: &str, folder: &Path) -> Result<Vec<Figure>, String> {
    let profile = folder.join("constant.yaml");
    let text = PROFILE_HEAD.to_owned()
        + "  arrivals: { constant: 10000/s }\nrun: { duration: 10s, warmup: 1s, connections: 64 }\nsafety: { max_rate: 20000/s }\n";
    fs::write(&profile, text).map_err(|error| format!("cannot write a profile: {error}"))?;
    let mut p50 = Vec::new();
    let mut p99 = Vec::new();
    for round in 0..3 {
        let run = driven(&profile, url, &folder.join(format!("lag-{round}")))?;
        let lag = |key: &str| run["load"]["schedule_lag"][key].as_f64().map(|ns| ns / 1e3);
        p50.push(lag("p50_ns").ok_or("the run has no schedule lag")?);
        p99.push(lag("p99_ns").ok_or("the run has no schedule lag")?);
    }
    Ok(vec![
        Figure::alone("constant 10,000/s, one core: schedule lag p50", "us", crate::figures::median(p50.into_iter())),
        Figure::alone("constant 10,000/s, one core: schedule lag p99", "us", crate::figures::median(p99.into_iter())),
    ])
}

/// The record of a profile driven against `url` on one lane, without a simulation.
pub(crate) fn driven(profile: &Path, url: &str, output: &Path) -> Result<serde_json::Value, String> {
    let command = [
        own_binary(),
        "run".into(),
        profile.display().to_string(),
        "--drive-only".into(),
        "--format".into(),
        "json".into(),
        "--lanes".into(),
        "1".into(),
        "--quiet".into(),
        "-o".into(),
        output.display().to_string(),
        "--target".into(),
    ];
    let (text, _) = timed(&command, url)?;
    serde_json::from_str(&text).map_err(|error| format!("run.json is not JSON: {error}"))
}

/// A profile up to its traffic.
pub(crate) const PROFILE_HEAD: &str = "gateway:\n  api: http\n  region: us-east-1\n  stages: { prod: {} }\n  routes:\n    GET /: { integration: { mock: { status: 200, body: ok } } }\ntraffic:\n  mix:\n    - request: GET /\n";

fn closed_profile(folder: &Path) -> String {
    let path = folder.join("closed.yaml");
    let text = format!(
        "{PROFILE_HEAD}  closed: {{ users: {CONNECTIONS}, think: 0s }}\nrun: {{ duration: {}s, warmup: 0s, connections: {CONNECTIONS} }}\n",
        ROUND.as_secs()
    );
    if let Err(error) = fs::write(&path, text) {
        println!("cannot write {}: {error}", path.display());
    }
    path.display().to_string()
}

/// Runs a command pinned to the load generators' core; its standard output, and its user and system CPU time in seconds.
fn timed(command: &[String], last: &str) -> Result<(String, f64), String> {
    let script = "TIMEFORMAT='%U %S'; time \"$@\" 2>\"$0\"";
    let errors = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
    let done = Command::new("taskset")
        .args(["-c", CORE, "bash", "-c", script])
        .arg(errors.path())
        .args(command)
        .arg(last)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("taskset or bash does not start: {error}"))?;
    let times = String::from_utf8_lossy(&done.stderr);
    let cpu = times.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).sum();
    if !done.status.success() && done.stdout.is_empty() {
        return Err(format!("it failed: {}", head(&fs::read_to_string(errors.path()).unwrap_or_default())));
    }
    Ok((String::from_utf8_lossy(&done.stdout).into_owned(), cpu))
}

fn own_binary() -> String {
    env!("CARGO_BIN_EXE_sluicegate").to_owned()
}

fn is_installed(program: &str) -> bool {
    Path::new(program).is_file()
        || std::env::var_os("PATH")
            .is_some_and(|paths| std::env::split_paths(&paths).any(|folder: PathBuf| folder.join(program).is_file()))
}

fn head(text: &str) -> String {
    text.lines().take(3).collect::<Vec<_>>().join(" | ")
}

/// Answers after the end of the planned time belong to none: what the run counts is what it planned.
fn own_requests(output: &str) -> Option<f64> {
    let run: serde_json::Value = serde_json::from_str(output).ok()?;
    run["total"]["count"].as_f64()
}

fn wrk_requests(output: &str) -> Option<f64> {
    // "  512345 requests in 4.00s, 70MB read"
    let line = output.lines().find(|line| line.contains(" requests in "))?;
    line.split_whitespace().next()?.parse().ok()
}

fn oha_requests(output: &str) -> Option<f64> {
    let report: serde_json::Value = serde_json::from_str(output).ok()?;
    let summary = &report["summary"];
    Some(summary["requestsPerSec"].as_f64()? * summary["total"].as_f64()?)
}

fn hey_requests(output: &str) -> Option<f64> {
    let value = |name: &str| {
        output.lines().find_map(|line| line.trim().strip_prefix(name)?.split_whitespace().next()?.parse::<f64>().ok())
    };
    Some(value("Requests/sec:")? * value("Total:")?)
}
