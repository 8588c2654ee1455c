//! Other programs, run to their end on one core, and what was seen of them from outside.
//!
//! Owns pinning, CPU time and peak memory. Refuses to understand what a program says (`answers`). Called by every part that starts
//! a load generator.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;

/// The core that every load generator is pinned to; servers have the other.
pub(crate) const CORE: &str = "0";
/// Stands for the base URL of the target in a command.
pub(crate) const URL: &str = "{url}";
/// How often the memory of a running program is read. A peak in the last moment before its end can be missed.
const LOOK: Duration = Duration::from_millis(1);

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

/// Runs a command with `url` for [`URL`]; its standard output, and the peak of its resident memory in MB (1,024 KB), as the kernel
/// keeps it (`VmHWM` of proc(5)).
pub(crate) fn watched(command: &[String], url: &str) -> Result<(String, f64), String> {
    let output = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
    let into = |file: &Path| File::create(file).map_err(|error| format!("no temporary file: {error}"));
    let mut child = Command::new("taskset")
        .args(["-c", CORE])
        .args(at(command, url))
        .stdin(Stdio::null())
        .stdout(into(output.path())?)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("taskset does not start: {error}"))?;
    let peak_mb = peak(&mut child)?;
    let said = fs::read(output.path()).map_err(|error| format!("its output cannot be read: {error}"))?;
    let said = String::from_utf8_lossy(&said).into_owned();
    if said.is_empty() { Err("it said nothing".to_owned()) } else { Ok((said, peak_mb)) }
}

/// The largest peak that was seen until the end; each program that takes the place of another (taskset, a shim) starts a new one.
fn peak(child: &mut Child) -> Result<f64, String> {
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0.0_f64;
    while child.try_wait().map_err(|error| format!("its end is not seen: {error}"))?.is_none() {
        if let Some(kb) = fs::read_to_string(&status).ok().as_deref().and_then(peak_kb_in) {
            peak_kb = peak_kb.max(kb);
        }
        // A benchmark may wait for a foreign program; nothing tells when its memory grows.
        std::thread::park_timeout(LOOK);
    }
    if peak_kb > 0.0 { Ok(peak_kb / 1_024.0) } else { Err("it ended before its memory was seen".to_owned()) }
}

fn peak_kb_in(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
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
