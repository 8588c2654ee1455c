//! The map of response times: seconds from left to right, slower ones higher, more of them darker.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{Theme, View};
use crate::report::heat::{self, Grid, Heat};
use crate::report::look::{Marks, Tone};
use crate::report::quantity::duration;

/// Columns for the times at the left.
const LABELS: u16 = 9;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let block = theme.framed("response time of what was admitted and did not fail; more: darker");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let (columns, rows) = (inner.width.saturating_sub(LABELS), inner.height.saturating_sub(1));
    if columns == 0 || rows == 0 {
        return;
    }
    let grid = Grid { columns_max: u32::from(columns), rows: usize::from(rows) };
    let lines = match heat::of(view.seconds, grid) {
        Some((xs, _, heat)) => drawn(&heat, &xs, usize::from(columns), theme),
        None => vec![Line::styled("nothing was answered yet", theme.style(Tone::Faint))],
    };
    frame.render_widget(Paragraph::new(lines), inner);
}

/// From few to many.
const fn shades(marks: Marks) -> [&'static str; 5] {
    match marks {
        Marks::Unicode => [" ", "░", "▒", "▓", "█"],
        Marks::Ascii => [" ", ".", ":", "+", "#"],
    }
}

fn drawn(heat: &Heat, xs: &[f64], columns: usize, theme: Theme) -> Vec<Line<'static>> {
    let shades = shades(theme.marks);
    let most = heat.cells.iter().flatten().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let mut cells = vec![vec![shades[0]; columns]; heat.rows];
    for (x, column) in xs.iter().zip(&heat.cells) {
        let at = (x / f64::from(heat.seconds)) as usize;
        for (row, count) in column {
            let share = (*count as f64).ln_1p() / (most as f64).ln_1p();
            let shade = ((share * 4.0).ceil() as usize).clamp(1, 4);
            if let Some(cell) = cells.get_mut(*row).and_then(|row| row.get_mut(at)) {
                *cell = shades[shade];
            }
        }
    }
    let label = |row: usize| heat.low_ns * (heat.high_ns / heat.low_ns).powf((row as f64 + 0.5) / heat.rows as f64);
    let mut lines: Vec<Line<'static>> = cells
        .iter()
        .enumerate()
        .rev()
        .map(|(row, cells)| {
            let name = if row % 4 == 0 || row + 1 == heat.rows { duration(label(row)) } else { String::new() };
            Line::raw(format!("{name:>8} {}", cells.concat()))
        })
        .collect();
    let last = xs.last().map_or(0.0, |x| x + f64::from(heat.seconds));
    lines.push(Line::styled(format!("{:>8} 0 s to {last} s, {} s to a column", "", heat.seconds), theme.style(Tone::Faint)));
    lines
}
