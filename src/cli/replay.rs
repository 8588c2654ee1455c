//! `sluicegate replay`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::replay`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::flags::{BaselineFlags, LoadFlags, LogFlags, OutputFlags, TargetFlags};
use super::value::Speed;

/// Replays recorded traffic: as `run`, with the script taken from a log, a HAR or a trace.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// The log, a HAR with WebSocket sessions, or a trace that `import` wrote
    pub log: PathBuf,

    /// The profile of the gateway [default: derived from the log]
    pub profile: Option<PathBuf>,

    /// So many times faster than recorded: 60, 0.5, 2x
    #[arg(long, value_name = "FACTOR", conflicts_with = "rate")]
    pub speed: Option<Speed>,

    /// Play the recording so many times, one after the other
    #[arg(long = "loop", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub times: u32,

    /// How the log is read.
    #[command(flatten)]
    pub reading: LogFlags,

    /// How much is sent.
    #[command(flatten)]
    pub load: LoadFlags,

    /// Where it is sent.
    #[command(flatten)]
    pub target: TargetFlags,

    /// Send and measure, without simulating first: no predictions, no verdicts
    #[arg(long)]
    pub drive_only: bool,

    /// What it is held against besides its model.
    #[command(flatten)]
    pub earlier: BaselineFlags,

    /// What is shown and kept.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Replays recorded traffic: as `run`, with the script taken from a log, a HAR or a trace.

Without a profile, one is derived from the log itself: its routes, and from its latencies the model of each. With \
--rate the order of the log is kept and its timing is not.

Of a HAR its WebSocket sessions are replayed, each over a connection of its own: connect, every message and the end at their \
recorded instants, whatever the target does. --speed shortens all of it; --rate spaces the connects and leaves each session its \
own time. With --reply id a message whose recorded reply has the same at `id` waits for its reply, and holds the next message of \
its session up; that keeps its instant, and is counted from it.";

const EXAMPLES: &str = "\
Examples:
  sluicegate replay nova-api.log --speed 60
  sluicegate replay access.log --rate 500/s
  sluicegate replay access.log profiles/shop.yaml --samples -o runs/friday
  sluicegate replay access.log profiles/shop.yaml --speed 2x --target http://127.0.0.1:8080/staging
  sluicegate replay access.log --export results/series.csv --export results/seconds.csv --export results/all.hlog
  sluicegate replay access.log profiles/shop.yaml --baseline latest-passing -o runs/friday
  sluicegate replay access.log profiles/shop.yaml --target http://127.0.0.1:8080/staging --trace-header xray
  sluicegate replay chat.har --reply id
  sluicegate replay chat.sessions chat.yaml --loop 10 --target wss://example.com/prod --allow-host example.com
  sluicegate replay access.log --log-format format --stamp end \\
      --pattern '$remote_addr [$time_local] \"$request\" $status $body_bytes_sent $request_time'";
