//! What became of recorded sessions, as text and as JSON.
//!
//! Owns the words. Refuses recordings: `command` fills [`SessionsSummary`] from what an importer found. Called by `command` for `import` and
//! `replay`.

use serde::Serialize;

use super::import::WriteError;
use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{bytes, count, counted, duration_ns, duration_or_absent};
use crate::measure::record::Quantiles;

/// More routes than this are only counted in the text.
const ROUTES_MAX: usize = 30;

/// What became of recorded sessions.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SessionsSummary {
    /// The file.
    pub source: String,
    /// The format it was read as.
    pub format: String,
    /// Sessions.
    pub sessions: u64,
    /// Those of them whose end is known.
    pub closed: u64,
    /// Messages that clients said.
    pub said: u64,
    /// Those of them that have a reply: each is asked again.
    pub questions: u64,
    /// Messages that clients heard.
    pub heard: u64,
    /// Their length together.
    pub heard_bytes: u64,
    /// From the first connect to the last thing that is known, in nanoseconds.
    pub length_ns: u64,
    /// Where a message and its reply have the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<String>,
    /// Where messages say what they want, as it was guessed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_selection: Option<String>,
    /// What was left out, each with its number.
    pub left_out: Vec<String>,
    /// Requests that stood beside the sessions, and were left out.
    pub requests: u64,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// The routes that were found.
    pub routes: Vec<SaidRoute>,
    /// What was written: a trace, a profile.
    pub written: Vec<String>,
}

/// A route that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SaidRoute {
    /// Its key.
    pub name: String,
    /// Messages.
    pub count: u64,
    /// From a question to its reply, as recorded; `None` without a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<Quantiles>,
}

/// The summary as text.
pub fn text(summary: &SessionsSummary, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("import of {} as {}", summary.source, summary.format));
    let length = duration_ns(summary.length_ns);
    page.entry("sessions", &format!("{} in {length}; of {} the end is known", count(summary.sessions), count(summary.closed)));
    page.entry("said", &said(summary));
    page.entry("heard", &format!("{}, {}", counted(summary.heard, "message"), bytes(summary.heard_bytes)));
    for left in &summary.left_out {
        page.entry("left out", left);
    }
    for note in &summary.notes {
        page.entry("note", note);
    }
    routes(&mut page, summary);
    for written in &summary.written {
        page.entry("written", written);
    }
    page.into_text()
}

/// The summary as JSON.
pub fn json(summary: &SessionsSummary) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec_pretty(summary)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn said(summary: &SessionsSummary) -> String {
    let said = counted(summary.said, "message");
    match &summary.reply {
        Some(path) => {
            let one_way = count(summary.said - summary.questions);
            format!("{said}: {} with a reply (both have the same at {path}), {one_way} without", count(summary.questions))
        }
        None => said,
    }
}

fn routes(page: &mut Page, summary: &SessionsSummary) {
    if summary.routes.is_empty() {
        return;
    }
    page.heading(&match &summary.route_selection {
        Some(selection) => format!("Routes found by {selection} (round trips as recorded)"),
        None => "Routes (round trips as recorded)".to_owned(),
    });
    let mut sorted: Vec<&SaidRoute> = summary.routes.iter().collect();
    sorted.sort_by_key(|it| (std::cmp::Reverse(it.count), &it.name));
    let mut table = Table::new(vec!["<route", "said", "replies", "p50", "p95", "p99", "max"]);
    for it in sorted.iter().take(ROUTES_MAX) {
        let at = |pick: fn(&Quantiles) -> u64| Cell::from(duration_or_absent(it.round_trip.as_ref().map(pick)));
        let replies = count(it.round_trip.as_ref().map_or(0, |trips| trips.count));
        let times = [at(|q| q.p50_ns), at(|q| q.p95_ns), at(|q| q.p99_ns), at(|q| q.max_ns)];
        let begin = [Cell::from(&it.name), Cell::from(count(it.count)), Cell::from(replies)];
        table.row(begin.into_iter().chain(times).collect());
    }
    page.table(&table);
    if sorted.len() > ROUTES_MAX {
        page.paragraph(2, Tone::Faint, &format!("and {}", counted((sorted.len() - ROUTES_MAX) as u64, "more route")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> SessionsSummary {
        let round_trip =
            Quantiles { count: 40, p50_ns: 24_000_000, p95_ns: 31_000_000, p99_ns: 40_200_000, ..Quantiles::default() };
        SessionsSummary {
            source: "chat.har".to_owned(),
            format: "har".to_owned(),
            sessions: 12,
            closed: 9,
            said: 61,
            questions: 40,
            heard: 1_234,
            heard_bytes: 64_000,
            length_ns: 90_000_000_000,
            reply: Some("id".to_owned()),
            route_selection: Some("$request.body.action".to_owned()),
            left_out: vec!["31 requests, which are not read from a HAR".to_owned()],
            requests: 31,
            notes: vec!["headers of handshakes that are not kept: cookie (12)".to_owned()],
            routes: vec![
                SaidRoute { name: "typing".to_owned(), count: 21, round_trip: None },
                SaidRoute { name: "say".to_owned(), count: 40, round_trip: Some(round_trip) },
            ],
            written: vec!["chat.sessions".to_owned()],
        }
    }

    #[test]
    fn nothing_of_a_recording_is_lost_silently() {
        insta::assert_snapshot!(text(&summary(), Look::default()));
    }

    #[test]
    fn a_summary_is_json_too() {
        let value: serde_json::Value = serde_json::from_slice(&json(&summary()).unwrap()).unwrap();
        assert_eq!(
            (&value["questions"], &value["left_out"][0]),
            (&40.into(), &"31 requests, which are not read from a HAR".into())
        );
        assert!(value["routes"][0].get("round_trip").is_none() && value["routes"][1]["round_trip"]["count"] == 40);
    }
}
