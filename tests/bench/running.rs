//! A program that runs beside the benchmark, and what the kernel tells of it meanwhile.
//!
//! Owns its end, and the reading of `/proc`. Refuses to understand what it says. Called by `door` for the mock, and by `websocket`.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Clock;

/// How often it is looked whether an instant has come.
const LOOK: Duration = Duration::from_millis(20);

/// A program pinned to one core; killed when dropped.
pub(crate) struct Running {
    child: Child,
    output: tempfile::NamedTempFile,
    clock: Clock,
}

impl Running {
    /// Starts a command on `core`.
    pub(crate) fn start(core: &str, command: &[String]) -> Result<Self, String> {
        let output = tempfile::NamedTempFile::new().map_err(|error| format!("no temporary file: {error}"))?;
        let out = output.reopen().map_err(|error| format!("no temporary file: {error}"))?;
        let child = Command::new("taskset")
            .args(["-c", core])
            .args(command)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("taskset does not start: {error}"))?;
        Ok(Self { child, output, clock: Clock::starting_now() })
    }

    /// Waits until so long after its start. It may not end before.
    #[allow(clippy::disallowed_methods, reason = "nothing is timed by it: what is read then has a time of its own")]
    pub(crate) fn until(&mut self, after: Span) -> Result<(), String> {
        while self.clock.now() < Instant::ZERO + after {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!(
                    "it ended after {:.1} s ({status}): {}",
                    self.now().since(Instant::ZERO).as_secs_f64(),
                    self.head()
                ));
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Now, from its start on.
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end; what it has said.
    pub(crate) fn finish(mut self) -> Result<String, String> {
        self.child.wait().map_err(|error| format!("it cannot be waited for: {error}"))?;
        fs::read_to_string(self.output.path()).map_err(|error| format!("what it left cannot be read: {error}"))
    }

    fn head(&self) -> String {
        crate::process::head(&fs::read_to_string(self.output.path()).unwrap_or_default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// CPU time that a process has used so far in microseconds, user and system; without that of processes that it started.
pub(crate) fn cpu_us(process: u32) -> Result<f64, String> {
    let path = format!("/proc/{process}/task");
    let mut used = 0.0;
    for task in fs::read_dir(&path).map_err(|error| format!("{path}: {error}"))?.flatten() {
        // The first field is the time on a core, in nanoseconds.
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        used += text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0) / 1e3;
    }
    if used > 0.0 { Ok(used) } else { Err(format!("{path}: no CPU time is told")) }
}

/// Resident memory of a process in KB.
pub(crate) fn resident_kb(process: u32) -> Result<f64, String> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no resident size")?;
    line.trim().trim_end_matches(" kB").trim().parse().map_err(|error| format!("{line}: {error}"))
}
