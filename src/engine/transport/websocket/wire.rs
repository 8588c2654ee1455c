//! A connection as the WebSocket library takes it: reads and writes that never wait.
//!
//! Owns the waker of the connection's one task, and what is counted of single messages: when the first byte of one went out, and how much
//! came in without making one. Refuses frames (the library knows them).

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use sluicegate_policy::time::Instant;
use sluicegate_timer::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::engine::transport::stamp::Stream;

/// A connection and its task.
pub(super) struct Wire {
    stream: Stream,
    waker: Waker,
    clock: Clock,
    sent: Instant,
    /// Bytes that were read since the last message was complete.
    unfinished: usize,
}

impl Wire {
    pub(super) const fn new(stream: Stream, waker: Waker, clock: Clock) -> Self {
        Self { stream, waker, clock, sent: Instant::MAX, unfinished: 0 }
    }

    /// The next byte that goes out is the first of a message.
    pub(super) const fn begin(&mut self) {
        self.sent = Instant::MAX;
    }

    /// When the first byte of the message went out; [`Instant::MAX`] if none has.
    pub(super) const fn sent(&self) -> Instant {
        self.sent
    }

    /// A message is complete.
    pub(super) const fn on_message(&mut self) {
        self.unfinished = 0;
    }

    pub(super) const fn unfinished(&self) -> usize {
        self.unfinished
    }

    pub(super) const fn stream(&self) -> &Stream {
        &self.stream
    }
}

fn now_or_later<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut room = ReadBuf::new(buf);
        let mut cx = Context::from_waker(&self.waker);
        now_or_later(Pin::new(&mut self.stream).poll_read(&mut cx, &mut room))?;
        let read = room.filled().len();
        self.unfinished += read;
        Ok(read)
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut cx = Context::from_waker(&self.waker);
        let written = now_or_later(Pin::new(&mut self.stream).poll_write(&mut cx, buf))?;
        if self.sent == Instant::MAX && written > 0 {
            self.sent = self.clock.now();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut cx = Context::from_waker(&self.waker);
        now_or_later(Pin::new(&mut self.stream).poll_flush(&mut cx))
    }
}
