//! Recorded traffic: how fast a log is read, what is kept of it in memory, and whether an hour of it drifts.
//!
//! Owns the logs and what is compared. Refuses what sluicegate says of its own times: arrivals are the receiver's, recorded instants
//! are read from the trace that was imported.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sluicegate::traffic::trace::TraceReader;

use crate::figures::{Figure, folder, gather, median, quantile};
use crate::log;
use crate::own;
use crate::process::{self, Ended};
use crate::receiver::Receiver;

/// Size of the log whose import is timed.
const BYTES: u64 = 1_000_000_000;
/// Requests of the small trace that the memory of the large one is held against.
const SMALL: u64 = 20_000;
/// Requests of the trace that is played for its times.
const PLAYED: u64 = 10_000;
/// How many times faster than recorded it is played: an hour in ten seconds.
const SPEED: u32 = 360;
/// Rounds of what is long.
const FEW_ROUNDS: usize = 3;

/// All figures of recorded traffic.
pub(crate) fn figures(rounds: usize, problems: &mut Vec<String>) -> Vec<Figure> {
    gather([imported(rounds.min(FEW_ROUNDS)), drift(rounds)], problems)
}

/// A trace that was imported, and the profile derived from the same log.
struct Imported {
    trace: PathBuf,
    profile: PathBuf,
    ended: Ended,
}

/// A log of 1 GB, three times; then what its trace keeps in memory while it is played.
fn imported(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let log = folder.path().join("access.log");
    println!("import, writing a log of 1 GB");
    let cannot = |error| format!("cannot write a log: {error}");
    let lines = log::lines_of(BYTES).map_err(cannot)?;
    let bytes = log::write(&log, lines).map_err(cannot)?;
    let [mut cpu, mut wall] = [const { Vec::new() }; 2];
    for round in 1..=rounds {
        println!("import of {lines} lines, round {round} of {rounds}");
        let Ended { cpu_s, wall: took, .. } = import(&log, folder.path(), lines)?.ended;
        cpu.push(bytes as f64 / 1e6 / cpu_s);
        wall.push(bytes as f64 / 1e6 / took.as_secs_f64());
    }
    let [cpu, wall] = [cpu, wall].map(|values| median(values.into_iter()));
    let mut figures = vec![
        Figure::alone("import of a combined log of 1 GB: bytes for each second of CPU (asked: >= 200)", "MB/s", cpu),
        Figure::alone("import of a combined log of 1 GB: bytes a second on one core", "MB/s", wall),
    ];
    figures.extend(kept(&log, lines, folder.path(), rounds)?);
    Ok(figures)
}

/// What a replay keeps of each request: on disk the trace, in memory what a trace of millions takes more than one of thousands. The
/// same rate for the same time, so that all else is equal.
fn kept(log: &Path, lines: u64, folder: &Path, rounds: usize) -> Result<Vec<Figure>, String> {
    let large = import(log, folder, lines)?;
    let bytes = fs::metadata(&large.trace).map_err(|error| format!("the trace is not there: {error}"))?.len();
    let small_folder = folder.join("small");
    fs::create_dir(&small_folder).map_err(|error| format!("no folder: {error}"))?;
    let small_log = small_folder.join("access.log");
    log::write(&small_log, SMALL).map_err(|error| format!("cannot write a log: {error}"))?;
    let small = import(&small_log, &small_folder, SMALL)?;
    let receiver = Receiver::delaying(0)?;
    let mut peaks: [Vec<f64>; 2] = Default::default();
    for round in 1..=rounds {
        println!("memory of a replay, round {round} of {rounds}");
        for (trace, peaks) in [&small.trace, &large.trace].into_iter().zip(&mut peaks) {
            let flags = ["--rate", "1000/s", "-d", "3s"];
            let (said, peak_mb) = process::watched(&replay(trace, &small.profile, folder, &flags), &receiver.url())?;
            own::answered(&own::record(&said)?)
                .filter(|answered| *answered > 0.0)
                .ok_or("sluicegate: the replay has no answers")?;
            peaks.push(peak_mb);
        }
    }
    let [few, many] = peaks.map(|peaks| median(peaks.into_iter()));
    let grown = (many - few) * 1_024.0 * 1_024.0 / (lines - SMALL) as f64;
    Ok(vec![
        Figure::alone("replay: memory for each request of the trace (asked: <= 64)", "B", grown),
        Figure::alone("replay: the trace file for each request", "B", bytes as f64 / lines as f64),
        Figure::alone(&format!("replay: memory with a trace of {:.1} million", lines as f64 / 1e6), "MB", many),
    ])
}

/// An hour of recorded time at 360 times its speed: how much later, against the recording, the last second arrives than the first.
fn drift(rounds: usize) -> Result<Vec<Figure>, String> {
    let folder = folder()?;
    let log = folder.path().join("access.log");
    log::write(&log, PLAYED).map_err(|error| format!("cannot write a log: {error}"))?;
    let made = import(&log, folder.path(), PLAYED)?;
    let recorded = recorded_ns(&made.trace)?;
    let [mut drifts, mut late] = [const { Vec::new() }; 2];
    for round in 1..=rounds {
        println!("replay of an hour, round {round} of {rounds}");
        let receiver = Receiver::stamping()?;
        let flags = ["--speed", &SPEED.to_string()];
        process::timed(&replay(&made.trace, &made.profile, folder.path(), &flags), &receiver.url())?;
        let (drift_ms, late_ms) = against(&recorded, &receiver.finish()?.at_ns)?;
        drifts.push(drift_ms);
        late.push(late_ms);
    }
    Ok(vec![
        Figure::alone(
            "replay of an hour at 360x: last second later than the first, p50 (asked: <= 1)",
            "ms",
            median(drifts.into_iter()),
        ),
        Figure::alone("replay of an hour at 360x: distance from the recording, p99", "ms", median(late.into_iter())),
    ])
}

/// The drift, and the 99th percentile of the distance of an arrival from the recorded instant; both in milliseconds as played, and
/// both counted from the first arrival. Arrivals that overtook one another by a connection's accident are taken in order.
fn against(recorded_ns: &[u64], arrived_ns: &[u64]) -> Result<(f64, f64), String> {
    const SECOND_NS: f64 = 1e9;
    let first = *arrived_ns.first().ok_or("nothing arrived")?;
    if recorded_ns.len() != arrived_ns.len() {
        return Err(format!("{} requests were recorded and {} arrived", recorded_ns.len(), arrived_ns.len()));
    }
    let played = |recorded: &u64| *recorded as f64 / f64::from(SPEED);
    let late_ms = |(recorded, arrived): (&u64, &u64)| (arrived.saturating_sub(first) as f64 - played(recorded)) / 1e6;
    let late: Vec<f64> = recorded_ns.iter().zip(arrived_ns).map(late_ms).collect();
    let end = recorded_ns.last().map_or(0.0, played);
    let of = |kept: &dyn Fn(f64) -> bool| {
        let values = recorded_ns.iter().zip(&late).filter(|(recorded, _)| kept(played(recorded))).map(|(_, late)| *late);
        median(values)
    };
    let drift = of(&|at| at >= end - SECOND_NS) - of(&|at| at < SECOND_NS);
    let mut distances: Vec<f64> = late.iter().map(|late| late.abs()).collect();
    distances.sort_by(f64::total_cmp);
    Ok((drift, quantile(&distances, 0.99)))
}

/// Recorded instants since the first.
fn recorded_ns(trace: &Path) -> Result<Vec<u64>, String> {
    let reader = TraceReader::open(trace).map_err(|error| error.to_string())?;
    reader.map(|entry| entry.map(|entry| entry.at.as_ns()).map_err(|error| error.to_string())).collect()
}

/// Imports a log on one core, and makes sure that every line was taken.
fn import(log: &Path, folder: &Path, lines: u64) -> Result<Imported, String> {
    let (trace, profile) = (folder.join("made.trace"), folder.join("made.yaml"));
    let path = |path: &Path| path.display().to_string();
    let command = process::words([
        &own::binary(),
        "import",
        &path(log),
        "--log-format",
        "combined",
        "--format",
        "json",
        "-o",
        &path(&trace),
        "--profile-out",
        &path(&profile),
    ]);
    let ended = process::timed(&command, "")?;
    let summary: Value = serde_json::from_str(&ended.output).map_err(|error| format!("sluicegate import: {error}"))?;
    let accepted = summary["accepted"].as_u64().ok_or("sluicegate import: the summary has no number of accepted lines")?;
    if accepted != lines {
        return Err(format!("sluicegate import: of {lines} lines {accepted} were accepted"));
    }
    Ok(Imported { trace, profile, ended })
}

fn replay(trace: &Path, profile: &Path, folder: &Path, flags: &[&str]) -> Vec<String> {
    let output = folder.join("replayed");
    let _ = fs::remove_dir_all(&output);
    let mut command = process::words([&own::binary(), "replay", &trace.display().to_string(), &profile.display().to_string()]);
    command.extend(own::driving(&output));
    command.extend(flags.iter().map(|&flag| flag.to_owned()));
    command
}
