//! `sluicegate run`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::run`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::{LoadFlags, OutputFlags, TargetFlags};

/// Simulates a profile, drives the same script at a gateway, compares the two and reports.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// The profile: what the gateway is believed to be, and what traffic it gets
    pub profile: PathBuf,

    /// How much is sent.
    #[command(flatten)]
    pub load: LoadFlags,

    /// Where it is sent.
    #[command(flatten)]
    pub target: TargetFlags,

    /// Method of the one request of the mix
    #[arg(short, long, value_name = "METHOD")]
    pub method: Option<String>,

    /// Body of the one request of the mix
    #[arg(short, long, value_name = "TEXT")]
    pub body: Option<String>,

    /// Send and measure, without simulating first: no predictions, no verdicts
    #[arg(long)]
    pub drive_only: bool,

    /// What is shown and kept.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Simulates a profile, drives the same script at a gateway, compares the two and reports.

The target is the bundled mock gateway, started for the run and ended with it, unless the profile or --target names a live \
one. A host that is not this machine must be allowed, in the profile's safety.allow or by --allow-host.";

const EXAMPLES: &str = "\
Examples:
  sluicegate run profiles/quickstart.yaml
  sluicegate run profiles/quickstart.yaml -R 400/s -d 1m --warmup 5s --print-plan
  sluicegate run profiles/quickstart.yaml --drift 'functions.orders.duration * 1.5'
  sluicegate run shop.yaml --target https://api.example.com/prod --allow-host api.example.com \\
      -H 'x-api-key: ${env:API_KEY}' -o runs/friday";
