//! The assumptions as they would be judged if the run ended now, and the reasons to doubt it.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Row, Table, Wrap};

use super::{Theme, View};
use crate::measure::record::{Answer, Verdict, Weight};
use crate::report::look::Tone;
use crate::report::page::clean;
use crate::report::quantity::{range, value_or_absent};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let rows = u16::try_from(view.verdicts.len()).unwrap_or(u16::MAX).saturating_add(3);
    let [above, middle, below] = Layout::vertical([Constraint::Max(rows), Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    table(frame, above, view, theme);
    reasons(frame, middle, view.verdicts, theme);
    doubts(frame, below, view, theme);
}

const fn tone(answer: Answer) -> Tone {
    match answer {
        Answer::Holds => Tone::Good,
        Answer::Violated => Tone::Bad,
        Answer::Inconclusive => Tone::Unsure,
    }
}

/// What would be said, or when that can be.
fn told(verdict: &Verdict, view: &View<'_>) -> String {
    match (verdict.answer, verdict.more_s) {
        (Answer::Holds, _) => "would hold".to_owned(),
        (Answer::Violated, _) => "VIOLATED".to_owned(),
        (Answer::Inconclusive, None) => "not yet".to_owned(),
        (Answer::Inconclusive, Some(more)) if more > view.seconds_left() => "not by end".to_owned(),
        (Answer::Inconclusive, Some(more)) => format!("in {more} s"),
    }
}

fn table(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let rows = view.verdicts.iter().map(|verdict| {
        let tone = tone(verdict.answer);
        Row::new([
            format!("{} {}", theme.marks.of(tone), told(verdict, view)),
            clean(&verdict.assumption),
            value_or_absent(verdict.unit, verdict.predicted),
            value_or_absent(verdict.unit, verdict.observed),
            range(verdict.unit, verdict.interval),
            range(verdict.unit, verdict.band),
        ])
        .style(theme.style(tone))
    });
    let widths = [
        Constraint::Length(13),
        Constraint::Fill(2),
        Constraint::Length(9),
        Constraint::Length(9),
        Constraint::Length(16),
        Constraint::Length(16),
    ];
    let titles =
        Row::new(["", "assumption", "predicted", "observed", "90 % interval", "allowed"]).style(theme.style(Tone::Faint));
    frame.render_widget(Table::new(rows, widths).header(titles).block(theme.framed("if it ended now")), area);
}

/// What keeps those that are open open: how much longer that takes stands in it.
fn reasons(frame: &mut Frame<'_>, area: Rect, verdicts: &[Verdict], theme: Theme) {
    let open = verdicts.iter().filter(|verdict| verdict.answer != Answer::Holds && !verdict.because.is_empty());
    let lines: Vec<Line<'_>> = open
        .map(|verdict| {
            let text = format!("{}: {}", clean(&verdict.assumption), clean(&verdict.because));
            Line::styled(text, theme.style(tone(verdict.answer)))
        })
        .collect();
    frame.render_widget(
        Paragraph::new(lines).wrap(Wrap { trim: true }).block(theme.framed("why, and what would decide it")),
        area,
    );
}

fn doubts(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for doubt in &view.record.doubts {
        let tone = match doubt.weight {
            Weight::Invalid => Tone::Bad,
            Weight::Note => Tone::Strong,
        };
        let text = format!("{} {}: {}", theme.marks.of(tone), clean(&doubt.kind), clean(&doubt.what));
        lines.push(Line::styled(text, theme.style(tone)));
        if !doubt.advice.is_empty() {
            lines.push(Line::styled(format!("  what to change: {}", clean(&doubt.advice)), theme.style(Tone::Faint)));
        }
    }
    if lines.is_empty() {
        lines.push(Line::styled("nothing was seen that speaks against it", theme.style(Tone::Good)));
    }
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(theme.framed("can it be believed?")), area);
}
