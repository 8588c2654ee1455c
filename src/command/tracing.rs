//! Distributed tracing of a run: what was asked for, proven before the first request.
//!
//! Owns that no run begins whose header would not be ours, or whose collector is not there, and when spans are sent. Refuses to make ids and spans.
//! Called by `rehearsal`.

use std::path::Path;

use sluicegate_policy::time::Span;
use sluicegate_timer::Clock;
use sluicegate_timer::clock::wall_epoch;

use super::collectors::{Wanted, below, collector};
use super::failure::Failure;
use crate::cli::{Header, TraceFlags};
use crate::config::Plan;
use crate::measure::tracing::{Dialect, Tracing};
use crate::report::spans::{Common, HEADERS, NOTHING, PATH, rejected};
use crate::serve::Collector;
use crate::traffic::endpoint::Endpoint;

/// What was asked for, and can be done.
pub(super) struct Traces {
    dialect: Dialect,
    share: f64,
    /// Who gets the spans, if somebody does.
    pub(super) collector: Option<Collector>,
}

impl Traces {
    /// Proves what the flags ask for; nothing if they ask for nothing.
    pub(super) fn prove(flags: &TraceFlags, plan: &Plan, folder: &Path) -> Result<Option<Self>, Failure> {
        let Some(dialect) = flags.dialect() else {
            return match flags.trace_sample {
                None => Ok(None),
                Some(_) => Err(Failure::usage(
                    "--trace-sample says how many traces are sampled, and nothing is traced; add --trace-header w3c, or --traces URL",
                )),
            };
        };
        refuse_own_header(plan, dialect.header())?;
        let collector = flags.traces.as_ref().map(|url| asked(&url.0, &flags.trace_headers, folder)).transpose()?;
        Ok(Some(Self { dialect, share: flags.share(), collector }))
    }

    /// What all spans have in common, of the run of this name whose clock is this one.
    pub(super) fn common(&self, plan: &Plan, (run, profile): (&str, &str), clock: Clock, server: (String, u16)) -> Common {
        // The script's zero may be some milliseconds ahead.
        let zero = (wall_epoch().as_ns() + clock.origin_ns()).saturating_sub(Clock::starting_now().origin_ns());
        Common {
            tracing: Tracing::new(self.dialect, run, self.share, Span::from_ns(zero)),
            run: run.to_owned(),
            profile: profile.to_owned(),
            series: plan.catalog.series.clone(),
            server,
        }
    }
}

/// The collector at this address, if it takes spans.
fn asked(endpoint: &Endpoint, headers: &[Header], folder: &Path) -> Result<Collector, Failure> {
    let path = below(&endpoint.base_path, PATH);
    let wanted = Wanted { flag: "--traces", endpoint, path, says: &HEADERS, rejected };
    let collector = collector(wanted, headers, folder)?;
    collector.take(NOTHING, 1).map_err(|error| {
        let url = collector.url();
        Failure::usage(format!(
            "--traces {url}: {error}; start a collector there that takes OTLP over HTTP, or leave --traces out"
        ))
    })?;
    Ok(collector)
}

/// A request that has the header of its own would be told by ids that it does not carry. One of a recording is not meant for this run: ours takes its place.
fn refuse_own_header(plan: &Plan, header: &str) -> Result<(), Failure> {
    let is_ours = |name: &str| name.eq_ignore_ascii_case(header);
    let of_all = plan.catalog.headers.iter().any(|(name, _)| is_ours(name));
    let of_one = plan.catalog.templates.iter().any(|template| template.sends(header));
    if of_all || of_one {
        let whose = if of_all {
            "every request has one already (-H, or `headers` of the profile)"
        } else {
            "a request of the profile has its own"
        };
        return Err(Failure::usage(format!(
            "--trace-header puts {header} into each request, and {whose}; leave one of the two out"
        )));
    }
    Ok(())
}
