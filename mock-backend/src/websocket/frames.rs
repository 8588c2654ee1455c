//! The bytes of a connection: frames in, frames out.
//!
//! Owns the use of `tungstenite` over a stream that is polled, its limits, and which of its errors means what. Refuses to know what a
//! message is for. Used by `connection`.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::ReadBuf;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame, Utf8Bytes};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

use crate::http1::pipes::Stream;

/// What is read at a time, and held by a connection that waits. Longer messages get room of their own.
const READ_BYTES: usize = 1_024;

/// The longest frame that the gateway sends; a longer message is sent in several (developer guide, "Quotas", 2026: 32 KB a frame).
const FRAME_OUT_BYTES: usize = 32 << 10;

/// A connection's codec.
pub(super) struct Frames {
    context: WebSocketContext,
    /// Whether something is written only in part.
    unflushed: bool,
}

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// A text message.
    Text(Bytes),
    /// A message of bytes.
    Binary,
    /// A ping, which is answered already.
    Ping,
    /// A frame that asks for nothing.
    Nothing,
    /// A message, or a frame, that is too long to read; nothing can be read after it.
    Oversized,
    /// The client closes, with this code; 1005 without one.
    Close(u16),
    /// All is said, both ways.
    Closed,
    /// What came is no frame, or none that may come now; to be closed with this code.
    Unruly(u16),
    /// The way to the client is gone.
    Gone,
}

impl Frames {
    /// A codec for a connection that is open, of which these bytes were read already.
    pub(super) fn new(read: &Bytes, frame_bytes: u64, message_bytes: u64) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(usize::MAX)
            .max_frame_size(Some(usize::try_from(frame_bytes).unwrap_or(usize::MAX)))
            .max_message_size(Some(usize::try_from(message_bytes).unwrap_or(usize::MAX)));
        let context = if read.is_empty() {
            WebSocketContext::new(Role::Server, Some(config))
        } else {
            WebSocketContext::from_partially_read(read.to_vec(), Role::Server, Some(config))
        };
        Self { context, unflushed: false }
    }

    /// What the client says next.
    pub(super) fn poll_read<S: Stream>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<Came> {
        match self.context.read(&mut Polled { stream, cx }) {
            Ok(Message::Text(text)) => Poll::Ready(Came::Text(text.into())),
            Ok(Message::Binary(_)) => Poll::Ready(Came::Binary),
            Ok(Message::Ping(_)) => {
                self.unflushed = true;
                Poll::Ready(Came::Ping)
            }
            Ok(Message::Pong(_) | Message::Frame(_)) => Poll::Ready(Came::Nothing),
            Ok(Message::Close(frame)) => {
                self.unflushed = true;
                Poll::Ready(Came::Close(frame.map_or(1005, |frame| frame.code.into())))
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(meaning(&error)),
        }
    }

    /// Begins to write a message; it is all the codec's from now on.
    pub(super) fn write<S: Stream>(&mut self, stream: &mut S, cx: &mut Context<'_>, message: &Bytes) -> Result<(), Came> {
        let mut rest = message.clone();
        let mut opcode = opcode_of(message);
        loop {
            let part = rest.split_to(rest.len().min(FRAME_OUT_BYTES));
            let frame = Frame::message(part, OpCode::Data(opcode), rest.is_empty());
            opcode = Data::Continue;
            let written = self.context.write(&mut Polled { stream, cx }, Message::Frame(frame));
            self.note(written)?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    /// Begins to close.
    pub(super) fn close<S: Stream>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        (code, reason): (u16, &'static str),
    ) -> Result<(), Came> {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::from_static(reason) };
        let closed = self.context.close(&mut Polled { stream, cx }, Some(frame));
        self.note(closed)
    }

    /// Writes what is not written yet.
    pub(super) fn poll_flush<S: Stream>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<Result<(), Came>> {
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.context.flush(&mut Polled { stream, cx });
        match self.note(flushed) {
            Ok(()) if self.unflushed => Poll::Pending,
            done => Poll::Ready(done),
        }
    }

    fn note(&mut self, result: Result<(), Error>) -> Result<(), Came> {
        match result {
            Ok(()) => self.unflushed = false,
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => self.unflushed = true,
            Err(error) => return Err(meaning(&error)),
        }
        Ok(())
    }
}

/// Text is what can be text.
fn opcode_of(message: &Bytes) -> Data {
    if str::from_utf8(message).is_ok() { Data::Text } else { Data::Binary }
}

fn meaning(error: &Error) -> Came {
    use tokio_tungstenite::tungstenite::error::ProtocolError;
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Came::Closed,
        Error::Capacity(_) => Came::Oversized,
        Error::Utf8(_) => Came::Unruly(1007),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) | Error::Io(_) => Came::Gone,
        _ => Came::Unruly(1002),
    }
}

/// A stream that is polled, as somebody sees it who reads and writes and is told when that would block.
struct Polled<'p, 'c, S> {
    stream: &'p mut S,
    cx: &'p mut Context<'c>,
}

fn or_would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl<S: Stream> Read for Polled<'_, '_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(into);
        or_would_block(Pin::new(&mut *self.stream).poll_read(self.cx, &mut buffer))?;
        Ok(buffer.filled().len())
    }
}

impl<S: Stream> Write for Polled<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.stream).poll_write(self.cx, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        or_would_block(Pin::new(&mut *self.stream).poll_flush(self.cx))
    }
}
