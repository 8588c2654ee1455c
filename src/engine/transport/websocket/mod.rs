//! WebSocket: a connection that messages go over, both ways, driven in its owner's task.
//!
//! Owns an open connection, its bounds, and the names of what goes wrong on it. The frames are tungstenite's. Refuses to decide what is
//! said, and to wait: what does not go out at once is kept, and the task is woken when it can go on.
//!
//! What an idle connection keeps is its socket, the library's state and a read buffer of one kilobyte. A message is one write and, as a
//! short read tells that there is no more, one read. The library keeps the room of the largest message that a connection has had.

pub(in crate::engine) mod upgrade;
mod wire;

use std::io;
use std::task::{Poll, Waker};

use bytes::Bytes;
use sluicegate_policy::time::Instant;
use sluicegate_timer::Clock;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes, WebSocket};

use self::wire::Wire;
use super::stamp::{Broken, Stream};
use crate::measure::Outcome;

/// Bytes that are read at a time, and kept for it.
const READ_BYTES: usize = 1024;
/// What may come in beside messages (control frames, heads of fragments) before one is complete.
const BESIDE_BYTES: usize = 64 * 1024;

/// An open connection.
pub(in crate::engine) struct Socket {
    inner: WebSocket<Wire>,
    /// Messages and frames are not larger.
    bytes_max: usize,
}

/// What has come.
#[derive(Debug)]
pub(in crate::engine) enum Came {
    /// A message, text or binary.
    Message(Bytes),
    /// A pong, with what its ping said.
    Pong(Bytes),
    /// A ping, which is answered already.
    Ping,
    /// The other side closes, with this code.
    Close(u16),
    /// The connection is over.
    Gone(Gone),
}

/// Why a connection is over without a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Gone {
    /// The other side closed it.
    Closed,
    /// The other side reset it.
    Reset,
    /// What it sent is no WebSocket.
    Nonsense,
    /// What it sent is too much: a message, a frame, or fragments without end.
    TooMuch,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Wrote {
    /// All of it.
    All,
    /// A part, or nothing; the rest is kept.
    Part,
    /// It cannot be sent at all: it is too long, or its text is none.
    Never,
    /// The connection is over.
    Gone(Gone),
}

impl Socket {
    /// Over a connection that was upgraded; `rest` was read of it already, and the task that is woken has this waker.
    pub(in crate::engine) fn new(stream: Stream, rest: Vec<u8>, (waker, clock): (Waker, Clock), bytes_max: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            // One message and the pongs beside it.
            .max_write_buffer_size(2 * bytes_max + READ_BYTES)
            .max_message_size(Some(bytes_max))
            .max_frame_size(Some(bytes_max));
        let wire = Wire::new(stream, waker, clock);
        Self { inner: WebSocket::from_partially_read(wire, rest, Role::Client, Some(config)), bytes_max }
    }

    /// When the first byte of the last message went out.
    pub(in crate::engine) fn sent(&self) -> Instant {
        self.inner.get_ref().sent()
    }

    /// Sends a text.
    pub(in crate::engine) fn say(&mut self, text: &[u8]) -> Wrote {
        self.inner.get_mut().begin();
        if text.len() > self.bytes_max {
            return Wrote::Never;
        }
        match Utf8Bytes::try_from(Bytes::copy_from_slice(text)) {
            Ok(text) => Self::written(self.inner.send(Message::Text(text))),
            Err(_) => Wrote::Never,
        }
    }

    /// Sends a ping that says `what`.
    pub(in crate::engine) fn ping(&mut self, what: &[u8]) -> Wrote {
        self.inner.get_mut().begin();
        Self::written(self.inner.send(Message::Ping(Bytes::copy_from_slice(what))))
    }

    /// Sends a close frame, with a code or empty.
    pub(in crate::engine) fn close(&mut self, code: Option<u16>) -> Wrote {
        self.inner.get_mut().begin();
        let frame = code.map(|code| CloseFrame { code: CloseCode::from(code), reason: Utf8Bytes::default() });
        Self::written(self.inner.close(frame))
    }

    /// Sends what was kept.
    pub(in crate::engine) fn go_on(&mut self) -> Wrote {
        Self::written(self.inner.flush())
    }

    /// What has come, if anything has.
    pub(in crate::engine) fn poll(&mut self) -> Poll<Came> {
        match self.inner.read() {
            Ok(message) => {
                self.inner.get_mut().on_message();
                Poll::Ready(self.came(message))
            }
            Err(error) => match gone(&error) {
                Some(gone) => Poll::Ready(Came::Gone(gone)),
                None if self.inner.get_ref().unfinished() > self.bytes_max + BESIDE_BYTES => {
                    Poll::Ready(Came::Gone(Gone::TooMuch))
                }
                None => Poll::Pending,
            },
        }
    }

    /// Says why the other side is not listened to any more, if it can be said at once.
    pub(in crate::engine) fn protest(&mut self, gone: Gone) {
        let code = match gone {
            Gone::Nonsense => 1002,
            Gone::TooMuch => 1009,
            Gone::Closed | Gone::Reset => return,
        };
        let _ = self.close(Some(code));
    }

    /// Has the connection reset when it is dropped, rather than closed.
    pub(in crate::engine) fn reset(&self) {
        self.inner.get_ref().stream().reset_when_dropped();
    }

    fn came(&mut self, message: Message) -> Came {
        match message {
            Message::Text(text) => Came::Message(text.into()),
            Message::Binary(bytes) => Came::Message(bytes),
            Message::Pong(what) => Came::Pong(what),
            // Reading on would answer it, too; but there may be nothing to read for long. Where the socket is full, reading on does.
            Message::Ping(_) => {
                let _ = self.inner.flush();
                Came::Ping
            }
            Message::Close(frame) => {
                // The echo; where the socket is full, nobody waits for it.
                let _ = self.inner.flush();
                Came::Close(frame.map_or(1005, |frame| frame.code.into()))
            }
            // Only what is written may be a bare frame.
            Message::Frame(_) => Came::Ping,
        }
    }

    fn written(result: Result<(), Error>) -> Wrote {
        match result {
            Ok(()) => Wrote::All,
            Err(Error::WriteBufferFull(_)) => Wrote::Never,
            Err(error) => gone(&error).map_or(Wrote::Part, Wrote::Gone),
        }
    }
}

impl Gone {
    /// How what was under way has ended.
    pub(in crate::engine) const fn outcome(self) -> Outcome {
        match self {
            Self::Closed => Outcome::Closed,
            Self::Reset => Outcome::Reset,
            Self::Nonsense | Self::TooMuch => Outcome::Malformed,
        }
    }
}

/// What an error says of the connection; nothing if it only has to wait.
fn gone(error: &Error) -> Option<Gone> {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Error::Io(error) => Some(of_io(error)),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing) => Some(Gone::Closed),
        Error::Capacity(_) => Some(Gone::TooMuch),
        _ => Some(Gone::Nonsense),
    }
}

fn of_io(error: &io::Error) -> Gone {
    match Broken::of(error) {
        Some(Broken::Closed) => Gone::Closed,
        Some(Broken::Reset) => Gone::Reset,
        // TLS that does not decipher, as in exchanges.
        None => Gone::Nonsense,
    }
}
