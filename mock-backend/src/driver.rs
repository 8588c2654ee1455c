//! The policy under the real clock: the one owner of the [`Gateway`].
//!
//! Owns the gateway, the calls that wait for its replies, and the loop that advances it when something falls due. Refuses to
//! decide and to render. One thread, no lock, no channel: `http` hands a call in and awaits the reply; [`pace`] wakes at the
//! next deadline, releases all that is due at once, and is woken itself when an earlier deadline appears.

mod connections;
mod pending;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use sluicegate_policy::call::{
    Action, Arrival, CacheUse, Call, CallId, Effect, EffectId, EntryId, Errand, Evidence, Fate, FunctionResult, Invoked, Outcome,
    Reply,
};
use sluicegate_policy::gateway::Gateway;
use sluicegate_policy::lambda::Environment;
use sluicegate_policy::model::{ApiId, ApiKind, AuthorizerId, FunctionId, RouteId, TargetId};
use sluicegate_policy::routing::Entered;
use sluicegate_policy::time::{Instant, Span};
use sluicegate_policy::told::Told;
use sluicegate_policy::usage::Used;
use sluicegate_render::authorizer::AnswerFault;
use sluicegate_render::front::Front;
use sluicegate_render::function_answer::Returned;
use sluicegate_render::request::Head;
use sluicegate_timer::{Clock, Timer};

pub(crate) use self::pending::Pending;
use crate::decisions::{Decisions, RowId};
use crate::summary::{Release, ToldShare};
use crate::waiting::{Interest, Start, Waiting};
use crate::websocket::Sockets;
use crate::websocket::handshake::is_one;

/// Into which slots requests are counted of which only the gateway can tell something: fine enough for whoever sorts them into seconds that begin when they like.
const TOLD_SLOT: Span = Span::from_ms(100);
/// A day of them.
const TOLD_SLOTS_MAX: usize = 864_000;

/// The owner of the gateway, shared by the connections of its thread.
pub(crate) struct Driver {
    clock: Clock,
    front: Rc<Front>,
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
    /// CPU time that the pacer spent waiting awake.
    spent: Span,
    /// How many answers the response cache counts on that were not fetched yet, and so not kept.
    keeping: usize,
    /// What the gateway was told.
    decisions: Decisions,
    /// What no client sees.
    told: Told,
    /// Environments of real functions that are no longer kept.
    reaped: Vec<(FunctionId, Environment)>,
    reaper: Option<Waker>,
    /// WebSocket connections.
    sockets: Sockets,
}

/// Where a request went in, and what was fixed for it then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrance {
    pub(crate) arrival: Arrival,
    pub(crate) route: Option<RouteId>,
    /// Where in its path the part below the stage begins.
    pub(crate) path_at: usize,
    /// The instant that holds for its arrival.
    pub(crate) at: Instant,
}

/// A reply, and when it was handed over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Released {
    pub(crate) reply: Reply,
    pub(crate) at: Instant,
}

/// What happens next to a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// Its integration is to be performed, by this target if it is one of a private link, and its end told under this name.
    Integrate(EffectId, Option<TargetId>),
    /// Its authorizer has answered: [`Driver::resume`] goes on with it.
    Resume,
    /// A real function is to be invoked in this environment for this, and its end told under this name.
    Invoke(EffectId, Errand, FunctionId, Environment),
    /// It is answered.
    Released(Released),
}

impl Driver {
    /// A driver of `gateway`, which counts time by `clock`.
    pub(crate) fn new(gateway: Gateway, front: Rc<Front>, clock: Clock, decisions: Decisions) -> Self {
        let inner = Inner {
            gateway,
            waiting: Waiting::default(),
            now: Instant::ZERO,
            armed: Instant::MAX,
            pacer: None,
            release: Release::default(),
            spent: Span::ZERO,
            keeping: 0,
            decisions,
            told: Told::new(TOLD_SLOT, TOLD_SLOTS_MAX),
            reaped: Vec::new(),
            reaper: None,
            sockets: Sockets::default(),
        };
        Self { clock, front, inner: RefCell::new(inner) }
    }

    /// A head arrived at the listener of `api`: the snapshot that serves it, and the route that it means there.
    pub(crate) fn arrive(&self, now: Instant, api: ApiId, head: &Head) -> Entrance {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        let host = head.header("host").and_then(|host| str::from_utf8(host).ok());
        // CONNECT names a host and no path; a gateway is no proxy.
        let path = if head.method() == "CONNECT" { "" } else { head.path() };
        let Entered { api, stage, path: below } = inner.gateway.doors().enter(api, host, path);
        inner.now = inner.now.max(now);
        let arrival = inner.gateway.arrive(inner.now, api, stage);
        let method = self.front.method(api, head);
        let is_handshake = self.front.model().apis[usize::from(arrival.api.0)].kind == ApiKind::WebSocket && is_one(head);
        let route = arrival
            .deployment
            .map(|id| inner.gateway.router(id))
            .and_then(|router| if is_handshake { router.of_key("$connect") } else { router.in_stage(method, below) });
        let entrance = Entrance { arrival, route, path_at: head.path().len() - below.len(), at: inner.now };
        // What fell due until now has happened.
        inner.take_actions(&self.front);
        inner.wake_pacer();
        entrance
    }

    /// A place for a call's reply.
    pub(crate) fn open(self: &Rc<Self>) -> Pending {
        let id = self.inner.borrow_mut().waiting.open();
        Pending::new(Rc::clone(self), id)
    }

    /// A whole request that arrived at the first instant has been read at the second: the gateway's turn.
    pub(crate) fn on_call(
        &self,
        pending: &mut Pending,
        (arrived, now): (Instant, Instant),
        call: Call,
        evidence: &mut dyn Evidence,
    ) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        inner.reach(&self.front, now);
        let (now, gateway) = (inner.now, &mut inner.gateway);
        pending.row = inner.decisions.on_call((arrived, now), call, evidence, |evidence| gateway.on_call(now, call, evidence));
        inner.take_actions(&self.front);
        inner.wake_pacer();
    }

    /// Goes on with a call whose authorizer has answered, with the evidence that it had before.
    pub(crate) fn resume(&self, pending: &Pending, now: Instant, evidence: &mut dyn Evidence) {
        let mut inner = self.inner.borrow_mut();
        let inner = &mut *inner;
        inner.reach(&self.front, now);
        let (now, gateway) = (inner.now, &mut inner.gateway);
        inner.decisions.on_resume(now, pending.row, evidence, |evidence| gateway.resume(now, pending.id(), evidence));
        inner.take_actions(&self.front);
        inner.wake_pacer();
    }

    /// The reply to a call has reached whoever asked.
    pub(crate) fn on_answered(&self, pending: &Pending, reply: &Reply) {
        self.inner.borrow_mut().decisions.on_reply(pending.row, reply);
    }

    /// All that the gateway was told; nothing is recorded from then on.
    pub(crate) fn take_decisions(&self) -> Decisions {
        std::mem::take(&mut self.inner.borrow_mut().decisions)
    }

    /// Waits until every answer that the response cache counts on has been kept: from then on a request may be answered with it.
    /// Whoever fetches one keeps it before anybody else has a turn.
    pub(crate) async fn settled(&self) {
        while self.inner.borrow().keeping > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// Tells the gateway something, and does what it then wants done: the way in for whoever else may speak to it.
    pub(crate) fn tell<T>(&self, now: Instant, what: impl FnOnce(&mut Gateway, Instant) -> T) -> T {
        let mut inner = self.inner.borrow_mut();
        inner.reach(&self.front, now);
        let now = inner.now;
        let said = what(&mut inner.gateway, now);
        inner.take_actions(&self.front);
        inner.wake_pacer();
        said
    }

    /// What was to be done has ended.
    pub(crate) fn on_effect(&self, now: Instant, effect: EffectId, outcome: Outcome) {
        self.tell(now, |gateway, now| gateway.on_effect(now, effect, outcome));
    }

    /// The invocation of a real function has ended.
    pub(crate) fn on_invoked(&self, now: Instant, effect: EffectId, ended: Invoked) {
        let mut inner = self.inner.borrow_mut();
        inner.reach(&self.front, now);
        inner.on_invoked(effect, ended);
        inner.take_actions(&self.front);
        inner.wake_pacer();
    }

    /// The invocation of a real function for an authorizer has returned this; without anything, the function was not let run. What is wrong
    /// with its answer, if something is.
    pub(crate) fn on_authorized(
        &self,
        now: Instant,
        (effect, authorizer): (EffectId, AuthorizerId),
        returned: Option<Returned<'_>>,
        (fate, cold_start): (Fate, Option<Span>),
    ) -> Result<(), AnswerFault> {
        let said = returned
            .map_or(Ok(FunctionResult::Throttled), |returned| self.front.on_authorizer(authorizer, effect.answer(), returned));
        let result = said.as_ref().copied().unwrap_or(FunctionResult::Misconfigured);
        self.on_invoked(now, effect, Invoked { result, fate, cold_start });
        said.map(drop)
    }

    /// A real function streams its answer, whose head came to this; its end is told by [`Self::on_invoked`].
    pub(crate) fn on_begun(&self, now: Instant, effect: EffectId, result: FunctionResult, cold_start: Option<Span>) {
        self.tell(now, |gateway, now| gateway.on_begun(now, effect, result, cold_start));
    }

    /// Waits until environments of real functions are no longer kept.
    pub(crate) async fn reaped(&self) -> Vec<(FunctionId, Environment)> {
        poll_fn(|cx| {
            let mut inner = self.inner.borrow_mut();
            if inner.reaped.is_empty() {
                inner.reaper = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(std::mem::take(&mut inner.reaped))
        })
        .await
    }

    /// How much of each limit was used.
    pub(crate) fn used(&self) -> Vec<Used> {
        self.inner.borrow().gateway.used()
    }

    /// What no client sees, for whoever counts time by the clock of all processes.
    pub(crate) fn told(&self) -> Vec<ToldShare> {
        let inner = self.inner.borrow();
        let told = inner.told.slots().map(|(what, slots)| ToldShare {
            metric: what.metric().to_owned(),
            name: what.name(self.front.model()),
            origin_ns: self.clock.origin_ns(),
            slot_ns: inner.told.slot().as_ns(),
            slots: slots.iter().map(|slot| (slot.events, slot.trials)).collect(),
        });
        told.collect()
    }

    /// How many requests came too late to be counted among these.
    pub(crate) fn untold(&self) -> u64 {
        self.inner.borrow().told.uncounted()
    }

    /// How late replies were.
    pub(crate) fn release(&self) -> Release {
        self.inner.borrow().release
    }

    /// CPU time that was spent waiting awake for what falls due.
    pub(crate) fn spent(&self) -> Span {
        self.inner.borrow().spent
    }

    /// Releases all that is due until `now`. Whoever calls at an instant of his own does so before he waits until all is
    /// [settled](Self::settled): else his call could be answered with what it released itself.
    pub(crate) fn advance_to(&self, now: Instant) {
        self.tell(now, |_, _| {});
    }

    /// The pacer is awake, for which it has `spent` so much until now.
    fn advance(&self, spent: Span) {
        self.inner.borrow_mut().spent = spent;
        self.advance_to(self.clock.now());
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
    /// At most one wake for each setting: what is armed now is what the pacer will find.
    fn wake_pacer(&mut self) {
        if self.gateway.next_deadline().is_some_and(|due| due < self.armed)
            && let Some(pacer) = self.pacer.take()
        {
            pacer.wake();
        }
    }

    /// All that is due until now is seen before anything is said at this instant: a call may be answered with what it keeps. The
    /// instant that holds is never before an earlier one.
    fn reach(&mut self, front: &Front, now: Instant) {
        self.now = self.now.max(now);
        self.gateway.advance(self.now);
        self.take_actions(front);
    }

    /// Nobody is left to go on with this parked call.
    fn abandon(&mut self, call: CallId, row: RowId) {
        self.decisions.on_left(self.now, row);
        self.gateway.abandon(self.now, call);
        self.waiting.forget(call);
    }

    /// The invocation of a real function has ended.
    fn on_invoked(&mut self, effect: EffectId, ended: Invoked) {
        self.decisions.on_invoked(self.now, effect, ended);
        self.gateway.on_invoked(self.now, effect, ended);
    }

    /// Nobody makes the answer that the response cache counts on.
    fn drop_entry(&mut self, entry: EntryId) {
        self.decisions.on_drop(self.now, entry);
        self.gateway.drop_entry(self.now, entry);
    }

    fn take_actions(&mut self, front: &Front) {
        while let Some(action) = self.gateway.take_action() {
            match action {
                Action::Reply(reply) => self.release(front, reply),
                Action::Start(id, effect) => self.start(id, &effect),
                // One that nobody waits for was abandoned when its client left.
                Action::Resume(call) => {
                    self.waiting.on_start(call, Start::Resume);
                }
                // Whoever performs it is answered now, and drops it.
                Action::Cancel(_) => {}
                Action::Forget(entry) => front.forget(entry),
                Action::LetGo(answer) => front.let_go(answer),
                Action::Reap(function, environment) => {
                    self.reaped.push((function, environment));
                    self.reaper.take().into_iter().for_each(Waker::wake);
                }
                Action::Close(id, why) => self.sockets.close(id, why),
                Action::Push(id, to) => self.push(id, to),
                Action::Pushed(id) => self.sockets.pushed(id),
            }
        }
    }

    fn release(&mut self, front: &Front, reply: Reply) {
        self.told.on_reply(front.model(), &reply);
        self.sockets.on_reply(reply.call, reply.fan_out);
        self.release.on_release(self.now.since(reply.at).as_ns());
        let (interest, unfetched) = self.waiting.on_reply(Released { reply, at: self.now });
        if let Some(start) = unfetched {
            self.never_started(start);
        }
        let CacheUse::Kept(entry) = reply.cache else { return };
        match interest {
            Interest::Waits => {
                front.expect(entry);
                self.keeping += 1;
            }
            Interest::Gone => self.drop_entry(entry),
        }
    }

    /// What answers over the network is called by who waits for the answer.
    fn start(&mut self, id: EffectId, effect: &Effect) {
        let (call, start) = match *effect {
            Effect::Integrate { call, target, .. } => (call, Start::Integrate(id, target)),
            Effect::Invoke { errand, call, function, environment } => (call, Start::Invoke(id, errand, function, environment)),
        };
        if self.waiting.on_start(call, start) == Interest::Gone {
            self.never_started(start);
        }
    }

    /// Nobody does this: its client left, or was answered, before anybody came for it. What the gateway counts as busy with it is free.
    fn never_started(&mut self, start: Start) {
        match start {
            // Nobody waits with this call for an authorizer: its function is fetched in the same turn in which it is to be invoked.
            Start::Invoke(id, ..) => {
                let (result, fate) = (FunctionResult::Failed, Fate::Kept);
                self.on_invoked(id, Invoked { result, fate, cold_start: None });
            }
            Start::Integrate(id, _) => self.gateway.on_effect(self.now, id, Outcome::Unreachable),
            // A parked call is abandoned as such.
            Start::Resume => {}
        }
    }
}

fn is_to_be_kept(reply: &Reply) -> bool {
    matches!(reply.cache, CacheUse::Kept(_))
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
            waited = timer.precisely(due) => match waited {
                Ok(()) => driver.advance(timer.spent()),
                Err(error) => return error,
            },
            () = sooner => {}
        }
    }
}

#[cfg(test)]
mod tests;
