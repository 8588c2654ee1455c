//! How a request gets to the target and its answer back: connections, protocols, and the names of what goes wrong.
//!
//! Owns [`Channel`], the one thing that a worker speaks through, whichever HTTP it is. Refuses to decide what is sent and when
//! (`dispatch`), and to time out (`worker`). A target that misbehaves is an outcome here, never an error.

pub(super) mod clue;
pub(super) mod connect;
mod failure;
pub(super) mod http1;
pub(super) mod http2;
pub(super) mod once;
pub(super) mod ports;
pub(super) mod request;
pub(super) mod resolver;
pub(super) mod stamp;
pub(super) mod tls;
pub(super) mod tracing;
pub(super) mod websocket;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};

use sluicegate_policy::time::Instant;

use self::connect::Connector;
use self::http1::{Http1, Life, Scratch};
use self::http2::{Open, Shared};
use self::request::{Encoder, Unsendable};
use super::job::Ending;
use super::seats::Link;
use crate::measure::Outcome;
use crate::measure::tracing::Occasion;
use crate::traffic::Request;

/// What a worker speaks through: one exchange at a time.
pub(super) struct Channel {
    connector: Rc<Connector>,
    wire: Wire,
    times: Times,
}

enum Wire {
    Http1 { open: Option<(Http1, Age)>, before: Before, scratch: Rc<Scratch> },
    Http2 { shared: Rc<Shared>, open: Option<Open>, reads: u64 },
}

/// Whether a worker has had a connection before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Never,
    Connected,
}

/// How long a connection has been there, and what for.
#[derive(Clone, Copy, Debug)]
struct Age {
    opened: Instant,
    /// When its last exchange ended; not looked after where nobody asks.
    since: Instant,
    /// Exchanges that it carried.
    requests: u32,
}

/// When an exchange's first bytes went out and came in (`Instant::MAX` where they did not), and what the gateway calls its request.
pub(super) struct Times {
    sent: Cell<Instant>,
    first_byte: Cell<Instant>,
    /// Absent unless request ids are kept.
    id: Cell<Option<Box<str>>>,
}

impl Channel {
    /// Speaks HTTP/1.1 on a connection of its own.
    pub(super) fn http1(connector: Rc<Connector>, scratch: Rc<Scratch>) -> Self {
        Self { connector, wire: Wire::Http1 { open: None, before: Before::Never, scratch }, times: Times::absent() }
    }

    /// Speaks HTTP/2 on a connection that others use as well.
    pub(super) fn http2(connector: Rc<Connector>, shared: Rc<Shared>) -> Self {
        Self { connector, wire: Wire::Http2 { shared, open: None, reads: 0 }, times: Times::absent() }
    }

    pub(super) fn link(&self) -> Link {
        let alive = match &self.wire {
            Wire::Http1 { open, .. } => open.as_ref().is_some_and(|(open, _)| open.life() != Life::Over),
            Wire::Http2 { open, .. } => open.as_ref().is_some_and(Open::is_alive),
        };
        if alive { Link::Up } else { Link::Down }
    }

    /// Looks after an idle connection; ready when it has just been lost.
    pub(super) fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.close_old() {
            return Poll::Ready(());
        }
        match &mut self.wire {
            Wire::Http1 { open: Some((open, _)), .. } if open.life() != Life::Over => open.poll_idle(cx),
            // Nobody but its own task needs to look after a shared connection.
            Wire::Http1 { .. } | Wire::Http2 { .. } => Poll::Pending,
        }
    }

    /// An exchange is about to begin, and may be dropped before it was polled once: nothing of the one before belongs to it.
    pub(super) fn begin(&mut self) {
        self.times.clear();
        match &mut self.wire {
            Wire::Http1 { open, .. } => open.iter_mut().for_each(|(open, _)| open.begin()),
            Wire::Http2 { open, reads, .. } => open.iter().for_each(|open| *reads = open.reads()),
        }
    }

    /// Sends a request and reads its answer to the end, over a new connection if there is none.
    ///
    /// A connection that turns out to be closed before a byte was written is replaced once (RFC 9112, section 9.3.1: the request
    /// was not sent, so this is no retry of anything the target saw).
    ///
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        occasion: Occasion,
        encoder: &RefCell<Encoder>,
    ) -> Result<Ending, Unsendable> {
        self.close_old();
        let (ending, first) = self.attempt(request, occasion, encoder).await?;
        if first == Connection::Reused && ending.outcome != Outcome::Answered && self.times.nothing_happened() {
            return Ok(self.attempt(request, occasion, encoder).await?.0);
        }
        Ok(ending)
    }

    /// The exchange was dropped before its end: what it had come to, and the connection is not used again.
    pub(super) fn interrupt(&mut self) {
        match &mut self.wire {
            Wire::Http1 { open, .. } => {
                if let Some((mut open, _)) = open.take() {
                    self.times.read(&mut open);
                }
            }
            Wire::Http2 { shared, open, reads } => {
                // Others may be well served on it; but if nothing at all was heard since, they are not.
                if let Some(open) = open.take_if(|open| open.reads() == *reads) {
                    shared.retire(&open);
                }
            }
        }
    }

    pub(super) const fn times(&self) -> &Times {
        &self.times
    }

    /// Closes a connection that the client's own rules say is over.
    fn close_old(&mut self) -> bool {
        let keeping = self.connector.keeping();
        if !keeping.is_timed() {
            return false;
        }
        let now = self.connector.clock().now();
        match &mut self.wire {
            Wire::Http1 { open, .. } => open.take_if(|(_, age)| keeping.is_over(age.opened, age.since, now)).is_some(),
            Wire::Http2 { shared, open, .. } => {
                let old = open.take_if(|open| !open.is_in_use() && keeping.is_over(open.age().opened, open.age().since, now));
                old.as_ref().inspect(|open| shared.retire(open)).is_some()
            }
        }
    }

    async fn attempt(
        &mut self,
        request: &Request,
        occasion: Occasion,
        encoder: &RefCell<Encoder>,
    ) -> Result<(Ending, Connection), Unsendable> {
        let place = (occasion.session, occasion.seq);
        let Self { connector, wire, times } = self;
        match wire {
            Wire::Http1 { open, before, scratch } => {
                let ready = ready_http1(open, before, (connector, scratch), || encoder.borrow_mut().prove(request));
                let (connection, used) = match ready.await? {
                    Ok(ready) => ready,
                    Err(outcome) => return Ok((Ending::unanswered(outcome), Connection::New)),
                };
                let (connection, age) = connection;
                let last = connector.is_last(place, age.requests);
                age.requests = age.requests.saturating_add(1);
                let ending = connection.exchange((request, occasion), encoder, last).await?;
                times.read(connection);
                age.on_end(connector);
                open.take_if(|(open, _)| last || open.life() == Life::Over);
                Ok((ending, used))
            }
            Wire::Http2 { shared, open, reads } => {
                let request = encoder.borrow_mut().encode((request, occasion), false)?;
                let (connection, used) = match ready_http2(open, shared).await {
                    Ok(ready) => ready,
                    Err(outcome) => return Ok((Ending::unanswered(outcome), Connection::New)),
                };
                *reads = connection.reads();
                let last = connector.is_last(place, connection.count());
                if last {
                    // Those that are under way on it come to their end.
                    shared.retire(connection);
                }
                let ending = connection.exchange(request, (connector.heed(), || connector.clock().now()), times).await;
                connection.on_end(connector);
                open.take_if(|_| last);
                Ok((ending, used))
            }
        }
    }
}

/// Whether an exchange went over a connection that had been used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    New,
    Reused,
}

/// The open connection, or a new one, which only a request is worth that can be sent.
async fn ready_http1<'a>(
    open: &'a mut Option<(Http1, Age)>,
    before: &mut Before,
    (connector, scratch): (&Connector, &Rc<Scratch>),
    sendable: impl FnOnce() -> Result<(), Unsendable>,
) -> Result<Result<(&'a mut (Http1, Age), Connection), Outcome>, Unsendable> {
    if let Some((waiting, _)) = open
        && !waiting.is_ready().await
    {
        *open = None;
    }
    if let Some(open) = open {
        return Ok(Ok((open, Connection::Reused)));
    }
    sendable()?;
    let stream = match connector.connect().await {
        Ok(stream) => stream,
        Err(outcome) => return Ok(Err(outcome)),
    };
    if std::mem::replace(before, Before::Connected) == Before::Connected {
        connector.count_reopened();
    }
    Ok(Ok((open.insert((Http1::new(stream, connector, Rc::clone(scratch)), Age::new(connector))), Connection::New)))
}

async fn ready_http2<'a>(open: &'a mut Option<Open>, shared: &Shared) -> Result<(&'a mut Open, Connection), Outcome> {
    open.take_if(|open| !open.is_alive());
    if open.is_none() {
        *open = shared.alive();
    }
    match open {
        Some(open) => Ok((open, Connection::Reused)),
        None => Ok((open.insert(shared.open().await?), Connection::New)),
    }
}

impl Age {
    /// Of a connection that was opened just now.
    fn new(connector: &Connector) -> Self {
        let now = connector.clock().now();
        Self { opened: now, since: now, requests: 0 }
    }

    fn on_end(&mut self, connector: &Connector) {
        if connector.keeping().is_timed() {
            self.since = connector.clock().now();
        }
    }
}

impl Times {
    const fn absent() -> Self {
        Self { sent: Cell::new(Instant::MAX), first_byte: Cell::new(Instant::MAX), id: Cell::new(None) }
    }

    /// What the gateway calls the request, once.
    pub(super) fn take_id(&self) -> Option<Box<str>> {
        self.id.take()
    }

    pub(super) fn sent(&self) -> Instant {
        self.sent.get()
    }

    pub(super) fn first_byte(&self) -> Instant {
        self.first_byte.get()
    }

    fn clear(&self) {
        self.sent.set(Instant::MAX);
        self.first_byte.set(Instant::MAX);
        self.id.set(None);
    }

    fn read(&self, open: &mut Http1) {
        let (sent, first_byte) = open.times();
        self.sent.set(sent);
        self.first_byte.set(first_byte);
        self.id.set(open.take_id());
    }

    fn nothing_happened(&self) -> bool {
        self.sent() == Instant::MAX && self.first_byte() == Instant::MAX
    }
}
