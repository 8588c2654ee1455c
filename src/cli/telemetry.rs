//! Where the metrics of a run go while it lasts: `--metrics`, `--remote-write`, `--otlp`.
//!
//! Owns their names, help, and what the URL of a collector is. Refuses to listen and to send (`command::watchers`). Called by `flags`.

use std::net::SocketAddr;
use std::str::FromStr;

use clap::Args;

use super::value::{Header, ParseError};
use crate::traffic::endpoint::Endpoint;

/// Where the metrics of a run go while it lasts.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct TelemetryFlags {
    /// Serve the metrics for Prometheus at this address, path /metrics, e.g. 127.0.0.1:9464; any but this machine's needs a token
    #[arg(long, value_name = "ADDRESS", help_heading = "Metrics while the run lasts")]
    pub metrics: Option<SocketAddr>,

    /// The environment variable with the token that readers of the metrics must have, as a bearer's
    #[arg(long, value_name = "NAME", requires = "metrics", help_heading = "Metrics while the run lasts")]
    pub metrics_token_env: Option<String>,

    /// Push the metrics to this URL by Prometheus's remote write; of a Prometheus itself its path is /api/v1/write
    #[arg(long, value_name = "URL", help_heading = "Metrics while the run lasts")]
    pub remote_write: Option<CollectorUrl>,

    /// Header of each of these pushes; secrets by reference: 'authorization: Bearer ${env:TOKEN}'; may be repeated
    #[arg(
        long = "remote-write-header",
        value_name = "HEADER",
        requires = "remote_write",
        help_heading = "Metrics while the run lasts"
    )]
    pub remote_write_headers: Vec<Header>,

    /// Push the metrics to the OpenTelemetry collector at this URL, path /v1/metrics (OTLP over HTTP, by habit at port 4318)
    #[arg(long, value_name = "URL", help_heading = "Metrics while the run lasts")]
    pub otlp: Option<CollectorUrl>,

    /// Header of each of these pushes; secrets by reference: 'api-key: ${env:KEY}'; may be repeated
    #[arg(long = "otlp-header", value_name = "HEADER", requires = "otlp", help_heading = "Metrics while the run lasts")]
    pub otlp_headers: Vec<Header>,
}

/// Where a collector takes what is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorUrl(pub Endpoint);

impl FromStr for CollectorUrl {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_http = ["http://", "https://"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme));
        // The text is not repeated: it may hold a password.
        let refuse = |why: &str| Err(ParseError::new(why, "http://127.0.0.1:9090/api/v1/write"));
        match text.parse() {
            Ok(endpoint) if is_http => Ok(Self(endpoint)),
            Err(_) if text.contains(['@', '?']) => refuse(
                "the URL of a collector has no user name, password or query; secrets go into a header, by reference (${env:NAME})",
            ),
            Ok(_) | Err(_) => refuse("this is not the URL of a collector, http or https"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_an_http_url_without_secrets() {
        for url in ["http://127.0.0.1:9090/api/v1/write", "https://otlp.example.com", "HTTP://[::1]:4318"] {
            assert!(url.parse::<CollectorUrl>().is_ok(), "{url}");
        }
        for (url, why) in [
            ("http://u:s3cret@h/write", "no user name"),
            ("http://h/write?token=s3cret", "no user name, password or query"),
            ("ws://h/s3cret", "not the URL"),
            ("s3cret", "not the URL"),
            ("", "not the URL"),
        ] {
            let error = url.parse::<CollectorUrl>().expect_err(url).to_string();
            assert!(error.contains(why) && !error.contains("s3cret"), "{url}: {error}");
        }
    }
}
