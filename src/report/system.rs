//! A case that was played: its parts, and how long requests took.
//!
//! Owns text, JSON and schema of a [`SystemRecord`]. Refuses to play and to count. Called by `command`.

use schemars::{Schema, schema_for};

use crate::measure::record::Quantiles;
use crate::measure::system::{PartRecord, SystemRecord};

use super::estimates;
use super::json::WriteError;
use super::look::{Look, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, count, counted, duration, duration_ns, duration_or_absent, rate, share};

/// The record as bytes; the same record gives the same bytes.
pub fn json(record: &SystemRecord) -> Result<Vec<u8>, WriteError> {
    super::json::pretty(record)
}

/// JSON Schema (draft 2020-12) of the record.
pub fn schema() -> Schema {
    schema_for!(SystemRecord)
}

/// The record as text.
pub fn text(record: &SystemRecord, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("sluicegate {}: case {}", record.sluicegate, record.case));
    let times = counted(u64::from(record.replications), "replication");
    page.entry("played", &format!("{times}, {} counted, seed {}", counted(record.requests, "request"), record.seed));
    page.entry("completed", &completed(record));
    page.heading("Times");
    page.table(&times_of(record));
    page.heading("Parts");
    page.table(&parts(record));
    if let Some(part) = record.bottleneck() {
        page.paragraph(2, Tone::Plain, &format!("The bottleneck is {}: of all parts it is the nearest to its end.", part.name));
    }
    estimates::write(&mut page, &record.estimates);
    if !record.observed.is_empty() {
        page.heading("In the system");
        page.table(&observed(record));
    }
    page.into_text()
}

fn completed(record: &SystemRecord) -> String {
    let tried =
        if record.attempts > record.requests { format!(" in {}", counted(record.attempts, "attempt")) } else { String::new() };
    let failed =
        record.failed_share.filter(|share| *share > 0.0).map_or_else(String::new, |it| format!("; {} failed", share(it)));
    let shown = format!("{}{tried}{failed}", count(record.completed));
    record.throughput_per_s.map_or_else(|| shown.clone(), |per_s| format!("{shown}, {}", rate(per_s)))
}

fn times_of(record: &SystemRecord) -> Table {
    let mut table = Table::new(vec!["<", "mean", "p50", "p90", "p95", "p99", "p99.9", "max"]);
    table.row(times_row("response", record.response_time.as_ref()));
    for part in &record.parts {
        table.row(times_row(&format!("wait, {}", part.name), part.wait.as_ref()));
    }
    table
}

fn times_row(name: &str, times: Option<&Quantiles>) -> Vec<Cell> {
    let of = |at: fn(&Quantiles) -> u64| Cell::from(duration_or_absent(times.map(at)));
    let mean = times.map_or_else(|| ABSENT.to_owned(), |times| duration(times.mean_ns));
    let quantiles: [fn(&Quantiles) -> u64; 6] =
        [|it| it.p50_ns, |it| it.p90_ns, |it| it.p95_ns, |it| it.p99_ns, |it| it.p999_ns, |it| it.max_ns];
    [Cell::from(name), Cell::from(mean)].into_iter().chain(quantiles.map(of)).collect()
}

fn parts(record: &SystemRecord) -> Table {
    let mut table = Table::new(vec!["<part", "asked", "refused", "gave up", "hit", "cold", "waited", "inside", "busy", "used"]);
    for PartRecord {
        name,
        asked,
        refused_share,
        gave_up_share,
        hit_share,
        cold_share,
        waited_share,
        inside,
        busy,
        utilisation,
        ..
    } in &record.parts
    {
        let part_of = |it: &Option<f64>| it.map_or_else(|| ABSENT.to_owned(), share);
        let number = |it: &Option<f64>| it.map_or_else(String::new, |it| format!("{it:.3}"));
        let used = utilisation.map_or_else(String::new, share);
        let cells = [
            name.clone(),
            count(*asked),
            part_of(refused_share),
            part_of(gave_up_share),
            hit_share.map_or_else(String::new, share),
            cold_share.map_or_else(String::new, share),
            part_of(waited_share),
            number(inside),
            number(busy),
            used,
        ];
        table.row(cells.into_iter().map(Cell::from).collect());
    }
    table
}

fn observed(record: &SystemRecord) -> Table {
    let mut table = Table::new(vec!["<at", "mean", "stdev", "max"]);
    for it in &record.observed {
        let stdev = it.stdev.map_or_else(|| ABSENT.to_owned(), |stdev| format!("{stdev:.3}"));
        let cells = [duration_ns(it.at_ns), format!("{:.3}", it.mean), stdev, count(it.max)];
        table.row(cells.into_iter().map(Cell::from).collect());
    }
    table
}
