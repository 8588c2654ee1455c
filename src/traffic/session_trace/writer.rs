//! Writing a trace of sessions: one pass, nothing kept.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

use super::{End, EndLine, HeadLine, KIND, LINE_BYTES_MAX, Provenance, Session, SessionTraceError, VERSION, to_line};

/// Writes a trace, session by session in order of their connects. Without [`finish`](Self::finish) the file reads as truncated.
#[derive(Debug)]
pub struct SessionWriter {
    out: BufWriter<File>,
    path: PathBuf,
    sessions: u64,
    last: Span,
    length: Span,
}

impl SessionWriter {
    /// Creates the file, replacing one that is there.
    pub fn create(path: &Path, provenance: &Provenance) -> Result<Self, SessionTraceError> {
        let file = File::create(path).map_err(SessionTraceError::io("create", path))?;
        let out = BufWriter::with_capacity(1 << 18, file);
        let mut writer = Self { out, path: path.to_owned(), sessions: 0, last: Span::ZERO, length: Span::ZERO };
        let head = HeadLine {
            sluicegate: KIND.to_owned(),
            version: u64::from(VERSION),
            reply: provenance.reply.as_ref().map(|path| path.join(".")),
            origin_ns: provenance.origin_ns,
        };
        writer.line(&serde_json::to_vec(&head).expect("texts and numbers are JSON"))?;
        Ok(writer)
    }

    /// Writes one session; it does not connect earlier than the one before.
    pub fn write(&mut self, session: &Session) -> Result<(), SessionTraceError> {
        let refuse = |why| Err(SessionTraceError::Unwritable { number: self.sessions, why });
        if session.at < self.last {
            return refuse("it connects earlier than the one before");
        }
        if let Some(why) = session.wrong() {
            return refuse(why);
        }
        let line = to_line(session);
        if line.len() > LINE_BYTES_MAX {
            return refuse("it is longer than 16 MiB");
        }
        self.line(&line)?;
        self.sessions += 1;
        self.last = session.at;
        self.length = self.length.max(session.at + session.length());
        Ok(())
    }

    /// Writes the end, which makes the trace whole, and gives the number of sessions.
    pub fn finish(mut self) -> Result<u64, SessionTraceError> {
        let end = EndLine { end: End { sessions: self.sessions, length_ns: self.length.as_ns() } };
        self.line(&serde_json::to_vec(&end).expect("numbers are JSON"))?;
        self.out.flush().map_err(SessionTraceError::io("write", &self.path))?;
        Ok(self.sessions)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), SessionTraceError> {
        let written = self.out.write_all(line).and_then(|()| self.out.write_all(b"\n"));
        written.map_err(|source| SessionTraceError::io("write", &self.path)(source))
    }
}
