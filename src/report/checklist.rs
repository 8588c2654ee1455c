//! A checklist: as text, as Markdown, as JSON; and the list of all questions.
//!
//! Owns text, Markdown, JSON and schema of a [`ChecklistRecord`] and a [`ChecksRecord`]. Refuses to answer. Called by `command`.

use schemars::{Schema, schema_for};

use crate::measure::checklist::{
    Answered, CellRecord, ChecklistRecord, ChecksRecord, Column, CountsRecord, FigureRecord, FindingRecord, Measure, TableRecord,
};

use super::json::WriteError;
use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, count, counted, duration, duration_ns, money, planned_length, quantity, rate, share};

mod markdown;

pub use markdown::{list_markdown, markdown};

/// The record as bytes; the same record gives the same bytes.
pub fn json(record: &impl serde::Serialize) -> Result<Vec<u8>, WriteError> {
    super::json::pretty(record)
}

/// JSON Schema (draft 2020-12) of the record.
pub fn schema() -> Schema {
    schema_for!(ChecklistRecord)
}

/// The answers as text.
pub fn text(record: &ChecklistRecord, look: Look) -> String {
    let mut page = Page::new(look);
    heading(&mut page, record);
    let mut area = "";
    for finding in &record.findings {
        if finding.area != area {
            area = &finding.area;
            page.heading(area);
        }
        answer(&mut page, finding);
    }
    if !record.exchanges.is_empty() {
        page.heading("What was sent, and what came back");
        for it in &record.exchanges {
            let took = if it.took_ns > 0 { format!(" ({})", duration_ns(it.took_ns)) } else { String::new() };
            page.marked(Tone::Plain, "", &it.sent);
            page.paragraph(4, Tone::Faint, &format!("{}{took}", it.answered));
        }
    }
    if !record.not_applicable.is_empty() {
        page.heading("Does not arise here");
        for one in &record.not_applicable {
            page.marked(Tone::Faint, "", &format!("{}: {}", one.id, one.because));
        }
    }
    page.into_text()
}

/// Every question as text.
pub fn list_text(record: &ChecksRecord, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!(
        "sluicegate {}: {} for {}",
        record.sluicegate,
        counted(record.checks.len() as u64, "check"),
        record.service
    ));
    let mut area = "";
    for check in &record.checks {
        if check.area != area {
            area = &check.area;
            page.heading(area);
        }
        page.paragraph(2, Tone::Strong, &format!("{}: {}", check.id, check.asks));
        page.paragraph(4, Tone::Plain, &check.cure);
        if let Some(source) = &check.source {
            page.paragraph(4, Tone::Faint, &format!("source: {source}"));
        }
    }
    page.heading("Next");
    page.paragraph(2, Tone::Plain, "Name a profile, or an OpenAPI, SAM or CloudFormation document, to have them answered.");
    page.into_text()
}

fn heading(page: &mut Page, record: &ChecklistRecord) {
    let of = [&record.document, &record.target].into_iter().flatten().cloned().collect::<Vec<_>>().join(" and ");
    page.heading(&format!("sluicegate {}: checklist of {of}", record.sluicegate));
    page.entry("answers", &counts(&record.counts));
    for (label, text) in context(record) {
        page.entry(label, &text);
    }
}

/// `2 fail, 3 unknown, 20 pass, 1 waived; 8 do not arise`.
fn counts(counts: &CountsRecord) -> String {
    let CountsRecord { pass, fail, unknown, waived, not_applicable } = *counts;
    let told = [(fail, "fail"), (unknown, "unknown"), (pass, "pass"), (waived, "waived")];
    let told: Vec<String> =
        told.iter().filter(|(n, what)| *n > 0 || *what != "waived").map(|(n, what)| format!("{n} {what}")).collect();
    format!("{}; {not_applicable} do not arise", told.join(", "))
}

/// What was looked at, in labelled lines.
fn context(record: &ChecklistRecord) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    lines.extend(record.read_as.as_ref().map(|read_as| ("read as", read_as.clone())));
    lines.extend(record.stage.as_ref().map(|stage| ("stage", stage.clone())));
    lines.extend(record.simulated.as_ref().map(|it| {
        let each = counted(u64::from(it.replications), "replication");
        let of = quantity(it.counted_s);
        (
            "simulated",
            format!("{} in {each} of each variant, {of} s counted of each, seed {}", counted(it.requests, "request"), it.seed),
        )
    }));
    lines
}

fn answer(page: &mut Page, finding: &FindingRecord) {
    let (tone, word) = word(finding);
    page.marked(tone, word, &format!("{}: {}", finding.id, finding.asks));
    page.paragraph(6, Tone::Plain, &format!("{}: {}", finding.looked_at, finding.because));
    if !finding.figures.is_empty() {
        page.paragraph(6, Tone::Plain, &figures(&finding.figures));
    }
    for table in &finding.tables {
        page.paragraph(6, Tone::Faint, &format!("{}:", table.title));
        page.table(&laid_out(table));
    }
    if let Some(cure) = &finding.cure {
        let lead = if finding.answer == Answered::Unknown { "what would tell" } else { "cure" };
        page.paragraph(6, Tone::Strong, &format!("{lead}: {cure}"));
    }
    if let Some(source) = finding.source.as_ref().filter(|_| finding.answer == Answered::Fail) {
        page.paragraph(6, Tone::Faint, &format!("source: {source}"));
    }
}

/// The word for an answer, and what it means.
fn word(finding: &FindingRecord) -> (Tone, &'static str) {
    match (finding.answer, finding.waived) {
        (Answered::Pass, _) => (Tone::Good, "pass"),
        (Answered::Fail, false) => (Tone::Bad, "FAIL"),
        (Answered::Unknown, false) => (Tone::Unsure, "unknown"),
        (Answered::Fail, true) => (Tone::Faint, "waived (fail)"),
        (Answered::Unknown, true) => (Tone::Faint, "waived (unknown)"),
    }
}

/// `peak of all requests 120/s, throttle of the account 10,000/s`.
fn figures(figures: &[FigureRecord]) -> String {
    figures.iter().map(|it| format!("{} {}", it.what, number(it.unit, it.value))).collect::<Vec<_>>().join(", ")
}

/// A number with its unit.
fn number(unit: Measure, value: f64) -> String {
    match unit {
        Measure::Ns => time(value),
        Measure::Share => share(value),
        Measure::PerSecond => rate(value),
        Measure::Count if value >= 100.0 => count(value.round() as u64),
        Measure::Count | Measure::Text => quantity(value),
        Measure::Dollars => format!("{} USD", money(value)),
    }
}

/// Whole spans are written as a profile would say them, times of days in days.
fn time(ns: f64) -> String {
    const HOUR: f64 = 3.6e12;
    match ns {
        it if !it.is_finite() => ABSENT.to_owned(),
        it if it >= 48.0 * HOUR => format!("{} d", quantity(it / (24.0 * HOUR))),
        it if it >= HOUR => format!("{} h", quantity(it / HOUR)),
        it if it >= 1e6 && it % 1e6 == 0.0 => planned_length(it as u64),
        it => duration(it),
    }
}

fn laid_out(table: &TableRecord) -> Table {
    let titles = std::iter::once("<").chain(table.columns.iter().map(|column| title(*column)));
    let mut out = Table::new(titles.collect());
    for row in &table.rows {
        let cells = row.cells.iter().zip(&table.columns).map(|(it, column)| cell(it, *column));
        out.row(std::iter::once(row.name.clone()).chain(cells).map(Cell::from).collect());
    }
    out
}

fn cell(cell: &CellRecord, column: Column) -> String {
    match cell {
        CellRecord::Number(value) => number(column.measure(), *value),
        CellRecord::Words(words) => words.clone(),
        CellRecord::Absent => ABSENT.to_owned(),
    }
}

/// The title of a column; `<` aligns it left.
const fn title(column: Column) -> &'static str {
    match column {
        Column::Requests => "requests",
        Column::P50 => "p50",
        Column::P95 => "p95",
        Column::P99 => "p99",
        Column::AddedP50 => "adds p50",
        Column::AddedP95 => "adds p95",
        Column::AddedP99 => "adds p99",
        Column::Invocations => "invoked",
        Column::Hits => "hits",
        Column::Status401 => "401",
        Column::Status403 => "403",
        Column::Status500 => "500",
        Column::Throttled => "429",
        Column::Errors => "errors",
        Column::CacheHits => "cached",
        Column::Month => "a month",
        Column::From => "from",
        Column::Lasts => "for",
        Column::Failed => "failed",
        Column::Share => "share",
        Column::InPeriod => "in the period",
        Column::OfBudget => "of the budget",
        Column::Exhausted => "spent after",
        Column::Throttle => "<throttle",
        Column::Cache => "<cache",
        Column::Variables => "<variables",
        Column::Canary => "<canary",
        Column::Logs => "<logs",
    }
}

#[cfg(test)]
mod tests;
