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

use super::clue::{self, Clue};
use super::connect::Connector;
use super::failure::{self, Reached};
use super::request::Encoded;
use super::stamp::{Stamped, Stream, Watch};
use super::tap::Tap;
use crate::engine::job::Ending;
use crate::engine::settings::Answers;
use crate::measure::Outcome;

/// An open connection.
pub(super) struct Http1 {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<Stamped>, Full<Bytes>>,
    watch: Rc<Watch>,
    answers: Answers,
    life: Life,
}

/// What has been read of an answer.
struct Reading {
    /// Zero until its head was complete.
    status: u16,
    clue: Option<Clue>,
    body: Option<Incoming>,
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
        Ok(Self { sender, connection, watch, answers: connector.answers(), life: Life::Fresh })
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
        let answers = self.answers;
        let mut reading = Reading { status: 0, clue: None, body: None };
        let read = std::future::poll_fn(|_| {
            tap.poll(|cx| {
                // The connection first: what it reads is there for the answer in the same round.
                let _ = self.poll_connection(cx);
                reading.poll(answer.as_mut(), answers, cx)
            })
        });
        match read.await {
            Ok(()) => reading.ending(),
            Err(error) => {
                self.life = Life::Over;
                let status = reading.status;
                let reached = if status == 0 { Reached::Nothing } else { Reached::Head };
                Ending { outcome: failure::of_exchange(&error, &self.watch, reached), status, kind: None }
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

impl Reading {
    /// Reads on, until all of it is there.
    fn poll(
        &mut self,
        mut answer: Pin<&mut impl Future<Output = hyper::Result<Response<Incoming>>>>,
        answers: Answers,
        cx: &mut Context<'_>,
    ) -> Poll<hyper::Result<()>> {
        loop {
            match &mut self.body {
                None => {
                    let (head, body) = std::task::ready!(answer.as_mut().poll(cx))?.into_parts();
                    self.status = head.status.as_u16();
                    self.clue = Clue::of(self.status, &head.headers, answers);
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
