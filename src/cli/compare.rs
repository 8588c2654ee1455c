//! `sluicegate compare`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::compare`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::{LoadFlags, OutputFormat};

/// Judges a kept run: by its own model, by another profile's, or by an earlier run. Or simulates two designs beside each other.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// The folder of a run, or its run.json: the run that is judged; where a second run is named, the earlier one. With --simulate the first profile
    pub run: PathBuf,

    /// The later run, which is judged by the first; or a profile, by whose model the run is judged. With --simulate the second profile
    #[arg(value_name = "RUN|MODEL")]
    pub other: Option<PathBuf>,

    /// Judge this instead of what the profile expects, in its own words: 'GET /orders/{id} latency p95 within 10%', 'errors < 0.1%'; may be repeated
    #[arg(long, value_name = "CLAIM")]
    pub expect: Vec<String>,

    /// Two profiles beside each other.
    #[command(flatten)]
    pub designs: DesignFlags,

    /// How much is sent, with --simulate.
    #[command(flatten)]
    pub load: LoadFlags,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,
}

/// Two designs, by the model alone.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Two designs (nothing is sent, and no run is needed)")]
pub struct DesignFlags {
    /// Simulate two profiles under the traffic of the first, beside each other: latency, errors, cost
    #[arg(long, requires = "other", conflicts_with = "expect")]
    pub simulate: bool,

    /// Simulate each so often; the differences have intervals from pairs with the same traffic
    #[arg(long, value_name = "N", requires = "simulate", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub replications: u32,

    /// Prices: a file of your own, whole or over those that come along (us-east-1)
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub prices: Option<PathBuf>,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Judges a kept run: by its own model, by another profile's, or by an earlier run. Or simulates two designs beside each other. Nothing is sent.

With a run alone, what its own model predicted is held against what was kept of it once more; with --expect, limits of your own \
('p99 < 300ms'). With a profile, the profile's model is simulated under the run's own traffic, client and ceilings. With two \
runs, the first takes the place of the model: its values are the predictions, and their standard errors, from its own batches, narrow and \
widen the bands, so that the noise of both runs counts. The answers are the same three: holds, violated, inconclusive.

Judged is what the first run's profile expects (with a profile: what that one does), with its margins; or what --expect says; or, where neither \
says anything, p50 and p95 of the latency, errors and throttled of all requests together, with the default margins. Runs that are \
invalid or incomplete, or did not have the same load (open or closed, the process and its rate within 1 %, the mix), are not judged. Times \
are known within 0.1 %, as exactly as the histograms of a run's latency.hlog; what only the gateway tells (authorizer hits, cold starts, \
cache hits) second by second, from a run's told.csv.

With --simulate two profiles are simulated instead, both under the traffic, the client and the ceilings of the first, so often and with the same \
chances: percentiles, throttled and errors of all requests and of each route, the limit that each meets first, and what a month costs. A \
difference has an interval from the pairs of replications, wide enough that all of them hold together in 95 of 100 comparisons; a difference \
whose interval has no zero in it is more than chance. Nothing is judged: the exit code is 0. `sluicegate schema designs` has the result.";

const EXAMPLES: &str = "\
Examples:
  sluicegate compare sluicegate-runs/20261122T175931-quickstart
  sluicegate compare runs/before runs/after
  sluicegate compare runs/before runs/after --expect 'GET /orders/{id} latency p95 within 10%' --expect 'errors < 0.1%'
  sluicegate compare runs/staging profiles/production.yaml --format json
  sluicegate compare runs/friday --expect 'p99 < 300ms'
  sluicegate compare --simulate profiles/quickstart.yaml faster.yaml
  sluicegate compare --simulate jwt.yaml lambda-authorizer.yaml -R 400/s -d 5m --replications 20 --format json";
