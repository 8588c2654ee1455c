//! HTTP/2: many exchanges at a time on one connection, which a task of its own drives.
//!
//! Owns the connection that several workers of a lane share, and opens it once for all who wait. Refuses to retry and to time
//! out (`worker`). An exchange that is dropped resets its stream and leaves the connection alone.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use sluicegate_policy::time::Instant;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::clue::{self, Clue, Heed};
use super::connect::Connector;
use super::failure::{self, Reached};
use super::request::Encoded;
use super::stamp::{Stamped, Watch};
use super::{Age, Times};
use crate::engine::job::Ending;
use crate::measure::Outcome;

/// A connection that is opened when somebody needs it.
pub(in crate::engine) struct Shared {
    connector: Rc<Connector>,
    open: RefCell<Option<Open>>,
    /// Held by whoever opens the connection; the others wait for the result.
    opening: Mutex<()>,
    /// The number of attempts that failed, and how the last one did: for those who waited for it.
    failures: Cell<(u64, Outcome)>,
    opened_before: Cell<bool>,
    tasks: Tasks,
}

/// An open connection, as one of those who share it holds it.
#[derive(Clone)]
pub(super) struct Open {
    sender: SendRequest<Full<Bytes>>,
    watch: Rc<Watch>,
    age: Rc<Cell<Age>>,
    /// Exchanges that are under way on it.
    busy: Rc<Cell<u32>>,
    /// Nobody begins anything on it any more.
    retired: Rc<Cell<bool>>,
}

/// Runs what hyper needs besides the exchanges.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<JoinSet<()>>>);

impl<F: Future + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        let mut tasks = self.0.borrow_mut();
        while tasks.try_join_next().is_some() {}
        tasks.spawn_local(async move { drop(task.await) });
    }
}

impl Shared {
    pub(in crate::engine) fn new(connector: Rc<Connector>) -> Self {
        let failures = Cell::new((0, Outcome::Unreachable));
        let (open, opening, tasks) = (RefCell::new(None), Mutex::new(()), Tasks::default());
        Self { connector, open, opening, failures, opened_before: Cell::new(false), tasks }
    }

    /// The open connection, if it is alive.
    pub(super) fn alive(&self) -> Option<Open> {
        self.open.borrow().as_ref().filter(|open| open.is_alive()).cloned()
    }

    /// The open connection; opens it, or waits for who does.
    pub(super) async fn open(&self) -> Result<Open, Outcome> {
        let before = self.failures.get().0;
        let _opening = self.opening.lock().await;
        if let Some(open) = self.alive() {
            return Ok(open);
        }
        let (failures, outcome) = self.failures.get();
        if failures != before {
            return Err(outcome);
        }
        match self.handshake().await {
            Ok(open) => {
                *self.open.borrow_mut() = Some(open.clone());
                Ok(open)
            }
            Err(outcome) => {
                self.failures.set((failures + 1, outcome));
                Err(outcome)
            }
        }
    }

    /// A connection that is not given to anybody else.
    pub(super) fn retire(&self, old: &Open) {
        old.retired.set(true);
        self.open.borrow_mut().take_if(|open| Rc::ptr_eq(&open.watch, &old.watch));
    }

    async fn handshake(&self) -> Result<Open, Outcome> {
        let stream = self.connector.connect().await?;
        if self.opened_before.replace(true) {
            self.connector.count_reopened();
        }
        let watch = Watch::new(self.connector.clock());
        let io = TokioIo::new(Stamped::new(stream, Rc::clone(&watch)));
        let shaken = Builder::new(self.tasks.clone()).handshake(io).await;
        let (sender, connection) = shaken.map_err(|error| failure::of_exchange(&error, &watch, Reached::Nothing))?;
        self.tasks.execute(connection);
        let (age, busy) = (Rc::new(Cell::new(Age::new(&self.connector))), Rc::new(Cell::new(0)));
        Ok(Open { sender, watch, age, busy, retired: Rc::new(Cell::new(false)) })
    }
}

impl Open {
    pub(super) fn is_alive(&self) -> bool {
        !self.sender.is_closed() && !self.retired.get()
    }

    pub(super) fn age(&self) -> Age {
        self.age.get()
    }

    /// An exchange begins on it: how many have before.
    pub(super) fn count(&self) -> u32 {
        let mut age = self.age.get();
        let before = age.requests;
        age.requests = before.saturating_add(1);
        self.age.set(age);
        before
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.busy.get() > 0
    }

    /// An exchange has ended on it.
    pub(super) fn on_end(&self, connector: &Connector) {
        let mut age = self.age.get();
        age.on_end(connector);
        self.age.set(age);
    }

    /// How often something was read from the connection, for whomever.
    pub(super) fn reads(&self) -> u64 {
        self.watch.reads()
    }

    /// Sends a request and reads its answer to the end.
    pub(super) async fn exchange(
        &mut self,
        request: Encoded,
        (heed, now): (Heed, impl Fn() -> Instant),
        times: &Times,
    ) -> Ending {
        let _busy = Busy::on(&self.busy);
        times.sent.set(now());
        let answer = match self.sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut error) => {
                if error.take_message().is_some() {
                    // It was handed back: not a byte of it was written.
                    times.sent.set(Instant::MAX);
                }
                return Ending::unanswered(failure::of_exchange(error.error(), &self.watch, Reached::Nothing));
            }
        };
        times.first_byte.set(now());
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        let mut clue = Clue::in_head(status, &head.headers, heed.answers);
        times.id.set(heed.id_in_head(&head.headers));
        match drain(body, &mut clue).await {
            Ok(()) => Ending { outcome: Outcome::Answered, status, kind: clue.and_then(|clue| clue.kind(status)) },
            Err(error) => Ending { outcome: failure::of_exchange(&error, &self.watch, Reached::Head), status, kind: None },
        }
    }
}

/// Counts an exchange for as long as it is there.
struct Busy(Rc<Cell<u32>>);

impl Busy {
    fn on(busy: &Rc<Cell<u32>>) -> Self {
        busy.set(busy.get() + 1);
        Self(Rc::clone(busy))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Reads a body to its end; contents are of no interest but where they tell what went wrong, their length is counted on the wire.
async fn drain(mut body: hyper::body::Incoming, clue: &mut Option<Clue>) -> hyper::Result<()> {
    while !body.is_end_stream() {
        match std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            Some(frame) => clue::read(clue.as_mut(), &frame?),
            None => break,
        }
    }
    Ok(())
}
