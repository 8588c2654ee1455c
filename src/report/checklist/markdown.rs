//! A checklist as Markdown, for a job's page or an issue: what fails first, then what is not known, then the rest in one table.
//!
//! Owns the order. Refuses to let a name from outside become Markup: texts are escaped as those of a run's summary are.

use super::super::export::markdown::text as escaped;
use super::super::quantity::counted;
use super::{cell, context, counts, figures, title, word};
use crate::measure::checklist::{Answered, ChecklistRecord, ChecksRecord, FindingRecord, TableRecord};

/// The answers; ends with a line end.
pub fn markdown(record: &ChecklistRecord) -> String {
    let mut out = String::new();
    let verdict = match (record.counts.fail, record.counts.unknown) {
        (1.., _) => "❌ Checklist failed",
        (0, 1..) => "❔ Checklist: nothing fails, and not everything is known",
        (0, 0) => "✅ Checklist passed",
    };
    block(&mut out, &format!("## {verdict}"));
    let of = [&record.document, &record.target].into_iter().flatten().map(|text| escaped(text)).collect::<Vec<_>>().join(" and ");
    let mut lines = vec![format!("- of: {of}"), format!("- answers: {}", counts(&record.counts))];
    lines.extend(context(record).into_iter().map(|(label, text)| format!("- {label}: {}", escaped(&text))));
    block(&mut out, &lines.join("\n"));
    let open = |finding: &&FindingRecord| !finding.waived && finding.answer != Answered::Pass;
    let mut shown: Vec<&FindingRecord> = record.findings.iter().filter(open).collect();
    shown.sort_by_key(|finding| finding.answer);
    for finding in shown {
        let (_, word) = word(finding);
        block(&mut out, &format!("### {word}: {}", escaped(&finding.id)));
        block(&mut out, &format!("{} {}", escaped(&finding.asks), escaped(&evidence(finding))));
        finding.tables.iter().for_each(|table| block(&mut out, &table_of(table)));
        let lead = if finding.answer == Answered::Unknown { "What would tell" } else { "Cure" };
        block(&mut out, &format!("**{lead}:** {}", escaped(finding.cure.as_deref().unwrap_or_default())));
    }
    rest(&mut out, record);
    exchanges(&mut out, record);
    out
}

/// Every question; ends with a line end.
pub fn list_markdown(record: &ChecksRecord) -> String {
    let mut out = String::new();
    let count = counted(record.checks.len() as u64, "check");
    block(&mut out, &format!("## {count} for {}", escaped(&record.service)));
    let row = |cells: [&str; 4]| format!("| {} |", cells.map(escaped).join(" | "));
    let mut lines = vec!["| check | about | asks | cure |".to_owned(), "| --- | --- | --- | --- |".to_owned()];
    lines.extend(record.checks.iter().map(|check| row([&check.id, &check.area, &check.asks, &check.cure])));
    block(&mut out, &lines.join("\n"));
    out
}

fn block(out: &mut String, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
    out.push('\n');
}

fn evidence(finding: &FindingRecord) -> String {
    let numbers = if finding.figures.is_empty() { String::new() } else { format!(" ({})", figures(&finding.figures)) };
    format!("{}: {}{numbers}", finding.looked_at, finding.because)
}

fn table_of(table: &TableRecord) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let titles = table.columns.iter().map(|column| title(*column).trim_start_matches('<').to_owned());
    let aligned = table.columns.iter().map(|column| if title(*column).starts_with('<') { "---" } else { "---:" }.to_owned());
    let mut lines = vec![
        line(std::iter::once(escaped(&table.title)).chain(titles).collect()),
        line(std::iter::once("---".to_owned()).chain(aligned).collect()),
    ];
    for row in &table.rows {
        let cells = row.cells.iter().zip(&table.columns).map(|(it, column)| escaped(&cell(it, *column)));
        lines.push(line(std::iter::once(escaped(&row.name)).chain(cells).collect()));
    }
    lines.join("\n")
}

/// What passes and what was waived, with the tables of the gates among them.
fn rest(out: &mut String, record: &ChecklistRecord) {
    let rest: Vec<&FindingRecord> =
        record.findings.iter().filter(|finding| finding.waived || finding.answer == Answered::Pass).collect();
    if !rest.is_empty() {
        block(out, "### What else was looked at");
        let mut lines = vec!["| check | answer | evidence |".to_owned(), "| --- | --- | --- |".to_owned()];
        let row = |finding: &&FindingRecord| {
            format!("| {} | {} | {} |", escaped(&finding.id), word(finding).1, escaped(&evidence(finding)))
        };
        lines.extend(rest.iter().map(row));
        block(out, &lines.join("\n"));
        rest.iter().flat_map(|finding| &finding.tables).for_each(|table| block(out, &table_of(table)));
    }
    if !record.not_applicable.is_empty() {
        block(out, "### Does not arise here");
        let lines: Vec<String> =
            record.not_applicable.iter().map(|one| format!("- {}: {}", escaped(&one.id), escaped(&one.because))).collect();
        block(out, &lines.join("\n"));
    }
}

fn exchanges(out: &mut String, record: &ChecklistRecord) {
    if record.exchanges.is_empty() {
        return;
    }
    block(out, "### What was sent, and what came back");
    let mut lines = vec!["| sent | came back |".to_owned(), "| --- | --- |".to_owned()];
    lines.extend(record.exchanges.iter().map(|it| format!("| {} | {} |", escaped(&it.sent), escaped(&it.answered))));
    block(out, &lines.join("\n"));
}
