//! A profile from recorded sessions: a WebSocket API that takes what was said, and replies where something replied.
//!
//! Owns the choices and the text. The recording is a client's: it knows when replies came, and neither what is behind a route nor whom
//! anybody else's messages went to. So the whole round trip is the function's, which posts each question back to who asked it: that is the
//! one text of which it is known to have what its question has. Refuses to claim more than the recording tells. Called by `derive`.

use std::fmt::Write as _;

use super::super::sessions::{DEFAULT, ImportedSessions, RouteStat};
use super::super::summary::excerpt;
use super::{claims, shape, slug};

/// Functions have at most so long a name here, and a number behind it.
const FUNCTION: &str = "replies";

pub(super) fn write(out: &mut String, imported: &ImportedSessions, name: &str) -> std::fmt::Result {
    write_header(out, imported, name)?;
    writeln!(out, "gateway:")?;
    writeln!(out, "  api: websocket")?;
    writeln!(out, "  overhead: 0s         # the round trips of the recording are all there is")?;
    writeln!(out, "  refusal: 0s")?;
    writeln!(out, "  stages:")?;
    writeln!(out, "    prod: {{}}")?;
    match imported.selection {
        Some(key) => writeln!(out, "  route_selection: $request.body.{key}   # a guess: most messages have it")?,
        None => writeln!(out, "  # No key says what most messages want: all are for {DEFAULT}.")?,
    }
    let asked = imported.routes.iter().filter(|(_, route)| !route.round_trips.is_empty());
    let functions: Vec<(&String, &RouteStat, String)> =
        asked.enumerate().map(|(n, (key, route))| (key, route, function(n, key))).collect();
    if !functions.is_empty() {
        writeln!(out, "  functions:")?;
    }
    for (_, route, function) in &functions {
        write_function(out, route, function)?;
    }
    writeln!(out, "  routes:")?;
    writeln!(out, "    # no $connect: every handshake is answered at once")?;
    let default = RouteStat::none();
    let unseen = (!imported.routes.contains_key(DEFAULT)).then_some((DEFAULT, &default));
    let routes = imported.routes.iter().map(|(key, route)| (key.as_str(), route)).chain(unseen);
    for (key, route) in routes {
        let function = functions.iter().find(|(known, ..)| *known == key).map(|(.., function)| function.as_str());
        write_route(out, key, route, function)?;
    }
    write_claims(out, imported)
}

fn write_header(out: &mut String, imported: &ImportedSessions, name: &str) -> std::fmt::Result {
    let source = excerpt(imported.source.to_string_lossy().as_bytes());
    writeln!(out, "# {}: the WebSocket API that would have taken what a recording says.", excerpt(name.as_bytes()))?;
    writeln!(out, "#")?;
    writeln!(
        out,
        "# Derived from {source} (har format): {} sessions, {} messages said ({} of them with a reply), {} heard.",
        imported.sessions, imported.said, imported.questions, imported.heard
    )?;
    let from = jiff::Timestamp::from_nanosecond(i128::from(imported.origin_ns)).map(|at| at.to_string()).unwrap_or_default();
    writeln!(out, "# Connects from {from}; something is known of {:.3} s.", imported.length.as_secs_f64())?;
    for left in imported.left_out() {
        writeln!(out, "# Left out: {}.", excerpt(left.as_bytes()))?;
    }
    for note in &imported.notes {
        writeln!(out, "# Note: {}.", excerpt(note.as_bytes()))?;
    }
    let pushed = imported.heard.saturating_sub(imported.questions);
    if pushed > 0 {
        writeln!(out, "# {pushed} messages were heard that reply to nothing: here nobody pushes anything.")?;
    }
    writeln!(
        out,
        "# A recording cannot tell the gateway's share of the time, cold starts, or limits: they are nothing here; write in what you know."
    )?;
    writeln!(out)
}

/// Numbered where two keys come to the same name.
fn function(number: usize, key: &str) -> String {
    let slug = slug(key);
    if slug.is_empty() { format!("{FUNCTION}-{number}") } else { format!("{slug}-{number}") }
}

fn write_function(out: &mut String, route: &RouteStat, function: &str) -> std::fmt::Result {
    let quantile = |p: f64| std::time::Duration::from_nanos(route.round_trips.value_at_quantile(p));
    writeln!(
        out,
        "    {function}:         # {} replies, p50 {:.1?}, p99 {:.1?}",
        route.round_trips.len(),
        quantile(0.5),
        quantile(0.99)
    )?;
    writeln!(out, "      duration:")?;
    writeln!(out, "        histogram:")?;
    for (to, count) in shape::bins(&route.round_trips) {
        writeln!(out, "          - {{ to: {to}, count: {count} }}")?;
    }
    writeln!(out, "      cold_start: 0s")?;
    writeln!(out, "      keep_alive: 1d")
}

fn write_route(out: &mut String, key: &str, route: &RouteStat, function: Option<&str>) -> std::fmt::Result {
    match function {
        Some(function) => write!(
            out,
            "    \"{key}\": {{ integration: {{ lambda: {function} }}, posts: {{ to: sender, each: 1us }} }}   # {} messages",
            route.said
        )?,
        None => write!(out, "    \"{key}\": {{ integration: {{ mock: {{ status: 200 }} }} }}   # {} messages", route.said)?,
    }
    let silent = route.said - route.round_trips.len();
    if function.is_some() && silent > 0 {
        write!(out, ", {silent} of them without a reply: these are posted back, too")?;
    }
    writeln!(out)
}

fn write_claims(out: &mut String, imported: &ImportedSessions) -> std::fmt::Result {
    let routes = imported.routes.iter().map(|(key, route)| (key.as_str(), &route.round_trips));
    claims::write_all(out, routes.collect(), imported.said, "messages")
}
