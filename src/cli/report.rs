//! `sluicegate report`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::report`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::OutputFormat;

/// Shows the report of a kept run or search again, and exits with its code.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Report {
    /// The folder of a run or of a search, or its run.json or search.json
    pub run: PathBuf,

    /// Join this access log of the gateway with the samples of the run (kept with --samples), and say where the time went; JSON lines, or what
    /// `CloudWatch` Logs exports, plain or gzip. The run itself stays as it is
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,

    /// How the report is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

const EXAMPLES: &str = "\
Examples:
  sluicegate report sluicegate-runs/20261122T175931-quickstart
  sluicegate report runs/friday/run.json --format json
  aws logs filter-log-events --log-group-name api-access > events.json
  sluicegate report runs/friday --access-log events.json";
