//! What a WebSocket client does: it connects, sends messages, asks and waits for replies, posts to others, pings, is silent, closes.
//!
//! Owns the values that `load` produces and that `engine` and `sim` consume for sessions over a connection of their own. Refuses
//! bytes: a turn names its content, the [`catalog`](super::catalog) makes it. A type beside [`Step`](super::Step), not a variant of
//! its action: what plays requests cannot be given a message, nor the other way round, and neither has to say what it would do then.

use std::fmt;
use std::sync::Arc;

use sluicegate_policy::time::Span;

use super::catalog::{SeriesId, TemplateId};
use super::{Due, What};

/// One turn of a session: a client with one connection at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which session, unique within the script and the same however many lanes there are.
    pub session: u32,
    /// Which turn of it, from zero; it never repeats within a session, so that a reply finds its question.
    pub seq: u32,
    /// When it is intended. [`Due::After`] counts from the event that the source was told last for this session.
    pub due: Due,
    /// What is done.
    pub act: Act,
}

/// Which turn of which session: what the field `{call}` holds, unique within the script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The session.
    pub session: u32,
    /// The turn of it.
    pub seq: u32,
}

impl Turn {
    /// Its name within the script.
    pub const fn call(&self) -> Call {
        Call { session: self.session, seq: self.seq }
    }
}

impl Act {
    /// Where it is counted: a goodbye as `closes` says, or as the connection that it ends, whose is `connects`.
    pub fn series(&self, closes: Option<SeriesId>, connects: SeriesId) -> SeriesId {
        match self {
            Self::Connect(connect) => connect.series,
            Self::Message(message) => message.series,
            Self::Post(post) => post.series,
            Self::Ping { series } => *series,
            Self::Close(_) => closes.unwrap_or(connects),
        }
    }

    /// Whose it is; what nobody says in anybody's name is the first identity's.
    pub const fn identity(&self) -> u32 {
        match self {
            Self::Connect(connect) => connect.identity,
            Self::Message(message) => message.identity,
            Self::Post(post) => post.identity,
            Self::Ping { .. } | Self::Close(_) => 0,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.session, self.seq)
    }
}

/// What a turn does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Open the connection: TCP, TLS, upgrade.
    Connect(Connect),
    /// Send a message, and perhaps wait for its reply.
    Message(Message),
    /// Post a text to connections of others, over HTTP.
    Post(Post),
    /// Send a ping, and wait for its pong.
    Ping {
        /// Where it is counted.
        series: SeriesId,
    },
    /// Close the connection.
    Close(Farewell),
}

/// The opening of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Where it is counted.
    pub series: SeriesId,
    /// Which of the synthetic identities it is.
    pub identity: u32,
    /// What makes its path, query and headers; subprotocols are a header.
    pub what: What,
    /// Fingerprint of what its session says, and when, where that is known beforehand; zero where it is drawn.
    pub course: u64,
    /// Which attempt it is: zero for the first connection of the session, then one for each time that it comes back.
    pub attempt: u32,
    /// Which of the catalog's streams its session hears ([`Stream`]), in the order of their ids.
    pub hears: Hears,
    /// Where its messages say what the connection is called: index into the catalog's [names](super::Catalog::names). Without it nobody
    /// can [post](Post) to the connection.
    pub named: Option<NameId>,
}

/// Which streams of pushed messages a session is to receive: a set of the first 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hears(pub u64);

impl Hears {
    /// Whether the stream is one of them.
    pub const fn has(self, stream: StreamId) -> bool {
        self.0 >> stream.0 & 1 == 1
    }
}

/// One message up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Where it is counted.
    pub series: SeriesId,
    /// Which of the synthetic identities sends it.
    pub identity: u32,
    /// What makes its text.
    pub text: Text,
    /// Whether a reply is waited for.
    pub awaits: Awaits,
    /// Which stream it publishes to, if it does: the engine numbers what is published to each, and every session that hears the stream
    /// is to receive it.
    pub publishes: Option<StreamId>,
}

/// A text that a back end posts to connections (`POST @connections/{connectionId}`): to every connection of the run that is open when the
/// step is due, hears the stream, and whose name is known by then. Each gets it by an HTTP request of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where the step is counted, from its intended instant until the last of its posts has ended.
    pub series: SeriesId,
    /// Where each of its posts is counted.
    pub each: SeriesId,
    /// Which of the synthetic identities posts.
    pub identity: u32,
    /// Which template of the catalog makes its text.
    pub template: TemplateId,
    /// From which the template's fields are drawn.
    pub key: u64,
    /// The stream: all of its posts have one number of it.
    pub to: StreamId,
    /// How many posts are under way at a time; at least one.
    pub at_once: u32,
}

/// What makes the text of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// A template of the catalog, filled by draws from `key`.
    Described {
        /// Which template.
        template: TemplateId,
        /// From which its fields are drawn; the same key gives the same text.
        key: u64,
    },
    /// A text as it was recorded.
    Recorded(Arc<str>),
}

/// Whether a message has a reply, and how the reply is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaits {
    /// It has none: it has ended when it is written.
    Nothing,
    /// The next message from the other side that is not a push of a stream is its reply: one question after the other.
    Next {
        /// How long it is waited for.
        timeout: Span,
    },
    /// The reply has, at the path of this correlation of the catalog, what the message has there.
    Same {
        /// Which correlation: index into the catalog's.
        correlation: u8,
        /// How long it is waited for.
        timeout: Span,
    },
}

/// Index into the catalog's names of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(pub u8);

/// Index into the catalog's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u8);

/// Messages that are pushed to many, numbered by their publisher: what a receiver misses, gets twice or in the wrong order is seen by
/// their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Where deliveries are counted.
    pub series: SeriesId,
    /// The place of the number in a pushed message, as keys from the outermost on: `["detail", "n"]`.
    pub number: Vec<String>,
    /// Where a pushed message says of which stream it is; without it every message that has a number is.
    pub named: Option<Vec<String>>,
}

/// How a connection is closed by its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// With a close frame of this code, and then waiting for the other side's.
    Code(u16),
    /// With an empty close frame.
    Empty,
    /// Without a word: the TCP connection is closed.
    Silent,
    /// Without a word, and at once: it is reset.
    Reset,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClosedBy {
    /// This client, as its script says.
    Client,
    /// This client, because of what the other side sent: no WebSocket frames, or too much.
    ClientProtest,
    /// The other side, with a close frame.
    Server,
    /// The other side or the way there, without a word.
    Network,
}
