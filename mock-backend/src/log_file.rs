//! The way from finished lines to a file, without making any answer late.
//!
//! Owns one bounded buffer and one thread that empties it, for each of the logs. Refuses to block the caller and to grow: what finds the buffer full,
//! and what the disk does not take, is counted as lost. The mock's thread appends; the log's own thread writes.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::summary::LogSummary;

/// Most bytes that wait for the disk: some 20,000 lines.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// Enough bytes for a write to be worth its call.
const WORTH_WRITING_BYTES: usize = 64 << 10;
/// Longest time that a line waits for company.
const LINGER: Duration = Duration::from_millis(100);

/// A log on disk.
#[derive(Debug)]
pub(crate) struct LogFile {
    waiting: Arc<Waiting>,
    writer: JoinHandle<LogSummary>,
    /// Lines that are just being made; kept, so that none is allocated for each.
    fresh: Vec<u8>,
    lines: u64,
    lost: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: Mutex<Queue>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    closed: bool,
}

impl LogFile {
    /// Starts the thread, of this name, that writes to `file`.
    pub(crate) fn start(file: File, name: &str) -> io::Result<Self> {
        let waiting = Arc::new(Waiting::default());
        let theirs = Arc::clone(&waiting);
        let writer = thread::Builder::new().name(name.to_owned()).spawn(move || write_all(&theirs, file))?;
        Ok(Self { waiting, writer, fresh: Vec::new(), lines: 0, lost: 0 })
    }

    /// Appends the lines that `write` makes, which says how many they are, unless the buffer is full.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>) -> u64) {
        self.fresh.clear();
        let lines = write(&mut self.fresh);
        self.lines += lines;
        let mut queue = self.waiting.lock();
        let before = queue.bytes.len();
        if before >= WAITING_BYTES_MAX {
            self.lost += lines;
            return;
        }
        queue.bytes.extend_from_slice(&self.fresh);
        let after = queue.bytes.len();
        drop(queue);
        // The writer sleeps only while the buffer is empty, or lingers until it is worth writing.
        if before == 0 || (before < WORTH_WRITING_BYTES && after >= WORTH_WRITING_BYTES) {
            self.waiting.news.notify_one();
        }
    }

    /// Writes what waits, and says how much was lost.
    pub(crate) fn close(self) -> LogSummary {
        self.waiting.lock().closed = true;
        self.waiting.news.notify_one();
        let written = self.writer.join().unwrap_or_else(|_| LogSummary {
            error: Some("the thread that writes the log ended early".to_owned()),
            ..LogSummary::default()
        });
        LogSummary { lines: self.lines, lost: self.lost + written.lost, error: written.error }
    }
}

impl Waiting {
    /// The queue holds only whole lines even if a holder panicked between two of them.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next lines, into `lines`; false when there are none and will be none.
    fn take(&self, lines: &mut Vec<u8>) -> bool {
        lines.clear();
        let idle = |queue: &mut Queue| queue.bytes.is_empty() && !queue.closed;
        let queue = self.news.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        let few = |queue: &mut Queue| queue.bytes.len() < WORTH_WRITING_BYTES && !queue.closed;
        let lingered = self.news.wait_timeout_while(queue, LINGER, few);
        let (mut queue, _) = lingered.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut queue.bytes, lines);
        !lines.is_empty()
    }
}

fn write_all(waiting: &Waiting, mut file: File) -> LogSummary {
    let mut summary = LogSummary::default();
    let mut lines = Vec::new();
    while waiting.take(&mut lines) {
        if let Err(error) = write_whole(&mut file, &lines) {
            summary.lost += lines.split(|byte| *byte == b'\n').count() as u64 - 1;
            summary.error.get_or_insert_with(|| error.to_string());
        }
    }
    summary
}

/// All of `lines` or, as far as the file can be cut back, nothing: no torn line stays before the next one.
fn write_whole(file: &mut File, lines: &[u8]) -> io::Result<()> {
    let before = file.stream_position();
    file.write_all(lines).inspect_err(|_| {
        // The cause is reported; a device that cannot be cut back (a pipe, /dev/full) stays as it is.
        if let Ok(before) = before {
            let _ = file.set_len(before).and_then(|()| file.seek(SeekFrom::Start(before)).map(drop));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_appended_is_written_in_order() {
        let mut out = tempfile::tempfile().unwrap();
        let mut log = LogFile::start(out.try_clone().unwrap(), "log").unwrap();
        for n in 0..10_000 {
            log.append(|line| {
                writeln!(line, "line {n}").unwrap();
                1
            });
        }
        assert_eq!(log.close(), LogSummary { lines: 10_000, lost: 0, error: None });
        out.rewind().unwrap();
        let text = io::read_to_string(out).unwrap();
        assert!(text.lines().enumerate().all(|(n, line)| line == format!("line {n}")));
        assert_eq!(text.lines().count(), 10_000);
    }

    #[test]
    fn a_full_disk_is_counted_and_reported() {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut log = LogFile::start(full, "log").unwrap();
        (0..5).for_each(|_| {
            log.append(|lines| {
                lines.extend_from_slice(b"one\ntwo\n");
                2
            });
        });
        let summary = log.close();
        assert_eq!((summary.lines, summary.lost), (10, 10));
        assert!(summary.error.is_some_and(|error| error.contains("No space left")));
    }

    #[test]
    fn a_writer_that_cannot_follow_loses_lines_by_number() {
        let (reader, writer) = io::pipe().unwrap();
        let mut log = LogFile::start(File::from(std::os::fd::OwnedFd::from(writer)), "log").unwrap();
        let line = [b'x'; 1_000];
        // Nobody reads the pipe: its writer blocks, the buffer fills, the caller goes on.
        for _ in 0..10_000 {
            log.append(|out| {
                out.extend_from_slice(&line);
                out.push(b'\n');
                1
            });
        }
        drop(reader);
        let summary = log.close();
        assert_eq!(summary.lines, 10_000);
        assert!(summary.lost > 1_000, "{summary:?}");
    }
}
