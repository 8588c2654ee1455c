//! A call that waits for what happens next to it.
//!
//! Owns its end, whichever way it comes: what nobody waits for any longer is given back to the gateway. Part of the
//! [`driver`](super).

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use sluicegate_policy::call::{CacheUse, CallId};

use super::{Driver, Turn, is_to_be_kept};
use crate::decisions::RowId;
use crate::waiting::{Start, Unfetched};

/// A call on its way through the gateway; dropping it means that nobody waits for the reply any longer.
pub(crate) struct Pending {
    driver: Rc<Driver>,
    id: CallId,
    pub(super) row: RowId,
    state: PendingState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PendingState {
    Waiting,
    Answered,
}

impl Pending {
    /// One that nothing has happened to.
    pub(super) fn new(driver: Rc<Driver>, id: CallId) -> Self {
        Self { driver, id, row: RowId::default(), state: PendingState::Waiting }
    }

    /// The name under which the gateway knows it.
    pub(crate) const fn id(&self) -> CallId {
        self.id
    }
}

impl Future for Pending {
    type Output = Turn;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn> {
        let id = self.id;
        let mut inner = self.driver.inner.borrow_mut();
        if let Some(start) = inner.waiting.take_start(id) {
            return Poll::Ready(match start {
                Start::Integrate(effect, target) => Turn::Integrate(effect, target),
                Start::Invoke(effect, errand, function, environment) => Turn::Invoke(effect, errand, function, environment),
                Start::Resume => Turn::Resume,
            });
        }
        let Some(released) = inner.waiting.poll_reply(id, cx.waker()) else { return Poll::Pending };
        inner.keeping -= usize::from(is_to_be_kept(&released.reply));
        drop(inner);
        self.state = PendingState::Answered;
        Poll::Ready(Turn::Released(released))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.state == PendingState::Waiting {
            let mut inner = self.driver.inner.borrow_mut();
            let Unfetched { start, released } = inner.waiting.abandon(self.id);
            if inner.gateway.is_parked(self.id) {
                inner.abandon(self.id, self.row);
            }
            if let Some(start) = start {
                inner.never_started(start);
            }
            if let Some(CacheUse::Kept(entry)) = released.map(|released| released.reply.cache) {
                // Its answer is never made, so the response cache must not count on it.
                inner.keeping -= 1;
                inner.drop_entry(entry);
            }
            inner.take_actions(&self.driver.front);
            inner.wake_pacer();
        }
    }
}
