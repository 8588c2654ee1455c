//! The rim: what is written to standard output and standard error, and how it may look there.
//!
//! Owns the question whether these are terminals, how wide, and whether colour is wanted (`NO_COLOR`). Refuses to format.

use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

use super::failure::Failure;
use crate::report::progress::Place;
use crate::report::{Look, Marks, Paint, WIDTH_MAX};

/// How text may look on standard output.
pub(super) fn look() -> Look {
    let terminal = io::stdout().is_terminal();
    let width = tcgetwinsize(io::stdout()).map_or(WIDTH_MAX, |size| usize::from(size.ws_col).max(1));
    Look { width: if terminal { width } else { WIDTH_MAX }, paint: paint(terminal), marks: marks() }
}

/// How longer text may look on standard error.
pub(super) fn error_look() -> Look {
    Look { paint: error_paint(), ..look() }
}

/// How errors may look on standard error.
pub(super) fn error_paint() -> Paint {
    paint(io::stderr().is_terminal())
}

/// Where progress is shown.
pub(super) fn progress_place() -> Place {
    if !io::stderr().is_terminal() {
        return Place::Stream;
    }
    Place::Terminal(tcgetwinsize(io::stderr()).map_or(80, |size| usize::from(size.ws_col)))
}

/// Writes a result to standard output.
pub(super) fn print(bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes.as_ref()).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::OutputClosed,
        _ => Failure::broken("writing to standard output", error),
    })
}

/// Writes a message to standard error. If nobody can read it, nobody misses it.
pub(super) fn tell(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// `NO_COLOR` (no-color.org), when it is set to anything but the empty text.
fn paint(terminal: bool) -> Paint {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if terminal && !unwanted { Paint::Ansi } else { Paint::Plain }
}

/// Marks beyond ASCII where the locale can show them.
fn marks() -> Marks {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    match locale {
        Some(locale) if locale.to_ascii_lowercase().replace('-', "").contains("utf8") => Marks::Unicode,
        None if !io::stdout().is_terminal() => Marks::Unicode,
        Some(_) | None => Marks::Ascii,
    }
}
