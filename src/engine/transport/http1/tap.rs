//! A waker that stays quiet while its own task is running.
//!
//! hyper splits a connection and its requests into parts that wake each other through channels. Here both run in one task, so
//! such a wake would only have the task polled once more for nothing. While a [`Tap`] is quiet it remembers wakes instead, and
//! the parts are polled again on the spot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Rounds of polling on the spot, before other tasks get their turn.
const ROUNDS_MAX: usize = 16;

/// The waker of one task, as its parts see it.
pub(in crate::engine) struct Tap {
    state: Arc<State>,
    waker: Waker,
}

struct State {
    task: Waker,
    quiet: AtomicBool,
    woken: AtomicBool,
}

impl Tap {
    pub(in crate::engine) fn new(task: Waker) -> Self {
        let state = Arc::new(State { task, quiet: AtomicBool::new(false), woken: AtomicBool::new(false) });
        Self { waker: Waker::from(Arc::clone(&state)), state }
    }

    /// Polls until nothing moves any more, without waking the task for what its own parts tell each other.
    pub(super) fn poll<T>(&self, mut round: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let mut cx = Context::from_waker(&self.waker);
        self.state.quiet.store(true, Ordering::Relaxed);
        for _ in 0..ROUNDS_MAX {
            self.state.woken.store(false, Ordering::Relaxed);
            let polled = round(&mut cx);
            if polled.is_ready() || !self.state.woken.load(Ordering::Relaxed) {
                self.state.quiet.store(false, Ordering::Relaxed);
                return polled;
            }
        }
        self.state.quiet.store(false, Ordering::Relaxed);
        self.state.task.wake_by_ref();
        Poll::Pending
    }
}

impl Wake for State {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.quiet.load(Ordering::Relaxed) {
            self.woken.store(true, Ordering::Relaxed);
        } else {
            self.task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_wake_from_within_polls_again_on_the_spot() {
        let bell = Arc::new(Bell::default());
        let tap = Tap::new(Waker::from(Arc::clone(&bell)));
        let mut polls = 0;
        let polled = tap.poll(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        });
        assert_eq!((polled, bell.0.load(Ordering::Relaxed)), (Poll::Ready(()), 0));
    }

    #[test]
    fn a_part_that_never_rests_lets_others_have_their_turn() {
        let bell = Arc::new(Bell::default());
        let tap = Tap::new(Waker::from(Arc::clone(&bell)));
        let polled: Poll<()> = tap.poll(|cx| {
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!((polled, bell.0.load(Ordering::Relaxed)), (Poll::Pending, 1));
    }

    #[test]
    fn a_wake_from_outside_wakes_the_task() {
        let bell = Arc::new(Bell::default());
        let tap = Tap::new(Waker::from(Arc::clone(&bell)));
        let mut kept = None;
        let polled: Poll<()> = tap.poll(|cx| {
            kept = Some(cx.waker().clone());
            Poll::Pending
        });
        assert!(polled.is_pending());
        kept.unwrap().wake();
        assert_eq!(bell.0.load(Ordering::Relaxed), 1);
    }
}
