//! How many requests each tool says were answered well.
//!
//! Owns the reading of foreign outputs. Refuses to guess: what is not understood, or tells of failures, is an error that says so.
//! Called by `tools`.

use serde_json::Value;

use crate::own;

/// Reads a tool's output; the error says what is wrong with it.
pub(crate) type Reading = fn(&str) -> Result<f64, String>;

const UNKNOWN: &str = "its output is not understood";

pub(crate) fn sluicegate(output: &str) -> Result<f64, String> {
    own::answered(&own::record(output)?).filter(|count| *count > 0.0).ok_or_else(|| UNKNOWN.to_owned())
}

pub(crate) fn wrk(output: &str) -> Result<f64, String> {
    if let Some(line) = output.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        return Err(format!("not all went well: {}", line.trim()));
    }
    // "  512345 requests in 4.00s, 70MB read"
    let line = output.lines().find(|line| line.contains(" requests in ")).ok_or(UNKNOWN)?;
    first_number(line).ok_or_else(|| UNKNOWN.to_owned())
}

pub(crate) fn oha(output: &str) -> Result<f64, String> {
    let report: Value = serde_json::from_str(output).map_err(|error| format!("{UNKNOWN}: {error}"))?;
    // What was under way when the time was over counts as an error of its own, and is no failure.
    let good = report["statusCodeDistribution"]["200"].as_f64();
    good.filter(|count| *count > 0.0).ok_or_else(|| UNKNOWN.to_owned())
}

pub(crate) fn hey(output: &str) -> Result<f64, String> {
    // "  [200]	512345 responses"; others stand beside it, errors below.
    let statuses: Vec<&str> = output.lines().filter(|line| line.trim().starts_with('[') && line.contains("responses")).collect();
    match statuses[..] {
        [line] => {
            line.trim().strip_prefix("[200]").and_then(first_number).ok_or_else(|| format!("not all went well: {}", line.trim()))
        }
        [] => Err(UNKNOWN.to_owned()),
        [..] => Err(format!("not all went well: {}", statuses.join(" "))),
    }
}

fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}
