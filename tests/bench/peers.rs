//! Sluicegate beside its peers, in one run: the same nginx on the other core, the same closed model, medians of several rounds.
//!
//! `just bench` runs it, `just bench behind` what is behind the door alone. Prints a table and writes `target/bench/latest.json`: for each figure its name, value, unit, and the
//! value of each peer. A peer that is not installed is skipped by name. Processes are pinned with `taskset`; whole-process CPU
//! time comes from the shell's own accounting of the finished command. Rounds are interleaved, so that a drift of the machine
//! meets everybody.

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod behind;
mod door;
mod figures;
mod nginx;
mod simulator;
mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use figures::{Figure, median};
use tools::{Measured, Tool};

/// Rounds of each tool; the median is reported.
const ROUNDS: usize = 5;

fn main() -> ExitCode {
    if behind::was_a_function() {
        return ExitCode::SUCCESS;
    }
    let part = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let (figures, problems) = match part.as_deref() {
        None => bench(),
        Some("behind") => {
            let mut problems = Vec::new();
            (behind::figures(ROUNDS, &mut problems), problems)
        }
        Some(other) => {
            println!("{other} is no part of this benchmark; write behind, or nothing for all of it");
            return ExitCode::FAILURE;
        }
    };
    figures::print(&figures);
    for problem in &problems {
        println!("not measured: {problem}");
    }
    // What was measured is kept, whatever else failed.
    match figures::write(&figures, &target().join("bench/latest.json")) {
        Ok(path) => println!("\nwritten to {}", path.display()),
        Err(error) => {
            println!("cannot write the figures: {error}");
            return ExitCode::FAILURE;
        }
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Every figure that can be measured here, and what could not.
fn bench() -> (Vec<Figure>, Vec<String>) {
    let mut problems = Vec::new();
    let mut figures = match beside_nginx(&mut problems) {
        Ok(figures) => figures,
        Err(why) => {
            problems.push(why);
            Vec::new()
        }
    };
    figures.extend(door::figures(ROUNDS, &mut problems));
    figures.extend(behind::figures(ROUNDS, &mut problems));
    for rate in [simulator::rate(ROUNDS), simulator::front_door(ROUNDS)] {
        match rate {
            Ok(figure) => figures.push(figure),
            Err(why) => problems.push(why),
        }
    }
    (figures, problems)
}

fn beside_nginx(problems: &mut Vec<String>) -> Result<Vec<Figure>, String> {
    let server = nginx::start("1")?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let tools = tools::present(folder.path());
    let mut figures = closed_model(&tools, &server.url());
    match tools::schedule_lag(&server.url(), folder.path()) {
        Ok(lag) => figures.extend(lag),
        Err(why) => problems.push(why),
    }
    Ok(figures)
}

/// Closed model, 64 connections, one core: requests per second and CPU time per request, whole process.
fn closed_model(tools: &[Tool], url: &str) -> Vec<Figure> {
    let mut rounds: Vec<Vec<Measured>> = tools.iter().map(|_| Vec::new()).collect();
    for round in 1..=ROUNDS {
        println!("closed model, round {round} of {ROUNDS}");
        for (tool, results) in tools.iter().zip(&mut rounds) {
            match tool.measure(url) {
                Ok(measured) => results.push(measured),
                Err(why) => println!("  {}: {why}", tool.name),
            }
        }
    }
    let of = |value: fn(&Measured) -> f64| {
        tools
            .iter()
            .zip(&rounds)
            .filter(|(_, results)| !results.is_empty())
            .map(|(tool, results)| (tool.name.clone(), median(results.iter().map(value))))
            .collect::<Vec<_>>()
    };
    vec![
        Figure::beside_peers("closed model, 64 connections, one core: rate", "requests/s", of(Measured::rate)),
        Figure::beside_peers("closed model, 64 connections, one core: CPU", "us/request", of(Measured::cpu_us)),
    ]
}

/// The folder that cargo builds into, from the place of the binary under test.
fn target() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_sluicegate"));
    binary.ancestors().nth(2).map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
