//! One line of progress, for standard error while a run goes on.
//!
//! Owns the line, for a terminal (rewritten in place) and for a file or pipe (line after line). Refuses clocks and writing:
//! `command` says when and where. Called by `command`.

use sluicegate_policy::time::Span;

use super::quantity::{count, duration_or_absent, rate};

/// Goes back to the beginning of the line and clears it.
const CLEAR: &str = "\r\x1b[2K";

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Time since its start.
    pub elapsed: Span,
    /// Its planned length.
    pub planned: Span,
    /// Actions that were due by now.
    pub intended: u64,
    /// Actions sent.
    pub sent: u64,
    /// Complete answers.
    pub answered: u64,
    /// Actions that ended without a complete answer.
    pub failed: u64,
    /// How late the generator turned to its actions at worst, lately.
    pub lag: Option<Span>,
    /// Actions sent per second, lately.
    pub per_s: f64,
}

/// Where progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A terminal of so many columns: the line replaces the one before.
    Terminal(usize),
    /// A file or a pipe: one line after the other.
    Stream,
}

/// The bytes that show `progress` at `place`.
pub fn line(progress: &Progress, place: Place) -> String {
    let parts = parts(progress);
    match place {
        Place::Stream => format!("{}\n", parts.join(", ")),
        Place::Terminal(columns) => {
            // The last column stays free: some terminals wrap when it is written. What does not fit is the least important.
            let mut shown = String::new();
            for part in parts {
                let gap = if shown.is_empty() { "" } else { "  " };
                if shown.len() + gap.len() + part.len() >= columns {
                    break;
                }
                shown.push_str(gap);
                shown.push_str(&part);
            }
            format!("{CLEAR}{shown}")
        }
    }
}

/// The bytes that take the last line of progress away before something else is shown.
pub const fn end(place: Place) -> &'static str {
    match place {
        Place::Terminal(_) => CLEAR,
        Place::Stream => "",
    }
}

/// From the most important to the least.
fn parts(progress: &Progress) -> Vec<String> {
    let seconds = |span: Span| span.as_ns() / 1_000_000_000;
    vec![
        format!("{} s of {} s", seconds(progress.elapsed), seconds(progress.planned)),
        format!("{} sent of {} due", count(progress.sent), count(progress.intended)),
        format!("{} answered", count(progress.answered)),
        format!("{} failed", count(progress.failed)),
        rate(progress.per_s),
        format!("lag up to {}", duration_or_absent(progress.lag.map(Span::as_ns))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halfway() -> Progress {
        Progress {
            elapsed: Span::from_ms(10_300),
            planned: Span::from_secs(20),
            intended: 2_061,
            sent: 2_060,
            answered: 2_055,
            failed: 1,
            lag: Some(Span::from_us(12)),
            per_s: 200.04,
        }
    }

    #[test]
    fn a_stream_gets_whole_lines() {
        let line = line(&halfway(), Place::Stream);
        assert_eq!(line, "10 s of 20 s, 2,060 sent of 2,061 due, 2,055 answered, 1 failed, 200/s, lag up to 12.0 us\n");
    }

    #[test]
    fn a_terminal_gets_one_line_that_never_wraps() {
        for columns in 0..120 {
            let line = line(&halfway(), Place::Terminal(columns));
            let shown = line.strip_prefix(CLEAR).expect("the line before is cleared");
            assert!(shown.len() < columns.max(1), "{columns}: {shown}");
        }
        assert_eq!(line(&halfway(), Place::Terminal(40)), format!("{CLEAR}10 s of 20 s  2,060 sent of 2,061 due"));
    }
}
