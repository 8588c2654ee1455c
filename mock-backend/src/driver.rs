//! The policy under the real clock: the one owner of the [`Gateway`].
//!
//! Owns the gateway, the calls that wait for its replies, and the loop that advances it when something falls due. Refuses to
//! decide and to render. One thread, no lock, no channel: `http` hands a call in and awaits the reply; [`pace`] wakes at the
//! next deadline, releases all that is due at once, and is woken itself when an earlier deadline appears.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use sluicegate_policy::call::{Action, Call, CallId, Effect, EffectId, Evidence, Outcome, Reply, Size};
use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::model::ApiId;
use sluicegate_policy::time::Instant;
use sluicegate_render::examined::{Addressed, Examined};
use sluicegate_render::front::Front;
use sluicegate_render::request::Head;
use sluicegate_timer::{Clock, Timer};

use crate::summary::Release;
use crate::waiting::Waiting;

/// The owner of the gateway, shared by the connections of its thread.
pub(crate) struct Driver {
    clock: Clock,
    inner: RefCell<Inner>,
}

struct Inner {
    gateway: Gateway,
    waiting: Waiting,
    /// The latest instant that the gateway was told; its clock never goes back.
    now: Instant,
    /// What the pacer sleeps until, and how to wake it before.
    armed: Instant,
    pacer: Option<Waker>,
    release: Release,
}

/// A reply, and when it was handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Released {
    pub(crate) reply: Reply,
    pub(crate) at: Instant,
}

/// A call on its way through the gateway; dropping it means that nobody waits for the reply any longer.
pub(crate) struct Pending {
    driver: Rc<Driver>,
    id: CallId,
    state: PendingState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PendingState {
    Waiting,
    Answered,
}

impl Driver {
    /// A driver of `gateway`, which counts time by `clock`.
    pub(crate) fn new(gateway: Gateway, clock: Clock) -> Self {
        let inner = Inner {
            gateway,
            waiting: Waiting::default(),
            now: Instant::ZERO,
            armed: Instant::MAX,
            pacer: None,
            release: Release::default(),
        };
        Self { clock, inner: RefCell::new(inner) }
    }

    /// A head arrived: the snapshot that serves it, and the route that it means there.
    pub(crate) fn arrive<'h>(&self, now: Instant, front: &Front, head: &'h Head) -> Addressed<'h> {
        let host = head.header("host").and_then(|host| str::from_utf8(host).ok());
        // CONNECT names a host and no path; a gateway is no proxy.
        let path = if head.method() == "CONNECT" { "" } else { head.path() };
        let mut inner = self.inner.borrow_mut();
        inner.now = inner.now.max(now);
        let now = inner.now;
        let entered = inner.gateway.doors().enter(ApiId(0), host, path);
        let arrival = inner.gateway.arrive(now, entered.stage);
        let method = front.method(entered.api, head);
        let route = arrival.deployment.and_then(|id| inner.gateway.router(id).in_stage(method, entered.path));
        Addressed { api: entered.api, arrival, route, path: entered.path }
    }

    /// A whole request has been read at `now`: the gateway's turn.
    pub(crate) fn on_call(self: &Rc<Self>, now: Instant, examined: &mut Examined<'_>, body_bytes: u64) -> Pending {
        let mut inner = self.inner.borrow_mut();
        let id = inner.waiting.open();
        let call = examined.call(id);
        let size = Size { body: body_bytes, ..call.size };
        inner.on_call(now, Call { size, ..call }, examined);
        Pending { driver: Rc::clone(self), id, state: PendingState::Waiting }
    }

    /// Tells the gateway something, and does what it then wants done: the way in for whoever else may speak to it.
    pub(crate) fn tell<T>(&self, now: Instant, what: impl FnOnce(&mut Gateway, Instant) -> T) -> T {
        let mut inner = self.inner.borrow_mut();
        inner.now = inner.now.max(now);
        let now = inner.now;
        let said = what(&mut inner.gateway, now);
        inner.take_actions();
        said
    }

    /// How late replies were.
    pub(crate) fn release(&self) -> Release {
        self.inner.borrow().release
    }

    fn advance(&self) {
        let now = self.clock.now();
        self.inner.borrow_mut().advance(now);
    }

    /// What falls due next; from now on the pacer is taken to sleep until then.
    fn arm(&self) -> Instant {
        let mut inner = self.inner.borrow_mut();
        inner.armed = inner.gateway.next_deadline().unwrap_or(Instant::MAX);
        inner.armed
    }

    /// Ready when something falls due before what is armed.
    fn poll_sooner(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.inner.borrow_mut();
        if inner.gateway.next_deadline().is_some_and(|due| due < inner.armed) {
            return Poll::Ready(());
        }
        if !inner.pacer.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            inner.pacer = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Inner {
    fn on_call(&mut self, now: Instant, call: Call, evidence: &mut dyn Evidence) {
        self.now = self.now.max(now);
        // Also releases what fell due before this call, whether or not the timer has fired yet.
        self.gateway.on_call(self.now, call, evidence);
        self.take_actions();
        if self.gateway.next_deadline().is_some_and(|due| due < self.armed) {
            // At most one wake for each setting: what is armed now is what the pacer will find.
            if let Some(pacer) = self.pacer.take() {
                pacer.wake();
            }
        }
    }

    fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.gateway.advance(self.now);
        self.take_actions();
    }

    fn take_actions(&mut self) {
        while let Some(action) = self.gateway.take_action() {
            match action {
                Action::Reply(reply) => self.release(reply),
                Action::Start(id, effect) => self.start(id, &effect),
                // Nothing real runs yet, so there is nothing to cancel.
                Action::Cancel(_) | Action::Forget(_) => {}
            }
        }
    }

    fn release(&mut self, reply: Reply) {
        self.release.on_release(self.now.since(reply.at).as_ns());
        self.waiting.on_reply(Released { reply, at: self.now });
    }

    /// No back end is connected to a mock gateway yet: whatever is real cannot be reached.
    fn start(&mut self, id: EffectId, effect: &Effect) {
        match effect {
            Effect::Integrate { .. } => self.gateway.on_effect(self.now, id, Outcome::Unreachable),
        }
    }
}

/// Advances the gateway whenever something falls due. Ends only with an error of the timer.
pub(crate) async fn pace(driver: Rc<Driver>, mut timer: Timer) -> io::Error {
    loop {
        let due = driver.arm();
        let sooner = poll_fn(|cx| driver.poll_sooner(cx));
        if due == Instant::MAX {
            sooner.await;
            continue;
        }
        tokio::select! {
            biased;
            waited = timer.until(due) => match waited {
                Ok(()) => driver.advance(),
                Err(error) => return error,
            },
            () = sooner => {}
        }
    }
}

impl Future for Pending {
    type Output = Released;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Released> {
        let id = self.id;
        let released = self.driver.inner.borrow_mut().waiting.poll_reply(id, cx.waker());
        released.map_or(Poll::Pending, |released| {
            self.state = PendingState::Answered;
            Poll::Ready(released)
        })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.state == PendingState::Waiting {
            self.driver.inner.borrow_mut().waiting.abandon(self.id);
        }
    }
}
