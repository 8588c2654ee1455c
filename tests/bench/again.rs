//! This program, started again as something small that is measured or measures.
//!
//! Owns how it is told what to be. Refuses to be it: `echo`, `floor`, `listener` and `watcher` are. Called by `main` first of all.

#![allow(clippy::print_stderr, reason = "a child says on standard error why it ended")]

use std::process::ExitCode;

use crate::{echo, floor, listener, watcher};

/// Tells a child what it is.
const AS: &str = "SLUICEGATE_BENCH_AS";

/// The least that a closed model can cost: `SECONDS CONNECTIONS URL`; prints the number of answers.
pub(crate) const FLOOR: &str = "floor";
/// A server that stamps arrivals or delays answers, see `listener`.
pub(crate) const LISTENER: &str = "listener";
/// Who tells the peak memory of a program, see `watcher`.
pub(crate) const WATCHER: &str = "watcher";

/// A WebSocket server that sends everything back, see `echo`.
pub(crate) const ECHO: &str = "echo";
/// The least that a message and its echo can cost a client, see `echo`.
pub(crate) const ECHO_FLOOR: &str = "echo-floor";
/// The least that a message now and then can cost a client, see `echo`.
pub(crate) const SPARSE_FLOOR: &str = "sparse-floor";

/// What this process ends with if it was started as something else; then it has been that.
pub(crate) fn was() -> Option<ExitCode> {
    let role = std::env::var(AS).ok()?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    let ended = match role.as_str() {
        FLOOR => floor::run(&words),
        LISTENER => listener::run(&words),
        WATCHER => watcher::run(&words),
        ECHO => echo::serve(&words),
        ECHO_FLOOR => echo::ask(&words),
        SPARSE_FLOOR => echo::say(&words),
        other => Err(format!(
            "{AS}={other} is nothing that this benchmark can be; write {FLOOR}, {LISTENER}, {WATCHER}, {ECHO}, {ECHO_FLOOR} or {SPARSE_FLOOR}"
        )),
    };
    Some(match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{role}: {why}");
            ExitCode::FAILURE
        }
    })
}

/// The command that starts this program as `role`.
pub(crate) fn command(role: &str, words: &[&str]) -> Result<Vec<String>, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program is nowhere: {error}"))?;
    let mut command = vec!["/usr/bin/env".to_owned(), format!("{AS}={role}"), program.display().to_string()];
    command.extend(words.iter().map(|&word| word.to_owned()));
    Ok(command)
}
