//! A history: the kept runs below a folder, each with what it came to, and how routes went on; as text and as JSON.
//!
//! Owns what is shown of a [`HistoryRecord`]. Refuses to read runs and to judge. Called by `command` for `history`.

use std::path::Path;

use schemars::{Schema, schema_for};

use crate::measure::history::{ChangeRecord, HistoryRecord, RunAnswer, RunRow, TrendPoint, TrendRecord, TrendSeries};
use crate::measure::record::Unit;

use super::json::{WriteError, pretty};
use super::look::{Look, Marks, Tone};
use super::page::{Cell, Page, Table};
use super::quantity::{ABSENT, count, counted, duration_or_absent, planned_length, rate, share, value, value_or_absent};

/// The history as bytes of JSON; the same record gives the same bytes.
pub fn json(record: &HistoryRecord) -> Result<Vec<u8>, WriteError> {
    pretty(record)
}

/// JSON Schema (draft 2020-12) of it.
pub fn schema() -> Schema {
    schema_for!(HistoryRecord)
}

/// The history as text.
pub fn text(record: &HistoryRecord, look: Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("sluicegate {}: runs below {}", record.sluicegate, record.folder));
    for run in &record.runs {
        listed(&mut page, run);
    }
    if record.runs.is_empty() {
        page.paragraph(2, Tone::Plain, "No run.");
    }
    if !record.broken.is_empty() {
        page.heading(&format!("Not read: {}", count(record.broken.len() as u64)));
        for broken in &record.broken {
            page.marked(Tone::Bad, "", &format!("{}: {}", broken.path, broken.why));
        }
    }
    page.paragraph(0, Tone::Faint, &summary(record));
    for trend in &record.trends {
        trended(&mut page, trend);
    }
    page.into_text()
}

/// How many there are of everything.
fn summary(record: &HistoryRecord) -> String {
    let mut all = vec![counted(record.runs.len() as u64, "run")];
    let more = [
        (record.left_out, "left out by what was asked for"),
        (record.broken.len() as u64, "not read"),
        (record.searches, "of a search (`sluicegate report` shows it)"),
        (record.unvisited, "not looked into: too many folders, or too deep"),
    ];
    all.extend(more.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(n))));
    all.join("; ")
}

fn listed(page: &mut Page, run: &RunRow) {
    page.marked(tone(run.answer), run.answer.as_str(), &format!("{}  {}", moment(&run.started_at), run.folder));
    let drift = if run.drift.is_empty() { String::new() } else { format!(" with {}", run.drift.join("; ")) };
    let at_rate = run.intended_per_s.map(|per_s| format!("{} for ", rate(per_s))).unwrap_or_default();
    let requests = run.requests.map_or_else(|| ABSENT.to_owned(), count);
    let shown = |known: Option<f64>| known.map_or_else(|| ABSENT.to_owned(), share);
    let baseline = run.baseline.as_ref().map(|path| format!(", baseline {path}")).unwrap_or_default();
    page.paragraph(
        4,
        Tone::Plain,
        &format!(
            "{} at {}{drift}, {at_rate}{}, {requests} requests: p50 {}, p95 {}, p99 {}, errors {}, throttled {}{baseline}",
            name(run),
            run.target,
            planned_length(run.duration_ns),
            duration_or_absent(run.p50_ns),
            duration_or_absent(run.p95_ns),
            duration_or_absent(run.p99_ns),
            shown(run.errors),
            shown(run.throttled),
        ),
    );
}

/// What was played, shortly.
fn name(run: &RunRow) -> String {
    let path = Path::new(run.log.as_deref().unwrap_or(&run.profile));
    path.file_stem().map_or_else(|| run.profile.clone(), |stem| stem.to_string_lossy().into_owned())
}

/// `2026-11-22 17:59:31` of a moment as records have it; anything else as it is.
fn moment(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(10..11), rfc3339.get(11..19)) {
        (Some(day), Some("T"), Some(time)) => format!("{day} {time}"),
        _ => rfc3339.to_owned(),
    }
}

const fn tone(answer: RunAnswer) -> Tone {
    match answer {
        RunAnswer::Held => Tone::Good,
        RunAnswer::Violated | RunAnswer::Invalid | RunAnswer::Aborted | RunAnswer::Failed => Tone::Bad,
        RunAnswer::Inconclusive | RunAnswer::Interrupted | RunAnswer::Unfinished => Tone::Unsure,
        RunAnswer::NoVerdicts => Tone::Plain,
    }
}

/// Columns of the longest bar.
const BAR: usize = 12;

/// A trend: each route as a table with a plot of its median, then what changed and how that is known.
fn trended(page: &mut Page, trend: &TrendRecord) {
    let played = trend.log.as_deref().unwrap_or(&trend.profile);
    let at_rate = trend.intended_per_s.map(|per_s| format!(", {}", rate(per_s))).unwrap_or_default();
    page.heading(&format!("Trend of {played} at {}{at_rate}: {}", trend.target, counted(trend.runs.len() as u64, "run")));
    let changes: usize = trend.series.iter().flat_map(|series| &series.points).map(|point| point.changes.len()).sum();
    if changes == 0 {
        page.marked(Tone::Good, "", "No change is proven.");
    } else {
        page.marked(
            Tone::Strong,
            "",
            &format!("{} of a quantity, marked below with the run in which it came.", counted(changes as u64, "change")),
        );
    }
    for series in &trend.series {
        page.heading(&series.name);
        page.table(&table(trend, series, page.look()));
        for (run, point) in trend.runs.iter().zip(&series.points) {
            for change in &point.changes {
                page.paragraph(2, Tone::Plain, &format!("{}: {}", moment(&run.started_at), explained(change)));
            }
        }
    }
    let mut notes = vec![
        "A change: proven to lie outside the margin around the first run since the change before. Where nothing has left its margin, all of this \
         trend together has a false one with a probability of 2 % at most."
            .to_owned(),
    ];
    notes.extend((trend.unusable > 0).then(|| {
        format!("Left out as invalid, incomplete or unreadable: {} of this profile and target.", counted(trend.unusable, "run"))
    }));
    notes.extend((trend.earlier > 0).then(|| format!("{} of it were not looked at.", counted(trend.earlier, "earlier run"))));
    page.paragraph(2, Tone::Faint, &notes.join(" "));
}

fn table(trend: &TrendRecord, series: &TrendSeries, look: Look) -> Table {
    let most = series.points.iter().filter_map(|point| point.p50_ns).filter(|ns| ns.is_finite()).fold(0.0, f64::max);
    let mark = match look.marks {
        Marks::Unicode => "█",
        Marks::Ascii => "#",
    };
    let bar = |point: &TrendPoint| match point.p50_ns {
        Some(ns) if most > 0.0 && ns.is_finite() => mark.repeat((ns / most * BAR as f64).round() as usize),
        Some(_) | None => String::new(),
    };
    let mut table = Table::new(vec!["<run", "p50", "<p50, plotted", "p95", "errors", "throttled", "<changed"]);
    for (run, point) in trend.runs.iter().zip(&series.points) {
        let time = |ns| Cell::from(value_or_absent(Unit::Ns, ns));
        let part = |of| Cell::from(value_or_absent(Unit::Share, of));
        let changed: Vec<String> = point.changes.iter().map(shortly).collect();
        let changed =
            if changed.is_empty() { String::new() } else { format!("{} {}", look.marks.of(Tone::Strong), changed.join(", ")) };
        // Minutes tell runs apart where they are read, and the list above has the seconds.
        let minute: String = moment(&run.started_at).chars().take(16).collect();
        table.row(vec![
            Cell::from(minute),
            time(point.p50_ns),
            Cell::from(bar(point)),
            time(point.p95_ns),
            part(point.errors),
            part(point.throttled),
            Cell::toned(Tone::Strong, &changed),
        ]);
    }
    table
}

/// `p50 +30 %`; of a share from where to where.
fn shortly(change: &ChangeRecord) -> String {
    let name = change.metric.strip_prefix("latency ").unwrap_or(&change.metric);
    match (change.unit, change.after) {
        (Unit::Ns, Some(after)) if change.before > 0.0 => format!("{name} {:+.0} %", (after / change.before - 1.0) * 100.0),
        (unit, after) => format!("{name} {} to {}", value(unit, change.before), value_or_absent(unit, after)),
    }
}

fn explained(change: &ChangeRecord) -> String {
    format!(
        "{} was {} in {}, and is {}: {}",
        change.metric,
        value(change.unit, change.before),
        change.reference,
        value_or_absent(change.unit, change.after),
        change.because
    )
}

#[cfg(test)]
mod tests {
    use super::super::Paint;
    use super::*;
    use crate::measure::history::{BrokenRun, TrendRun};
    use crate::measure::record::LoadModel;

    fn run(folder: &str, answer: RunAnswer) -> RunRow {
        RunRow {
            folder: format!("sluicegate-runs/{folder}"),
            started_at: "2026-11-22T17:59:31.25Z".to_owned(),
            profile: "profiles/quickstart.yaml".to_owned(),
            log: None,
            target: "mock".to_owned(),
            drift: Vec::new(),
            model: LoadModel::Open,
            duration_ns: 20_000_000_000,
            intended_per_s: Some(200.0),
            requests: Some(3_612),
            p50_ns: Some(28_400_000),
            p95_ns: Some(59_400_000),
            p99_ns: Some(88_100_000),
            errors: Some(0.0),
            throttled: Some(0.012),
            answer,
            exit_code: 0,
            baseline: None,
        }
    }

    fn unfinished() -> RunRow {
        RunRow {
            requests: None,
            intended_per_s: None,
            p50_ns: None,
            p95_ns: None,
            p99_ns: None,
            errors: None,
            throttled: None,
            ..run("killed", RunAnswer::Unfinished)
        }
    }

    fn history() -> HistoryRecord {
        let drifted = RunRow {
            drift: vec!["functions.orders.duration * 1.5".to_owned()],
            baseline: Some("sluicegate-runs/monday".to_owned()),
            ..run("tuesday", RunAnswer::Violated)
        };
        let broken = BrokenRun {
            path: "sluicegate-runs/torn/run.json".to_owned(),
            why: "the file ends in the middle, at line 7; it was cut off when it was written or copied".to_owned(),
        };
        HistoryRecord {
            version: 1,
            sluicegate: "0.1.0".to_owned(),
            folder: "sluicegate-runs".to_owned(),
            runs: vec![run("monday", RunAnswer::Held), drifted, unfinished()],
            left_out: 2,
            broken: vec![broken],
            searches: 1,
            unvisited: 0,
            trends: Vec::new(),
        }
    }

    fn with_a_trend() -> HistoryRecord {
        let day = |day: usize| TrendRun {
            folder: format!("runs/day-{day}"),
            started_at: format!("2026-11-0{day}T06:00:00Z"),
            answer: RunAnswer::Held,
        };
        let change = ChangeRecord {
            metric: "latency p50".to_owned(),
            unit: Unit::Ns,
            before: 20.1e6,
            after: Some(26.3e6),
            reference: "runs/day-1".to_owned(),
            because: "at least 61.2 % of requests are slower than 23.4 ms".to_owned(),
        };
        let point = |p50: f64, changes| TrendPoint {
            p50_ns: Some(p50),
            p95_ns: Some(2.1 * p50),
            errors: Some(0.0),
            throttled: Some(0.01),
            changes,
        };
        let points =
            vec![point(20.1e6, Vec::new()), point(19.8e6, Vec::new()), point(26.3e6, vec![change]), TrendPoint::default()];
        let trend = TrendRecord {
            profile: "profiles/quickstart.yaml".to_owned(),
            log: None,
            target: "mock".to_owned(),
            intended_per_s: Some(200.0),
            unusable: 1,
            earlier: 0,
            runs: (1..=4).map(day).collect(),
            series: vec![TrendSeries { name: "GET /orders/{id}".to_owned(), points }],
        };
        HistoryRecord { runs: Vec::new(), broken: Vec::new(), trends: vec![trend], ..history() }
    }

    #[test]
    fn runs_are_listed_with_what_they_came_to_and_what_cannot_be_read_is_named() {
        insta::assert_snapshot!(text(&history(), Look::default()));
    }

    #[test]
    fn a_trend_is_a_table_with_the_run_marked_in_which_something_changed() {
        insta::assert_snapshot!(text(&with_a_trend(), Look::default()));
    }

    #[test]
    fn both_fit_a_terminal_of_forty_columns_and_make_sense_without_colour() {
        let look = Look { width: 40, paint: Paint::Plain, marks: Marks::Ascii };
        for record in [history(), with_a_trend()] {
            let text = text(&record, look);
            assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        }
        let trend = text(&with_a_trend(), look);
        assert!(trend.contains("changed: ! p50 +31 %") && trend.contains("p50, plotted: ############"), "{trend}");
        assert!(text(&history(), look).contains("x violated"));
    }

    #[test]
    fn it_is_as_its_schema_says() {
        let validator = jsonschema::validator_for(&schema().to_value()).unwrap();
        for record in [history(), with_a_trend()] {
            let value = serde_json::from_slice(&json(&record).unwrap()).unwrap();
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
    }
}
