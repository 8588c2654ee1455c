//! Other programs, run to their end on one core, and what was seen of them from outside.
//!
//! Owns pinning, CPU time and peak memory. Refuses to understand what a program says (`answers`). Called by every part that starts
//! a load generator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

use crate::again;

/// The core that every load generator is pinned to; servers have the other.
pub(crate) const CORE: &str = "0";
/// Stands for the base URL of the target in a command.
pub(crate) const URL: &str = "{url}";
/// What a program said and took.
pub(crate) struct Ended {
    /// Its standard output.
    pub(crate) output: String,
    /// User and system time of the whole process, in seconds.
    pub(crate) cpu_s: f64,
    /// From its start to its end.
    pub(crate) wall: Span,
}

/// Runs a command with `url` for [`URL`]; CPU time comes from the shell's own accounting of the finished command.
pub(crate) fn timed(command: &[String], url: &str) -> Result<Ended, String> {
    let script = "TIMEFORMAT='%U %S'; time \"$@\" 2>\"$0\"";
    let errors = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
    let clock = Clock::starting_now();
    let done = Command::new("taskset")
        .args(["-c", CORE, "bash", "-c", script])
        .arg(errors.path())
        .args(at(command, url))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("taskset or bash does not start: {error}"))?;
    let wall = clock.now().since(sluicegate_policy::time::Instant::ZERO);
    let times = String::from_utf8_lossy(&done.stderr);
    let cpu_s = times.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).sum();
    if !done.status.success() && done.stdout.is_empty() {
        return Err(format!("it failed: {}", head(&fs::read_to_string(errors.path()).unwrap_or_default())));
    }
    Ok(Ended { output: String::from_utf8_lossy(&done.stdout).into_owned(), cpu_s, wall })
}

/// Runs a command with `url` for [`URL`]; its standard output, and the peak of its resident memory in MB (1,024 KB), see `watcher`.
pub(crate) fn watched(command: &[String], url: &str) -> Result<(String, f64), String> {
    let temporary = || tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"));
    let (output, peak) = (temporary()?, temporary()?);
    let watcher = again::command(again::WATCHER, &[&peak.path().display().to_string(), "taskset", "-c", CORE])?;
    Command::new(&watcher[0])
        .args(&watcher[1..])
        .args(at(command, url))
        .stdin(Stdio::null())
        .stdout(output.reopen().map_err(|error| format!("no temporary file: {error}"))?)
        .stderr(Stdio::null())
        .status()
        .map_err(|error| format!("the watcher does not start: {error}"))?;
    let read = |file: &Path| fs::read(file).map_err(|error| format!("what it left cannot be read: {error}"));
    let said = String::from_utf8_lossy(&read(output.path())?).into_owned();
    if said.is_empty() {
        return Err("it said nothing".to_owned());
    }
    let peak_kb = String::from_utf8_lossy(&read(peak.path())?).parse::<f64>();
    Ok((said, peak_kb.map_err(|_| "its peak was not told".to_owned())? / 1_024.0))
}

fn at(command: &[String], url: &str) -> Vec<String> {
    command.iter().map(|word| word.replace(URL, url)).collect()
}

/// Whether a program is there: a path, or a name on `PATH`.
pub(crate) fn is_installed(program: &str) -> bool {
    Path::new(program).is_file()
        || std::env::var_os("PATH")
            .is_some_and(|paths| std::env::split_paths(&paths).any(|folder: PathBuf| folder.join(program).is_file()))
}

/// The beginning of what a program said, for a message.
pub(crate) fn head(text: &str) -> String {
    text.lines().take(3).collect::<Vec<_>>().join(" | ")
}

/// A command of words.
pub(crate) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
