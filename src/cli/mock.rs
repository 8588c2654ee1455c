//! `sluicegate mock`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to do it (`command::mock`). Called by [`super::Cli`].

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::definition::DefinitionFlags;
use super::edge::EdgeFlags;
use super::flags::OutputFormat;
use super::value::DriftText;

/// Serves the mock gateway until it is interrupted: it throttles, refuses and takes its time as the profile says.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "switches of a command line are independent of each other")]
pub struct Mock {
    /// The profile, or an OpenAPI, Swagger, SAM or CloudFormation document
    pub profile: PathBuf,

    /// Address and port; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,

    /// How the base URLs are printed
    #[arg(long, value_enum, default_value_t = OutputFormat::Text)]
    pub format: OutputFormat,

    /// Write the access log of the stages that have a format for it here
    #[arg(long, value_name = "FILE")]
    pub access_log: Option<PathBuf>,

    /// Write the execution log of the stages that have one (REST) here
    #[arg(long, value_name = "FILE")]
    pub execution_log: Option<PathBuf>,

    /// Write the output of real functions here, with a START, END and REPORT line for each invocation [default: standard error]
    #[arg(long, value_name = "FILE")]
    pub function_log: Option<PathBuf>,

    /// Open the admin endpoint here, for this machine alone: metrics, stages, caches, quotas; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,

    /// Let HTTP back ends on this host be asked, besides those on this machine; may be repeated
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,

    /// Seed of the mock's own randomness
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// Differ from the profile, 'path op value' with op one of = * +; may be repeated, in order
    #[arg(long, value_name = "DRIFT")]
    pub drift: Vec<DriftText>,

    /// Record when each request arrived, and write it here at the end; for the run that started this mock
    #[arg(long, value_name = "FILE", hide = true)]
    pub arrivals: Option<PathBuf>,

    /// Say of each answer that is an error which kind it is, in a header that the real gateway has not; for the run that started this mock
    #[arg(long, hide = true)]
    pub tell_errors: bool,

    /// Log every stage with all that a join needs, whatever its format; for the run that started this mock
    #[arg(long, requires = "access_log", hide = true)]
    pub log_everything: bool,

    /// Where relative paths of the profile start from, instead of its own folder; for the run that started this mock on a copy
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub beside: Option<PathBuf>,

    /// End when standard input is closed: when the run that started this mock is gone
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,

    /// Count the instants of moves and drops from the one that a line on standard input names, in nanoseconds of the monotonic clock; for
    /// the run that started this mock, which simulates and probes before it begins
    #[arg(long, requires = "until_stdin_closes", hide = true)]
    pub awaits_begin: bool,

    /// How it meets its clients.
    #[command(flatten)]
    pub edge: EdgeFlags,

    /// How a document is read; a profile says all this itself.
    #[command(flatten)]
    pub reading: DefinitionFlags,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Serves the mock gateway until it is interrupted: it throttles, refuses and takes its time as the profile says.

An OpenAPI, Swagger, SAM or CloudFormation document is imported on the fly; what it does not carry over is told on standard error.

When it is ready it prints the base URL of each stage to standard output, with --format json as one line.

HTTP back ends are asked for real: those on this machine, and on hosts that the profile's safety.allow or --allow-host name. \
Functions that have a command run for real, a process for each environment; others are modelled. \
So are AWS services, unless they have an endpoint, which is asked with signed requests.

The admin endpoint answers GET /metrics (Prometheus, under CloudWatch's names), GET /health, GET /stages, GET /usage; \
PUT /stages/NAME with {\"deployment\": \"v2\"} moves a stage, DELETE /stages/NAME/cache empties its cache. Where there are several \
APIs, a stage is named API/NAME.";

const EXAMPLES: &str = "\
Examples:
  sluicegate mock profiles/quickstart.yaml
  sluicegate mock profiles/quickstart.yaml --listen 127.0.0.1:8080 --access-log access.log
  sluicegate mock profiles/quickstart.yaml --format json --drift 'stages.prod.throttle.rate = 50/s'
  sluicegate mock api.yaml --admin 127.0.0.1:9901 --execution-log execution.log
  curl -X PUT 127.0.0.1:9901/stages/prod -d '{\"deployment\": \"v2\"}'
  sluicegate mock api.yaml --tls --ca-out ca.pem --client-ca clients.pem
  sluicegate mock api.yaml --stage prod --variable table=orders
  sluicegate mock template.yaml --api-id OrdersApi --format json
  sluicegate mock template.yaml --function 'Orders=python3 -m awslambdaric app.handler' --function-log orders.log
  sluicegate mock openapi.yaml --function orders=http://127.0.0.1:9001
  sluicegate mock openapi.yaml --service dynamodb=http://127.0.0.1:8000";
