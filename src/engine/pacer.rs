//! Waiting for the script, precisely.
//!
//! Owns the timer and who may end a wait before its time. Refuses to know what is due: `dispatch` names the instant.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sluicegate_policy::time::{Instant, Span};
use sluicegate_timer::{Clock, Timer};

use super::dispatch::Waiting;
use super::settings::Pacing;

/// Waits for due instants.
pub(super) struct Pacer {
    timer: Timer,
    clock: Clock,
    pacing: Pacing,
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
        Ok(Self { timer: Timer::new(clock)?, clock, pacing })
    }

    /// Waits until `due` or a nudge. Others always have a turn meanwhile, also when `due` has passed.
    pub(super) async fn until(&mut self, due: Instant, waiting: Waiting, nudge: &Nudge) -> io::Result<()> {
        nudge.waits_for.set(due);
        if self.clock.now() >= due {
            tokio::task::yield_now().await;
        } else {
            let pacing = if waiting == Waiting::ForScript { self.pacing } else { Pacing::Sleep };
            self.wait(due, pacing, nudge).await?;
        }
        nudge.waits_for.set(Instant::ZERO);
        nudge.rung.set(false);
        Ok(())
    }

    /// CPU time that was spent waiting awake.
    pub(super) const fn spent(&self) -> Span {
        self.timer.spent()
    }

    async fn wait(&mut self, due: Instant, pacing: Pacing, nudge: &Nudge) -> io::Result<()> {
        let timer = &mut self.timer;
        let wait = async {
            match pacing {
                Pacing::Sleep => timer.until(due).await,
                Pacing::Hybrid => timer.precisely(due).await,
                Pacing::Spin => {
                    timer.awake(due).await;
                    Ok(())
                }
            }
        };
        let mut wait = pin!(wait);
        poll_fn(|cx| if nudge.poll(cx).is_ready() { Poll::Ready(Ok(())) } else { wait.as_mut().poll(cx) }).await
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
