//! The life of an HTTP/1.1 connection: a head, a body, an answer, and again.
//!
//! Owns the order of reading and writing, pipelining, leave to send, time-outs, and how a connection ends so that the client can
//! read its last answer. Refuses to know what a request means: `http` answers it. Started by `accept`, one task each.
//!
//! Whatever waits to be written is written before anything is waited for; so an answer leaves in one write, and pipelined
//! answers that are ready together leave together. A client that sends no more is still answered what it asked.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use sluicegate_policy::model::PAYLOAD_BYTES_MAX;

use super::body::{Body, Decoder, Kept, Progress};
use super::framing::{Expectation, Framed, Length, Persistence};
use super::head::{Received, Scan, Version};
use super::pipes::{Filled, Pipes, Shared, Stream};
use super::write::{CONTINUE, LAST_CHUNK, Outgoing, write_chunk, write_head};
use crate::http::{Client, Desk, Visit};
use crate::malformed::Malformed;
use crate::patience::{For, Over, Wait};
use crate::streamed::{Broken, Streamed};
use crate::websocket::Upgrade;

/// What a client that sends too much may still send before the connection is cut: enough for one that reads its answer only
/// when it has sent all.
const LINGER_BYTES_MAX: u64 = 2 * PAYLOAD_BYTES_MAX;

/// With these bytes a client says that it speaks HTTP/2 (RFC 9113, section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection.
pub(crate) struct Connection<S> {
    pipes: Pipes<S>,
    desk: Rc<Desk>,
    client: Client,
    wait: Wait,
}

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// HTTP/1, or nothing known, which is answered in HTTP/1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// In good order, whoever closed it.
    Well,
    /// The client took too long.
    Expired,
    /// It was reset, cut off within a request, or spoke no HTTP.
    Failed,
}

/// What became of a connection.
pub(crate) enum Served<S> {
    /// It has ended.
    Ended(Ended),
    /// It is no longer HTTP: the stream, what was read of it, what it is now, and its place among those that wait.
    Upgraded(Box<(S, Bytes, Upgrade, Wait)>),
}

/// What came last of what was asked.
enum Last {
    /// An answer.
    Answer(Unread),
    /// An answer after which the connection is no longer HTTP.
    Upgrade(Upgrade),
}

/// Why there is no further request.
#[derive(Debug)]
enum Trouble {
    /// What came is no request.
    Malformed(Malformed),
    /// The client is gone, or takes no answer.
    Gone,
    /// Nothing came.
    Expired,
}

/// How an attempt to read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    More,
    Closed,
    Over(Over),
}

/// What it means for a read that the gateway leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// There will be no further request.
    Ends,
    /// A request that has begun goes on.
    Waits,
}

/// Whether everything that the client sent was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    Nothing,
    Something,
}

impl<S: Stream> Connection<S> {
    /// A connection of this client, nothing read yet.
    pub(crate) fn new(stream: S, shared: Shared, desk: Rc<Desk>, client: Client, wait: Wait) -> Self {
        Self { pipes: Pipes::new(stream, shared), desk, client, wait }
    }

    /// What the client speaks, by its first bytes.
    pub(crate) async fn spoken(&mut self) -> Result<Spoken, Ended> {
        self.wait.begin(For::Idle);
        loop {
            let (input, length) = (&self.pipes.input, self.pipes.input.len().min(PREFACE.len()));
            if input[..length] != PREFACE[..length] {
                return Ok(Spoken::Http1);
            }
            if length == PREFACE.len() {
                return Ok(Spoken::Http2);
            }
            if length > 0 {
                self.wait.begin(For::Slow);
            }
            match self.read(Leaving::Ends).await {
                Ok(Read::More) => {}
                Ok(Read::Closed) if length == 0 => return Err(Ended::Well),
                Ok(Read::Over(Over::Leaving)) => return Err(Ended::Well),
                Ok(Read::Over(Over::Expired)) => return Err(Ended::Expired),
                Ok(Read::Closed) | Err(_) => return Err(Ended::Failed),
            }
        }
    }

    /// What HTTP/2 needs to go on.
    pub(crate) fn into_parts(self) -> (S, Bytes, Rc<Desk>, Client, Wait) {
        let (stream, read) = self.pipes.into_parts();
        (stream, read, self.desk, self.client, self.wait)
    }

    /// Answers requests until there are no more.
    pub(crate) async fn serve(mut self) -> Served<S> {
        let (ended, unread) = match self.requests().await {
            Ok(Last::Answer(unread)) => (Ended::Well, unread),
            Ok(Last::Upgrade(upgrade)) => return self.upgraded(upgrade).await,
            Err(Trouble::Malformed(malformed)) => {
                let outgoing = self.desk.on_malformed(&self.client, malformed);
                self.queue(outgoing, (Version::Http11, Persistence::Close));
                (if malformed == Malformed::Late { Ended::Expired } else { Ended::Failed }, Unread::Something)
            }
            Err(Trouble::Expired) => (Ended::Expired, Unread::Nothing),
            Err(Trouble::Gone) => return Served::Ended(Ended::Failed),
        };
        Served::Ended(self.close(unread).await.map_or(Ended::Failed, |()| ended))
    }

    /// The connection is no longer HTTP once the answer that says so is written.
    async fn upgraded(mut self, upgrade: Upgrade) -> Served<S> {
        if self.flush().await.is_err() {
            return Served::Ended(Ended::Failed);
        }
        let (stream, read, _, _, wait) = self.into_parts();
        Served::Upgraded(Box::new((stream, read, upgrade, wait)))
    }

    async fn requests(&mut self) -> Result<Last, Trouble> {
        while let Some(received) = self.next_head().await? {
            let Received { head, framed } = received;
            let visit = self.desk.on_head(&self.client, head);
            let (persistence, last) = self.exchange(visit, framed).await?;
            if persistence == Persistence::Close || matches!(last, Last::Upgrade(_)) {
                return Ok(last);
            }
            if self.pipes.is_full() {
                self.flush().await?;
            }
        }
        Ok(Last::Answer(Unread::Nothing))
    }

    /// The next head; `None` if the client, or the gateway, wants no more.
    async fn next_head(&mut self) -> Result<Option<Received>, Trouble> {
        let mut scan = Scan::default();
        let mut waits_for = None;
        loop {
            if let Some(received) = scan.take(&mut self.pipes.input)? {
                return Ok(Some(received));
            }
            // Who does not take his answers is not idle but slow.
            self.flush().await?;
            let begun = !self.pipes.input.is_empty();
            let now_for = if begun { For::Slow } else { For::Idle };
            if waits_for.replace(now_for) != Some(now_for) {
                self.wait.begin(now_for);
            }
            match self.read(Leaving::Ends).await? {
                Read::More => {}
                Read::Closed if begun => return Err(Trouble::Gone),
                Read::Closed | Read::Over(Over::Leaving) => return Ok(None),
                Read::Over(Over::Expired) if begun => return Err(Malformed::Late.into()),
                Read::Over(Over::Expired) => return Err(Trouble::Expired),
            }
        }
    }

    /// One request from its head to its answer.
    async fn exchange(&mut self, visit: Visit, framed: Framed) -> Result<(Persistence, Last), Trouble> {
        let (mut outgoing, unread) = match self.body(&visit, framed).await {
            Ok((body, unread)) => (self.answer(visit.answer(body)).await?, unread),
            Err(Trouble::Malformed(malformed)) => (visit.refuse(malformed), Unread::Something),
            Err(trouble) => return Err(trouble),
        };
        let ends = outgoing.persistence == Persistence::Close
            || unread == Unread::Something
            || self.wait.leaving()
            || (outgoing.rest.is_some() && framed.version == Version::Http10);
        let persistence = if ends { Persistence::Close } else { framed.persistence };
        if outgoing.upgrade.is_some() {
            let upgrade = self.queue_upgrade(&mut outgoing);
            return Ok((Persistence::KeepAlive, upgrade.map_or(Last::Answer(unread), Last::Upgrade)));
        }
        match self.queue(outgoing, (framed.version, persistence)) {
            None => Ok((persistence, Last::Answer(unread))),
            Some(rest) => match self.stream(rest, framed.version).await? {
                Ok(()) => Ok((persistence, Last::Answer(unread))),
                // What is there already cannot be taken back: that the rest is missing is all there is to say.
                Err(Broken) => Ok((Persistence::Close, Last::Answer(unread))),
            },
        }
    }

    /// Writes a body as it comes, to its end or until it breaks off. A client that takes nothing is slow; one that gets nothing is not.
    async fn stream(&mut self, mut rest: Streamed, version: Version) -> Result<Result<(), Broken>, Trouble> {
        let mut is_slow = false;
        poll_fn(|cx| {
            loop {
                let written = self.pipes.poll_write(cx, || self.wait.begin(For::Slow))?;
                match (written.is_pending(), is_slow) {
                    (true, false) => self.wait.begin(For::Slow),
                    (false, true) => self.wait.end(),
                    (true, true) | (false, false) => {}
                }
                is_slow = written.is_pending();
                if self.pipes.poll_ahead(cx).is_ready() || (is_slow && self.wait.poll_expired(cx).is_ready()) {
                    return Poll::Ready(Err(Trouble::Gone));
                }
                if self.pipes.is_full() {
                    rest.poll_work(cx);
                    return Poll::Pending;
                }
                match (ready!(rest.poll_part(cx)), version) {
                    (Some(Ok(part)), Version::Http11) => write_chunk(self.pipes.output(), &part),
                    (Some(Ok(part)), Version::Http10) => self.pipes.output().extend_from_slice(&part),
                    (Some(Err(broken)), _) => return Poll::Ready(Ok(Err(broken))),
                    (None, Version::Http11) => {
                        self.pipes.output().extend_from_slice(LAST_CHUNK);
                        return Poll::Ready(Ok(Ok(())));
                    }
                    (None, Version::Http10) => return Poll::Ready(Ok(Ok(()))),
                }
            }
        })
        .await
    }

    /// The body, as far as the answer needs it: of one that is too long only that it is.
    async fn body(&mut self, visit: &Visit, framed: Framed) -> Result<(Body, Unread), Trouble> {
        if framed.length == Length::Known(0) {
            return Ok((Body::default(), Unread::Nothing));
        }
        let bytes_max = visit.body_bytes_max();
        if let Length::Known(bytes) = framed.length
            && bytes > bytes_max
        {
            return Ok((Body::unread(bytes), Unread::Something));
        }
        if framed.expectation == Expectation::Continue && self.pipes.input.is_empty() {
            self.pipes.output().extend_from_slice(CONTINUE);
        }
        let (mut decoder, mut kept) = (Decoder::new(framed.length), Kept::up_to(bytes_max));
        let whole = self.wait.waits().whole();
        loop {
            let progress = decoder.take(&mut self.pipes.input, &mut kept)?;
            if progress == Progress::Done {
                return Ok((kept.into_body(), Unread::Nothing));
            }
            if kept.overflowed() {
                return Ok((kept.into_body(), Unread::Something));
            }
            visit.hold(kept.held())?;
            self.wait.begin_more(&whole, kept.length());
            match self.read(Leaving::Waits).await? {
                Read::More => {}
                Read::Closed => return Err(Trouble::Gone),
                Read::Over(_) => return Err(Malformed::Late.into()),
            }
        }
    }

    /// Waits for an answer, and meanwhile for nothing but the end of the client.
    async fn answer(&mut self, answer: impl Future<Output = Outgoing>) -> Result<Outgoing, Trouble> {
        let mut answer = pin!(answer);
        self.wait.end();
        poll_fn(|cx| {
            if let Poll::Ready(outgoing) = answer.as_mut().poll(cx) {
                return Poll::Ready(Ok(outgoing));
            }
            match self.pipes.poll_write(cx, || ()) {
                Poll::Ready(Err(_)) => Poll::Ready(Err(Trouble::Gone)),
                Poll::Ready(Ok(())) | Poll::Pending => self.pipes.poll_ahead(cx).map(|_| Err(Trouble::Gone)),
            }
        })
        .await
    }

    /// What is to be written of an answer now; what comes bit by bit is handed back.
    fn queue(&mut self, outgoing: Outgoing, ending: (Version, Persistence)) -> Option<Streamed> {
        let date = self.desk.date();
        write_head(self.pipes.output(), &outgoing, &date, ending);
        self.pipes.push_body(outgoing.answer.body);
        outgoing.rest
    }

    /// The answer that ends HTTP on this connection is to be written; what comes then.
    fn queue_upgrade(&mut self, outgoing: &mut Outgoing) -> Option<Upgrade> {
        let date = self.desk.date();
        write_head(self.pipes.output(), outgoing, &date, (Version::Http11, Persistence::KeepAlive));
        outgoing.upgrade.take()
    }

    /// Writes all that waits, and then reads.
    async fn read(&mut self, leaving: Leaving) -> Result<Read, Trouble> {
        poll_fn(|cx| {
            if let Poll::Ready(read) = self.poll_read(cx)? {
                return Poll::Ready(Ok(read));
            }
            let over = match leaving {
                Leaving::Ends => self.wait.poll_over(cx),
                Leaving::Waits => self.wait.poll_expired(cx).map(|()| Over::Expired),
            };
            over.map(|over| Ok(Read::Over(over)))
        })
        .await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Read, Trouble>> {
        ready!(self.pipes.poll_write(cx, || ()))?;
        let Poll::Ready(filled) = self.pipes.poll_fill(cx)? else {
            self.pipes.rest();
            return Poll::Pending;
        };
        Poll::Ready(Ok(match filled {
            Filled::More => Read::More,
            Filled::Closed => Read::Closed,
        }))
    }

    /// Writes all that waits.
    async fn flush(&mut self) -> Result<(), Trouble> {
        if self.pipes.is_written() {
            return Ok(());
        }
        self.wait.begin(For::Slow);
        poll_fn(|cx| {
            let written = self.pipes.poll_write(cx, || self.wait.begin(For::Slow))?;
            if written.is_pending() && self.wait.poll_expired(cx).is_ready() {
                return Poll::Ready(Err(Trouble::Gone));
            }
            written.map(Ok)
        })
        .await
    }

    /// Ends the connection. A client that still sends may do so for a while: if the connection were cut at once, the answer could
    /// be lost on its way.
    async fn close(&mut self, unread: Unread) -> Result<(), Trouble> {
        self.flush().await?;
        self.wait.begin(For::Linger);
        let mut left = if unread == Unread::Something { LINGER_BYTES_MAX } else { 0 };
        poll_fn(|cx| {
            let done = self.poll_close(cx, &mut left)?;
            if done.is_pending() && self.wait.poll_over(cx).is_ready() { Poll::Ready(Ok(())) } else { done.map(Ok) }
        })
        .await
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, left: &mut u64) -> Poll<io::Result<()>> {
        ready!(self.pipes.poll_shutdown(cx))?;
        while *left > 0 && ready!(self.pipes.poll_fill(cx))? == Filled::More {
            *left = left.saturating_sub(self.pipes.input.len() as u64);
            self.pipes.input.clear();
        }
        Poll::Ready(Ok(()))
    }
}

impl From<Malformed> for Trouble {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<io::Error> for Trouble {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}
