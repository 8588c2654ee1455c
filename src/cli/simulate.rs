//! `sluicegate simulate`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::simulate`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::export::ExportFlags;
use super::flags::{LoadFlags, OutputFormat};
use crate::config::Vary;

/// Runs the model alone, in virtual time: nothing is sent, and an hour takes seconds.
///
/// The model is a profile, or a case: stations, limiters, caches and pools without a gateway.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Simulate {
    /// The profile, or a case (a file with `system`)
    pub profile: PathBuf,

    /// Simulate so often, each time with the model's own randomness anew; from two on every value has its standard error [default: 1; with
    /// --vary 8 of each setting]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: Option<u32>,

    /// Try a setting with several values, 'PATH=A..B' or 'PATH=A, B, C'; may be repeated: then every combination is tried
    #[arg(long, value_name = "SETTING", conflicts_with = "export")]
    pub vary: Vec<Vary>,

    /// How many values between two ends are tried, both included: by equal steps, or by equal factors where the ends are ten times apart
    #[arg(long, value_name = "N", default_value_t = 10, requires = "vary", value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub points: u32,

    /// How much is sent.
    #[command(flatten)]
    pub load: LoadFlags,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,

    /// What else is written.
    #[command(flatten)]
    pub exports: ExportFlags,

    /// No word about the speed on standard error
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Runs the model alone, in virtual time: nothing is sent, and an hour takes seconds.

The same profile and the same seed give the same report, to the byte.

In the place of a profile a case may stand: stations (servers with a queue before them), limiters, caches and pools that requests pass
one after the other, without a gateway. `system` names them, `arrivals`, `gaps`, `bursts`, `batches` or `closed` says when requests come, `run` how
many, `retries` whether they try again, and `observe` when to look how many are inside. `sluicegate schema case` has every key, `sluicegate schema played` the result.

With --vary the same model is tried with several values of a setting, with the same traffic and the same chances each time, and the
result is a table and a plot. The path is that of a key of the file; where it begins with none of its keys, it is within the gateway. A
list is entered by the name of an entry (its `name`, `request` or `of`), or its number from 0. `sluicegate schema sweep` has the result.";

const EXAMPLES: &str = "\
Examples:
  sluicegate simulate profiles/quickstart.yaml
  sluicegate simulate profiles/quickstart.yaml -R 1000/s -d 1h --replications 20
  sluicegate simulate profiles/quickstart.yaml --seed 7 --format json
  sluicegate simulate profiles/quickstart.yaml --export model.hgrm --export model.csv
  sluicegate simulate cases/checkout.yaml --replications 20
  sluicegate simulate profiles/quickstart.yaml --vary functions.orders.concurrency=2..200
  sluicegate simulate profiles/quickstart.yaml --vary traffic.arrivals.poisson=100/s..400/s --points 7
  sluicegate simulate profiles/quickstart.yaml --vary 'functions.orders.duration={ p50: 24ms, p99: 77ms }, { p50: 12ms, p99: 200ms }'
  sluicegate simulate cases/checkout.yaml --vary system.workers.station.servers=4..12 --format json";
