//! The process of an environment: its variables, its start, its output.
//!
//! Owns what a process is started with, and the bound on what is read of its output. Refuses to know invocations (`sandbox` does).
//!
//! Source of the variables: Lambda developer guide, "Using Lambda environment variables", 2026.

use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::rc::Rc;

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::log::{FunctionLog, LINE_BYTES_MAX};
use super::sandbox::{Start, Subject};

/// Of this process's own variables a function gets these alone: what programs need to run here, and no secret.
const INHERITED: [&str; 11] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "NODE_PATH",
    "GEM_PATH",
    "RUST_BACKTRACE",
];

/// Starts it; it is the first of a process group of its own, which has its number.
pub(super) fn start(subject: &Subject, start: Start, runtime_api: SocketAddr) -> io::Result<(Child, i32)> {
    let process = &subject.process;
    let (program, arguments) = process.command.split_first().ok_or_else(|| io::Error::other("its command is empty"))?;
    let directory = process.directory.canonicalize().unwrap_or_else(|_| process.directory.clone());
    let child = Command::new(program)
        .args(arguments)
        .current_dir(&process.directory)
        .env_clear()
        .envs(INHERITED.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", subject.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", subject.memory_mb.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", start.name().to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", subject.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "$LATEST".to_owned()),
            ("AWS_REGION", subject.region.clone()),
            ("AWS_DEFAULT_REGION", subject.region.clone()),
            // Nobody's: what a function asks for with them must be on this machine.
            ("AWS_ACCESS_KEY_ID", "sluicegate".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "sluicegate".to_owned()),
            ("_HANDLER", process.handler.clone()),
            // Where Lambda keeps a function nothing can be written; here its folder is the user's.
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ])
        .env("LAMBDA_TASK_ROOT", directory)
        .envs(process.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).ok_or_else(|| io::Error::other("it ended at once"))?;
    Ok((child, group))
}

/// What one output may print in a second, in bytes. A program that prints without end would fill the disk; its further lines of
/// that second are counted as lost.
const BYTES_PER_SECOND_MAX: usize = 1 << 20;

/// Writes what comes to the log, line by line, until it ends.
pub(super) async fn read_lines(mut from: impl AsyncRead + Unpin, function: String, log: Rc<FunctionLog>, clock: Clock) {
    let (mut line, mut chunk) = (Vec::new(), [0; 8 << 10]);
    let (mut second, mut left) = (clock.now(), BYTES_PER_SECOND_MAX);
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let now = clock.now();
        if now.since(second) >= Span::from_secs(1) {
            (second, left) = (now, BYTES_PER_SECOND_MAX);
        }
        for byte in &chunk[..read] {
            if *byte == b'\n' || line.len() == LINE_BYTES_MAX {
                if line.len() < left {
                    log.printed(&function, &line);
                    left -= line.len() + 1;
                } else {
                    log.lose();
                }
                line.clear();
            }
            if *byte != b'\n' {
                line.push(*byte);
            }
        }
    }
    if !line.is_empty() {
        log.printed(&function, &line);
    }
}

/// Most memory that a process has used, in megabytes; `None` where the system does not tell.
pub(super) fn memory_peak_mb(process: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kb| kb.div_ceil(1_024))
}
