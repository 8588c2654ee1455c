//! Answers that come bit by bit: what a function or an HTTP back end streams, on its way to the client.
//!
//! Owns where the head of a stream ends, how long it may take and be silent, how fast it flows, and that little of it lies here: one
//! part on each step of its way, so that a client that takes nothing stops the other side's socket. Refuses what a head means (`render`)
//! and the connection (`http1`, `http2`, which poll the work and take its parts). Used by `http` for routes that stream.
//!
//! Until its head is there a stream is an integration like others: the policy decides, and a failure is an answer. Behind the head
//! there is no other answer any more: a function that fails, and a time that is over, end the connection, or the stream of HTTP/2,
//! within the body, which the client sees (developer guide, "Troubleshoot issues with response streaming in API Gateway", 2026, of a
//! time-out). That other failures look the same is unconfirmed.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sluicegate_policy::call::FunctionResult;
use sluicegate_policy::model::Endpoint;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::Timer;
use tokio::sync::{mpsc, oneshot};

use crate::functions::Ended;
use crate::http1::write::Outgoing;

/// What stands between the head of a stream and its body.
const DELIMITER: [u8; 8] = [0; 8];
/// Within so many bytes the head must have ended (developer guide, "Set up a Lambda proxy integration with payload response streaming
/// in API Gateway", 2026).
const HEAD_BYTES_MAX: usize = 16 << 10;
/// So much of a body passes as fast as it comes, and the rest at this rate per second (developer guide, "Stream the integration
/// response for your proxy integrations in API Gateway", 2026).
const FAST_BYTES: u64 = 10 << 20;
const SLOW_BYTES_PER_SEC: u64 = 2 << 20;

/// Bytes of a stream, and how long its environment took to start.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) cold_start: Option<Span>,
}

/// What makes an answer whose head was there.
pub(crate) enum Source {
    Function(Working),
    BackEnd(Upstream),
}

/// A back end that has begun to answer. Dropping it closes the connection.
pub(crate) struct Upstream {
    body: Incoming,
    /// How it ended, once that is known.
    end: Option<End>,
}

/// A function at work, whose answer comes bit by bit or as a whole.
pub(crate) struct Working {
    ended: oneshot::Receiver<Ended>,
    /// How it ended, once that is known.
    end: Option<End>,
    /// `None` if it comes as a whole.
    parts: Option<mpsc::Receiver<Part>>,
    /// What was read and not passed on.
    read: BytesMut,
}

/// What a function has to say first.
pub(crate) enum Begun {
    /// The head of a stream. One that never ends is empty.
    Head { head: Bytes, cold_start: Option<Span> },
    /// All.
    Ended(Ended),
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
}

/// How long a stream may go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Until when it must have ended.
    pub(crate) until: Instant,
    /// How long nothing may come.
    pub(crate) idle: Span,
}

/// What became of a stream behind its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flown {
    /// Bytes of the body that were passed on.
    pub(crate) bytes: u64,
    /// `Err` if it broke off.
    pub(crate) end: Result<(), Broken>,
}

/// The body broke off: the client has got part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub(crate) struct Broken;

/// Where the work on an answer puts it, for the connection to take.
#[derive(Default)]
pub(crate) struct Outlet {
    head: RefCell<Option<Outgoing>>,
    part: RefCell<Option<Bytes>>,
    /// Who has more.
    waiting: Cell<Option<Waker>>,
    broken: Cell<bool>,
}

/// The body of an answer that has begun: the work that goes on making it. Dropping it ends the work.
pub(crate) struct Streamed {
    work: Option<Work>,
    outlet: Rc<Outlet>,
}

/// Work on an answer, to its end.
pub(crate) type Work = Pin<Box<dyn Future<Output = Outgoing>>>;

impl Limits {
    /// A stream through this kind of endpoint (same page as the rate, 2026).
    pub(crate) const fn new(endpoint: Endpoint, until: Instant) -> Self {
        let idle = match endpoint {
            Endpoint::Edge => Span::from_secs(30),
            Endpoint::Regional | Endpoint::Private => Span::from_secs(300),
        };
        Self { until, idle }
    }
}

impl Upstream {
    pub(crate) const fn new(body: Incoming) -> Self {
        Self { body, end: None }
    }

    /// The next bytes of the body; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        while self.end.is_none() {
            match self.body.frame().await {
                // Trailers are not passed on, as those of a body that comes as a whole are not.
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.into_data().ok().filter(|bytes| !bytes.is_empty()) {
                        return Some(bytes);
                    }
                }
                Some(Err(_)) => self.end = Some(End::Broken),
                None => self.end = Some(End::Whole),
            }
        }
        None
    }
}

impl Working {
    pub(crate) fn new(ended: oneshot::Receiver<Ended>, parts: Option<mpsc::Receiver<Part>>) -> Self {
        Self { ended, end: None, parts, read: BytesMut::new() }
    }

    /// What comes first. `None` if nothing will: the server ends.
    pub(crate) async fn begun(&mut self) -> Option<Begun> {
        if let Some(parts) = &mut self.parts {
            while let Some(Part { bytes, cold_start }) = parts.recv().await {
                self.read.extend_from_slice(&bytes);
                let searched = &self.read[..self.read.len().min(HEAD_BYTES_MAX)];
                if let Some(length) = searched.windows(DELIMITER.len()).position(|bytes| bytes == DELIMITER) {
                    let head = self.read.split_to(length).freeze();
                    drop(self.read.split_to(DELIMITER.len()));
                    return Some(Begun::Head { head, cold_start });
                }
                if searched.len() == HEAD_BYTES_MAX {
                    return Some(Begun::Head { head: Bytes::new(), cold_start });
                }
            }
        }
        (&mut self.ended).await.ok().map(Begun::Ended)
    }

    /// The next bytes of the body; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.read.is_empty() {
            return Some(self.read.split().freeze());
        }
        loop {
            let bytes = self.parts.as_mut()?.recv().await?.bytes;
            if !bytes.is_empty() {
                return Some(bytes);
            }
        }
    }

    /// Waits for the end of the function, which frees its environment, whoever still reads.
    async fn end(&mut self) -> End {
        if self.end.is_none() {
            let ended = (&mut self.ended).await;
            self.end = Some(if ended.as_ref().is_ok_and(Ended::is_whole) { End::Whole } else { End::Broken });
            if let Ok(ended) = ended {
                // Its call was decided on before.
                ended.came_to(FunctionResult::Failed);
            }
        }
        self.end.unwrap_or(End::Broken)
    }
}

impl Source {
    /// The next bytes of the body; `None` at its end.
    async fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::Function(function) => function.next().await,
            Self::BackEnd(back_end) => back_end.next().await,
        }
    }

    /// How it ended, once all has been read. Of a function it may be waited for before that.
    async fn end(&mut self) -> End {
        match self {
            Self::Function(function) => function.end().await,
            Self::BackEnd(back_end) => back_end.end.unwrap_or(End::Broken),
        }
    }

    /// Passes the body on until its end.
    pub(crate) async fn flow(mut self, outlet: &Outlet, timer: &mut Timer, limits: Limits) -> Flown {
        let mut flow = Flow { bytes: 0, slow_since: None };
        let end = self.pump(outlet, timer, limits, &mut flow).await;
        if end.is_err() {
            outlet.break_off();
        }
        Flown { bytes: flow.bytes, end }
    }

    async fn pump(&mut self, outlet: &Outlet, timer: &mut Timer, limits: Limits, flow: &mut Flow) -> Result<(), Broken> {
        loop {
            let due = limits.until.min(timer.clock().now() + limits.idle);
            let bytes = tokio::select! {
                biased;
                bytes = self.next() => bytes,
                _ = timer.until(due) => return Err(Broken),
            };
            let Some(bytes) = bytes else { break };
            if let Some(due) = flow.due(timer.clock().now(), bytes.len() as u64) {
                // A timer that fails lets it pass at once.
                let _ = timer.until(due.min(limits.until)).await;
            }
            tokio::select! {
                biased;
                () = outlet.put(bytes) => {}
                () = async { self.end().await; std::future::pending().await } => {}
                _ = timer.until(limits.until) => return Err(Broken),
            }
        }
        tokio::select! {
            biased;
            end = self.end() => if end == End::Whole { Ok(()) } else { Err(Broken) },
            _ = timer.until(limits.until) => Err(Broken),
        }
    }
}

/// How much has flown.
struct Flow {
    bytes: u64,
    slow_since: Option<Instant>,
}

impl Flow {
    /// So much more: when it may pass; `None` if it may now.
    fn due(&mut self, now: Instant, more: u64) -> Option<Instant> {
        self.bytes += more;
        let slow = self.bytes.checked_sub(FAST_BYTES).filter(|slow| *slow > 0)?;
        let since = *self.slow_since.get_or_insert(now);
        Some(since + Span::from_ns((u128::from(slow) * 1_000_000_000 / u128::from(SLOW_BYTES_PER_SEC)) as u64))
    }
}

impl Outlet {
    /// The head of an answer whose parts follow.
    pub(crate) fn begin(&self, head: Outgoing) {
        self.head.replace(Some(head));
    }

    /// No more comes, and what came is not all.
    pub(crate) fn break_off(&self) {
        self.broken.set(true);
    }

    /// One part; waits until the one before it was taken.
    async fn put(&self, bytes: Bytes) {
        let mut bytes = Some(bytes);
        poll_fn(|cx| {
            let mut part = self.part.borrow_mut();
            if part.is_none() {
                *part = bytes.take();
                return Poll::Ready(());
            }
            self.waiting.set(Some(cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    fn take(&self) -> Option<Bytes> {
        let part = self.part.take();
        if part.is_some() {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
        part
    }
}

impl Streamed {
    /// Works until there is an answer, or the head of one.
    pub(crate) async fn begin(work: Work, outlet: Rc<Outlet>) -> Outgoing {
        let mut work = Some(work);
        poll_fn(|cx| {
            let done = work.as_mut().map(|work| work.as_mut().poll(cx));
            if let Some(head) = outlet.head.take() {
                let work = work.take().filter(|_| matches!(done, Some(Poll::Pending)));
                return Poll::Ready(Outgoing { rest: Some(Self { work, outlet: Rc::clone(&outlet) }), ..head });
            }
            done.unwrap_or(Poll::Pending)
        })
        .await
    }

    /// Goes on with the work, whether or not there is room for what it makes.
    pub(crate) fn poll_work(&mut self, cx: &mut Context<'_>) {
        if let Some(work) = &mut self.work
            && work.as_mut().poll(cx).is_ready()
        {
            self.work = None;
        }
    }

    /// The next part; `None` at the end.
    pub(crate) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        self.poll_work(cx);
        match self.outlet.take() {
            Some(part) => Poll::Ready(Some(Ok(part))),
            None if self.work.is_some() => Poll::Pending,
            None if self.outlet.broken.take() => Poll::Ready(Some(Err(Broken))),
            None => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ten_megabytes_pass_at_once_and_the_rest_at_two_a_second() {
        let (mut flow, begun) = (Flow { bytes: 0, slow_since: None }, Instant::ZERO + Span::from_secs(9));
        assert_eq!(flow.due(begun, FAST_BYTES), None);
        assert_eq!(flow.due(begun, SLOW_BYTES_PER_SEC), Some(begun + Span::from_secs(1)));
        assert_eq!(flow.due(begun + Span::from_secs(1), SLOW_BYTES_PER_SEC / 2), Some(begun + Span::from_ms(1_500)));
    }

    async fn head(parts: &[&'static [u8]]) -> Bytes {
        let (sender, receiver) = mpsc::channel(parts.len());
        let (_told, ended) = oneshot::channel();
        for bytes in parts {
            sender.send(Part { bytes: Bytes::from_static(bytes), cold_start: None }).await.unwrap();
        }
        match Working::new(ended, Some(receiver)).begun().await {
            Some(Begun::Head { head, .. }) => head,
            Some(Begun::Ended(_)) | None => panic!("no head"),
        }
    }

    #[test]
    fn a_head_ends_at_eight_zeros_however_they_come_and_within_its_bound() {
        crate::runtime().unwrap().block_on(async {
            assert_eq!(head(&[b"{}\0\0\0\0\0\0\0\0body"]).await, "{}");
            assert_eq!(head(&[b"{", b"}\0\0\0", b"\0\0\0\0", b"\0"]).await, "{}");
            let long: &[u8] = Box::leak(vec![b'x'; HEAD_BYTES_MAX].into_boxed_slice());
            assert_eq!(head(&[long]).await, "", "a head that never ends is none");
        });
    }

    #[test]
    fn one_that_is_silent_for_too_long_breaks_off() {
        crate::runtime().unwrap().block_on(async {
            let (sender, receiver) = mpsc::channel(1);
            let (_told, ended) = oneshot::channel();
            sender.send(Part { bytes: Bytes::from_static(b"part"), cold_start: None }).await.unwrap();
            let mut timer = Timer::new(sluicegate_timer::Clock::starting_now()).unwrap();
            let limits = Limits { until: timer.clock().now() + Span::from_secs(60), idle: Span::from_ms(5) };
            let outlet = Outlet::default();
            let flown = Source::Function(Working::new(ended, Some(receiver))).flow(&outlet, &mut timer, limits).await;
            assert_eq!(flown, Flown { bytes: 4, end: Err(Broken) });
            assert_eq!(outlet.take().unwrap(), "part");
        });
    }
}
