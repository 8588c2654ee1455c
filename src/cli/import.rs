//! `sluicegate import`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::import`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::{LogFlags, OutputFormat};

/// Reads a log and says what is in it: accepted and rejected lines, routes, latencies.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// The log
    pub file: PathBuf,

    /// How the log is read.
    #[command(flatten)]
    pub reading: LogFlags,

    /// Write the requests as a trace
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write the derived profile
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub profile_out: Option<PathBuf>,

    /// Spreads arrivals whose times are coarse
    #[arg(long, value_name = "NUMBER", help_heading = "Output")]
    pub seed: Option<u64>,

    /// How the summary is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Reads a log and says what is in it: accepted and rejected lines, routes, latencies.

Writes a trace (-o) that `replay` reads faster than the log, and a profile (--profile-out) derived from what the log shows. \
Every rejected line is counted, and named by number and reason.";

const EXAMPLES: &str = "\
Examples:
  sluicegate import access.log
  sluicegate import nova-api.log --log-format nova -o nova.trace --profile-out nova.yaml
  sluicegate import calls.jsonl --log-format json --field path=url \\
      --field latency=took --latency-unit ms
  sluicegate import app.log --log-format regex \\
      --pattern '(?<method>[A-Z]+) (?<path>\\S+) (?<time>\\S+)'";
