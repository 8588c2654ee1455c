//! How an error is shown: what went wrong, and the chain of what caused it.
//!
//! Owns the two words `error` and `caused by` and their layout. Refuses the wording of errors (every room writes its own) and
//! writing. Called by `main`, once.

use std::error::Error;

use super::look::{Paint, Tone};
use super::page::clean;

/// More causes than this are a circle.
const CAUSES_MAX: usize = 16;

/// The error and its causes, one after the other; ends with a line end. Lines of a longer message keep their breaks.
pub fn problem(error: &dyn Error, paint: Paint) -> String {
    let mut said = error.to_string();
    let mut out = block(&paint.apply(Tone::Bad, "error:"), "       ", &said);
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).take(CAUSES_MAX);
    for cause in causes {
        let text = cause.to_string();
        // Many libraries repeat their cause in their own message; once is enough.
        if !said.contains(&text) {
            out.push_str(&block(&paint.apply(Tone::Faint, "  caused by:"), "             ", &text));
            said = text;
        }
    }
    out
}

/// The error and its causes in one line, for a record.
pub fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    for cause in std::iter::successors(error.source(), |cause| (*cause).source()).take(CAUSES_MAX) {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
    }
    said
}

fn block(lead: &str, indent: &str, text: &str) -> String {
    let mut lines = text.lines().map(clean);
    let mut out = format!("{lead} {}\n", lines.next().unwrap_or_default().trim_start());
    for line in lines {
        out.push_str(format!("{indent}{line}").trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Fault {
        text: &'static str,
        source: Option<Box<Fault>>,
    }

    fn chain(texts: &[&'static str]) -> Fault {
        let (text, rest) = texts.split_first().expect("at least one");
        Fault { text, source: (!rest.is_empty()).then(|| Box::new(chain(rest))) }
    }

    #[test]
    fn an_error_is_followed_by_its_causes() {
        let error = chain(&["profiles/peak.yaml cannot be read", "not a directory (os error 20)"]);
        insta::assert_snapshot!(problem(&error, Paint::Plain), @r"
        error: profiles/peak.yaml cannot be read
          caused by: not a directory (os error 20)
        ");
    }

    #[test]
    fn a_cause_that_the_message_repeats_is_not_said_twice() {
        let error = chain(&["cannot connect: refused", "refused", "os error 111"]);
        insta::assert_snapshot!(problem(&error, Paint::Plain), @r"
        error: cannot connect: refused
          caused by: os error 111
        ");
    }

    #[test]
    fn a_message_of_several_lines_keeps_them_and_no_escape_passes() {
        let error = chain(&["p.yaml:2: bad rate\n2 | rate: 0/s\n  |       ^^^\x1b[2J"]);
        insta::assert_snapshot!(problem(&error, Paint::Plain), @r"
        error: p.yaml:2: bad rate
               2 | rate: 0/s
                 |       ^^^\u{1b}[2J
        ");
    }
}
