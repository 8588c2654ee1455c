//! What a WebSocket API has that the others have not.
//!
//! Owns its keys and their documentation. Refuses to relate them (`prove`). Read by `raw::gateway`.

use crate::config::reader::{At, section};
use crate::config::value::{Bytes, CloseCode, Count, Duration, Pings, Receivers, Shape, SlowReader, Text};

section! {
    /// Limits of connections, and what nobody has confirmed of them.
    #[derive(Default)]
    WebSocket {
        /// How long a connection may be without a message in either direction; then it is closed (1001). Default: 10m, as the provider's.
        idle: Option<At<Duration>>,
        /// How long a connection may be open; then it is closed (1001). Default: 2h, as the provider's.
        life: Option<At<Duration>>,
        /// Length of a frame that a client sends; one that is longer closes the connection (1009). Default: 32 KB, as the provider's.
        frame: Option<At<Bytes>>,
        /// Length of a message, either way. Default: 128 KB, as the provider's.
        message: Option<At<Bytes>>,
        /// How many bytes may wait for a client that does not read. Default: 256 KB, a guess: the provider names no bound.
        unread: Option<At<Bytes>>,
        /// What becomes of a client with so many bytes unread: kept (whoever posts to it is refused with 429) or closed (1008, too). Nobody
        /// has confirmed either. Default: kept.
        slow_reader: Option<At<SlowReader>>,
        /// Whether a client's ping counts as a message for the idle time: ignored or counted. Nobody has confirmed either; the guide
        /// speaks of messages. Default: ignored.
        pings: Option<At<Pings>>,
        /// The authorizer of kind `iam` that verifies the signatures of calls to `@connections`. Default: none, anybody may call, which the
        /// real gateway does not allow.
        callbacks: Option<At<Text>>,
        /// When all connections are closed at once, as nobody but a test would. Default: never.
        drops: Option<Vec<At<Drop>>>,
    }
}

section! {
    /// All connections are closed at once.
    Drop {
        /// How long after the start of the run.
        at: At<Duration>,
        /// The code of the close frame, e.g. 1012; or cut, without such a frame.
        code: At<CloseCode>,
        /// The stage whose connections these are. Default: all stages of the API.
        stage: Option<At<Text>>,
    }
}

section! {
    /// To whom a modelled function posts the message that it got.
    Posts {
        /// To everyone who is connected to the stage, to others (everyone but the sender) or to the sender alone. Default: everyone.
        to: Option<At<Receivers>>,
        /// How many are posted at a time. Default: 1.
        at_once: Option<At<Count>>,
        /// How long one post takes, before the next begins.
        each: At<Shape>,
    }
}
