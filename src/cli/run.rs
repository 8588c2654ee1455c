//! `sluicegate run`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::run`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;
use sluicegate_policy::time::Span;

use super::flags::{LoadFlags, OutputFlags, TargetFlags};
use super::value::precision;
use crate::config::value::Held;

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

    /// Instead of one run.
    #[command(flatten)]
    pub find: FindFlags,

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

/// A search in the place of one run.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Search for the highest rate (many short runs instead of one)")]
pub struct FindFlags {
    /// Find the highest rate at which these hold, no higher than the profile's safety allows: 'p99 < 300ms, errors < 0.1%'; --rate is where it starts
    #[arg(long, value_name = "THRESHOLDS", conflicts_with_all = ["duration", "samples", "access_log", "ui", "export", "metrics", "remote_write", "otlp"])]
    pub find_rate: Option<Held>,

    /// What is counted of each step of the search; before it comes --warmup, or a fifth of it, at most 2s
    #[arg(long, value_name = "TIME", requires = "find_rate", default_value = "10s")]
    pub find_step: Span,

    /// How near the lowest rate that fails must come to the highest that holds, 0.1% to 100% of it
    #[arg(long, value_name = "SHARE", requires = "find_rate", default_value = "5%", value_parser = precision)]
    pub find_precision: f64,

    /// How often a rate must hold to be confirmed, before it fails twice
    #[arg(long, value_name = "N", requires = "find_rate", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
    pub find_passes: u32,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Simulates a profile, drives the same script at a gateway, compares the two and reports.

The target is the bundled mock gateway, started for the run and ended with it, unless the profile or --target names a live \
one. A host that is not this machine must be allowed, in the profile's safety.allow or by --allow-host.

Traffic of a WebSocket API are sessions (traffic.sessions): clients that connect, say, ask and hear what is pushed, and come back \
when they lose their connection. What becomes of each connection and of each numbered push is counted, and kept second by second in \
connections.csv. Each session is a descriptor and a port: more than this process may open, or one address of this machine has, are refused \
before the run; --source names more addresses, and several processes share the rest.

The run's folder has run.json and latency.hlog when the run is over. While it lasts each second is written to journal.jsonl there as soon as it \
ends: of a run that is killed `sluicegate report` shows all but the last second (exit code 1, nothing is judged). \
It takes about half a kilobyte a second for each lane, and for each series 70 bytes and 3 to 4 for each different response time: some 5 MB an hour \
at 200/s, at most some 14 KB a second of a busy series. When the run has come to its end it is removed.

With --find-rate the profile is driven many times, each step at one rate and without a simulation, and the answer is the highest rate at \
which the given thresholds hold: doubled from the start until they do not, then bisected. A rate is confirmed when it has held \
--find-passes times before it failed twice, and the rate above it, within --find-precision, has failed twice. Steps in which the \
generator missed its own script say nothing of the target: one is repeated, two in a row end the search (exit code 4). It exits with 3 if not \
even the lowest rate holds. A threshold that a step has too few requests for is refused before anything is sent.

With --access-log the report says where the time of requests went (network, gateway, authorizer, integration), which of these departed from \
the model, and what the prediction becomes when that part alone is replaced by what was measured. The bundled mock writes the log, with all \
that is needed; a live gateway's stage must log $context.requestId, responseLatency, integrationLatency and authorizer.latency as JSON. A log \
that is there only later is joined by `sluicegate report RUN --access-log FILE`, if the run kept its --samples.

With --export the run is written to other files too, whether or not it came to its end. Each is tried before the run starts, and one that is there \
already is replaced by a whole one. json is the run's record, csv a row for each series, csv-seconds one for each second (in both, times in \
nanoseconds and an empty cell where there is none), md a summary for a job's page. hgrm is the distribution of response times by percentile in \
milliseconds, as HdrHistogram's plotters read it, and hlog an HDR log of the same times second by second, warm-up included: of complete answers, of all \
together or of one series ('hgrm:GET /a=FILE'). junit is a test report with a case for each assumption and one for the run: violated is a failure; \
inconclusive is an error, as is an invalid or unfinished run: there is a failure or an error exactly if the exit code is not 0. A file that \
cannot be written in the end is told (exit code 1), and costs neither the run nor the other files.

With --metrics a Prometheus scrapes the run while it lasts; with --remote-write and --otlp its metrics are pushed every five seconds and once more at \
its end, with what is known only then. Each is tried before the run starts: an address in use, or a collector that does not answer or takes \
nothing, is an error (exit code 2). Later on a collector costs the run nothing: what it does not take waits in a bounded queue and is sent again, for \
up to six seconds after the end, and what was lost is counted, in the metrics and in the report. Every sample has the run's name in the label `run`. A dashboard for Grafana \
is docs/grafana/sluicegate.json.";

const EXAMPLES: &str = "\
Examples:
  sluicegate run profiles/quickstart.yaml
  sluicegate run profiles/quickstart.yaml -R 400/s -d 1m --warmup 5s --print-plan
  sluicegate run profiles/quickstart.yaml --drift 'functions.orders.duration * 1.5'
  sluicegate run profiles/chat.yaml -d 1m
  sluicegate run profiles/quickstart.yaml --access-log access.log -o runs/monday
  sluicegate run profiles/quickstart.yaml --export results/gate.xml --export md=summary --export 'hgrm:GET /orders/{id}=orders.hgrm'
  sluicegate run profiles/quickstart.yaml --metrics 127.0.0.1:9464
  sluicegate run profiles/quickstart.yaml --remote-write https://metrics.example.com/api/v1/write \\
      --remote-write-header 'authorization: Bearer ${env:METRICS_TOKEN}'
  sluicegate run profiles/quickstart.yaml --otlp http://127.0.0.1:4318
  sluicegate run profiles/quickstart.yaml --find-rate 'p99 < 300ms, errors < 1%, throttled < 1%'
  sluicegate run profiles/quickstart.yaml --find-rate 'throttled < 5%' -R 100/s --find-step 5s --find-precision 2%
  sluicegate run shop.yaml --target https://api.example.com/prod --allow-host api.example.com \\
      -H 'x-api-key: ${env:API_KEY}' -o runs/friday";
