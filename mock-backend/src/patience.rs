//! How long connections may keep the gateway waiting, and how they are told that it leaves.
//!
//! Owns one place for each waiting connection, and the coarse steps in which their time runs. Refuses to close anything: a
//! connection asks whether its time is over and acts on it. Used by everything that serves a connection; swept by `server`.
//!
//! One timer serves all: a step passes, and whoever waits too long is woken. A time-out is so kept to within one step, which is
//! an eighth of the shortest time-out and at most a second. Beginning and ending a wait costs a few instructions.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use sluicegate_policy::time::Span;
use sluicegate_timer::Timer;

/// How much of a body must come in each second once the first patience is over.
const BODY_BYTES_PER_SEC: u64 = 1_024;

const STEP_MIN: Span = Span::from_ms(1);
const STEP_MAX: Span = Span::from_secs(1);

/// How long a client may take for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Between two requests: 310 s, the keep-alive of the real gateway (developer guide, "Quotas", 2026).
    pub idle: Span,
    /// For a whole head; for each further part of a body, of an answer, or of a TLS handshake: 60 s, our own choice, because the
    /// real gateway's is not documented. A body on the whole may take this, and a second for each 1,024 bytes that have come:
    /// else one that trickles would never end.
    pub slow: Span,
    /// For what it still sends after its last answer, so that it gets to read that answer: 2 s.
    pub linger: Span,
}

/// All that wait.
#[derive(Debug)]
pub(crate) struct Waits {
    patience: Patience,
    step: Span,
    steps: Cell<u64>,
    leaving: Cell<bool>,
    places: RefCell<Places>,
}

#[derive(Debug, Default)]
struct Places {
    all: Vec<Place>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place {
    /// The step at which the wait is over; `MAX` for none.
    over: u64,
    waker: Option<Waker>,
}

/// One connection's place.
#[derive(Debug)]
pub(crate) struct Wait {
    waits: Rc<Waits>,
    at: u32,
}

/// One body on the whole, from its first byte to its last.
#[derive(Debug)]
pub(crate) struct Whole {
    waits: Rc<Waits>,
    /// The step in which it began.
    begun: u64,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// The next request.
    Idle,
    /// The rest of something.
    Slow,
    /// What comes after the last answer.
    Linger,
}

/// Why a wait ends without what it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// The time is over.
    Expired,
    /// The gateway leaves.
    Leaving,
}

impl Default for Patience {
    fn default() -> Self {
        Self { idle: Span::from_secs(310), slow: Span::from_secs(60), linger: Span::from_secs(2) }
    }
}

impl Waits {
    /// Nobody waits.
    pub(crate) fn new(patience: Patience) -> Self {
        let shortest = patience.idle.min(patience.slow).min(patience.linger);
        let step = Span::from_ns(shortest.as_ns() / 8).max(STEP_MIN).min(STEP_MAX);
        Self { patience, step, steps: Cell::new(0), leaving: Cell::new(false), places: RefCell::default() }
    }

    /// A place for a connection.
    pub(crate) fn join(self: &Rc<Self>) -> Wait {
        let mut places = self.places.borrow_mut();
        let place = Place { over: u64::MAX, waker: None };
        let at = if let Some(at) = places.free.pop() {
            places.all[at as usize] = place;
            at
        } else {
            places.all.push(place);
            u32::try_from(places.all.len() - 1).expect("descriptors bound the connections below 2^32")
        };
        Wait { waits: Rc::clone(self), at }
    }

    /// A body begins.
    pub(crate) fn whole(self: &Rc<Self>) -> Whole {
        Whole { waits: Rc::clone(self), begun: self.steps.get() }
    }

    /// The step in which a time that began in step `begun` is over.
    fn over(&self, begun: u64, span: Span) -> u64 {
        // A step more, because the present one has begun already: never too early.
        begun.saturating_add(span.as_ns().div_ceil(self.step.as_ns())).saturating_add(1)
    }

    /// Whether the gateway leaves.
    pub(crate) fn leaving(&self) -> bool {
        self.leaving.get()
    }

    /// Asks all to end when they have done what they do.
    pub(crate) fn leave(&self) {
        self.leaving.set(true);
        self.wake(|_| true);
    }

    /// One more step has passed.
    fn step(&self) {
        let now = self.steps.get() + 1;
        self.steps.set(now);
        self.wake(|place| place.over <= now);
    }

    fn wake(&self, whom: impl Fn(&Place) -> bool) {
        let mut places = self.places.borrow_mut();
        places.all.iter_mut().filter(|place| whom(place)).filter_map(|place| place.waker.take()).for_each(Waker::wake);
    }
}

/// Lets the steps pass. Ends only with an error of the timer.
pub(crate) async fn sweep(waits: Rc<Waits>, mut timer: Timer) -> io::Error {
    loop {
        if let Err(error) = timer.until(timer.clock().now() + waits.step).await {
            return error;
        }
        waits.step();
    }
}

impl Wait {
    /// From now on it waits for this.
    pub(crate) fn begin(&self, what: For) {
        let Patience { idle, slow, linger } = self.waits.patience;
        let span = match what {
            For::Idle => idle,
            For::Slow => slow,
            For::Linger => linger,
        };
        self.set(self.waits.over(self.waits.steps.get(), span));
    }

    /// From now on it waits for more of a body, of which so many bytes have come.
    pub(crate) fn begin_more(&self, whole: &Whole, bytes: u64) {
        let part = self.waits.over(self.waits.steps.get(), self.waits.patience.slow);
        self.set(part.min(whole.over(bytes)));
    }

    /// All that wait.
    pub(crate) const fn waits(&self) -> &Rc<Waits> {
        &self.waits
    }

    /// It does not wait any longer.
    pub(crate) fn end(&self) {
        self.set(u64::MAX);
    }

    /// Whether the gateway leaves.
    pub(crate) fn leaving(&self) -> bool {
        self.waits.leaving()
    }

    /// Ready when the time is over or the gateway leaves.
    pub(crate) fn poll_over(&self, cx: &Context<'_>) -> Poll<Over> {
        if self.waits.leaving() {
            return Poll::Ready(Over::Leaving);
        }
        self.poll_expired(cx).map(|()| Over::Expired)
    }

    /// Ready when the time is over.
    pub(crate) fn poll_expired(&self, cx: &Context<'_>) -> Poll<()> {
        let mut places = self.waits.places.borrow_mut();
        let place = &mut places.all[self.at as usize];
        if place.over <= self.waits.steps.get() {
            return Poll::Ready(());
        }
        if !place.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            place.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn set(&self, over: u64) {
        self.waits.places.borrow_mut().all[self.at as usize].over = over;
    }
}

impl Whole {
    /// Whether it has taken too long, if so many bytes have come.
    pub(crate) fn is_over(&self, bytes: u64) -> bool {
        self.over(bytes) <= self.waits.steps.get()
    }

    fn over(&self, bytes: u64) -> u64 {
        self.waits.over(self.begun, self.waits.patience.slow + Span::from_secs(bytes / BODY_BYTES_PER_SEC))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut places = self.waits.places.borrow_mut();
        places.all[self.at as usize] = Place { over: u64::MAX, waker: None };
        places.free.push(self.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits() -> Rc<Waits> {
        let patience = Patience { idle: Span::from_ms(80), slow: Span::from_ms(16), linger: Span::from_ms(16) };
        Rc::new(Waits::new(patience))
    }

    fn poll(wait: &Wait) -> Poll<Over> {
        wait.poll_over(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_wait_is_over_after_its_time_and_not_before() {
        let (waits, mut steps) = (waits(), 0);
        let wait = waits.join();
        wait.begin(For::Slow);
        while poll(&wait).is_pending() {
            waits.step();
            steps += 1;
        }
        assert_eq!((steps, poll(&wait)), (9, Poll::Ready(Over::Expired)));
        wait.begin(For::Idle);
        assert_eq!(poll(&wait), Poll::Pending);
        wait.end();
        (0..100).for_each(|_| waits.step());
        assert_eq!(poll(&wait), Poll::Pending);
    }

    #[test]
    fn a_body_that_trickles_is_over_all_the_same() {
        let waits = waits();
        let (wait, whole) = (waits.join(), waits.whole());
        let mut steps = 0;
        while poll(&wait).is_pending() {
            wait.begin_more(&whole, steps);
            waits.step();
            steps += 1;
        }
        assert_eq!((steps, whole.is_over(steps), whole.is_over(BODY_BYTES_PER_SEC)), (9, true, false));
    }

    #[test]
    fn whoever_waits_hears_that_the_gateway_leaves() {
        let waits = waits();
        let wait = waits.join();
        assert_eq!(poll(&wait), Poll::Pending);
        waits.leave();
        assert_eq!(poll(&wait), Poll::Ready(Over::Leaving));
    }

    #[test]
    fn places_are_used_again() {
        let waits = waits();
        for _ in 0..10 {
            let _two = (waits.join(), waits.join());
        }
        assert_eq!(waits.places.borrow().all.len(), 2);
    }
}
