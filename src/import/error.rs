//! Why nothing is imported.

use std::path::PathBuf;

use super::format::{ExpressionError, PatternError};
use crate::traffic::session_trace::SessionTraceError;
use crate::traffic::trace::TraceError;

/// Why an import fails as a whole. Single lines that cannot be read are counted instead.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The log cannot be opened or read.
    #[error("cannot {what} log {}; check its path and who may read it", path.display())]
    Read {
        /// `open` or `read`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Not something that holds lines.
    #[error("{} is not a file but {what}; name one log file, or a pipe", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Nothing in it.
    #[error("log {} holds no lines; name one with at least one request, and see that it was written or copied whole", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// No built-in format reads its lines.
    #[error(
        "log {} has none of the formats that are detected (combined, common, apigw, json, nova); its first line is \"{first}\"; name its format with --log-format, or describe it: --log-format format --pattern '$remote_addr ...', or --log-format regex --pattern '(?<time>...)...'",
        path.display()
    )]
    Undetected {
        /// Which file.
        path: PathBuf,
        /// Its first line, shortened.
        first: String,
    },
    /// All lines were refused.
    #[error(
        "log {}: none of {lines} lines became a call in format {format}; most often because {reason} (line {line}: \"{excerpt}\")",
        path.display()
    )]
    NothingAccepted {
        /// Which file.
        path: PathBuf,
        /// Lines in it.
        lines: u64,
        /// The format they were read in.
        format: &'static str,
        /// The most frequent reason.
        reason: String,
        /// A line that it holds for.
        line: u64,
        /// What that line says, shortened.
        excerpt: String,
    },
    /// No line of an access log can be joined.
    #[error("{} holds no line that can be joined with a run; of line {line}: {why}", path.display())]
    NotAccessLog {
        /// Which file.
        path: PathBuf,
        /// The most frequent reason.
        why: String,
        /// A line that it holds for.
        line: u64,
    },
    /// The format string cannot work.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// The format string logs too little.
    #[error("format \"{format}\" does not log {part}, without which no call can be replayed; read other fields, or another log")]
    FormatLacks {
        /// The string.
        format: String,
        /// What is missing.
        part: &'static str,
    },
    /// The regular expression cannot work.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// The temporary files for sorting cannot be written or read.
    #[error("cannot sort in temporary files in {}; free space there, or write the trace elsewhere", path.display())]
    Sort {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Not a HAR.
    #[error("{} is no HAR: {why}; export one from the network panel of a browser, as \"HAR with content\"", path.display())]
    NotHar {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No session in a HAR.
    #[error(
        "{}: none of its {entries} entries became a session of a WebSocket client ({left}); of a HAR sessions alone are read, so record one with the network panel open before the page connects, or replay requests from an access log",
        path.display()
    )]
    NoSessions {
        /// Which file.
        path: PathBuf,
        /// Entries in it.
        entries: u64,
        /// What they are.
        left: String,
    },
    /// The trace of sessions cannot be written.
    #[error(transparent)]
    Sessions(#[from] SessionTraceError),
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] TraceError),
}
