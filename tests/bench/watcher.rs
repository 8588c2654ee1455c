//! A small process between the benchmark and a program whose memory is measured.
//!
//! Owns one wait, after which the kernel tells the largest peak of resident memory among what was waited for (getrusage(2),
//! `RUSAGE_CHILDREN`). What happens in the last millisecond counts, too, which no look at a running program would see. A program
//! begins as a copy of whoever starts it, so the benchmark itself would be too large for this; peaks below this process's own 4 MB
//! cannot be told.

use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};

/// `FILE PROGRAM WORDS...`: runs the program, and writes the peak in KB to the file.
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let [file, program, rest @ ..] = words else { return Err("write FILE PROGRAM WORDS...".to_owned()) };
    Command::new(program).args(rest).status().map_err(|error| format!("{program} does not start: {error}"))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|error| format!("its peak is not told: {error}"))?;
    std::fs::write(file, usage.max_rss().to_string()).map_err(|error| format!("{file}: {error}"))
}
