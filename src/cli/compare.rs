//! `sluicegate compare`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::compare`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::OutputFormat;

/// Judges a kept run: by its own model, by another profile's, or by an earlier run.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// The folder of a run, or its run.json: the run that is judged; where a second run is named, the earlier one
    pub run: PathBuf,

    /// The later run, which is judged by the first; or a profile, by whose model the run is judged
    #[arg(value_name = "RUN|MODEL")]
    pub other: Option<PathBuf>,

    /// Judge this instead of what the profile expects, in its own words: 'GET /orders/{id} latency p95 within 10%', 'errors < 0.1%'; may be repeated
    #[arg(long, value_name = "CLAIM")]
    pub expect: Vec<String>,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Judges a kept run: by its own model, by another profile's, or by an earlier run. Nothing is sent.

With a run alone, what its own model predicted is held against what was kept of it once more; with --expect, limits of your own \
('p99 < 300ms'). With a profile, the profile's model is simulated under the run's own traffic, client and ceilings. With two \
runs, the first takes the place of the model: its values are the predictions, and their standard errors, from its own batches, narrow and \
widen the bands, so that the noise of both runs counts. The answers are the same three: holds, violated, inconclusive.

Judged is what the first run's profile expects (with a profile: what that one does), with its margins; or what --expect says; or, where neither \
says anything, p50 and p95 of the latency, errors and throttled of all requests together, with the default margins. Runs that are \
invalid or incomplete, or did not have the same load (open or closed, the process and its rate within 1 %, the mix), are not judged. Times \
are known within 0.1 %, as exactly as the histograms of a run's latency.hlog; what only the gateway tells (authorizer hits, cold starts, \
cache hits) second by second, from a run's told.csv.";

const EXAMPLES: &str = "\
Examples:
  sluicegate compare sluicegate-runs/20261122T175931-quickstart
  sluicegate compare runs/before runs/after
  sluicegate compare runs/before runs/after --expect 'GET /orders/{id} latency p95 within 10%' --expect 'errors < 0.1%'
  sluicegate compare runs/staging profiles/production.yaml --format json
  sluicegate compare runs/friday --expect 'p99 < 300ms'";
