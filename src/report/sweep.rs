//! A model tried with several settings: as a table, as a plot, as JSON.
//!
//! Owns text, JSON and schema of a [`SweepRecord`], and which quantities of it are worth a column or a plot. Refuses to simulate. Called
//! by `command`.

use schemars::{Schema, schema_for};

use crate::measure::estimate::{EstimateRecord, PointRecord, SweepRecord};

use super::estimates::within;
use super::json::WriteError;
use super::look::{Look, Marks, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, counted, rate, share, value};

/// Quantities of all requests together that have a column where any setting has them, in this order.
const COLUMNS: [&str; 9] = [
    "latency p50",
    "latency p95",
    "latency p99",
    "throttled",
    "errors",
    "failed",
    "cold starts",
    "cache hits",
    "authorizer hits",
];
/// Quantities that have a plot where the settings change them.
const PLOTS: [&str; 6] = ["latency p99", "throttled", "errors", "failed", "cold starts", "cache hits"];
/// Columns of the longest bar.
const BAR: usize = 50;
/// Share of its largest value by which a quantity must change to be plotted.
const CHANGE: f64 = 0.001;

/// The record as bytes; the same record gives the same bytes.
pub fn json(record: &SweepRecord) -> Result<Vec<u8>, WriteError> {
    super::json::pretty(record)
}

/// JSON Schema (draft 2020-12) of the record.
pub fn schema() -> Schema {
    schema_for!(SweepRecord)
}

/// One combination in words: `functions.orders.concurrency = 10`.
pub fn settings(paths: &[String], values: &[String]) -> String {
    paths.iter().zip(values).map(|(path, value)| format!("{path} = {value}")).collect::<Vec<_>>().join(", ")
}

/// The record as text.
pub fn text(record: &SweepRecord, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!(
        "sluicegate {}: {} with {}",
        record.sluicegate,
        record.model,
        counted(record.points.len() as u64, "setting")
    ));
    for path in &record.varied {
        page.entry("varied", path);
    }
    let each = counted(u64::from(record.replications), "replication");
    page.entry("simulated", &format!("{each} of each, seed {}", record.seed));
    page.heading("Settings");
    page.table(&table(record));
    page.paragraph(
        2,
        Tone::Faint,
        "The bottleneck is the limit or part that is used most or refuses; its mean use stands beside it.",
    );
    for metric in PLOTS.into_iter().filter(|metric| changes(record, metric)) {
        page.heading(&capital(metric));
        page.table(&plot(record, metric, look));
    }
    page.into_text()
}

fn table(record: &SweepRecord) -> Table {
    let shown: Vec<&str> = COLUMNS.into_iter().filter(|metric| is_worth_a_column(record, metric)).collect();
    let short = |metric: &&'static str| metric.strip_prefix("latency ").unwrap_or(metric);
    let titles = ["<setting", "rate"].into_iter().chain(shown.iter().map(short)).chain(["<bottleneck", "used"]);
    let mut table = Table::new(titles.collect());
    for point in &record.points {
        let numbers =
            shown.iter().map(|metric| of_all(point, metric).map_or_else(|| ABSENT.to_owned(), |it| value(it.unit, it.value)));
        let bottleneck = point.bottleneck.as_ref();
        let name = bottleneck.map_or_else(|| "none is near".to_owned(), |it| it.name.clone());
        let used = bottleneck.and_then(|it| it.used).map_or_else(String::new, share);
        let lead = [point.settings.join(", "), point.per_s.map_or_else(|| ABSENT.to_owned(), rate)];
        table.row(lead.into_iter().chain(numbers).chain([name, used]).map(Cell::from).collect());
    }
    table
}

/// One bar for each setting, from zero.
fn plot(record: &SweepRecord, metric: &str, look: Look) -> Table {
    let most = record.points.iter().filter_map(|point| of_all(point, metric)).map(|it| it.value).fold(0.0, f64::max);
    let mark = match look.marks {
        Marks::Unicode => "█",
        Marks::Ascii => "#",
    };
    let room = BAR.min(look.columns() / 2);
    let mut table = Table::new(vec!["<setting", "<", "<"]);
    for point in &record.points {
        let (bar, shown) = match of_all(point, metric) {
            Some(it) if most > 0.0 => (mark.repeat((it.value / most * room as f64).round() as usize), within(it)),
            Some(it) => (String::new(), within(it)),
            None => (String::new(), ABSENT.to_owned()),
        };
        table.row([point.settings.join(", "), bar, shown].into_iter().map(Cell::from).collect());
    }
    table
}

fn of_all<'a>(point: &'a PointRecord, metric: &str) -> Option<&'a EstimateRecord> {
    point.estimates.iter().find(|estimate| estimate.of.is_none() && estimate.metric == metric)
}

/// A latency always is; a share where it is above zero somewhere.
fn is_worth_a_column(record: &SweepRecord, metric: &str) -> bool {
    record.points.iter().filter_map(|point| of_all(point, metric)).any(|it| it.value > 0.0)
}

fn changes(record: &SweepRecord, metric: &str) -> bool {
    let values = || record.points.iter().filter_map(|point| of_all(point, metric)).map(|it| it.value);
    let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    most > 0.0 && most - least > CHANGE * most
}

fn capital(metric: &str) -> String {
    let mut chars = metric.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::estimate::BottleneckRecord;
    use crate::measure::record::Unit;

    fn point(servers: &str, p99: f64, throttled: f64, bottleneck: Option<&str>) -> PointRecord {
        let estimate = |metric: &str, unit, value, error| EstimateRecord {
            of: None,
            metric: metric.to_owned(),
            unit,
            value,
            standard_error: Some(error),
        };
        PointRecord {
            settings: vec![servers.to_owned()],
            requests: 32_000,
            per_s: Some(200.0),
            estimates: vec![
                estimate("latency p50", Unit::Ns, 24e6, 0.1e6),
                estimate("latency p99", Unit::Ns, p99, 2e6),
                estimate("throttled", Unit::Share, throttled, 0.002),
                estimate("errors", Unit::Share, 0.0, 0.0),
            ],
            bottleneck: bottleneck.map(|name| BottleneckRecord { name: name.to_owned(), used: Some(0.93), refused: 12.0 }),
        }
    }

    fn record() -> SweepRecord {
        SweepRecord {
            version: 1,
            sluicegate: "0.1.0".to_owned(),
            model: "profiles/quickstart.yaml".to_owned(),
            seed: 1,
            replications: 8,
            varied: vec!["functions.orders.concurrency".to_owned()],
            points: vec![point("4", 310e6, 0.31, Some("concurrency of function orders")), point("40", 90e6, 0.0, None)],
        }
    }

    #[test]
    fn a_table_and_a_plot_of_what_changes() {
        insta::assert_snapshot!(text(&record(), Look::default()));
    }

    #[test]
    fn what_no_setting_changes_has_no_plot() {
        let mut record = record();
        record.points.truncate(1);
        let text = text(&record, Look::default());
        assert!(!text.contains('█') && text.contains("concurrency of function orders"), "{text}");
    }
}
