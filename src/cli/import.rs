//! `sluicegate import`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::import`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::Args;

use super::definition::ImportKind;
use super::flags::{LogFlags, OutputFormat};

/// Reads a log, or the definition of an API, and makes what can be made of it.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Import {
    /// A HAR, or the definition of an API, instead of a log.
    #[command(subcommand)]
    pub definition: Option<ImportKind>,

    /// The log, or a HAR with WebSocket sessions
    #[arg(required = true)]
    pub file: Option<PathBuf>,

    /// How the log is read.
    #[command(flatten)]
    pub reading: LogFlags,

    /// Write the requests, or the sessions, as a trace
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write the derived profile
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub profile_out: Option<PathBuf>,

    /// Spreads arrivals whose times are coarse
    #[arg(long, value_name = "NUMBER", help_heading = "Output")]
    pub seed: Option<u64>,

    /// How the summary is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, help_heading = "Output")]
    pub format: OutputFormat,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Reads a log and says what is in it: accepted and rejected lines, routes, latencies. With `har` reads the WebSocket sessions that a \
browser recorded; with `openapi` or `sam` the definition of an API, and makes a profile of it.

Of a log, writes a trace (-o) that `replay` reads faster than the log, and a profile (--profile-out) derived from what the log shows. \
Every rejected line is counted, and named by number and reason. Of a HAR (the network panel's export, with `_webSocketMessages` on \
the handshakes) the same is made of its sessions: what was said at its instants, of what was heard the length alone. Without \
--reply no message has a reply; with --reply id, one whose reply has the same at `id` and came before the next message is a \
question, and its round trip is measured. Requests, binary messages and credentials of a HAR are left out, and counted. Of a \
definition, everything that is not carried over is named, by line and reason.";

const EXAMPLES: &str = "\
Examples:
  sluicegate import access.log
  sluicegate import nova-api.log --log-format nova -o nova.trace --profile-out nova.yaml
  sluicegate import calls.jsonl --log-format json --field path=url \\
      --field latency=took --latency-unit ms
  sluicegate import app.log --log-format regex \\
      --pattern '(?<method>[A-Z]+) (?<path>\\S+) (?<time>\\S+)'
  sluicegate import har chat.har --reply id -o chat.sessions --profile-out chat.yaml
  sluicegate import openapi api.yaml -o profile.yaml
  sluicegate import sam template.yaml --api-id OrdersApi --parameter Env=prod -o profile.yaml";
