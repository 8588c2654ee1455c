//! The command line: subcommands and flags as clap types, without behaviour.
//!
//! Owns names, help, examples and the reading of each flag's value. Refuses to do anything: `command` has one file for each of
//! the files here. Called by `main`, which parses a [`Cli`]; what clap refuses exits with 2, as clap does by itself.

mod checklist;
mod compare;
mod completions;
mod cost;
mod definition;
mod design;
mod edge;
mod export;
mod fit;
mod flags;
mod history;
mod import;
mod man;
mod mock;
mod plan_fit;
mod replay;
mod report;
mod run;
mod schema;
mod simulate;
mod telemetry;
mod tracing;
mod value;

use clap::{CommandFactory, Parser, Subcommand};

pub use checklist::{Checklist, ChecklistFormat, DocumentFlags, ProbeFlags, Service, SimulatedFlags};
pub use compare::Compare;
pub use completions::Completions;
pub use cost::{Cost, Processor};
pub use definition::{ApiWord, DefinitionFlags, DefinitionImport, HarImport, ImportKind, Pair};
pub use design::Design;
pub use edge::EdgeFlags;
pub use export::{Export, ExportFlags, ExportKind};
pub use fit::Fit;
pub use flags::{BaselineFlags, LoadFlags, LogFlags, LogFormat, OutputFlags, OutputFormat, Stamp, TargetFlags};
pub use history::History;
pub use import::Import;
pub use man::Man;
pub use mock::Mock;
pub use plan_fit::PlanFit;
pub use replay::Replay;
pub use report::{Report, ReportFormat};
pub use run::{FindFlags, Run};
pub use schema::{Schema, SchemaOf};
pub use simulate::Simulate;
pub use telemetry::{CollectorUrl, TelemetryFlags};
pub use tracing::{PerMillion, TraceFlags, TraceHeader};
pub use value::{Baseline, DriftText, Field, Header, HttpVersion, PacingMode, ParseError, RateText, Speed, Target, UnitText};

/// Exit codes, as the help of the program shows them (design: the first that applies).
pub const EXIT_CODES: &str = "\
Exit codes, the first that applies:
  2        usage or profile error
  5        refused by the safety policy, before the first byte
  130/143  interrupted: partial report, assumptions not judged
  141      standard output was closed before the result was written
  1        the run failed
  4        the run is invalid: the generator missed its own script
  3        an assumption, threshold, baseline or abort condition was violated
  4        inconclusive: too little data
  0        all held
A refused connection, or a target that dies or answers garbage, is a result, not a failed run.";

const EXAMPLES: &str = "\
Examples:
  sluicegate run profiles/quickstart.yaml
  sluicegate run profiles/quickstart.yaml --drift 'functions.orders.duration * 1.5'
  sluicegate replay access.log profiles/shop.yaml --speed 2x
  sluicegate mock profiles/quickstart.yaml --listen 127.0.0.1:8080";

/// Rehearses production traffic against an API gateway, and says whether what was simulated holds.
#[derive(Debug, Parser)]
#[command(name = "sluicegate", version, about, long_about = None, max_term_width = 100)]
#[command(arg_required_else_help = true, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Simulate a profile, drive the same script at a gateway, compare, report
    #[command(long_about = run::ABOUT)]
    Run(Run),
    /// The same, with recorded traffic: a log, or sessions of WebSocket clients
    #[command(long_about = replay::ABOUT)]
    Replay(Replay),
    /// The model alone, in virtual time: nothing is sent
    #[command(long_about = simulate::ABOUT)]
    Simulate(Simulate),
    /// Serve the mock gateway alone
    #[command(long_about = mock::ABOUT)]
    Mock(Mock),
    /// Read a log or a HAR: a trace, and a profile; or an API definition: a profile
    #[command(long_about = import::ABOUT)]
    Import(Import),
    /// Judge a kept run: by its own model, by another profile, or by an earlier run
    #[command(long_about = compare::ABOUT)]
    Compare(Compare),
    /// Fit the profile of kept runs to what they observed
    #[command(long_about = fit::ABOUT)]
    Fit(Fit),
    /// Propose the runs from which `fit` could tell a profile's parameters
    #[command(long_about = plan_fit::ABOUT)]
    PlanFit(PlanFit),
    /// What a design costs a month, before anything is built
    #[command(long_about = cost::ABOUT)]
    Cost(Cost),
    /// Write a commented profile to begin with, for a choice of API and integrations
    #[command(long_about = design::ABOUT)]
    Design(Design),
    /// What to look at before production: checks, simulated gates, a live endpoint
    #[command(long_about = checklist::ABOUT)]
    Checklist(Box<Checklist>),
    /// Show the report of a kept run again
    Report(Report),
    /// List the kept runs below a folder, and how they went on from run to run
    #[command(long_about = history::ABOUT)]
    History(History),
    /// Print the JSON Schema of a profile or of run.json
    Schema(Schema),
    /// Print a shell's completion script
    Completions(Completions),
    /// Print the manual page
    Man(Man),
}

/// The command line as clap describes it, for completions and the manual page.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests;
