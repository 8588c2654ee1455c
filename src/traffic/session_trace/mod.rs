//! The trace of sessions: recorded WebSocket sessions in our own versioned format, written and read as a stream.
//!
//! Owns the format: [`Session`], [`SessionWriter`], [`SessionReader`], and how a broken file is told from a whole one. Refuses to know
//! where sessions came from (`import`) and when they are played again (`load`). Called by both.
//!
//! A file of its own beside the [trace of requests](super::trace): a session is many messages over time, and who replays one wants to read
//! and to mend it by hand. So it is text, one JSON object a line:
//!
//! ```text
//! {"sluicegate":"sessions","version":1,"reply":"id","origin_ns":1764336000000000000}
//! {"at_ns":0,"target":"/?room=1","headers":[["origin","https://a.example"]],"client":0,
//!  "messages":[{"at_ns":5,"say":"{\"id\":1}","reply_ns":9},{"at_ns":9,"hear":8}],"closed":{"at_ns":20,"code":1000}}
//! {"end":{"sessions":1,"length_ns":20}}
//! ```
//!
//! (a session is one line; it is broken here). `at_ns` of a session counts from the beginning of the recording, all else from its own
//! connect. `target` is the query behind the path of the stage. What was said is there as it was said; of what was heard its length
//! alone, so that a trace holds no more of others than it needs: `reply_ns` says of a message that its reply came then, known by what
//! both have at the place that the first line names. Without `closed` the session outlasted its recording. The last line makes it whole.

mod reader;
mod writer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sluicegate_policy::time::Span;

pub use reader::SessionReader;
pub use writer::SessionWriter;

/// Version of the format that is written; the only one that is read.
pub const VERSION: u32 = 1;

/// Longest line, in bytes: two hours of a busy client.
pub const LINE_BYTES_MAX: usize = 16 << 20;

const KIND: &str = "sessions";

/// What is known of a trace beside its sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Where a message and its reply have the same, as keys from the outermost on; without it no message has a reply.
    pub reply: Option<Vec<String>>,
    /// Wall time of the first connect: nanoseconds since 1970 UTC; negative before.
    pub origin_ns: i64,
}

/// One recorded session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// When it connected, since the first connect of the trace.
    pub at: Span,
    /// The query of its handshake behind the path of the stage: `/` or `/?room=1`.
    pub target: String,
    /// Headers of its handshake in order; subprotocols are one.
    pub headers: Vec<(String, String)>,
    /// Whose it was: a number for each client.
    pub client: u32,
    /// What was said and heard, in order of time.
    pub messages: Vec<Passed>,
    /// How it ended, if the recording saw it.
    pub closed: Option<Closed>,
}

/// A message that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// When, since the connect of its session.
    pub at: Span,
    /// Which way, and what.
    pub what: Way,
}

/// Which way a message went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The client said it.
    Said {
        /// Its text.
        text: String,
        /// When its reply came, since the connect; `None` if nothing replied to it.
        replied: Option<Span>,
    },
    /// The client heard it.
    Heard {
        /// Its length.
        bytes: u64,
    },
}

/// The end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When, since its connect.
    pub at: Span,
    /// The code of the close frame, if that is known.
    pub code: Option<u16>,
}

impl Session {
    /// When the last thing that is known of it happened, since its connect.
    pub fn length(&self) -> Span {
        let last = self.messages.last().map_or(Span::ZERO, |message| message.at);
        self.closed.map_or(last, |closed| closed.at.max(last))
    }

    /// What is impossible about it, if anything is.
    fn wrong(&self) -> Option<&'static str> {
        let fits = |c: char| !c.is_whitespace() && !c.is_control();
        if !self.target.starts_with('/') || !self.target.chars().all(fits) {
            return Some("its target is no path and query; write e.g. \"/\" or \"/?room=1\"");
        }
        if self.messages.windows(2).any(|pair| pair[1].at < pair[0].at) {
            return Some("a message is earlier than the one before it");
        }
        let last = self.messages.last().map_or(Span::ZERO, |message| message.at);
        if self.closed.is_some_and(|closed| closed.at < last) {
            return Some("it closes before its last message");
        }
        let early = |message: &Passed| matches!(message.what, Way::Said { replied: Some(replied), .. } if replied < message.at);
        self.messages.iter().any(early).then_some("a reply is earlier than its message")
    }
}

/// Why a trace of sessions cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SessionTraceError {
    /// The file system refused.
    #[error("cannot {what} trace of sessions {}", path.display())]
    Io {
        /// `create`, `write`, `open` or `read`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Not our file.
    #[error(
        "{} is not a trace of sessions: its first line is not {{\"sluicegate\":\"sessions\",\"version\":{VERSION}}}; make one with `sluicegate import har`",
        path.display()
    )]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Written by another version.
    #[error("{}: version {found} of a trace of sessions is not {VERSION}, which this program reads; import the recording again", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Version in the file.
        found: u64,
    },
    /// A line is longer than any may be.
    #[error("{}:{line}: the line is longer than 16 MiB; split its session, or import the recording again", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Number of the line, from one.
        line: u64,
    },
    /// A line says something impossible.
    #[error("{}:{line}: {why}; mend the line, or import the recording again", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Number of the line, from one.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The end is missing: its writer was interrupted, or the copy was.
    #[error("{}: the trace breaks off after {sessions} whole sessions, in line {line}; import the recording again", path.display())]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// The line that is not whole, or that is missing.
        line: u64,
        /// Whole sessions before it.
        sessions: u64,
    },
    /// A session that the format cannot hold.
    #[error("session {number} cannot be written to a trace: {why}")]
    Unwritable {
        /// Which session, from zero.
        number: u64,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl SessionTraceError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// The first line.
#[derive(Debug, Deserialize, Serialize)]
struct HeadLine {
    sluicegate: String,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
    #[serde(default)]
    origin_ns: i64,
}

/// A line of a session.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SessionLine {
    at_ns: u64,
    target: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(default)]
    client: u32,
    messages: Vec<MessageLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedLine>,
}

/// A message in it: either of `say` and `hear`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MessageLine {
    at_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    say: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hear: Option<u64>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ClosedLine {
    at_ns: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
}

/// The last line.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    end: End,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct End {
    sessions: u64,
    length_ns: u64,
}

/// A session as a line of JSON, without its end.
pub(crate) fn to_line(session: &Session) -> Vec<u8> {
    serde_json::to_vec(&SessionLine::of(session)).expect("texts and numbers are JSON")
}

/// A session that [`to_line`] wrote.
pub(crate) fn of_line(line: &[u8]) -> Result<Session, String> {
    let read: SessionLine = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let session = read.session()?;
    session.wrong().map_or(Ok(session), |why| Err(why.to_owned()))
}

impl SessionLine {
    fn of(session: &Session) -> Self {
        let message = |passed: &Passed| {
            let at_ns = passed.at.as_ns();
            match &passed.what {
                Way::Said { text, replied } => {
                    MessageLine { at_ns, say: Some(text.clone()), reply_ns: replied.map(Span::as_ns), hear: None }
                }
                Way::Heard { bytes } => MessageLine { at_ns, say: None, reply_ns: None, hear: Some(*bytes) },
            }
        };
        Self {
            at_ns: session.at.as_ns(),
            target: session.target.clone(),
            headers: session.headers.clone(),
            client: session.client,
            messages: session.messages.iter().map(message).collect(),
            closed: session.closed.map(|closed| ClosedLine { at_ns: closed.at.as_ns(), code: closed.code }),
        }
    }

    fn session(self) -> Result<Session, String> {
        let message = |MessageLine { at_ns, say, reply_ns, hear }| {
            let what = match (say, hear, reply_ns) {
                (Some(text), None, replied) => Way::Said { text, replied: replied.map(Span::from_ns) },
                (None, Some(bytes), None) => Way::Heard { bytes },
                (Some(_), Some(_), _) | (None, None, _) => return Err("a message has either say or hear".to_owned()),
                (None, Some(_), Some(_)) => return Err("reply_ns is of what was said, and this was heard".to_owned()),
            };
            Ok(Passed { at: Span::from_ns(at_ns), what })
        };
        Ok(Session {
            at: Span::from_ns(self.at_ns),
            target: self.target,
            headers: self.headers,
            client: self.client,
            messages: self.messages.into_iter().map(message).collect::<Result<_, _>>()?,
            closed: self.closed.map(|closed| Closed { at: Span::from_ns(closed.at_ns), code: closed.code }),
        })
    }
}

#[cfg(test)]
mod tests;
