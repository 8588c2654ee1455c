//! A profile from a log: the gateway that would have answered as the log says.
//!
//! Owns the choices of a derived profile and its text; `shape` has the distributions, `claims` the expectations,
//! `sessions` what is said over WebSocket. Refuses to
//! claim more than the log tells: it holds the server's whole time of each call, and neither cold starts nor the gateway's
//! share. So the whole time is the function's, the overhead is nothing, and no environment is ever cold. The profile has no
//! traffic: the trace is that. Its claims hold a mock or gateway against this model, not against the log, which is provenance.

mod claims;
mod sessions;
mod shape;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::sessions::ImportedSessions;
use super::summary::{Imported, SeriesStat, excerpt};

/// The derived profile as commented YAML; `name` titles it.
pub fn derive(imported: &Imported, name: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_profile(&mut out, imported, name);
    out
}

/// The same from recorded sessions.
pub fn derive_sessions(imported: &ImportedSessions, name: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = sessions::write(&mut out, imported, name);
    out
}

fn write_profile(out: &mut String, imported: &Imported, name: &str) -> std::fmt::Result {
    let routes = named(imported);
    write_header(out, imported, name)?;
    write_gateway(out, &routes)?;
    writeln!(out, "  routes:")?;
    for (series, function) in &routes {
        write_route(out, series, function.as_deref())?;
    }
    claims::write(out, imported)
}

/// Routes with the name of their function; `None` where the log has no latency for a route.
fn named(imported: &Imported) -> Vec<(&SeriesStat, Option<String>)> {
    let mut taken = BTreeSet::new();
    let mut name = |series: &SeriesStat| {
        let slug = slug(&series.name);
        let numbered = (2..=imported.series.len() + 1).map(|n| format!("{slug}-{n}"));
        let free = std::iter::once(slug.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        free.expect("there are more numbers than routes")
    };
    imported.series.iter().map(|series| (series, (!series.latencies.is_empty()).then(|| name(series)))).collect()
}

fn write_header(out: &mut String, imported: &Imported, name: &str) -> std::fmt::Result {
    let source = excerpt(imported.source.to_string_lossy().as_bytes());
    writeln!(out, "# {}: the gateway that would have answered as a log says.", excerpt(name.as_bytes()))?;
    writeln!(out, "#")?;
    writeln!(
        out,
        "# Derived from {source} ({} format): {} lines, {} calls, {} skipped, {} rejected.",
        imported.format, imported.lines, imported.accepted, imported.skipped, imported.rejected.count
    )?;
    let from = jiff::Timestamp::from_nanosecond(i128::from(imported.arrivals.0)).map(|at| at.to_string()).unwrap_or_default();
    writeln!(out, "# Arrivals from {from}, over {:.3} s.", imported.span().as_secs_f64())?;
    for note in &imported.notes {
        writeln!(out, "# Note: {}.", excerpt(note.as_bytes()))?;
    }
    writeln!(
        out,
        "# A log cannot tell the gateway's share of the time, cold starts, or limits: they are nothing here; write in what you know."
    )?;
    writeln!(out)
}

fn write_gateway(out: &mut String, routes: &[(&SeriesStat, Option<String>)]) -> std::fmt::Result {
    writeln!(out, "gateway:")?;
    if routes.iter().any(|(series, _)| series.with_slash > 0) {
        writeln!(out, "  api: rest            # some paths have slashes to spare, which an HTTP API takes for other paths")?;
    } else {
        writeln!(out, "  api: http")?;
    }
    writeln!(out, "  overhead: 0s         # the log's latencies are the server's whole time")?;
    writeln!(out, "  refusal: 0s")?;
    writeln!(out, "  stages:")?;
    writeln!(out, "    prod: {{}}")?;
    if routes.iter().all(|(_, function)| function.is_none()) {
        return writeln!(out, "  # The log has no latencies: the gateway answers by itself, at once.");
    }
    writeln!(out, "  functions:")?;
    for (series, function) in routes {
        if let Some(function) = function {
            write_function(out, series, function)?;
        }
    }
    Ok(())
}

fn write_function(out: &mut String, series: &SeriesStat, function: &str) -> std::fmt::Result {
    let quantile = |p: f64| std::time::Duration::from_nanos(series.latencies.value_at_quantile(p));
    writeln!(
        out,
        "    {function}:         # {} calls, p50 {:.1?}, p99 {:.1?}",
        series.latencies.len(),
        quantile(0.5),
        quantile(0.99)
    )?;
    writeln!(out, "      duration:")?;
    writeln!(out, "        histogram:")?;
    for (to, count) in shape::bins(&series.latencies) {
        writeln!(out, "          - {{ to: {to}, count: {count} }}")?;
    }
    writeln!(out, "      cold_start: 0s")?;
    writeln!(out, "      keep_alive: 1d")?;
    writeln!(out, "      response: {{ status: {} }}", status(series))
}

fn write_route(out: &mut String, series: &SeriesStat, function: Option<&str>) -> std::fmt::Result {
    write!(out, "    {}: ", key(&series.name))?;
    match function {
        Some(function) => write!(out, "{{ integration: {{ lambda: {function} }} }}")?,
        None => write!(out, "{{ integration: {{ mock: {{ status: {} }} }} }}", status(series))?,
    }
    let others: Vec<_> = series.statuses.iter().filter(|(other, _)| **other != status(series)).collect();
    if !others.is_empty() {
        let others: Vec<_> = others.into_iter().take(4).map(|(status, count)| format!("{status} ({count})")).collect();
        write!(out, "   # also {}", others.join(", "))?;
    }
    writeln!(out)
}

/// The status that the route answers most often, of those that can end an answer.
fn status(series: &SeriesStat) -> u16 {
    let possible = series.statuses.iter().filter(|(status, _)| (200..=599).contains(*status));
    possible.max_by_key(|(status, count)| (**count, std::cmp::Reverse(**status))).map_or(200, |(status, _)| *status)
}

/// A key or a value as YAML: bare where that is safe, quoted else.
fn key(text: &str) -> String {
    let bare = text.bytes().all(|b| b.is_ascii_alphanumeric() || b" /{}._~+-".contains(&b));
    if bare { text.to_owned() } else { format!("\"{text}\"") }
}

/// `get-v2-id-servers-detail`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    // A function's name has at most 64 characters (Lambda developer guide, "Quotas").
    slug.truncate(56);
    slug.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
