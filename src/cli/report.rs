//! `sluicegate report`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::report`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::export::ExportFlags;

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
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,

    /// What else is written.
    #[command(flatten)]
    pub exports: ExportFlags,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people
    #[default]
    Text,
    /// For machines: the record
    Json,
    /// A summary for a job's page (of a run)
    Markdown,
    /// A row for each series (of a run)
    Csv,
    /// A test report (of a run)
    Junit,
}

const EXAMPLES: &str = "\
Examples:
  sluicegate report sluicegate-runs/20261122T175931-quickstart
  sluicegate report runs/friday/run.json --format json
  sluicegate report runs/friday --format markdown
  sluicegate report runs/friday --export friday.hgrm --export 'hlog:GET /orders/{id}=orders.hlog' --export junit=friday.xml
  sluicegate report runs/friday --export runs/friday/samples.parquet
  aws logs filter-log-events --log-group-name api-access > events.json
  sluicegate report runs/friday --access-log events.json";
