//! Where the time of requests went: network, gateway, authorizer and integration, in the run and in the model.
//!
//! Owns the table of each series, the names of the parts that departed, and what the prediction becomes with one replaced. Refuses to judge and
//! to measure. Called by [`super::report`].

use crate::measure::record::{
    AttributedPart, AttributedRecord, ComparedTimes, Departed, JoinRecord, Quantiles, ReplacedBy, RunRecord, Weight,
};

use super::super::look::Tone;
use super::super::page::{Cell, Page, Table};
use super::super::quantity::{ABSENT, count, counted, duration, duration_ns, share, share_of};

/// Series that are shown; all of them stand in the JSON.
const SERIES_MAX: usize = 8;

type Pick = fn(&Quantiles) -> u64;

/// Title and value.
const SHOWN: [(&str, Pick); 3] = [("p50", |q| q.p50_ns), ("p95", |q| q.p95_ns), ("p99", |q| q.p99_ns)];

pub(super) fn write(page: &mut Page, record: &RunRecord) {
    let Some(parts) = &record.parts else { return };
    let Some(join) = &parts.log else {
        if let Some(samples) = &parts.samples {
            page.heading("Where the time went");
            let text = format!(
                "n/a: no access log was joined. {} has {}; join the gateway's log with it: sluicegate report RUN --access-log FILE",
                samples.file,
                counted(samples.rows, "attempt")
            );
            page.paragraph(2, Tone::Plain, &text);
        }
        return;
    };
    page.heading("Where the time went, by the gateway's access log");
    joined(page, join);
    if parts.attributed.is_empty() {
        return;
    }
    let is_invalid = record.doubts.iter().any(|doubt| doubt.weight == Weight::Invalid);
    let hint = if is_invalid { " But the run is invalid: take it as a hint." } else { "" };
    page.paragraph(2, Tone::Strong, &format!("{}{hint}", named(&parts.attributed, join)));
    for attributed in parts.attributed.iter().take(SERIES_MAX) {
        table(page, attributed);
    }
    if parts.attributed.len() > SERIES_MAX {
        let more = (parts.attributed.len() - SERIES_MAX) as u64;
        page.paragraph(2, Tone::Faint, &format!("{} more are in run.json.", count(more)));
    }
    let how = match parts.attributed.first().map(|one| one.method).unwrap_or_default() {
        ReplacedBy::RankInSimulated => {
            "each simulated request takes the measured time of the rank that it has; what that does to queues is not simulated anew."
        }
        ReplacedBy::SimulatedAnew => {
            "the run is simulated anew with it, so that what it does to pools, limits and connections is in the totals."
        }
    };
    page.paragraph(
        2,
        Tone::Faint,
        &format!(
            "The total is the service time: network (what the gateway did not see of it) + gateway + authorizer + integration. Apart is the \
             mean distance between prediction and run. A part explains as much of the total's as goes when it alone is replaced by what was \
             measured: {how}"
        ),
    );
}

/// What of the log and of the run belongs together.
fn joined(page: &mut Page, join: &JoinRecord) {
    page.entry("log", &format!("{}, {}, {} usable", join.file, counted(join.entries, "line"), count(join.usable)));
    let of = |(all, joined): (u64, u64)| share_of(joined, all);
    let covered = format!(
        "{} of {} by request id ({}); of the slowest 1 % {}, of the others {}",
        count(join.joined),
        counted(join.attempts, "request"),
        share_of(join.joined, join.attempts),
        of(join.slowest),
        of(join.others)
    );
    page.entry("joined", &covered);
    let left = [(join.strays, "of other requests"), (join.repeated, "said twice"), (join.ambiguous, "ambiguous")];
    let left: Vec<_> = left.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))).collect();
    if !left.is_empty() {
        page.entry("left out", &left.join(", "));
    }
    let residual = join.residual_median_ns.map_or_else(|| ABSENT.to_owned(), |ns| duration(ns as f64));
    let resolution = format!(
        "times in the log are whole {}, cut or rounded; the parts leave {residual} of the total (median)",
        duration_ns(join.resolution_ns)
    );
    page.entry("exactness", &resolution);
    if join.later {
        page.paragraph(2, Tone::Faint, "Joined after the run: what it assumes of parts was judged now, as a family of its own.");
    }
    if let Some(problem) = &join.problem {
        page.paragraph(2, Tone::Unsure, &format!("Nothing may be concluded from it: {problem}"));
    }
}

/// The one sentence that most come for.
fn named(attributed: &[AttributedRecord], join: &JoinRecord) -> String {
    if join.problem.is_some() {
        return "Which part departed from the model cannot be told.".to_owned();
    }
    let of_series: Vec<_> = attributed.iter().filter(|it| it.series.is_some()).collect();
    let with = |departed: Departed| {
        let in_series = |it: &&AttributedRecord, part: &str| it.parts.iter().any(|p| p.part == part && p.departed == departed);
        let names = ["network", "gateway", "authorizer", "integration"];
        let named = names.into_iter().filter_map(|part| {
            let series: Vec<_> =
                of_series.iter().filter(|it| in_series(it, part)).filter_map(|it| it.series.as_deref()).collect();
            (!series.is_empty()).then(|| format!("{part} (of {})", series.join(", ")))
        });
        named.collect::<Vec<_>>()
    };
    let (departed, open) = (with(Departed::Yes), with(Departed::Unknown));
    let said = if departed.is_empty() {
        "No part departed from the model".to_owned()
    } else {
        format!("Departed from the model: {}", departed.join(", "))
    };
    if open.is_empty() { format!("{said}.") } else { format!("{said}; cannot be told of: {}.", open.join(", ")) }
}

fn table(page: &mut Page, attributed: &AttributedRecord) {
    let name = attributed.series.as_deref().unwrap_or("all together");
    page.paragraph(2, Tone::Plain, name);
    let quantiles = |times: &ComparedTimes, shown: usize| {
        let cell =
            |of: Option<&Quantiles>, pick: Pick| Cell::from(of.map_or_else(|| ABSENT.to_owned(), |q| duration_ns(pick(q))));
        let cells = SHOWN[..shown]
            .iter()
            .flat_map(|(_, pick)| [cell(times.observed.as_ref(), *pick), cell(times.predicted.as_ref(), *pick)]);
        cells.collect::<Vec<_>>()
    };
    let made = |shown: usize, wide: bool| {
        let titles = SHOWN[..shown].iter().flat_map(|(title, _)| [*title, "(model)"]);
        let more = if wide { vec!["apart", "explains"] } else { Vec::new() };
        let mut table = Table::new(std::iter::once("<part").chain(titles).chain(more).chain(["<departed"]).collect());
        for part in &attributed.parts {
            let mut cells = vec![Cell::from(&part.part)];
            cells.extend(quantiles(&part.times, shown));
            if wide {
                cells.push(apart(part.times.distance_ns));
                cells.push(part.explains.map_or_else(|| Cell::from(ABSENT), |it| Cell::from(share(it))));
            }
            cells.push(departed(part));
            table.row(cells);
        }
        let mut cells = vec![Cell::from("total")];
        cells.extend(quantiles(&attributed.total, shown));
        if wide {
            cells.extend([apart(attributed.total.distance_ns), Cell::from("")]);
        }
        cells.push(Cell::from(""));
        table.row(cells);
        table
    };
    let fitting = [(3, true), (2, true), (2, false), (1, false)].into_iter().map(|(shown, wide)| made(shown, wide));
    let mut fitting: Vec<_> = fitting.collect();
    let at = fitting.iter().position(|table| page.fits(table)).unwrap_or(fitting.len() - 1);
    page.table(&fitting.swap_remove(at));
    for part in &attributed.parts {
        explained(page, attributed, part);
    }
}

/// What becomes of the prediction, and why nothing is known of a part.
fn explained(page: &mut Page, attributed: &AttributedRecord, part: &AttributedPart) {
    if part.departed == Departed::Yes
        && let (Some((p50, p95, p99)), Some(observed)) = (part.total_if_replaced_ns, &attributed.total.observed)
    {
        let [p50, p95, p99] = [p50, p95, p99].map(duration_ns);
        let measured = SHOWN.map(|(_, pick)| duration_ns(pick(observed)));
        let text = format!(
            "With the measured {} in its place the predicted total has p50 {p50}, p95 {p95}, p99 {p99}; measured are {}, {}, {}.",
            part.part, measured[0], measured[1], measured[2]
        );
        page.paragraph(4, Tone::Plain, &text);
    }
    if part.departed != Departed::No && !part.because.is_empty() {
        page.paragraph(4, Tone::Faint, &part.because);
    }
}

fn apart(ns: Option<f64>) -> Cell {
    Cell::from(ns.map_or_else(|| ABSENT.to_owned(), duration))
}

fn departed(part: &AttributedPart) -> Cell {
    match part.departed {
        Departed::Yes => Cell::toned(Tone::Bad, "yes"),
        Departed::No => Cell::toned(Tone::Good, "no"),
        Departed::Unknown => Cell::toned(Tone::Unsure, "unknown"),
    }
}
