//! The live view of a run, for a terminal: what the report will say, as far as it is known.
//!
//! Owns the panes, what stands in them, and that they are of use in any size, without colour, too. Refuses clocks, keys and the terminal itself
//! (`command::live`), and numbers of its own: all come from the record so far. Draws into whatever ratatui gives it.

mod map;
mod overview;
mod verdicts;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

use crate::measure::kept::KeptSeconds;
use crate::measure::record::{Quantiles, RunRecord, Verdict};

use super::look::{Marks, Paint, Tone};
use super::page::clean;
use super::progress::Progress;

/// What is shown.
#[derive(Debug)]
pub struct View<'a> {
    /// How far the run is.
    pub progress: Progress,
    /// What it has recorded so far; its header at least.
    pub record: &'a RunRecord,
    /// The response times of its seconds so far.
    pub seconds: &'a KeptSeconds,
    /// Response time lately, of what was admitted and did not fail.
    pub now: Option<Quantiles>,
    /// The same since the warm-up.
    pub so_far: Option<Quantiles>,
    /// What would be said of its assumptions if it ended now.
    pub verdicts: &'a [Verdict],
    /// Which pane is shown.
    pub pane: Pane,
    /// Whether the view moves.
    pub state: State,
}

impl View<'_> {
    /// Seconds of the plan that are still to come.
    fn seconds_left(&self) -> u64 {
        self.progress.planned.saturating_sub(self.progress.elapsed).as_ns().div_ceil(1_000_000_000)
    }
}

/// A pane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pane {
    /// Rates, percentiles, outcomes and the generator.
    #[default]
    Overview,
    /// The assumptions, and the doubts.
    Verdicts,
    /// Response times over time.
    Map,
}

/// What the view does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It follows the run.
    #[default]
    Following,
    /// It stands still; the run does not.
    Paused,
    /// The run was asked to stop, and waits for answers.
    Stopping,
}

/// How it may look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Whether there are colours.
    pub paint: Paint,
    /// Which characters there are.
    pub marks: Marks,
}

impl Pane {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 3] = [Self::Overview, Self::Verdicts, Self::Map];

    /// The next one.
    pub const fn next(self) -> Self {
        match self {
            Self::Overview => Self::Verdicts,
            Self::Verdicts => Self::Map,
            Self::Map => Self::Overview,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Verdicts => "verdicts",
            Self::Map => "response times",
        }
    }
}

/// Draws the view.
pub fn draw(frame: &mut Frame<'_>, view: &View<'_>, theme: Theme) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(2), Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
    header(frame, head, view, theme);
    match view.pane {
        Pane::Overview => overview::draw(frame, body, view, theme),
        Pane::Verdicts => verdicts::draw(frame, body, view, theme),
        Pane::Map => map::draw(frame, body, view, theme),
    }
    footer(frame, foot, view, theme);
    if theme.marks == Marks::Ascii {
        for cell in &mut frame.buffer_mut().content {
            let symbol = in_ascii(cell.symbol()).to_owned();
            cell.set_symbol(&symbol);
        }
    }
}

/// Lines of frames and axes where a terminal has none.
fn in_ascii(symbol: &str) -> &str {
    match symbol {
        "│" => "|",
        "─" => "-",
        "┌" | "┐" | "└" | "┘" => "+",
        other => other,
    }
}

fn header(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let plan = &view.record.plan;
    let Progress { elapsed, planned, .. } = view.progress;
    let seconds = |span: sluicegate_policy::time::Span| span.as_ns() / 1_000_000_000;
    let title = format!("{} at {}", clean(&plan.profile), clean(&plan.target));
    let share = if planned.as_ns() == 0 { 1.0 } else { (elapsed.as_ns() as f64 / planned.as_ns() as f64).min(1.0) };
    let time = format!(" {} s of {} s ", seconds(elapsed), seconds(planned));
    let room = usize::from(area.width).saturating_sub(time.chars().count());
    let filled = (share * room as f64) as usize;
    let (full, empty) = match theme.marks {
        Marks::Unicode => ("█", "░"),
        Marks::Ascii => ("#", "."),
    };
    let bar = format!("{time}{}{}", full.repeat(filled), empty.repeat(room - filled));
    let lines = vec![Line::styled(title, theme.style(Tone::Strong)), Line::raw(bar)];
    frame.render_widget(Paragraph::new(lines), area);
}

fn footer(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, theme: Theme) {
    let (tone, state) = match view.state {
        State::Following => (Tone::Plain, ""),
        State::Paused => (Tone::Unsure, "PAUSED (the run goes on)  "),
        State::Stopping => (Tone::Bad, "STOPPING: answers are awaited; q once more stops at once  "),
    };
    let panes = Pane::ALL.iter().enumerate().map(|(at, pane)| {
        let title = format!("{} {}", at + 1, pane.title());
        if *pane == view.pane { format!("[{title}]") } else { title }
    });
    let keys = format!("{}  space pause  q stop", panes.collect::<Vec<_>>().join("  "));
    let line = Line::from_iter([
        ratatui::text::Span::styled(state, theme.style(tone)),
        ratatui::text::Span::styled(keys, theme.style(Tone::Faint)),
    ]);
    frame.render_widget(Paragraph::new(line), area);
}

impl Theme {
    /// The colours that terminals show alike on dark and light ground.
    fn style(self, tone: Tone) -> Style {
        let style = match tone {
            Tone::Plain | Tone::Good | Tone::Unsure => Style::new(),
            Tone::Strong | Tone::Bad => Style::new().add_modifier(Modifier::BOLD),
            Tone::Faint => Style::new().add_modifier(Modifier::DIM),
        };
        match (self.paint, tone) {
            (Paint::Plain, _) | (Paint::Ansi, Tone::Plain | Tone::Strong | Tone::Faint) => style,
            (Paint::Ansi, Tone::Good) => style.fg(Color::Green),
            (Paint::Ansi, Tone::Bad) => style.fg(Color::Red),
            (Paint::Ansi, Tone::Unsure) => style.fg(Color::Yellow),
        }
    }

    /// A frame with a title.
    fn framed(self, title: &str) -> Block<'static> {
        Block::bordered().title(format!(" {title} ")).border_style(self.style(Tone::Faint))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use sluicegate_policy::time::Span;

    use super::super::{arbitrary, sample};
    use super::*;
    use crate::measure::fate::Slot;
    use crate::measure::intervals::Intervals;
    use crate::measure::record::SecondRecord;

    const PLAIN: Theme = Theme { paint: Paint::Plain, marks: Marks::Unicode };

    fn seconds() -> KeptSeconds {
        let mut intervals = Intervals::default();
        for n in 0..2_000_u64 {
            intervals.record((n / 100) as u32, Slot::default(), 2_000_000 + (n * 7_919 % 100) * (n * 104_729 % 100) * 20_000);
        }
        KeptSeconds::of(intervals)
    }

    fn shown(view: &View<'_>, (width, height): (u16, u16), theme: Theme) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view, theme)).unwrap();
        terminal.backend().to_string()
    }

    fn record() -> RunRecord {
        let mut record = sample::violated();
        let second = |second| SecondRecord {
            second,
            intended: 190 + second * 7 % 20,
            answered: 195 - second % 3,
            ..SecondRecord::default()
        };
        record.seconds = (0..20).map(second).collect();
        record.doubts = sample::invalid().doubts;
        record
    }

    fn of<'a>(record: &'a RunRecord, seconds: &'a KeptSeconds, pane: Pane) -> View<'a> {
        let progress = Progress {
            elapsed: Span::from_ms(20_300),
            planned: Span::from_secs(60),
            intended: 4_061,
            sent: 4_060,
            answered: 4_055,
            failed: 1,
            lag: Some(Span::from_us(12)),
            per_s: 200.04,
        };
        let times = record.total.as_ref().and_then(|total| total.response_time.clone());
        View {
            progress,
            record,
            seconds,
            now: times.clone(),
            so_far: times,
            verdicts: &record.verdicts,
            pane,
            state: State::Following,
        }
    }

    #[test]
    fn each_pane_as_it_is_shown() {
        let (record, seconds) = (record(), seconds());
        for pane in Pane::ALL {
            insta::assert_snapshot!(pane.title(), shown(&of(&record, &seconds, pane), (100, 30), PLAIN));
        }
    }

    #[test]
    fn an_open_assumption_says_when_it_can_be_decided_or_that_it_will_not_be() {
        let (mut record, seconds) = (sample::inconclusive(), seconds());
        // 40 s of the plan are left.
        (record.verdicts[1].more_s, record.verdicts[2].more_s) = (Some(38), Some(41));
        let table = shown(&of(&record, &seconds, Pane::Verdicts), (100, 30), PLAIN);
        assert!(table.contains("? in 38 s") && table.contains("? not by end"), "{table}");
        let overview = shown(&of(&record, &seconds, Pane::Overview), (100, 30), PLAIN);
        assert!(overview.contains("next decidable in about 38 s"), "{overview}");
    }

    #[test]
    fn keys_lead_to_every_pane_and_back() {
        let all: Vec<Pane> = std::iter::successors(Some(Pane::default()), |pane| Some(pane.next())).take(4).collect();
        assert_eq!(all[..3], Pane::ALL);
        assert_eq!(all[3], Pane::default());
    }

    #[test]
    fn what_it_does_is_said_in_words() {
        let (record, seconds) = (record(), seconds());
        let view = of(&record, &seconds, Pane::Overview);
        assert!(shown(&View { state: State::Paused, ..view }, (100, 30), PLAIN).contains("PAUSED (the run goes on)"));
        let view = of(&record, &seconds, Pane::Overview);
        assert!(shown(&View { state: State::Stopping, ..view }, (100, 30), PLAIN).contains("STOPPING"));
    }

    #[test]
    fn without_unicode_there_are_no_other_characters() {
        let (record, seconds) = (record(), seconds());
        for pane in Pane::ALL {
            let shown = shown(&of(&record, &seconds, pane), (90, 28), Theme { marks: Marks::Ascii, ..PLAIN });
            assert!(shown.is_ascii(), "{shown}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_record_is_shown_on_a_terminal_of_any_size(record in arbitrary::record(), size in (1_u16..130, 1_u16..50), seen in any::<bool>()) {
            let seconds = if seen { seconds() } else { KeptSeconds::of(Intervals::default()) };
            for pane in Pane::ALL {
                let text = shown(&of(&record, &seconds, pane), size, Theme { paint: Paint::Ansi, marks: Marks::Unicode });
                prop_assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
            }
        }
    }
}
