//! hyper on a connection that said something unusual.
//!
//! Owns the connection from then on. Refuses to be told twice: what was written of the request is not written again, what was read
//! of the answer is read once more.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use sluicegate_policy::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Life;
use super::lean::Taken;
use super::tap::Tap;
use crate::engine::job::Ending;
use crate::engine::transport::clue::{self, Clue, Heed};
use crate::engine::transport::failure::{self, Reached};
use crate::engine::transport::request::Encoded;
use crate::engine::transport::stamp::{Stamped, Watch};
use crate::measure::Outcome;

/// A connection in hyper's hands.
pub(super) struct Fallback {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Resumed>, Full<Bytes>>,
    watch: Rc<Watch>,
    heed: Heed,
    life: Life,
    tap: Tap,
    /// What the gateway calls the request that was answered last, if somebody wants to know and nobody took it yet.
    id: Option<Box<str>>,
}

/// What has been read of an answer.
struct Reading {
    /// Zero until its head was complete.
    status: u16,
    clue: Option<Clue>,
    id: Option<Box<str>>,
    body: Option<Incoming>,
}

/// A connection on which an exchange is under way, to somebody who begins it.
struct Resumed {
    inner: Stamped,
    /// Bytes of the request that were written already.
    written: usize,
    /// What was read of the answer.
    begun: Bytes,
}

impl Fallback {
    /// Takes over a connection with an exchange under way: the next [`exchange`](Self::exchange) goes on with it.
    pub(super) async fn take_over(taken: Taken) -> Result<Self, Outcome> {
        let Taken { stream, clock, heed, sent, first_byte, written, begun } = taken;
        let watch = Watch::going_on(clock, sent, first_byte);
        let io = Resumed { inner: Stamped::new(stream, Rc::clone(&watch)), written, begun: Bytes::from(begun) };
        // Head and body in one buffer and one plain write: cheaper than gathering for the small requests of an API.
        let shaken = Builder::new().writev(false).handshake(TokioIo::new(io)).await;
        let (sender, connection) = shaken.map_err(|_| Outcome::Malformed)?;
        let tap = Tap::new(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
        Ok(Self { sender, connection, watch, heed, life: Life::Fresh, tap, id: None })
    }

    pub(super) const fn life(&self) -> Life {
        self.life
    }

    pub(super) fn times(&self) -> (Instant, Instant) {
        (self.watch.sent(), self.watch.first_byte())
    }

    pub(super) fn begin(&self) {
        self.watch.begin();
    }

    /// What the gateway calls the request of the exchange that ended, once.
    pub(super) const fn take_id(&mut self) -> Option<Box<str>> {
        self.id.take()
    }

    /// Looks after the connection while nothing is in flight; ready when it is over.
    pub(super) fn poll_idle(&mut self) -> Poll<()> {
        let Self { connection, life, tap, .. } = self;
        tap.poll(|cx| poll_connection(connection, life, cx))
    }

    /// Whether an exchange can begin now; asked after [`poll_idle`](Self::poll_idle).
    pub(super) fn is_ready(&self) -> bool {
        self.life != Life::Over && self.sender.is_ready()
    }

    /// Sends a request and reads its answer to the end.
    pub(super) async fn exchange(&mut self, request: Encoded) -> Ending {
        let Self { sender, connection, watch, heed, life, tap, id } = self;
        if *life == Life::Used {
            watch.begin();
        }
        *life = Life::Used;
        let answer = sender.send_request(request);
        let mut answer = pin!(answer);
        let mut reading = Reading { status: 0, clue: None, id: None, body: None };
        let read = poll_fn(|_| {
            tap.poll(|cx| {
                // The connection first: what it reads is there for the answer in the same round.
                let _ = poll_connection(connection, life, cx);
                reading.poll(answer.as_mut(), *heed, cx)
            })
        });
        let read = read.await;
        *id = reading.id.take();
        match read {
            Ok(()) => reading.ending(),
            Err(error) => {
                *life = Life::Over;
                let status = reading.status;
                let reached = if status == 0 { Reached::Nothing } else { Reached::Head };
                Ending { outcome: failure::of_exchange(&error, watch, reached), status, kind: None }
            }
        }
    }
}

fn poll_connection(
    connection: &mut Connection<TokioIo<Resumed>, Full<Bytes>>,
    life: &mut Life,
    cx: &mut Context<'_>,
) -> Poll<()> {
    if *life == Life::Over {
        return Poll::Ready(());
    }
    // An error of the connection reaches the request that is in flight; with none, it is merely over.
    let polled = Pin::new(connection).poll(cx).map(drop);
    if polled.is_ready() {
        *life = Life::Over;
    }
    polled
}

impl AsyncRead for Resumed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.begun.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        if self.written > 0 {
            // hyper would take an answer for an intrusion that comes before the request; it writes in the same round.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let here = self.begun.len().min(buf.remaining());
        buf.put_slice(&self.begun.split_to(here));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Resumed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.written == 0 {
            return Pin::new(&mut self.inner).poll_write(cx, buf);
        }
        let here = self.written.min(buf.len());
        self.written -= here;
        Poll::Ready(Ok(here))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl Reading {
    /// Reads on, until all of it is there.
    fn poll(
        &mut self,
        mut answer: Pin<&mut impl Future<Output = hyper::Result<Response<Incoming>>>>,
        heed: Heed,
        cx: &mut Context<'_>,
    ) -> Poll<hyper::Result<()>> {
        loop {
            match &mut self.body {
                None => {
                    let (head, body) = std::task::ready!(answer.as_mut().poll(cx))?.into_parts();
                    self.status = head.status.as_u16();
                    self.clue = Clue::in_head(self.status, &head.headers, heed.answers);
                    self.id = heed.id_in_head(&head.headers);
                    self.body = Some(body);
                }
                Some(body) if body.is_end_stream() => return Poll::Ready(Ok(())),
                // Contents are of no interest but where they tell what went wrong; their length is counted on the wire.
                Some(body) => match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                    Some(frame) => clue::read(self.clue.as_mut(), &frame?),
                    None => return Poll::Ready(Ok(())),
                },
            }
        }
    }

    /// All of it was read.
    fn ending(&self) -> Ending {
        let kind = self.clue.as_ref().and_then(|clue| clue.kind(self.status));
        Ending { outcome: Outcome::Answered, status: self.status, kind }
    }
}
