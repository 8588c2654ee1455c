//! Rates, percentiles, outcomes by blame, and the generator itself.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Paragraph, Row, Table};

use super::{Theme, View};
use crate::measure::record::{Answer, ConnectionsRecord, Quantiles, RunRecord};
use crate::report::look::{Marks, Tone};
use crate::report::page::clean;
use crate::report::quantity::{ABSENT, count, duration_ns, duration_or_absent, rate, share_of};

/// Seconds of the rates that are shown.
const SECONDS: usize = 60;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let [above, below] = Layout::vertical([Constraint::Percentage(50), Constraint::Fill(1)]).areas(area);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(48)]).areas(above);
    rates(frame, left, view, theme);
    percentiles(frame, right, view, theme);
    let [left, middle, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1), Constraint::Length(36)]).areas(below);
    outcomes(frame, left, view.record, theme);
    generator(frame, middle, view, theme);
    answers(frame, right, view, theme);
}

fn rates(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    // The last second is still being counted.
    let seconds = view.record.seconds.split_last().map_or(&[][..], |(_, whole)| whole);
    let seconds = &seconds[seconds.len().saturating_sub(SECONDS)..];
    let points = |of: fn(&crate::measure::record::SecondRecord) -> u64| -> Vec<(f64, f64)> {
        seconds.iter().map(|row| (row.second as f64, of(row) as f64)).collect()
    };
    let (intended, answered) = (points(|row| row.intended), points(|row| row.answered));
    let bad = points(|row| row.throttled.saturating_add(row.errors));
    let most = intended.iter().chain(&answered).map(|point| point.1).fold(1.0, f64::max);
    let ends = [seconds.first(), seconds.last()].map(|row| row.map_or(0.0, |row| row.second as f64));
    let marker = match theme.marks {
        Marks::Unicode => Marker::Braille,
        Marks::Ascii => Marker::Custom('*'),
    };
    let line = |name: &'static str, tone, data| {
        Dataset::default().name(name).marker(marker).graph_type(GraphType::Line).style(theme.style(tone)).data(data)
    };
    let chart = Chart::new(vec![
        line("intended", Tone::Faint, &intended),
        line("answered", Tone::Good, &answered),
        line("throttled, errors", Tone::Bad, &bad),
    ])
    .block(theme.framed("actions in a second"))
    .hidden_legend_constraints((Constraint::Percentage(60), Constraint::Percentage(60)))
    .x_axis(Axis::default().bounds([ends[0], ends[1].max(ends[0] + 1.0)]).labels(ends.map(|second| format!("{second} s"))))
    .y_axis(Axis::default().bounds([0.0, most * 1.1]).labels(["0".to_owned(), rate(most * 1.1)]));
    frame.render_widget(chart, area);
}

type Pick = fn(&Quantiles) -> u64;

fn percentiles(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let model = view.record.predicted_total.as_ref().and_then(|total| total.response_time.as_ref());
    let shown: [(&str, Pick); 6] = [
        ("p50", |it| it.p50_ns),
        ("p90", |it| it.p90_ns),
        ("p95", |it| it.p95_ns),
        ("p99", |it| it.p99_ns),
        ("p99.9", |it| it.p999_ns),
        ("max", |it| it.max_ns),
    ];
    let at = |times: Option<&Quantiles>, pick: Pick| duration_or_absent(times.map(pick));
    let rows = shown.map(|(name, pick)| {
        Row::new([name.to_owned(), at(view.now.as_ref(), pick), at(view.so_far.as_ref(), pick), at(model, pick)])
    });
    let widths = [Constraint::Length(6), Constraint::Fill(1), Constraint::Fill(1), Constraint::Fill(1)];
    let titles = Row::new(["", "last 5 s", "so far", "model"]).style(theme.style(Tone::Faint));
    frame.render_widget(Table::new(rows, widths).header(titles).block(theme.framed("response time")), area);
}

fn outcomes(frame: &mut Frame<'_>, area: Rect, record: &RunRecord, theme: Theme) {
    let mut by_blame: BTreeMap<&str, u64> = BTreeMap::new();
    let total = record.total.as_ref();
    for outcome in total.map(|total| &*total.outcomes).unwrap_or_default() {
        let known = by_blame.entry(&outcome.blame).or_default();
        *known = known.saturating_add(outcome.count);
    }
    let all = total.map_or(0, |total| total.count);
    let rows = by_blame.into_iter().map(|(blame, n)| {
        let (tone, blame) = if blame == "nobody" { (Tone::Good, "well") } else { (Tone::Bad, blame) };
        Row::new([clean(blame), count(n), share_of(n, all)]).style(theme.style(tone))
    });
    let widths = [Constraint::Fill(2), Constraint::Fill(1), Constraint::Length(10)];
    frame.render_widget(Table::new(rows, widths).block(theme.framed("ended: well, or by whose fault")), area);
}

fn generator(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let progress = &view.progress;
    let pending = progress.intended.saturating_sub(progress.answered.saturating_add(progress.failed));
    let load = view.record.load.as_ref();
    let own = load.and_then(|load| load.own_lag.as_ref());
    let mut lines = vec![
        Line::raw(format!("sent {} of {} due, {}", count(progress.sent), count(progress.intended), rate(progress.per_s))),
        Line::raw(format!("in flight or waiting {}", count(pending))),
        Line::raw(format!("lag now up to {}", duration_or_absent(progress.lag.map(sluicegate_policy::time::Span::as_ns)))),
        Line::raw(own.map_or_else(
            || format!("own lag {ABSENT}"),
            |own| format!("own lag p99 {}, max {}", duration_ns(own.p99_ns), duration_ns(own.max_ns)),
        )),
    ];
    if let Some(connections) = &view.record.connections {
        lines.extend(connected(connections).map(Line::raw));
    }
    frame.render_widget(Paragraph::new(lines).block(theme.framed("generator")), area);
}

fn connected(connections: &ConnectionsRecord) -> [String; 2] {
    let sum = |counts: &mut dyn Iterator<Item = u64>| counts.fold(0, u64::saturating_add);
    let refused = sum(&mut connections.refused.iter().map(|it| it.count));
    let closed = sum(&mut connections.closed.iter().map(|it| it.count));
    [
        format!("connections {} opened, {} refused, {} closed", count(connections.opened), count(refused), count(closed)),
        format!("messages {} up, {} down", count(connections.messages_up), count(connections.messages_down)),
    ]
}

/// What would be said, in a word each.
fn answers(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let told = |answer: Answer, tone, word: &str| {
        let n = view.verdicts.iter().filter(|verdict| verdict.answer == answer).count();
        Line::styled(format!("{} {n} {word}", theme.marks.of(tone)), theme.style(tone))
    };
    let doubts = view.record.doubts.len();
    let tone = if doubts == 0 { Tone::Good } else { Tone::Unsure };
    let left = view.seconds_left();
    let next = view.verdicts.iter().filter_map(|verdict| verdict.more_s).filter(|more| *more <= left).min();
    let mut lines = vec![
        told(Answer::Holds, Tone::Good, "would hold"),
        told(Answer::Violated, Tone::Bad, "would be VIOLATED"),
        told(Answer::Inconclusive, Tone::Unsure, "not decided yet"),
        Line::styled(format!("{} {doubts} doubts", theme.marks.of(tone)), theme.style(tone)),
    ];
    if let Some(more) = next {
        lines.insert(3, Line::styled(format!("  next decidable in about {more} s"), theme.style(Tone::Faint)));
    }
    frame.render_widget(Paragraph::new(lines).block(theme.framed("if it ended now")), area);
}
