//! `sluicegate checklist`: its arguments, help and examples.
//!
//! Owns what can be said to it. Refuses to answer (`command::checklist`). Called by [`super::Cli`].

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sluicegate_policy::time::Span;

use super::definition::{ApiWord, DefinitionFlags, Pair};
use super::value::RateText;
use crate::traffic::endpoint::Endpoint;

/// What to look at before production: checks of a design, gates that the simulator decides, and probes of a live endpoint.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Checklist {
    /// The profile, or an OpenAPI, Swagger, SAM or CloudFormation document [default: the list of all checks]
    #[arg(value_name = "PROFILE|SPEC")]
    pub document: Option<PathBuf>,

    /// The service that is asked about
    #[arg(long, value_enum, value_name = "SERVICE", default_value_t = Service::ApiGateway)]
    pub service: Service,

    /// Let this answer stand, by the name of its check; may be repeated, or several with commas
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub waive: Vec<String>,

    /// An unknown counts, too: exit code 4 where nothing fails
    #[arg(long)]
    pub strict: bool,

    /// What is simulated.
    #[command(flatten)]
    pub simulated: SimulatedFlags,

    /// What is asked of a live endpoint.
    #[command(flatten)]
    pub probe: ProbeFlags,

    /// How a document is read.
    #[command(flatten)]
    pub reading: DocumentFlags,

    /// How the result is written to standard output
    #[arg(long, value_enum, default_value_t = ChecklistFormat::Text, help_heading = "Output")]
    pub format: ChecklistFormat,

    /// No word about the simulation on standard error
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// What the gates simulate.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Gates")]
pub struct SimulatedFlags {
    /// Over how long an error budget is kept
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = period)]
    pub period: Span,

    /// Share of the requests that may fail in it [default: what the profile expects of errors, else 0.1%]
    #[arg(long, value_name = "PERCENT", value_parser = budget)]
    pub budget: Option<f64>,

    /// How often each variant is simulated
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub replications: u32,

    /// Length of the simulated run: 30s, 2m, 1h [default: as the profile says]
    #[arg(short, long, value_name = "TIME")]
    pub duration: Option<Span>,

    /// Leave this much of the beginning out of the statistics
    #[arg(long, value_name = "TIME")]
    pub warmup: Option<Span>,

    /// Total intended rate: 200/s, 12000/min
    #[arg(short = 'R', long, value_name = "RATE")]
    pub rate: Option<RateText>,

    /// Seed of everything random
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
}

/// A live endpoint that is asked.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Live endpoint")]
pub struct ProbeFlags {
    /// Ask this endpoint, too, with a handful of harmless requests: its base URL
    #[arg(long, value_name = "URL")]
    pub target: Option<Endpoint>,

    /// Allow requests to this host besides this machine; may be repeated
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,

    /// Path that is asked for, after the base URL [default: a GET route of the document that asks who calls, else /]
    #[arg(long, value_name = "PATH", requires = "target")]
    pub path: Option<String>,

    /// Do not check the target's certificate
    #[arg(short = 'k', long, requires = "target")]
    pub insecure: bool,

    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "insecure", requires = "target")]
    pub ca: Option<PathBuf>,
}

/// How a document is read.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Document")]
pub struct DocumentFlags {
    /// The stage that is asked about [default: the one that the profile drives; a definition's first]
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,

    /// Kind of API [default: what the definition suggests]
    #[arg(long, value_enum, value_name = "KIND")]
    pub api: Option<ApiWord>,

    /// Logical id of the API, in a template with several
    #[arg(long, value_name = "ID")]
    pub api_id: Option<String>,

    /// Parameter of a template; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    pub parameters: Vec<Pair>,
}

impl DocumentFlags {
    /// The same as the import has it.
    pub fn of_definition(&self) -> DefinitionFlags {
        let Self { stage, api, api_id, parameters } = self.clone();
        DefinitionFlags { api, api_id, stage, parameters, ..DefinitionFlags::default() }
    }
}

/// What a checklist is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// Amazon API Gateway and what stands behind it
    #[default]
    ApiGateway,
}

/// How a checklist is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ChecklistFormat {
    /// For people
    #[default]
    Text,
    /// For machines
    Json,
    /// For a job's page, or an issue
    Markdown,
}

/// What the long help says.
pub(super) const ABOUT: &str = "\
Says what to look at before a design goes to production: each question with pass, fail or unknown, the evidence, and the cure.

Static checks read a profile, or an API definition with what stands beside it: CORS, authorization, throttles, logs, alarms, dashboards, TLS, \
caching, time-outs, quotas against the expected traffic, stages, secrets. What the document cannot tell is unknown, with what would tell; \
what does not arise is listed apart. Alarms and dashboards are resources of a SAM or CloudFormation template: a profile or an OpenAPI document \
has none.

Four gates are decided by the simulator, from a profile that describes its traffic: the way through the authorizer (a token that the gateway \
verifies against a function that is asked, with several times to live), a private link that loses a target, the stages under the same load, and \
the error budget over a period. They are held against what the profile expects ('GET /orders/{id} p99 < 300ms', 'errors < 0.1 %').

--target asks a live endpoint besides, with at most ten requests that change nothing and hold no secret: a preflight, a request without a \
token, one with a broken token, a path that there is not, and the TLS handshake. Hosts that are not this machine need --allow-host, or the \
profile's safety.allow.

Exit codes: 3 if a check failed, 0 otherwise; with --strict 4 if nothing failed and something is unknown. --waive lets an answer stand. \
`sluicegate schema checklist` has the result as JSON.";

const EXAMPLES: &str = "\
Examples:
  sluicegate checklist
  sluicegate checklist profiles/rest-authorizer.yaml
  sluicegate checklist profiles/private-link.yaml --period 7d --budget 0.05%
  sluicegate checklist template.yaml --format markdown --waive alarms.latency,dashboards.exist
  sluicegate checklist openapi.yaml --target https://api.example.com/prod --allow-host api.example.com
  sluicegate checklist profiles/stages.yaml --format json --strict";

/// No budget is kept for longer.
const PERIOD_MAX: Span = Span::from_secs(366 * 86_400);

fn period(text: &str) -> Result<Span, String> {
    let span: Option<Span> = text.parse().ok();
    span.filter(|span| *span > Span::ZERO && *span <= PERIOD_MAX)
        .ok_or_else(|| format!("{text:?} is no period of an error budget; write e.g. 7d, 30d or 90d, at most 366d"))
}

/// `0.1%`.
fn budget(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    percent
        .filter(|percent| percent.is_finite() && *percent > 0.0 && *percent <= 100.0)
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("{text:?} is no error budget; write a percentage above zero, e.g. 0.1%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_percentage_above_zero_and_a_period_ends() {
        assert_eq!([budget("0.1%"), budget("100 %")], [Ok(0.001), Ok(1.0)]);
        for text in ["0%", "0.1", "101%", "-1%", "nan%", ""] {
            assert!(budget(text).is_err(), "{text}");
        }
        assert_eq!(period("30d"), Ok(Span::from_secs(2_592_000)));
        for text in ["0s", "367d", "month", ""] {
            assert!(period(text).is_err(), "{text}");
        }
    }
}
