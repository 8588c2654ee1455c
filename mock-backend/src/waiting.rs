//! Calls between the gateway's decision and the connection that waits for it.
//!
//! Owns the call ids and one slot for each call in flight. Refuses to know what a call is about. Used by `driver` alone.
//!
//! Slots are used again, ids are not: the low half of an id is the slot, the high half counts the calls. Slots are as many as
//! calls were ever in flight at once, which the number of connections and of streams on each bounds.

use std::task::Waker;

use sluicegate_policy::call::{CallId, EffectId, Errand};
use sluicegate_policy::lambda::Environment;
use sluicegate_policy::model::{FunctionId, TargetId};

use crate::driver::Released;

/// All calls in flight.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    slots: Vec<Slot>,
    free: Vec<u32>,
    opened: u32,
}

#[derive(Debug)]
enum Slot {
    Free,
    /// The gateway has it; perhaps somebody waits already, and perhaps there is something to be done for it.
    Open(Option<Waker>, Option<Start>),
    /// Answered, not yet fetched.
    Answered(Released),
    /// The gateway has it, but nobody waits any longer.
    Abandoned,
}

/// What is to be done for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Its integration, by this target if it is one of a private link.
    Integrate(EffectId, Option<TargetId>),
    /// A function in this environment, for this.
    Invoke(EffectId, Errand, FunctionId, Environment),
    /// Go on with it: its authorizer has answered.
    Resume,
}

/// What lies in a slot when nobody is left to fetch it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unfetched {
    /// What was to be done.
    pub(crate) start: Option<Start>,
    /// The answer.
    pub(crate) released: Option<Released>,
}

/// Whether anybody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Waits,
    Gone,
}

impl Waiting {
    /// A new call.
    pub(crate) fn open(&mut self) -> CallId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::Free);
            u32::try_from(self.slots.len() - 1).expect("descriptors bound the calls in flight below 2^32")
        });
        self.slots[slot as usize] = Slot::Open(None, None);
        self.opened = self.opened.wrapping_add(1);
        CallId(u64::from(self.opened) << 32 | u64::from(slot))
    }

    /// The gateway answers; whether anybody still waits, and what was to be done for the call and is no longer: nobody had fetched it.
    pub(crate) fn on_reply(&mut self, released: Released) -> (Interest, Option<Start>) {
        let slot = slot_of(released.reply.call);
        match std::mem::replace(&mut self.slots[slot], Slot::Answered(released)) {
            Slot::Open(waker, start) => {
                waker.into_iter().for_each(Waker::wake);
                return (Interest::Waits, start);
            }
            Slot::Abandoned => self.release(slot),
            Slot::Free | Slot::Answered(_) => {}
        }
        (Interest::Gone, None)
    }

    /// The gateway wants this done for a call; whether anybody waits who does it.
    pub(crate) fn on_start(&mut self, id: CallId, chore: Start) -> Interest {
        match &mut self.slots[slot_of(id)] {
            Slot::Open(waker, start) => {
                *start = Some(chore);
                waker.take().into_iter().for_each(Waker::wake);
                Interest::Waits
            }
            Slot::Free | Slot::Answered(_) | Slot::Abandoned => Interest::Gone,
        }
    }

    /// What is to be done for this call; it can be fetched once.
    pub(crate) fn take_start(&mut self, id: CallId) -> Option<Start> {
        match &mut self.slots[slot_of(id)] {
            Slot::Open(_, start) => start.take(),
            Slot::Free | Slot::Answered(_) | Slot::Abandoned => None,
        }
    }

    /// The answer, if it is there; it can be fetched once. Otherwise `waker` is woken when it comes, or when there is something to
    /// be done.
    pub(crate) fn poll_reply(&mut self, id: CallId, waker: &Waker) -> Option<Released> {
        let at = slot_of(id);
        match &mut self.slots[at] {
            Slot::Answered(released) => {
                let released = *released;
                self.release(at);
                Some(released)
            }
            Slot::Open(waiter, _) => {
                if !waiter.as_ref().is_some_and(|waiter| waiter.will_wake(waker)) {
                    *waiter = Some(waker.clone());
                }
                None
            }
            Slot::Free | Slot::Abandoned => None,
        }
    }

    /// Nobody waits for this call any longer; what lay there for it.
    pub(crate) fn abandon(&mut self, id: CallId) -> Unfetched {
        let at = slot_of(id);
        match &mut self.slots[at] {
            Slot::Answered(released) => {
                let released = Some(*released);
                self.release(at);
                Unfetched { released, start: None }
            }
            Slot::Open(_, start) => {
                let start = start.take();
                self.slots[at] = Slot::Abandoned;
                Unfetched { start, released: None }
            }
            Slot::Free | Slot::Abandoned => Unfetched::default(),
        }
    }

    /// The gateway has let go of a call that nobody waits for.
    pub(crate) fn forget(&mut self, id: CallId) {
        let at = slot_of(id);
        if matches!(self.slots[at], Slot::Abandoned) {
            self.release(at);
        }
    }

    fn release(&mut self, slot: usize) {
        self.slots[slot] = Slot::Free;
        self.free.push(slot as u32);
    }
}

const fn slot_of(id: CallId) -> usize {
    (id.0 & 0xFFFF_FFFF) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicegate_policy::call::{Arrival, AuthorizationUse, CacheUse, Purpose, Reason, Release, Reply, Timing};
    use sluicegate_policy::model::ApiId;
    use sluicegate_policy::time::Instant;

    fn answer(call: CallId) -> Released {
        let reply = Reply {
            call,
            at: Instant::ZERO,
            status: 200,
            reason: Reason::Served,
            arrival: Arrival { number: 0, api: ApiId(0), stage: None, deployment: None, release: Release::Base },
            route: None,
            purpose: Purpose::Answer,
            fan_out: None,
            authorization: AuthorizationUse::None,
            cache: CacheUse::None,
            warning: None,
            timing: Timing::default(),
        };
        Released { reply, at: Instant::ZERO }
    }

    #[test]
    fn an_answer_is_fetched_once_by_the_call_that_asked() {
        let mut waiting = Waiting::default();
        let (first, second) = (waiting.open(), waiting.open());
        assert!(waiting.poll_reply(second, Waker::noop()).is_none());
        waiting.on_reply(answer(second));
        assert!(waiting.poll_reply(first, Waker::noop()).is_none());
        assert_eq!(waiting.poll_reply(second, Waker::noop()).map(|released| released.reply.call), Some(second));
    }

    #[test]
    fn slots_are_used_again_and_ids_are_not() {
        let mut waiting = Waiting::default();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let id = waiting.open();
            assert!(seen.insert(id));
            waiting.on_reply(answer(id));
            waiting.poll_reply(id, Waker::noop()).unwrap();
        }
        assert_eq!(waiting.slots.len(), 1);
    }

    #[test]
    fn an_abandoned_call_keeps_its_slot_until_the_gateway_is_done_with_it() {
        let mut waiting = Waiting::default();
        let gone = waiting.open();
        waiting.abandon(gone);
        let next = waiting.open();
        assert_ne!(slot_of(gone), slot_of(next));
        waiting.on_reply(answer(gone));
        assert_eq!(slot_of(gone), slot_of(waiting.open()));
    }

    #[test]
    fn what_was_to_be_done_and_was_not_fetched_is_handed_back() {
        let mut waiting = Waiting::default();
        let (left, late) = (waiting.open(), waiting.open());
        for id in [left, late] {
            assert_eq!(waiting.on_start(id, Start::Resume), Interest::Waits);
        }
        assert_eq!(waiting.abandon(left).start, Some(Start::Resume));
        assert_eq!(waiting.on_reply(answer(late)), (Interest::Waits, Some(Start::Resume)));
        assert_eq!(waiting.abandon(late).start, None);
    }

    #[test]
    fn a_call_abandoned_after_its_answer_frees_its_slot_at_once() {
        let mut waiting = Waiting::default();
        let gone = waiting.open();
        waiting.on_reply(answer(gone));
        waiting.abandon(gone);
        assert_eq!(slot_of(gone), slot_of(waiting.open()));
    }
}
