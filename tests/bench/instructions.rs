//! Instructions of the hot paths' parts, held against a baseline: they do not depend on what else the machine does.
//!
//! `just bench-check` counts them with callgrind and fails on more than 10 % more than `tests/bench/instructions.json`;
//! `just bench-check --renew` writes that file anew, which a new compiler needs too. Owns the counting and the comparison. Refuses to know
//! what is done (`work`), and to compare a build that was not optimised.
//!
//! Each work is done in a process of its own (`work NAME TIMES`) for two numbers of times; the difference is what the additional
//! operations took, without start and preparation. Without valgrind it is skipped.

#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

mod work;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use work::WORKS;

/// How often each work is done, the second time and the first.
const OFTEN: u64 = 110_000;
const SELDOM: u64 = 10_000;
/// More than this share more than the baseline is a failure.
const WORSE: f64 = 0.1;
/// How the baseline is written anew.
const RENEW: &str = "just bench-check --renew";

/// Instructions of one operation, by the work's name.
type Counted = BTreeMap<String, f64>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["work", name, times] => work_on(name, times),
        [] => check(false),
        ["--renew"] => check(true),
        _ => Err(format!("{} is not understood; write nothing, or --renew", words.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn work_on(name: &str, times: &str) -> Result<(), String> {
    let times = times.parse().map_err(|error| format!("{times}: {error}"))?;
    let found = WORKS.iter().find(|(known, _)| *known == name);
    found.map_or_else(|| Err(format!("{name} is no work")), |(_, work)| work(times))
}

fn check(renew: bool) -> Result<(), String> {
    let Some(counted) = count()? else {
        println!("valgrind: not installed, skipped");
        return Ok(());
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/instructions.json");
    if cfg!(debug_assertions) {
        show(&counted);
        return Err("this build is not optimised and is held against nothing; run just bench-check".to_owned());
    }
    if renew {
        return write(&counted, &path);
    }
    compare(&counted, &read(&path)?)
}

/// All works; `None` without valgrind.
fn count() -> Result<Option<Counted>, String> {
    let mut counted = Counted::new();
    for (name, _) in WORKS {
        let Some(often) = instructions(name, OFTEN)? else { return Ok(None) };
        let Some(seldom) = instructions(name, SELDOM)? else { return Ok(None) };
        let each = (often - seldom) / (OFTEN - SELDOM) as f64;
        // A tenth of an instruction is below what any change is.
        counted.insert(name.to_owned(), (each * 10.0).round() / 10.0);
    }
    Ok(Some(counted))
}

/// Instructions of a process that does a work so often; `None` without valgrind.
fn instructions(name: &str, times: u64) -> Result<Option<f64>, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program is nowhere: {error}"))?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program).args(["work", name, &times.to_string()]);
    let done = match command.output() {
        Ok(done) => done,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("valgrind does not start: {error}")),
    };
    let said = String::from_utf8_lossy(&done.stderr);
    if !done.status.success() {
        return Err(format!("{name}: {}{said}", String::from_utf8_lossy(&done.stdout)));
    }
    // "==4711== Collected : 285417"
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    collected.map(Some).ok_or_else(|| format!("valgrind's output is not understood: {said}"))
}

fn compare(counted: &Counted, baseline: &Counted) -> Result<(), String> {
    let mut worse = Vec::new();
    for (name, count) in counted {
        let Some(before) = baseline.get(name) else {
            worse.push(format!("{name} has no baseline"));
            continue;
        };
        let change = count / before - 1.0;
        println!("{name:<44} {count:>10.1} instructions, {before:>10.1} before ({:+.1} %)", change * 100.0);
        if change > WORSE {
            worse.push(format!("{name} takes {:.1} % more instructions than its baseline", change * 100.0));
        }
    }
    let gone = baseline.keys().filter(|name| !counted.contains_key(*name));
    worse.extend(gone.map(|name| format!("{name} has a baseline and is counted no more")));
    if worse.is_empty() {
        return Ok(());
    }
    Err(format!("{}\nif that is meant to be, write the baseline anew: {RENEW}", worse.join("\n")))
}

fn read(path: &Path) -> Result<Counted, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}; write it: {RENEW}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}; write it anew: {RENEW}", path.display()))
}

fn write(counted: &Counted, path: &Path) -> Result<(), String> {
    let text = serde_json::to_string_pretty(counted).map_err(|error| error.to_string())?;
    fs::write(path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
    show(counted);
    println!("written to {}", path.display());
    Ok(())
}

fn show(counted: &Counted) {
    for (name, count) in counted {
        println!("{name:<44} {count:>10.1} instructions");
    }
}
