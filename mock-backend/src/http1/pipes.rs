//! The two directions of a connection: what was read and not yet used, what was made and not yet written.
//!
//! Owns both buffers and their bounds. Refuses to know what is in them. Used by `connection`.
//!
//! Reading goes through one buffer that all connections of the thread share, so that a connection which waits holds none; what
//! was read is copied once, into the buffer of which head and body are then parts.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes of one read.
const SHARED_BYTES: usize = 65_536;
/// What may wait unread while a request is answered; beyond it the client has to wait.
const AHEAD_BYTES_MAX: usize = 65_536;
/// From this length on a body is written from where it lies.
const COPIED_BYTES_MAX: usize = 16_384;
/// What may wait unwritten before the next pipelined request is looked at.
const UNWRITTEN_BYTES_MAX: usize = 65_536;

/// The buffer through which all connections of a thread read.
#[derive(Clone)]
pub(crate) struct Shared(Rc<RefCell<Box<[u8]>>>);

/// A stream that both sides of this module can use.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// There is more.
    More,
    /// The client sends no more.
    Closed,
}

/// Both directions of a connection.
pub(crate) struct Pipes<S> {
    stream: S,
    shared: Shared,
    pub(crate) input: BytesMut,
    closed: bool,
    output: Vec<u8>,
    /// A body behind the output that is not copied there.
    tail: Bytes,
    /// How much of the output is written.
    written: usize,
}

impl Shared {
    /// A buffer for one thread.
    pub(crate) fn new() -> Self {
        Self(Rc::new(RefCell::new(vec![0; SHARED_BYTES].into())))
    }
}

impl<S: Stream> Pipes<S> {
    /// Nothing read, nothing to write.
    pub(crate) fn new(stream: S, shared: Shared) -> Self {
        Self { stream, shared, input: BytesMut::new(), closed: false, output: Vec::new(), tail: Bytes::new(), written: 0 }
    }

    /// The stream, and what was read of it.
    pub(crate) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.input.freeze())
    }

    /// Reads once, behind what was read before.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Filled>> {
        if self.closed {
            return Poll::Ready(Ok(Filled::Closed));
        }
        let shared = Rc::clone(&self.shared.0);
        let mut shared = shared.borrow_mut();
        let mut buffer = ReadBuf::new(&mut shared);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        if buffer.filled().is_empty() {
            self.closed = true;
            return Poll::Ready(Ok(Filled::Closed));
        }
        self.input.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(Filled::More))
    }

    /// Reads ahead, up to a bound, while something else is waited for; ready only with an error.
    pub(crate) fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while !self.closed && self.input.len() < AHEAD_BYTES_MAX {
            if let Err(error) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    }

    /// Gives the memory back that nothing waits in.
    pub(crate) fn rest(&mut self) {
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if self.is_written() {
            self.output = Vec::new();
        }
    }

    /// Where the next answer is written.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        if self.output.capacity() == 0 {
            self.output.reserve(512);
        }
        &mut self.output
    }

    /// The end of an answer. There must be no uncopied one before it.
    pub(crate) fn push_body(&mut self, body: Bytes) {
        if body.len() <= COPIED_BYTES_MAX {
            self.output.extend_from_slice(&body);
        } else {
            self.tail = body;
        }
    }

    /// Whether the output has to be written before there is more.
    pub(crate) fn is_full(&self) -> bool {
        !self.tail.is_empty() || self.output.len() >= UNWRITTEN_BYTES_MAX
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_written(&self) -> bool {
        self.output.is_empty() && self.tail.is_empty()
    }

    /// Writes until nothing waits; `progress` hears of each part that went.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, mut progress: impl FnMut()) -> Poll<io::Result<()>> {
        if self.is_written() {
            return Poll::Ready(Ok(()));
        }
        while self.written < self.output.len() || !self.tail.is_empty() {
            let parts = [IoSlice::new(&self.output[self.written..]), IoSlice::new(&self.tail)];
            let bytes = if self.tail.is_empty() {
                ready!(Pin::new(&mut self.stream).poll_write(cx, &parts[0]))?
            } else {
                ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &parts))?
            };
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_output = bytes.min(self.output.len() - self.written);
            self.written += of_output;
            self.tail.advance(bytes - of_output);
            progress();
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.output.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Tells the client that no more comes.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
