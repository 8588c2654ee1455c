//! Flags of distributed tracing: which header requests carry, how many are told, and whom.
//!
//! Owns their names, help and bounds. Refuses to trace (`command::tracing`). Called by the subcommands that drive.

use clap::{Args, ValueEnum};

use super::telemetry::CollectorUrl;
use super::value::{Header, ParseError};
use crate::measure::tracing::Dialect;

/// How requests are traced.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
#[command(next_help_heading = "Distributed tracing")]
pub struct TraceFlags {
    /// Have each request say its trace context, so that traces of the target join ours: traceparent (w3c), or x-amzn-trace-id (xray). Sampled ones become
    /// spans in traces.jsonl of the run's folder
    #[arg(long, value_enum, value_name = "KIND")]
    pub trace_header: Option<TraceHeader>,

    /// Share of the requests whose traces are sampled: 0% to 100% [default: 1%]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub trace_sample: Option<PerMillion>,

    /// Send the spans to this collector when the run is over (OTLP over HTTP, as JSON), e.g. `<http://127.0.0.1:4318>`; implies --trace-header w3c
    #[arg(long, value_name = "URL")]
    pub traces: Option<CollectorUrl>,

    /// Header of each of these requests; secrets by reference: 'api-key: ${env:KEY}'; may be repeated
    #[arg(long = "traces-header", value_name = "HEADER", requires = "traces")]
    pub trace_headers: Vec<Header>,
}

/// Which header says the trace context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceHeader {
    /// W3C Trace Context
    W3c,
    /// AWS X-Ray
    Xray,
}

/// A share, in parts of a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerMillion(pub u32);

/// What is sampled if nobody says it: enough to see where time goes, and little for whoever is paid by the trace.
const SAMPLED: PerMillion = PerMillion(10_000);

impl TraceFlags {
    /// In which words requests say their trace context, if they do.
    pub fn dialect(&self) -> Option<Dialect> {
        let said = self.trace_header.map(|header| match header {
            TraceHeader::W3c => Dialect::W3c,
            TraceHeader::Xray => Dialect::XRay,
        });
        said.or(self.traces.as_ref().map(|_| Dialect::W3c))
    }

    /// The share of requests that is sampled, 0 to 1.
    pub fn share(&self) -> f64 {
        f64::from(self.trace_sample.unwrap_or(SAMPLED).0) / 1e6
    }
}

/// Reads `1%`.
fn share(text: &str) -> Result<PerMillion, ParseError> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim_end().parse::<f64>().ok());
    let share = number.filter(|percent| (0.0..=100.0).contains(percent)).map(|percent| (percent * 1e4).round() as u32);
    share.map(PerMillion).ok_or_else(|| ParseError::new(format!("\"{text}\" is not a share from 0% to 100%"), "1% or 0.01%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_in_percent() {
        for (text, parts) in [("1%", 10_000), ("0.01 %", 100), ("100%", 1_000_000), ("0%", 0)] {
            assert_eq!(share(text), Ok(PerMillion(parts)), "{text}");
        }
        for bad in ["", "1", "0.01", "101%", "-1%", "nan%", "inf%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_collector_alone_means_the_header_that_everybody_reads() {
        let with = |trace_header, url: Option<&str>| {
            TraceFlags { trace_header, traces: url.map(|url| url.parse().expect("a URL")), ..TraceFlags::default() }.dialect()
        };
        assert_eq!(with(None, None), None);
        assert_eq!(with(None, Some("http://127.0.0.1:4318")), Some(Dialect::W3c));
        assert_eq!(with(Some(TraceHeader::Xray), Some("http://127.0.0.1:4318")), Some(Dialect::XRay));
    }
}
