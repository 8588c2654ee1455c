//! The wrapper around a socket that stamps when the first byte goes out and comes in, and counts bytes.
//!
//! Owns what happened on one connection. Refuses to understand any of it. Bytes are counted on the wire, under TLS; stamps are
//! taken above it, so that a session ticket is not mistaken for the beginning of an answer.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use sluicegate_policy::time::Instant;
use sluicegate_timer::Clock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes and connections of a whole lane.
#[derive(Debug, Default)]
pub(in crate::engine) struct Meter {
    pub(in crate::engine) bytes_sent: Cell<u64>,
    pub(in crate::engine) bytes_received: Cell<u64>,
    pub(in crate::engine) opened: Cell<u64>,
    pub(in crate::engine) reopened: Cell<u64>,
    pub(in crate::engine) failed: Cell<u64>,
    pub(in crate::engine) no_sockets: Cell<u64>,
}

/// What happened on a connection: since the exchange began, and to the connection itself.
#[derive(Debug)]
pub(in crate::engine) struct Watch {
    clock: Clock,
    sent: Cell<Instant>,
    first_byte: Cell<Instant>,
    broken: Cell<Option<Broken>>,
    reads: Cell<u64>,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Broken {
    /// The peer closed it.
    Closed,
    /// The peer reset it.
    Reset,
}

impl Watch {
    pub(in crate::engine) fn new(clock: Clock) -> Rc<Self> {
        let absent = || Cell::new(Instant::MAX);
        Rc::new(Self { clock, sent: absent(), first_byte: absent(), broken: Cell::new(None), reads: Cell::new(0) })
    }

    /// The watch over a connection in the middle of an exchange.
    pub(super) fn going_on(clock: Clock, sent: Instant, first_byte: Instant) -> Rc<Self> {
        let watch = Self::new(clock);
        watch.sent.set(sent);
        watch.first_byte.set(first_byte);
        watch
    }

    /// The next byte each way is the first of an exchange.
    pub(super) fn begin(&self) {
        self.sent.set(Instant::MAX);
        self.first_byte.set(Instant::MAX);
    }

    pub(super) fn sent(&self) -> Instant {
        self.sent.get()
    }

    pub(super) fn first_byte(&self) -> Instant {
        self.first_byte.get()
    }

    /// How often something was read.
    pub(super) fn reads(&self) -> u64 {
        self.reads.get()
    }

    pub(super) fn broken(&self) -> Option<Broken> {
        self.broken.get()
    }

    fn on_written(&self, result: &io::Result<usize>) {
        match result {
            Ok(0) => {}
            Ok(_) => self.stamp(&self.sent),
            Err(error) => self.on_error(error),
        }
    }

    fn on_read(&self, result: &io::Result<()>, bytes: usize) {
        self.reads.set(self.reads.get() + 1);
        match result {
            Ok(()) if bytes > 0 => self.stamp(&self.first_byte),
            Ok(()) => self.broken.set(Some(Broken::Closed)),
            Err(error) => self.on_error(error),
        }
    }

    fn stamp(&self, cell: &Cell<Instant>) {
        if cell.get() == Instant::MAX {
            cell.set(self.clock.now());
        }
    }

    fn on_error(&self, error: &io::Error) {
        if self.broken.get().is_none() {
            self.broken.set(Broken::of(error));
        }
    }
}

impl Broken {
    /// What an error says of the connection; `None` if it may be unharmed.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        match error.kind() {
            // A TLS peer that closed without saying so.
            io::ErrorKind::UnexpectedEof => Some(Self::Closed),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            // It was sent again and again, and never acknowledged.
            | io::ErrorKind::TimedOut => Some(Self::Reset),
            _ => None,
        }
    }
}

/// Counts the bytes of a stream.
#[derive(Debug)]
pub(in crate::engine) struct Counted<S> {
    inner: S,
    meter: Rc<Meter>,
}

/// A connection, in the clear or under TLS.
#[derive(Debug)]
pub(in crate::engine) enum Stream {
    Plain(Counted<TcpStream>),
    Tls(Box<TlsStream<Counted<TcpStream>>>),
}

/// A connection that is watched.
#[derive(Debug)]
pub(in crate::engine) struct Stamped {
    inner: Stream,
    watch: Rc<Watch>,
}

impl<S> Counted<S> {
    pub(super) const fn new(inner: S, meter: Rc<Meter>) -> Self {
        Self { inner, meter }
    }
}

impl Stream {
    /// Has the connection reset when it is dropped: what was not sent yet is thrown away, and the peer is told so.
    pub(in crate::engine) fn reset_when_dropped(&self) {
        let socket = match self {
            Self::Plain(stream) => &stream.inner,
            Self::Tls(stream) => &stream.get_ref().0.inner,
        };
        // Where it cannot be set, the connection is closed in the usual way, which nobody here can tell from it.
        let _ = socket2::SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO));
    }

    /// The version of TLS that both sides agreed on, and the target's own certificate; `None` in the clear.
    pub(in crate::engine) fn session(&self) -> Option<(String, Vec<u8>)> {
        let Self::Tls(stream) = self else { return None };
        let session = stream.get_ref().1;
        let version = session.protocol_version().map(|version| format!("{version:?}"))?;
        Some((version, session.peer_certificates()?.first()?.to_vec()))
    }

    /// The protocol that both sides agreed on, if they spoke about it.
    pub(in crate::engine) fn agreed(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }
}

impl Stamped {
    pub(in crate::engine) const fn new(inner: Stream, watch: Rc<Watch>) -> Self {
        Self { inner, watch }
    }
}

fn add(cell: &Cell<u64>, bytes: usize) {
    cell.set(cell.get() + bytes as u64);
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        add(&self.meter.bytes_received, buf.filled().len() - before);
        Poll::Ready(result)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        add(&self.meter.bytes_sent, *result.as_ref().unwrap_or(&0));
        Poll::Ready(result)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, bufs));
        add(&self.meter.bytes_sent, *result.as_ref().unwrap_or(&0));
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Stamped {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.inner).poll_read(cx, buf));
        self.watch.on_read(&result, buf.filled().len() - before);
        Poll::Ready(result)
    }
}

impl AsyncWrite for Stamped {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write(cx, buf));
        self.watch.on_written(&result);
        Poll::Ready(result)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, bufs));
        self.watch.on_written(&result);
        Poll::Ready(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
