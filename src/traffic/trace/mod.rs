//! The trace file: recorded traffic in our own versioned format, written and read as a stream.
//!
//! Owns the format: [`Entry`], [`TraceWriter`], [`TraceReader`], and how a broken file is told from a whole one. Refuses to
//! know where the traffic came from (`import`) and when it is sent again (`load`). Called by both.
//!
//! # The format, version 1
//!
//! Numbers are LEB128 varints unless said otherwise; a *text* is its length and its bytes.
//!
//! ```text
//! head    "SLUICETR", version u16 LE
//! record  length of what follows (1 ..= RECORD_BYTES_MAX), kind u8, content
//!   kind 1, series: name (text); ids count up from zero, a series stands before its first entry
//!   kind 2, entry:  at - previous at (ns), series, identity, method, flags u8, [status], [latency ns], target (text),
//!                   number of headers, {name (text), value (text)}, body (text)
//!           method: 0 and a text, or 1 + its place in `wire::METHODS`;  flags: 1 = status present, 2 = latency present
//!   kind 3, end:    number of entries, time of the last, origin (ns since 1970, i64 LE), resolution of the stamps (ns),
//!                   order (0 as logged, 1 sorted), number of series, {name (text)}
//! tail    offset of the end record u64 LE, "RTECIULS"
//! ```
//!
//! Series names stand both where they are first needed and in the end record: a reader of a whole file knows them all before
//! the first entry, and a file that broke off can still be read as far as it goes.

mod reader;
pub(crate) mod wire;
mod writer;

use std::path::{Path, PathBuf};

use sluicegate_policy::time::Span;

pub use reader::TraceReader;
pub use writer::{EntryRef, TraceWriter};

use super::catalog::{Recorded, SeriesId};

/// Version of the format that is written; the only one that is read.
pub const VERSION: u16 = 1;

/// Longest record in bytes: the largest payload of the gateway (10 MB) with room for its head.
pub const RECORD_BYTES_MAX: usize = 16 << 20;

/// Most series that a trace may name.
pub const SERIES_MAX: usize = 1 << 14;

const MAGIC: &[u8; 8] = b"SLUICETR";
const TAIL_MAGIC: &[u8; 8] = b"RTECIULS";
const HEAD_BYTES: u64 = 10;
const TAIL_BYTES: u64 = 16;
const KIND_SERIES: u8 = 1;
const KIND_ENTRY: u8 = 2;
const KIND_END: u8 = 3;
const HAS_STATUS: u8 = 1;
const HAS_LATENCY: u8 = 2;

/// One recorded request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// When it arrived, since the first arrival of the trace.
    pub at: Span,
    /// What it said.
    pub recorded: Recorded,
    /// Where it is counted: index into the trace's series.
    pub series: SeriesId,
    /// Who sent it: a number for each client.
    pub identity: u32,
    /// What it was answered with then.
    pub status: Option<u16>,
    /// How long the server took then.
    pub latency: Option<Span>,
}

/// What is known of a trace beside its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Wall time of the first arrival: nanoseconds since 1970 UTC; negative before.
    pub origin_ns: i64,
    /// The coarsest time stamp of the source: arrivals are no better known than this.
    pub resolution: Span,
    /// Whether the source had them in order.
    pub order: Order,
}

/// How the source had its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// In order of time.
    #[default]
    AsLogged,
    /// Not in order; the entries were sorted.
    Sorted,
}

/// Why a trace cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file system refused.
    #[error("cannot {what} trace {}", path.display())]
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
    #[error("{} is not a trace: it does not begin with \"SLUICETR\"; make one with `sluicegate import`", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Written by another version.
    #[error("{}: trace version {found} is not {VERSION}, which this program reads; import the log again", path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Version in the file.
        found: u16,
    },
    /// The end is missing: its writer was interrupted, or the copy was.
    #[error(
        "{}: the trace breaks off at byte {offset} after {entries} whole entries; import the log again, or read what is whole",
        path.display()
    )]
    Truncated {
        /// Which file.
        path: PathBuf,
        /// End of the last whole record.
        offset: u64,
        /// Whole entries before it.
        entries: u64,
    },
    /// A record says something impossible.
    #[error("{}: damaged at byte {offset}: {why}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// What is impossible about it.
        why: &'static str,
    },
    /// An entry that the format cannot hold.
    #[error("entry {number} cannot be written to a trace: {why}")]
    Unwritable {
        /// Which entry, from zero.
        number: u64,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl TraceError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

#[cfg(test)]
mod tests;
