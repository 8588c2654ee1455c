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

/// One number, as the bench's own programs say it.
pub(crate) fn plain(output: &str) -> Result<f64, String> {
    output.trim().parse().map_err(|_| UNKNOWN.to_owned())
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

pub(crate) fn h2load(output: &str) -> Result<f64, String> {
    // "requests: 51234 total, 51298 started, 51234 done, 51234 succeeded, 0 failed, 0 errored, 0 timeout"
    let line = output.lines().find_map(|line| line.strip_prefix("requests:")).ok_or(UNKNOWN)?;
    let count = |what: &str| line.split(',').find_map(|part| part.trim().strip_suffix(what).and_then(first_number));
    match (count("succeeded"), count("failed")) {
        (Some(good), Some(0.0)) => Ok(good),
        (Some(_), Some(_)) => Err(format!("not all went well: {}", line.trim())),
        (_, _) => Err(UNKNOWN.to_owned()),
    }
}

pub(crate) fn k6(output: &str) -> Result<f64, String> {
    let report: Value = serde_json::from_str(output).map_err(|error| format!("{UNKNOWN}: {error}"))?;
    let of = |metric: &str, value: &str| report["metrics"][metric]["values"][value].as_f64();
    match (of("http_reqs", "count"), of("http_req_failed", "rate")) {
        (Some(count), Some(0.0)) => Ok(count),
        (Some(_), Some(rate)) => Err(format!("not all went well: {rate} failed")),
        (_, _) => Err(UNKNOWN.to_owned()),
    }
}

fn first_number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}
