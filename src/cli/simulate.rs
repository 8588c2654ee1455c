//! `sluicegate simulate`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::simulate`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::{LoadFlags, OutputFormat};

/// Runs the model alone, in virtual time: nothing is sent, and an hour takes seconds.
///
/// The model is a profile, or a case: stations, limiters, caches and pools without a gateway.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Simulate {
    /// The profile, or a case (a file with `system`)
    pub profile: PathBuf,

    /// Simulate so often, each time with the model's own randomness anew
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub replications: u32,

    /// How much is sent.
    #[command(flatten)]
    pub load: LoadFlags,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,

    /// No word about the speed on standard error
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Runs the model alone, in virtual time: nothing is sent, and an hour takes seconds.

The same profile and the same seed give the same report, to the byte.

In the place of a profile a case may stand: stations (servers with a queue before them), limiters, caches and pools that requests pass
one after the other, without a gateway. `system` names them, `arrivals`, `gaps`, `bursts` or `closed` says when requests come, `run` how
many, `retries` whether they try again, and `observe` when to look how many are inside. `sluicegate schema case` has every key, `sluicegate schema played` the result.";

const EXAMPLES: &str = "\
Examples:
  sluicegate simulate profiles/quickstart.yaml
  sluicegate simulate profiles/quickstart.yaml -R 1000/s -d 1h --replications 20
  sluicegate simulate profiles/quickstart.yaml --seed 7 --format json
  sluicegate simulate cases/checkout.yaml --replications 20";
