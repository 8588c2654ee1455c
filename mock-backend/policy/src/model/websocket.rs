//! What a WebSocket API has that the others have not.
//!
//! Owns the settings with the provider's limits, and how one message reaches many. Refuses to count connections and to close them
//! (`gateway::connections`), and to look into a message (`render`).
//!
//! Every limit is a setting, so that a test need not wait ten minutes for what takes ten minutes.

use crate::latency::Latency;
use crate::time::Span;

/// Settings of a WebSocket API; of other APIs nobody reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocket {
    /// Where the route key stands in a message, as keys from the outermost on: `$request.body.action` is `["action"]`.
    pub selection: Vec<String>,
    /// How long a connection may be without a message in either direction.
    pub idle: Span,
    /// How long a connection may be open.
    pub life: Span,
    /// Most bytes of a frame that a client sends; of a message the API's payload limit says it.
    pub frame_bytes: u64,
    /// Most bytes that wait for a client which does not read; nobody knows the provider's.
    pub unread_bytes: u64,
    /// What becomes of a client that has so many bytes unread.
    pub slow_reader: SlowReader,
    /// Whether a ping of the client counts as a message for the idle time. Unconfirmed: the guide speaks of messages.
    pub pings: Pings,
}

/// What becomes of a client that does not read what it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowReader {
    /// Whoever sends to it is refused (429), and it stays.
    #[default]
    Kept,
    /// Whoever sends to it is refused, and it is closed (1008: our own choice, as nobody says).
    Closed,
}

/// Whether a ping of the client counts as a message for the idle time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pings {
    /// It does not.
    #[default]
    Ignored,
    /// It does.
    Counted,
}

/// Whether what a message's integration answers is sent to the client: a route response (developer guide, "Set up route responses for
/// WebSocket APIs", 2023).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteResponse {
    /// It is dropped.
    #[default]
    Absent,
    /// It is sent.
    Present,
}

/// What a modelled function does with a message beside answering: it posts it to others. A real function does so by itself, over
/// `@connections`.
#[derive(Clone, Debug, PartialEq)]
pub struct FanOut {
    /// To whom.
    pub to: Receivers,
    /// How many are posted at a time.
    pub at_once: u32,
    /// How long one post takes, before the next begins.
    pub each: Latency,
}

/// Who gets what a function posts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Receivers {
    /// All that are connected to the stage.
    #[default]
    Everyone,
    /// All but the one that sent it.
    Others,
    /// The one that sent it.
    Sender,
}

impl Default for WebSocket {
    /// The provider's limits (developer guide, "Quotas for configuring and running a WebSocket API", 2026): 10 minutes idle, 2 hours, 32 KB
    /// a frame.
    fn default() -> Self {
        Self {
            selection: vec!["action".to_owned()],
            idle: Span::from_secs(600),
            life: Span::from_secs(7_200),
            frame_bytes: 32 << 10,
            unread_bytes: 256 << 10,
            slow_reader: SlowReader::Kept,
            pings: Pings::Ignored,
        }
    }
}
