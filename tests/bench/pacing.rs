//! Whether what should come every millisecond does, as one neutral receiver sees it, whoever sends.
//!
//! Owns how each tool is asked for 1,000 requests a second, and the figure: how far the gap between two consecutive arrivals is from a
//! millisecond. Refuses what a tool says of itself. The first second is left out.

use std::path::Path;

use crate::figures::{Figure, folder, median, quantile};
use crate::own;
use crate::process::{self, URL, words};
use crate::receiver::Receiver;
use crate::tools;

/// Requests a second.
const PER_S: u64 = 1_000;
/// What is between two of them.
const GAP_NS: u64 = 1_000_000_000 / PER_S;
/// Length of a round in seconds.
const ROUND_S: u64 = 10;
/// Left out at the beginning.
const WARMUP_NS: u64 = 1_000_000_000;
/// Connections (users) of each tool: ten, so that hey, which has a rate for each worker alone, sends 100/s on each.
const CONNECTIONS: u32 = 10;
/// Users of k6, which leaves an arrival out when all of them are busy.
const K6_USERS: u32 = 64;
/// Ways in which sluicegate waits for an instant: the name of the figure, and the flags. Another way is another line.
const PACINGS: [(&str, &[&str]); 3] =
    [("sluicegate", &[]), ("sluicegate, spin", &["--pacing", "spin"]), ("sluicegate, sleep", &["--pacing", "sleep"])];

/// A tool that was told to keep the rate.
struct Paced {
    name: &'static str,
    command: Vec<String>,
    /// A run folder, which may not be there before.
    makes: Option<std::path::PathBuf>,
}

/// Gaps of all tools that are installed.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    measured(rounds, problems).unwrap_or_else(|why| {
        problems.push(format!("arrival gaps: {why}"));
        Vec::new()
    })
}

fn measured(rounds: usize, problems: &mut Vec<String>) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let tools = present(folder.path())?;
    let mut errors: Vec<[Vec<f64>; 2]> = tools.iter().map(|_| <[Vec<f64>; 2]>::default()).collect();
    for round in 1..=rounds {
        println!("arrival gaps, round {round} of {rounds}");
        for (tool, errors) in tools.iter().zip(&mut errors) {
            match tool.round() {
                Ok([p50, p99]) => {
                    errors[0].push(p50);
                    errors[1].push(p99);
                }
                Err(why) => problems.push(format!("arrival gaps of {}: {why}", tool.name)),
            }
        }
    }
    let of = |at: usize| {
        let kept = tools.iter().zip(&errors).filter(|(_, errors)| !errors[at].is_empty());
        kept.map(|(tool, errors)| (tool.name.to_owned(), median(errors[at].iter().copied()))).collect()
    };
    Ok(vec![
        Figure::beside_peers("arrivals at 1,000/s: gap - 1 ms, p50 (asked: <= 15, and 5 times better)", "us", of(0)),
        Figure::beside_peers("arrivals at 1,000/s: gap - 1 ms, p99 (asked: <= 150, and 5 times better)", "us", of(1)),
    ])
}

impl Paced {
    /// The median and the 99th percentile of the error, in microseconds.
    fn round(&self) -> Result<[f64; 2], String> {
        if let Some(folder) = &self.makes {
            let _ = std::fs::remove_dir_all(folder);
        }
        let receiver = Receiver::stamping()?;
        process::timed(&self.command, &receiver.url())?;
        let mut errors = gap_errors_us(&receiver.finish()?.at_ns)?;
        errors.sort_by(f64::total_cmp);
        Ok([quantile(&errors, 0.5), quantile(&errors, 0.99)])
    }
}

/// How far each gap after the first second is from a millisecond. Far fewer or more arrivals than were asked for are an error: their gaps
/// would tell of another rate.
fn gap_errors_us(at_ns: &[u64]) -> Result<Vec<f64>, String> {
    let from = at_ns.first().ok_or("nothing arrived")? + WARMUP_NS;
    let kept: Vec<u64> = at_ns.iter().copied().filter(|at| *at >= from).collect();
    let asked = PER_S * ROUND_S - PER_S * WARMUP_NS / 1_000_000_000;
    let few_or_many = (kept.len() as f64 / asked as f64 - 1.0).abs() > 0.1;
    if few_or_many {
        return Err(format!("{} requests arrived after the first second, and {asked} were asked for", kept.len()));
    }
    let error_us = |pair: &[u64]| pair[1].saturating_sub(pair[0]).abs_diff(GAP_NS) as f64 / 1e3;
    Ok(kept.windows(2).map(error_us).collect())
}

/// The tools that are installed; the others are named.
fn present(folder: &Path) -> Result<Vec<Paced>, String> {
    let (connections, rate) = (CONNECTIONS.to_string(), PER_S.to_string());
    let (duration, for_each) = (format!("{ROUND_S}s"), (PER_S / u64::from(CONNECTIONS)).to_string());
    let mut tools = own(folder)?;
    let wrk2 = words(["wrk2", "-t1", "-c", &connections, "-d", &duration, "-R", &rate, URL]);
    let oha = ["oha", "-z", &duration, "-c", &connections, "-q", &rate, "--latency-correction", "--no-tui", URL];
    let hey = ["hey", "-z", &duration, "-c", &connections, "-q", &for_each, "-cpus", "1", URL];
    let k6 = format!(
        "scenarios: {{ open: {{ executor: 'constant-arrival-rate', rate: {PER_S}, timeUnit: '1s', duration: '{duration}', preAllocatedVUs: {K6_USERS}, maxVUs: {K6_USERS} }} }}"
    );
    let k6 = tools::k6_command(folder, "k6-open.js", &k6)?;
    for (name, command) in [("oha", words(oha)), ("k6", k6), ("wrk2", wrk2), ("hey", words(hey))] {
        if process::is_installed(name) {
            tools.push(Paced { name, command, makes: None });
        } else {
            println!("{name}: not installed, skipped");
        }
    }
    Ok(tools)
}

fn own(folder: &Path) -> Result<Vec<Paced>, String> {
    let profile = own::profile(folder, "paced", &own::constant(PER_S, CONNECTIONS, ROUND_S, 1))?;
    let makes = folder.join("paced");
    let of = |(name, flags): (&'static str, &[&str])| Paced {
        name,
        command: own::run(&profile, &makes, flags),
        makes: Some(makes.clone()),
    };
    Ok(PACINGS.into_iter().map(of).collect())
}
