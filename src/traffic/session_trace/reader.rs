//! Reading a trace of sessions: one line at a time, and an exact word where a file is broken.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

use super::{EndLine, HeadLine, KIND, LINE_BYTES_MAX, Provenance, Session, SessionTraceError, VERSION, of_line};

/// A first line is not longer: what is longer is another file's.
const HEAD_BYTES_MAX: usize = 4 << 10;

/// Reads a trace as an iterator of sessions, in order of their connects. It ends after the last line; a file that ends before that is an
/// error, so whoever has read to the end knows that it was whole.
#[derive(Debug)]
pub struct SessionReader {
    input: BufReader<File>,
    path: PathBuf,
    provenance: Provenance,
    /// Lines that were read.
    lines: u64,
    read: u64,
    last: Span,
    length: Span,
    buffer: Vec<u8>,
    /// The end, or an error, has been given; nothing more comes.
    over: bool,
}

impl SessionReader {
    /// Opens a trace.
    pub fn open(path: &Path) -> Result<Self, SessionTraceError> {
        let file = File::open(path).map_err(SessionTraceError::io("open", path))?;
        let mut reader = Self {
            input: BufReader::with_capacity(1 << 18, file),
            path: path.to_owned(),
            provenance: Provenance::default(),
            lines: 0,
            read: 0,
            last: Span::ZERO,
            length: Span::ZERO,
            buffer: Vec::new(),
            over: false,
        };
        let foreign = || SessionTraceError::Foreign { path: path.to_owned() };
        match reader.read_line(HEAD_BYTES_MAX).map_err(SessionTraceError::io("read", path))? {
            Got::Whole => {}
            Got::TooLong | Got::Broken | Got::Nothing => return Err(foreign()),
        }
        let head: HeadLine = serde_json::from_slice(&reader.buffer).map_err(|_| foreign())?;
        if head.sluicegate != KIND {
            return Err(foreign());
        }
        if head.version != u64::from(VERSION) {
            return Err(SessionTraceError::Version { path: path.to_owned(), found: head.version });
        }
        let reply = head.reply.map(|path| path.split('.').map(str::to_owned).collect());
        reader.provenance = Provenance { reply, origin_ns: head.origin_ns };
        Ok(reader)
    }

    /// What is known of the trace beside its sessions.
    pub const fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The last instant that anything is known of, as far as it is read.
    pub const fn length(&self) -> Span {
        self.length
    }

    /// The next line into `self.buffer`, without its end.
    fn read_line(&mut self, most: usize) -> io::Result<Got> {
        self.buffer.clear();
        self.lines += 1;
        // One more for the end of the line.
        let got = (&mut self.input).take(most as u64 + 1).read_until(b'\n', &mut self.buffer)?;
        Ok(match self.buffer.last() {
            None => Got::Nothing,
            Some(b'\n') => {
                self.buffer.pop();
                Got::Whole
            }
            Some(_) if got > most => Got::TooLong,
            Some(_) => Got::Broken,
        })
    }

    fn next_session(&mut self) -> Result<Option<Session>, SessionTraceError> {
        let read = self.read_line(LINE_BYTES_MAX).map_err(SessionTraceError::io("read", &self.path))?;
        match read {
            Got::Whole => {}
            Got::TooLong => return Err(SessionTraceError::TooLong { path: self.path.clone(), line: self.lines }),
            Got::Broken if serde_json::from_slice::<EndLine>(&self.buffer).is_ok() => {}
            Got::Broken | Got::Nothing => {
                return Err(SessionTraceError::Truncated { path: self.path.clone(), line: self.lines, sessions: self.read });
            }
        }
        if self.buffer.starts_with(b"{\"end\"") {
            return self.end().map(|()| None);
        }
        let session = of_line(&self.buffer).map_err(|why| self.wrong(why))?;
        if session.at < self.last {
            return Err(self.wrong("it connects earlier than the one before".to_owned()));
        }
        self.read += 1;
        self.last = session.at;
        self.length = self.length.max(session.at + session.length());
        Ok(Some(session))
    }

    /// The last line.
    fn end(&mut self) -> Result<(), SessionTraceError> {
        let end = serde_json::from_slice::<EndLine>(&self.buffer).map_err(|error| self.wrong(error.to_string()))?.end;
        if end.sessions != self.read {
            return Err(self.wrong(format!("it says {} sessions, and {} came before it", end.sessions, self.read)));
        }
        match self.read_line(LINE_BYTES_MAX).map_err(SessionTraceError::io("read", &self.path))? {
            Got::Nothing => Ok(()),
            Got::Whole | Got::TooLong | Got::Broken => Err(self.wrong("more follows after the end".to_owned())),
        }
    }

    fn wrong(&self, why: String) -> SessionTraceError {
        SessionTraceError::Line { path: self.path.clone(), line: self.lines, why }
    }
}

impl Iterator for SessionReader {
    type Item = Result<Session, SessionTraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = self.next_session().transpose();
        self.over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Got {
    Whole,
    /// It is longer than it may be.
    TooLong,
    /// The file ends within it.
    Broken,
    /// The file has ended.
    Nothing,
}
