//! The log of functions: what they print, and the provider's own lines about each invocation.
//!
//! Owns the wording of START, END and REPORT, and the bound on a line. Refuses to make an invocation late: lines go to their file by
//! a thread of their own, and those that find no room are counted.
//!
//! Source of the lines: Lambda developer guide, "Working with Lambda function logs", 2026; lines recorded of the real service.

use std::cell::{Cell, RefCell};
use std::io::Write as _;

use sluicegate_policy::time::Span;

use crate::log_file::LogFile;
use crate::summary::LogSummary;

/// Most bytes of one line of a function: as much as an event of the provider's logs (`CloudWatch` Logs, "Quotas", 2026: 256 KB).
pub(super) const LINE_BYTES_MAX: usize = 256 << 10;

/// The log, until it is closed.
#[derive(Debug, Default)]
pub(crate) struct FunctionLog {
    file: RefCell<Option<LogFile>>,
    /// Lines that came too fast.
    lost: Cell<u64>,
}

/// What a REPORT line says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report<'r> {
    pub(super) id: &'r str,
    pub(super) duration: Span,
    pub(super) memory_mb: u32,
    /// `None` where the system does not tell.
    pub(super) memory_used_mb: Option<u64>,
    pub(super) init: Option<Span>,
    /// `Status: timeout`, `Status: error` and the error's type.
    pub(super) status: Option<(&'r str, &'r str)>,
}

impl FunctionLog {
    /// Writes to this file.
    pub(crate) const fn to(file: LogFile) -> Self {
        Self { file: RefCell::new(Some(file)), lost: Cell::new(0) }
    }

    /// A line that a function printed.
    pub(super) fn printed(&self, function: &str, line: &[u8]) {
        self.append(function, |out| out.extend_from_slice(line));
    }

    /// A line came that is one too many.
    pub(super) fn lose(&self) {
        self.lost.set(self.lost.get() + 1);
    }

    pub(super) fn start(&self, function: &str, id: &str) {
        self.append(function, |out| drop(write!(out, "START RequestId: {id} Version: $LATEST")));
    }

    pub(super) fn end(&self, function: &str, report: Report<'_>) {
        self.append(function, |out| drop(write!(out, "END RequestId: {}", report.id)));
        self.append(function, |out| report.write(out));
    }

    /// Each line begins with the function that it is of: they share the file.
    fn append(&self, function: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if let Some(log) = &mut *self.file.borrow_mut() {
            log.append(|out| {
                out.extend_from_slice(function.as_bytes());
                out.extend_from_slice(b": ");
                write(out);
                out.push(b'\n');
                1
            });
        }
    }

    /// Writes what waits.
    pub(crate) fn close(&self) -> LogSummary {
        let written = self.file.take().map(LogFile::close).unwrap_or_default();
        let lost = self.lost.get();
        LogSummary { lines: written.lines + lost, lost: written.lost + lost, error: written.error }
    }
}

impl Report<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let ms = |span: Span| span.as_ns() as f64 / 1e6;
        // The start is paid for, too (since August 2025), and every begun millisecond.
        let billed = (ms(self.duration) + self.init.map_or(0.0, ms)).ceil();
        let used = self.memory_used_mb.map(|used| format!("\tMax Memory Used: {used} MB")).unwrap_or_default();
        let init = self.init.map(|init| format!("\tInit Duration: {:.2} ms", ms(init))).unwrap_or_default();
        let status = match self.status {
            None => String::new(),
            Some((status, "")) => format!("\tStatus: {status}"),
            Some((status, kind)) => format!("\tStatus: {status}\tError Type: {kind}"),
        };
        let _ = write!(
            out,
            "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {billed} ms\tMemory Size: {} MB{used}{init}{status}",
            self.id,
            ms(self.duration),
            self.memory_mb,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_reads_as_the_provider_s() {
        let report = Report {
            id: "01234567-89ab-4def-8123-456789abcdef",
            duration: Span::from_us(1_204),
            memory_mb: 128,
            memory_used_mb: Some(31),
            init: Some(Span::from_us(98_700)),
            status: Some(("error", "Runtime.ExitError")),
        };
        let mut out = Vec::new();
        report.write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "REPORT RequestId: 01234567-89ab-4def-8123-456789abcdef\tDuration: 1.20 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 31 MB\tInit Duration: 98.70 ms\tStatus: error\tError Type: Runtime.ExitError"
        );
    }
}
