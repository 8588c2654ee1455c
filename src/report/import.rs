//! The summary of an import: what was taken from a log, what was not, and why.
//!
//! Owns its text and JSON. Refuses to import: `command` fills the summary from what an importer found. Called by `command` for
//! `import` and `replay`.

use serde::Serialize;

use crate::measure::record::Quantiles;

use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{count, counted, duration_ns, duration_or_absent, rate};

/// More rejected lines than this are only counted in the text.
const REJECTED_MAX: usize = 10;

/// More series than this are only counted in the text.
const SERIES_MAX: usize = 30;

/// What became of a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportSummary {
    /// The file.
    pub source: String,
    /// The format it was read as.
    pub format: String,
    /// Lines that became requests.
    pub accepted: u64,
    /// Lines that could not be read.
    pub rejected: u64,
    /// The first of those.
    pub rejected_lines: Vec<RejectedLine>,
    /// Lines that are no requests, and are not meant to be: blank lines, comments, other messages.
    pub skipped: u64,
    /// Accepted lines that stood after a later one, and were sorted.
    pub out_of_order: u64,
    /// From the first request to the last, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_ns: Option<u64>,
    /// What is worth knowing: coarse stamps, a guessed format.
    pub notes: Vec<String>,
    /// The routes that were found.
    pub series: Vec<ImportedSeries>,
    /// What was written: a trace, a profile.
    pub written: Vec<String>,
}

/// A line that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RejectedLine {
    /// Its number in the file, from one.
    pub number: u64,
    /// Why.
    pub reason: String,
    /// Its beginning.
    pub excerpt: String,
}

/// A route that was found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportedSeries {
    /// Its name: method and path pattern.
    pub name: String,
    /// Requests.
    pub count: u64,
    /// The latency that the log gives; `None` if it gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Quantiles>,
}

/// The summary could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("the summary of the import cannot be written as JSON")]
pub struct WriteError(#[from] serde_json::Error);

/// The summary as text.
pub fn text(summary: &ImportSummary, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("import of {} as {}", summary.source, summary.format));
    page.entry("accepted", &accepted(summary));
    page.entry("rejected", &counted(summary.rejected, "line"));
    for line in summary.rejected_lines.iter().take(REJECTED_MAX) {
        page.paragraph(4, Tone::Plain, &format!("line {}: {}, at: {}", count(line.number), line.reason, line.excerpt));
    }
    let shown = summary.rejected_lines.len().min(REJECTED_MAX) as u64;
    if summary.rejected > shown && shown > 0 {
        page.paragraph(4, Tone::Faint, &format!("and {}", counted(summary.rejected - shown, "more line")));
    }
    page.entry("skipped", &format!("{} without a request", counted(summary.skipped, "line")));
    page.entry("order", &format!("{} stood after a later one, and were sorted", counted(summary.out_of_order, "line")));
    for note in &summary.notes {
        page.entry("note", note);
    }
    series(&mut page, &summary.series);
    for written in &summary.written {
        page.entry("written", written);
    }
    page.into_text()
}

/// The summary as JSON.
pub fn json(summary: &ImportSummary) -> Result<Vec<u8>, WriteError> {
    let mut bytes = serde_json::to_vec_pretty(summary)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn accepted(summary: &ImportSummary) -> String {
    let requests = counted(summary.accepted, "request");
    match summary.length_ns {
        Some(ns) if ns > 0 => {
            format!("{requests} in {}, {} on average", duration_ns(ns), rate(summary.accepted as f64 / (ns as f64 / 1e9)))
        }
        _ => requests,
    }
}

fn series(page: &mut Page, series: &[ImportedSeries]) {
    if series.is_empty() {
        return;
    }
    page.heading("Routes found (latency as logged)");
    let mut sorted: Vec<&ImportedSeries> = series.iter().collect();
    sorted.sort_by_key(|it| (std::cmp::Reverse(it.count), &it.name));
    let mut table = Table::new(vec!["<route", "count", "p50", "p95", "p99", "max"]);
    for it in sorted.iter().take(SERIES_MAX) {
        let at = |pick: fn(&Quantiles) -> u64| Cell::from(duration_or_absent(it.latency.as_ref().map(pick)));
        let latency = [at(|q| q.p50_ns), at(|q| q.p95_ns), at(|q| q.p99_ns), at(|q| q.max_ns)];
        table.row([Cell::from(&it.name), Cell::from(count(it.count))].into_iter().chain(latency).collect());
    }
    page.table(&table);
    if series.len() > SERIES_MAX {
        page.paragraph(2, Tone::Faint, &format!("and {}", counted((series.len() - SERIES_MAX) as u64, "more route")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> ImportSummary {
        let latency =
            Quantiles { count: 900, p50_ns: 240_000_000, p95_ns: 310_000_000, p99_ns: 402_000_000, ..Quantiles::default() };
        ImportSummary {
            source: "access.log".to_owned(),
            format: "combined".to_owned(),
            accepted: 9_999,
            rejected: 12,
            rejected_lines: vec![RejectedLine {
                number: 8_899,
                reason: "the request has no method and path".to_owned(),
                excerpt: "10.0.0.1 - - [..] \"\x1b[31m".to_owned(),
            }],
            skipped: 2,
            out_of_order: 1,
            length_ns: Some(3_600_000_000_000),
            notes: vec!["times are whole seconds: arrivals within one are spread by the seed".to_owned()],
            series: vec![
                ImportedSeries { name: "GET /blog/{slug}".to_owned(), count: 99, latency: None },
                ImportedSeries { name: "GET /orders/{id}".to_owned(), count: 900, latency: Some(latency) },
            ],
            written: vec!["trace.sgt".to_owned()],
        }
    }

    #[test]
    fn nothing_of_a_log_is_lost_silently() {
        insta::assert_snapshot!(text(&summary(), Look::default()), @r#"
        import of access.log as combined
          accepted      9,999 requests in 60.0 min, 2.777/s on average
          rejected      12 lines
            line 8,899: the request has no method and path, at: 10.0.0.1 - - [..] "\u{1b}[31m
            and 11 more lines
          skipped       2 lines without a request
          order         1 line stood after a later one, and were sorted
          note          times are whole seconds: arrivals within one are spread by the seed

        Routes found (latency as logged)
          route             count     p50     p95     p99   max
          GET /orders/{id}    900  240 ms  310 ms  402 ms  0 ns
          GET /blog/{slug}     99     n/a     n/a     n/a   n/a
          written       trace.sgt
        "#);
    }

    #[test]
    fn a_summary_is_json_too() {
        let value: serde_json::Value = serde_json::from_slice(&json(&summary()).unwrap()).unwrap();
        assert_eq!(value["rejected_lines"][0]["number"], 8_899);
        assert!(value["series"][1].get("latency").is_some());
    }
}
