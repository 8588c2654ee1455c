//! Groups of flags that several subcommands share.
//!
//! Owns their names, help and bounds; an absent flag means what the profile says. Refuses to merge them with a profile
//! (`config`). Called by the subcommands beside it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sluicegate_policy::time::Span;

use crate::load::overload::Overload;

use super::export::ExportFlags;
use super::telemetry::TelemetryFlags;
use super::tracing::TraceFlags;
use super::value::{Baseline, DriftText, Field, Header, HttpVersion, PacingMode, RateText, Target, UnitText, overload};

/// How much is sent, for how long. Absent means: as the profile says.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Load (instead of what the profile says)")]
pub struct LoadFlags {
    /// Connections to the target, in all
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub connections: Option<u32>,

    /// Length of the plan: 30s, 2m, 1h
    #[arg(short, long, value_name = "TIME")]
    pub duration: Option<Span>,

    /// Total intended rate: 200/s, 12000/min
    #[arg(short = 'R', long, value_name = "RATE")]
    pub rate: Option<RateText>,

    /// Leave this much of the beginning out of the statistics
    #[arg(long, value_name = "TIME")]
    pub warmup: Option<Span>,

    /// Time-out of a request, from its start (a new connection included) to the last byte of its answer
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,

    /// What happens to an action that is due and cannot start: queue, drop, deadline:500ms
    #[arg(long, value_name = "POLICY", value_parser = overload)]
    pub overload: Option<Overload>,

    /// Stage of the gateway that the traffic goes to
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,

    /// Seed of the traffic: the same seed gives the same script
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// Where it is sent, and how. Absent means: as the profile says.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Target")]
#[allow(clippy::struct_excessive_bools, reason = "switches of a command line are independent of each other")]
pub struct TargetFlags {
    /// Base URL of a live gateway, or `mock`
    #[arg(long, value_name = "URL")]
    pub target: Option<Target>,

    /// Allow traffic to this host besides this machine; may be repeated
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,

    /// Header of every request, 'name: value'; secrets by reference: 'x-api-key: ${env:KEY}'; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    pub headers: Vec<Header>,

    /// Do not check the target's certificate
    #[arg(short = 'k', long)]
    pub insecure: bool,

    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub ca: Option<PathBuf>,

    /// Show the certificate in this PEM file to a target that asks for one
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// PEM file with the key of --cert [default: the file of --cert]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Let the mock speak TLS, with a certificate made for the run
    #[arg(long)]
    pub tls: bool,

    /// Which HTTP is spoken
    #[arg(long, value_enum, value_name = "VERSION", default_value_t = HttpVersion::Auto)]
    pub http: HttpVersion,

    /// Open a connection for each request, and say so: 'connection: close'
    #[arg(long)]
    pub disable_keepalive: bool,

    /// HTTP/2: requests at a time on one connection [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub streams: Option<u32>,

    /// Address of this machine that connections come from, e.g. 127.0.0.2; may be repeated: they take turns, and each has ports of its own
    #[arg(long = "source", value_name = "ADDRESS")]
    pub sources: Vec<IpAddr>,

    /// How the instant of a request is waited for [default: hybrid]
    #[arg(long, value_enum, value_name = "HOW")]
    pub pacing: Option<PacingMode>,

    /// Threads that send [default: the cores, less those of a target on this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub lanes: Option<u16>,

    /// How late the generator, and the mock, may be at p99 before the run is invalid [default: 1ms, or a tenth of the smallest margin expected]
    #[arg(long, value_name = "TIME")]
    pub lag_limit: Option<Span>,

    /// Measure what the generator can do here before the run, a third of a second on the loopback [default: for plans above 3000/s]
    #[arg(long)]
    pub calibrate: bool,

    /// Make the mock differ from the model, 'path op value' with op one of = * +; may be repeated, in order
    #[arg(long, value_name = "DRIFT")]
    pub drift: Vec<DriftText>,
}

/// What is shown and kept.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Output")]
#[allow(clippy::struct_excessive_bools, reason = "switches of a command line are independent of each other")]
pub struct OutputFlags {
    /// Folder of the run [default: a new one below sluicegate-runs]
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,

    /// What else is written.
    #[command(flatten)]
    pub exports: ExportFlags,

    /// Show the resolved plan and what it can decide; send nothing
    #[arg(long, conflicts_with = "export")]
    pub print_plan: bool,

    /// Keep one row for each attempt, with its request id, in samples.csv of the run's folder; --export FILE.parquet does it too, and writes them as Parquet
    #[arg(long)]
    pub samples: bool,

    /// Join the gateway's access log by request id, to see where the time goes; implies --samples. The mock writes this file, of a live gateway it is read after the run
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,

    /// No progress on standard error
    #[arg(short, long)]
    pub quiet: bool,

    /// Serve a live page of the run at this address, e.g. 127.0.0.1:0; any but this machine's needs a token
    #[arg(long, value_name = "ADDRESS")]
    pub ui: Option<SocketAddr>,

    /// The environment variable with the token that readers of the live page must have
    #[arg(long, value_name = "NAME", requires = "ui")]
    pub ui_token_env: Option<String>,

    /// Where its metrics go while it lasts.
    #[command(flatten)]
    pub telemetry: TelemetryFlags,

    /// On a terminal, progress in one line instead of the live view
    #[arg(long, conflicts_with = "quiet")]
    pub plain: bool,

    /// How requests are traced.
    #[command(flatten)]
    pub tracing: TraceFlags,
}

/// What a run is held against besides its model.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Baseline")]
pub struct BaselineFlags {
    /// Hold the run against an earlier one, too, as `compare` does: the folder of that run, or latest-passing for the newest one beside this run's folder that passed
    #[arg(long, value_name = "RUN|latest-passing")]
    pub baseline: Option<Baseline>,
}

/// How a result is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// How a log is read.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Log")]
pub struct LogFlags {
    /// Format of the log [default: found out from its first lines]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// With --log-format format: the format string ($variable or %x); with regex: the expression with named groups
    #[arg(long, value_name = "TEXT", required_if_eq_any([("log_format", "format"), ("log_format", "regex")]))]
    pub pattern: Option<String>,

    /// Where a line has something, e.g. latency=responseLatency; may be repeated
    #[arg(long = "field", value_name = "WORD=KEY")]
    pub fields: Vec<Field>,

    /// How times are written, in strftime's words, e.g. '%d/%b/%Y:%H:%M:%S %z'
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<String>,

    /// Unit of the log's latencies: us, ms, s
    #[arg(long, value_name = "UNIT")]
    pub latency_unit: Option<UnitText>,

    /// Of recorded sessions: where a message and its reply have the same text or number, e.g. id or detail.id [default: no message has a reply]
    #[arg(long, value_name = "PATH")]
    pub reply: Option<String>,

    /// Whether a line's time is when its call began or ended [default: the format's own habit]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub stamp: Option<Stamp>,
}

/// Formats of recorded traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Apache and nginx, common
    Common,
    /// Apache and nginx, combined
    Combined,
    /// One JSON object a line, with --field
    Json,
    /// API Gateway access log as JSON
    Apigw,
    /// API Gateway access log in the console's XML
    ApigwXml,
    /// API Gateway access log in the console's comma-separated values
    ApigwCsv,
    /// The request log of nova-api
    Nova,
    /// A format string in --pattern: nginx $variable, Apache %x, API Gateway $context
    Format,
    /// A regular expression with named groups in --pattern
    Regex,
}

/// What the time in a line of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Stamp {
    /// When the call began
    Start,
    /// When the call ended: it began one latency earlier
    End,
}
