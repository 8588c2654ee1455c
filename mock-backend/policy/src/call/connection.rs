//! WebSocket connections in the vocabulary of the seam.
//!
//! Owns what a connection is called, what a message is besides a call, and why the gateway closes one. Refuses to keep them
//! (`gateway::connections` does). Part of [`call`](super).

/// Names one connection of a WebSocket API; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Names a message that is on its way to several connections; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FanOutId(pub u64);

/// What a message is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Text.
    #[default]
    Text,
    /// Bytes.
    Binary,
    /// Nobody read it: a frame of it, or all of it, is above the limit.
    Oversized,
}

/// What is asked of a connection over `@connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Send it this; so many bytes wait for its client already.
    Post {
        /// Bytes that are not written yet.
        unread: u64,
    },
    /// Tell of it.
    Get,
    /// Close it.
    Delete,
}

/// Why the gateway closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Closing {
    /// No message for too long.
    Idle,
    /// It was open for as long as it may be.
    Life,
    /// Its client sent more than a throttle lets pass.
    Throttled,
    /// Its client sent bytes.
    Binary,
    /// Its client sent too much at once.
    TooLarge,
    /// Its client does not read.
    Unread,
    /// Somebody asked for it over `@connections`.
    Deleted,
    /// Whoever tests clients wants it, with this code.
    Fault(u16),
    /// Whoever tests clients wants it, without a word.
    Cut,
}

impl Closing {
    /// The code of the close frame; `None` if there is no such frame. Source: developer guide, "WebSocket API close codes", 2026; of
    /// `DELETE` an issue of a third party.
    pub const fn code(self) -> Option<u16> {
        match self {
            Self::Idle | Self::Life => Some(1001),
            Self::Throttled | Self::Unread => Some(1008),
            Self::Binary => Some(1003),
            Self::TooLarge => Some(1009),
            Self::Deleted => Some(1000),
            Self::Fault(code) => Some(code),
            Self::Cut => None,
        }
    }

    /// What the close frame says beside its code.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Idle | Self::Life => "Going away",
            Self::Deleted => "Connection Closed Normally",
            Self::Throttled | Self::Binary | Self::TooLarge | Self::Unread | Self::Fault(_) | Self::Cut => "",
        }
    }

    /// The word for it in counts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Life => "life",
            Self::Throttled => "throttled",
            Self::Binary => "binary",
            Self::TooLarge => "too-large",
            Self::Unread => "unread",
            Self::Deleted => "deleted",
            Self::Fault(_) => "fault",
            Self::Cut => "cut",
        }
    }
}
