//! What one line of a log says, and why a line is refused: the vocabulary of all formats.
//!
//! Owns [`LineFormat`], the one trait that a format implements, [`Parsed`] and [`Rejected`]. Refuses files and order
//! (`pass`). A new format is one new file and its arm in `format`.

use std::borrow::Cow;
use std::fmt;

use sluicegate_policy::time::Span;

/// Reads the lines of one kind of log.
pub trait LineFormat {
    /// What `line` (without its line end) says. Never panics, whatever the bytes.
    fn parse<'a>(&self, line: &'a [u8]) -> Result<Parsed<'a>, Rejected>;
}

/// One call as a line tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// The line's time.
    pub when: Stamp,
    /// What that time is the time of.
    pub stamp_is: StampIs,
    /// Method, in capitals.
    pub method: Cow<'a, str>,
    /// Path and query, starting with `/`, only bytes that may stand in a request line.
    pub target: Cow<'a, str>,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Time that the server took.
    pub latency: Option<Span>,
    /// Length of the answer.
    pub bytes: Option<u64>,
    /// Who asked: an address, a key, a name.
    pub client: Option<Cow<'a, [u8]>>,
}

/// A time stamp: nanoseconds since 1970 UTC, 1970 to 2262, and how finely it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since 1970-01-01 00:00:00 UTC.
    pub ns: i64,
    /// Its last digit.
    pub resolution: Span,
}

/// What the time of a line is the time of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampIs {
    /// The call arrived.
    Start,
    /// The call was answered: it arrived a latency earlier.
    End,
}

/// The longest target that is accepted; a gateway takes 10,240 bytes of request line and headers together.
pub const TARGET_BYTES_MAX: usize = 1 << 15;

/// Why a line does not become a call. Few in number, so that they can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejected {
    /// Not about a call at all (another part of the server speaks): skipped, counted apart.
    NotACall,
    /// Longer than a line may be.
    TooLong,
    /// Holds a NUL byte.
    Nul,
    /// Ends before this part.
    Missing(Part),
    /// This part cannot be read.
    Bad(Part),
    /// This part's closing quote or bracket is missing: the line is cut.
    Unclosed(Part),
    /// The time lies outside 1970 to 2262.
    OutOfRange,
    /// The latency is below zero.
    NegativeLatency,
    /// More follows where the format ends.
    MoreFollows,
    /// The client sent no request (`"-"`).
    NoRequest,
    /// The request names the server or a tunnel, not a path (`OPTIONS *`, `CONNECT`).
    NotAPath,
    /// The target is longer than [`TARGET_BYTES_MAX`].
    TargetTooLong,
    /// Not a JSON object.
    NotJson,
    /// The line does not have the shape of the format.
    NoMatch,
}

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Client address.
    Client,
    /// User name.
    User,
    /// Time stamp.
    Time,
    /// Request line.
    Request,
    /// Method.
    Method,
    /// Path.
    Path,
    /// Status.
    Status,
    /// Length of the answer.
    Bytes,
    /// Latency.
    Latency,
    /// Referrer.
    Referrer,
    /// User agent.
    Agent,
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "the client address",
            Self::User => "the user name",
            Self::Time => "the time",
            Self::Request => "the request line",
            Self::Method => "the method",
            Self::Path => "the path",
            Self::Status => "the status",
            Self::Bytes => "the length of the answer",
            Self::Latency => "the latency",
            Self::Referrer => "the referrer",
            Self::Agent => "the user agent",
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotACall => f.write_str("it is not about a call"),
            Self::TooLong => f.write_str("it is longer than 1 MiB"),
            Self::Nul => f.write_str("it holds a NUL byte: the file is binary, or in UTF-16"),
            Self::Missing(part) => write!(f, "{} is missing", part.as_str()),
            Self::Bad(part) => write!(f, "{} cannot be read", part.as_str()),
            Self::Unclosed(part) => write!(f, "{} is cut: its closing quote or bracket is missing", part.as_str()),
            Self::OutOfRange => f.write_str("the time lies outside the years 1970 to 2262"),
            Self::NegativeLatency => f.write_str("the latency is below zero"),
            Self::MoreFollows => f.write_str("more follows where the format ends"),
            Self::NoRequest => f.write_str("the client sent no request"),
            Self::NotAPath => f.write_str("the request names the server or a tunnel, not a path"),
            Self::TargetTooLong => f.write_str("the target is longer than 32 KiB"),
            Self::NotJson => f.write_str("it is not a JSON object"),
            Self::NoMatch => f.write_str("it does not have the shape of the format"),
        }
    }
}
