//! Sluicegate beside its peers, in one run: the same servers on the other core, the same load, medians of several rounds.
//!
//! `just bench` runs all parts, `just bench load pacing` those alone; the names are in [`PARTS`]. Prints a table and writes
//! `target/bench/latest.json` (`websocket.json` for `just bench-ws`): for each figure its part, name, value, unit, and the value of each
//! peer; a run of some parts leaves the figures of the others as they were. A peer that is not installed is skipped by name. Processes are pinned with `taskset`. Rounds
//! are interleaved, so that a drift of the machine meets everybody. `just bench-check` counts instructions (`instructions`).

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod again;
mod answers;
mod behind;
mod compare;
mod door;
mod echo;
mod figures;
mod floor;
mod listener;
mod load;
mod log;
mod memory;
mod nginx;
mod own;
mod pacing;
mod process;
mod receiver;
mod replay;
mod running;
mod seats;
mod simulator;
mod tools;
mod verdicts;
mod watcher;
mod websocket;

use std::path::PathBuf;
use std::process::ExitCode;

use figures::Figure;

/// Rounds of each tool; the median is reported. Parts that take long make fewer of some, and say so.
const ROUNDS: usize = 5;

/// Something that can be measured alone: its name, what it is, and how, given the rounds and where to put what could not be measured.
struct Part {
    name: &'static str,
    what: &'static str,
    measure: fn(usize, &mut Vec<String>) -> Vec<Figure>,
    /// The file below `target/bench` that keeps its figures.
    kept: &'static str,
}

const PARTS: [Part; 13] = [
    Part {
        name: "load",
        what: "closed model beside the floor and the peers; open model at 80 % of it",
        measure: load::figures,
        kept: LATEST,
    },
    Part { name: "lag", what: "schedule lag at constant rates", measure: load::lag, kept: LATEST },
    Part {
        name: "pacing",
        what: "arrival gaps at 1,000/s, seen by one neutral receiver",
        measure: pacing::figures,
        kept: LATEST,
    },
    Part {
        name: "memory",
        what: "resident memory after few and many requests, and of 15,000 connections",
        measure: memory::figures,
        kept: LATEST,
    },
    Part { name: "http2", what: "closed model over HTTP/2 in the clear", measure: compare::http2, kept: LATEST },
    Part { name: "tls", what: "closed model over TLS 1.3", measure: compare::tls, kept: LATEST },
    Part { name: "replay", what: "import of a large log, memory of a trace, drift", measure: replay::figures, kept: LATEST },
    Part { name: "door", what: "the mock's front door", measure: door::figures, kept: LATEST },
    Part { name: "behind", what: "what is behind the door: functions, signatures", measure: behind::figures, kept: LATEST },
    Part { name: "simulator", what: "the simulator's speed", measure: simulator::figures, kept: LATEST },
    Part {
        name: "verdicts",
        what: "how often verdicts are right, over sockets (half an hour; only by name)",
        measure: verdicts::figures,
        kept: LATEST,
    },
    Part {
        name: "websocket",
        what: "WebSocket connections: memory, opening, messages",
        measure: websocket::figures,
        kept: WEBSOCKET,
    },
    Part {
        name: "soak",
        what: "10,000 WebSocket connections for ten minutes (only by name)",
        measure: websocket::soak,
        kept: WEBSOCKET,
    },
];

/// Where figures are kept.
const LATEST: &str = "latest.json";
const WEBSOCKET: &str = "websocket.json";

/// The parts that are measured only where they are named: they ask whether something is right, not how fast it is.
const BY_NAME: [&str; 2] = ["verdicts", "soak"];

fn main() -> ExitCode {
    if let Some(ended) = again::was() {
        return ended;
    }
    if behind::was_a_function() {
        return ExitCode::SUCCESS;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let Some(unknown) = asked.iter().find(|word| PARTS.iter().all(|part| part.name != word.as_str())) {
        println!("{unknown} is no part of this benchmark; write nothing for all of it, or some of");
        for part in &PARTS {
            println!("  {:<10} {}", part.name, part.what);
        }
        return ExitCode::FAILURE;
    }
    measured(&asked)
}

/// Measures the parts that were asked for, or all; what was measured is kept, whatever else failed.
fn measured(asked: &[String]) -> ExitCode {
    let (mut figures, mut problems) = (Vec::new(), Vec::new());
    let is_asked =
        |part: &&Part| asked.iter().any(|name| name == part.name) || (asked.is_empty() && !BY_NAME.contains(&part.name));
    let parts: Vec<&Part> = PARTS.iter().filter(is_asked).collect();
    for part in &parts {
        figures.extend((part.measure)(ROUNDS, &mut problems).into_iter().map(|figure| figure.of(part.name)));
    }
    figures::print(&figures);
    for problem in &problems {
        println!("not measured: {problem}");
    }
    println!();
    for file in [LATEST, WEBSOCKET] {
        let names: Vec<&str> = parts.iter().filter(|part| part.kept == file).map(|part| part.name).collect();
        let of_file: Vec<&Figure> = figures.iter().filter(|figure| figure.is_of(&names)).collect();
        if names.is_empty() {
            continue;
        }
        let path = target().join("bench").join(file);
        if let Err(error) = figures::write(&of_file, &names, &path) {
            println!("cannot write the figures to {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        println!("written to {}", path.display());
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder that cargo builds into, from the place of the binary under test.
fn target() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_sluicegate"));
    binary.ancestors().nth(2).map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
