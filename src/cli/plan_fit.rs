//! `sluicegate plan-fit`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::plan_fit`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::OutputFormat;

/// Proposes the runs from which `fit` could tell the parameters of a profile.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PlanFit {
    /// The profile
    pub profile: PathBuf,

    /// Folders of runs that there are already: only what these leave open is proposed
    #[arg(value_name = "RUN")]
    pub runs: Vec<PathBuf>,

    /// Write a profile for each phase into this folder
    #[arg(short, long, value_name = "DIR", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// How the plan is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Proposes the runs from which `fit` could tell the parameters of a profile; nothing is sent.

Phases: a constant rate of a fifth of what the profile's limits allow, for the times of functions and gateway; three Poisson levels up to \
these limits; for each throttled route a step of three times its rate, for rate and burst; for each function single requests after longer \
and longer gaps, for how long idle environments are kept. Rates come from the profile's own limits and durations and are held against \
`safety.max_rate`: where that would have to be raised, the plan says so and leaves it to you.";

const EXAMPLES: &str = "\
Examples:
  sluicegate plan-fit profiles/quickstart.yaml
  sluicegate plan-fit profiles/quickstart.yaml -o phases
  sluicegate plan-fit profiles/quickstart.yaml runs/constant";
