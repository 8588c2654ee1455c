//! HTTP/1.1: one exchange at a time on one connection, both driven in the caller's task.
//!
//! Owns a connection that has been opened. Refuses to open it (`connect`), to retry and to time out (`worker`).

use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::connect::Connector;
use super::failure::{self, Reached};
use super::request::Encoded;
use super::stamp::{Stamped, Stream, Watch};
use super::tap::Tap;
use crate::engine::job::Ending;
use crate::measure::Outcome;

/// An open connection.
pub(super) struct Http1 {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Stamped>, Full<Bytes>>,
    watch: Rc<Watch>,
    life: Life,
}

/// Whether a connection can carry another exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Fresh,
    Used,
    Over,
}

impl Http1 {
    pub(super) async fn new(stream: Stream, connector: &Connector) -> Result<Self, Outcome> {
        let watch = Watch::new(connector.clock());
        let io = TokioIo::new(Stamped::new(stream, Rc::clone(&watch)));
        // Head and body in one buffer and one plain write: cheaper than gathering for the small requests of an API.
        let shaken = Builder::new().writev(false).handshake(io).await;
        let (sender, connection) = shaken.map_err(|_| Outcome::Malformed)?;
        Ok(Self { sender, connection, watch, life: Life::Fresh })
    }

    pub(super) const fn life(&self) -> Life {
        self.life
    }

    pub(super) const fn watch(&self) -> &Rc<Watch> {
        &self.watch
    }

    /// Looks after the connection while nothing is in flight; ready when it is over.
    pub(super) fn poll_idle(&mut self, tap: &Tap) -> Poll<()> {
        tap.poll(|cx| self.poll_connection(cx))
    }

    /// Whether an exchange can begin now.
    pub(super) fn is_ready(&mut self, tap: &Tap) -> bool {
        match self.life {
            Life::Fresh => true,
            Life::Over => false,
            Life::Used => self.sender.is_ready() || (self.poll_idle(tap).is_pending() && self.sender.is_ready()),
        }
    }

    /// Sends a request and reads its answer to the end.
    pub(super) async fn exchange(&mut self, request: Encoded, tap: &Tap) -> Ending {
        self.watch.begin();
        self.life = Life::Used;
        let answer = self.sender.send_request(request);
        let mut answer = pin!(answer);
        let mut body = None;
        let mut status = 0;
        let read = std::future::poll_fn(|_| {
            tap.poll(|cx| {
                // The connection first: what it reads is there for the answer in the same round.
                let _ = self.poll_connection(cx);
                poll_answer(answer.as_mut(), &mut body, &mut status, cx)
            })
        });
        match read.await {
            Ok(()) => Ending { outcome: Outcome::Answered, status },
            Err(error) => {
                self.life = Life::Over;
                let reached = if status == 0 { Reached::Nothing } else { Reached::Head };
                Ending { outcome: failure::of_exchange(&error, &self.watch, reached), status }
            }
        }
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.life == Life::Over {
            return Poll::Ready(());
        }
        // An error of the connection reaches the request that is in flight; with none, it is merely over.
        let polled = Pin::new(&mut self.connection).poll(cx).map(drop);
        if polled.is_ready() {
            self.life = Life::Over;
        }
        polled
    }
}

fn poll_answer(
    mut answer: Pin<&mut impl Future<Output = hyper::Result<Response<Incoming>>>>,
    body: &mut Option<Incoming>,
    status: &mut u16,
    cx: &mut Context<'_>,
) -> Poll<hyper::Result<()>> {
    loop {
        match body {
            None => {
                let response = std::task::ready!(answer.as_mut().poll(cx))?;
                *status = response.status().as_u16();
                *body = Some(response.into_body());
            }
            Some(body) if body.is_end_stream() => return Poll::Ready(Ok(())),
            // Contents are of no interest; their length is counted on the wire.
            Some(body) => match std::task::ready!(Pin::new(body).poll_frame(cx)) {
                Some(frame) => drop(frame?),
                None => return Poll::Ready(Ok(())),
            },
        }
    }
}
