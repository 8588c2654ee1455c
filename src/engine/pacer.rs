//! Waiting for the script, precisely: sleeps on the timer, and may spin for the last microseconds.
//!
//! Owns the timer, and counts what it spends awake on purpose. Refuses to know what is due: `dispatch` names the instant.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, Timer};

use super::dispatch::Waiting;
use super::settings::Pacing;

/// A round of the runtime in which nobody had anything to do is shorter than this; a longer one was work, not waiting.
const EMPTY_ROUND_MAX: Span = Span::from_us(3);

/// Waits for due instants.
pub(super) struct Pacer {
    timer: Timer,
    clock: Clock,
    lead: Span,
    spent: Span,
}

/// Wakes the pacer before its time: something has become due earlier than what it waits for.
#[derive(Default)]
pub(super) struct Nudge {
    waits_for: Cell<Instant>,
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Pacer {
    /// Needs a tokio runtime.
    pub(super) fn new(clock: Clock, pacing: Pacing) -> io::Result<Self> {
        let lead = match pacing {
            Pacing::Sleep => Span::ZERO,
            Pacing::Spin(lead) => lead,
        };
        Ok(Self { timer: Timer::new(clock)?, clock, lead, spent: Span::ZERO })
    }

    /// Waits until `due` or a nudge. Others always have a turn meanwhile, also when `due` has passed.
    pub(super) async fn until(&mut self, due: Instant, waiting: Waiting, nudge: &Nudge) -> io::Result<()> {
        let lead = if waiting == Waiting::ForScript { self.lead } else { Span::ZERO };
        nudge.waits_for.set(due);
        if self.clock.now() >= due {
            tokio::task::yield_now().await;
        } else {
            self.sleep(due - lead, nudge).await?;
            self.spin(due, lead, nudge).await;
        }
        nudge.waits_for.set(Instant::ZERO);
        nudge.rung.set(false);
        Ok(())
    }

    /// CPU time that was spent waiting awake.
    pub(super) const fn spent(&self) -> Span {
        self.spent
    }

    async fn sleep(&mut self, due: Instant, nudge: &Nudge) -> io::Result<()> {
        let mut sleep = pin!(self.timer.until(due));
        poll_fn(|cx| if nudge.poll(cx).is_ready() { Poll::Ready(Ok(())) } else { sleep.as_mut().poll(cx) }).await
    }

    async fn spin(&mut self, due: Instant, lead: Span, nudge: &Nudge) {
        let mut now = self.clock.now();
        while lead > Span::ZERO && now < due && !nudge.rung.get() {
            // The sockets are looked after in every round.
            tokio::task::yield_now().await;
            let after = self.clock.now();
            let round = after.since(now);
            if round < EMPTY_ROUND_MAX {
                self.spent += round;
            }
            now = after;
        }
    }
}

impl Nudge {
    /// Something is due at `due`: wakes the pacer if it waits for something later.
    pub(super) fn due(&self, due: Instant) {
        if due < self.waits_for.get()
            && !self.rung.replace(true)
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.rung.get() {
            return Poll::Ready(());
        }
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}
